// Package blob says whose a record of the topic blobs is. A reference names a place, which anybody can do, and which another record has after
// the log lost its end; so it also proves that the task knows the key of what lies there, and whoever reads a record holds it against that.
package blob

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"

	"altavoz/schemas"
)

// proofBytes is how long a proof is: nobody guesses 128 bits, and a broadcast tries once.
const proofBytes = 16

var (
	// ErrForeign is the error of a reference to a record of another broadcast: nothing of it is used, and trying again changes nothing.
	ErrForeign = errors.New("the record belongs to another broadcast")
	// ErrOrder is the error of records that do not lie one behind the other: the log lost its end while they were written.
	ErrOrder = errors.New("the records do not lie in their order")
)

// List is where the records of one list, or of one file, lie. All of them have its key, and so one partition.
type List struct {
	Key       string
	partition int32
	offsets   []int64
}

// NewList returns an empty list, with a key of 130 random bits. Whoever can't read blobs does not know it.
func NewList() *List { return &List{Key: rand.Text()} }

// Add takes in records that are acknowledged, in the order in which they were written.
func (l *List) Add(recs ...schemas.Record) error {
	for _, r := range recs {
		if n := len(l.offsets); n > 0 && (r.Partition != l.partition || r.Offset <= l.offsets[n-1]) { //mutant:blobs-lie-in-their-order
			return fmt.Errorf("%d/%d follows %d/%d: %w", r.Partition, r.Offset, l.partition, l.offsets[n-1], ErrOrder)
		}
		l.partition = r.Partition
		l.offsets = append(l.offsets, r.Offset)
	}
	return nil
}

// Ref returns the reference of the task to what lies there; nil: nothing does.
func (l *List) Ref(task schemas.TaskID) *schemas.BlobRef {
	if len(l.offsets) == 0 {
		return nil
	}
	ref := schemas.NewBlobRef(l.partition, l.offsets)
	ref.Task, ref.Proof = task.Bytes(), proof([]byte(l.Key), task)
	return ref
}

func proof(key []byte, task schemas.TaskID) []byte {
	h := hmac.New(sha256.New, key)
	h.Write(task[:])
	return h.Sum(nil)[:proofBytes]
}

// Check returns ErrForeign unless the record is one that the task's reference may point at. Without a proof, as older versions and upstream
// systems write references, the record has the task's id as its key.
func Check(ref *schemas.BlobRef, task schemas.TaskID, rec *schemas.Record) error {
	if !Names(ref, task) { //mutant:reference-names-its-task
		return foreign(rec)
	}
	if p := ref.GetProof(); len(p) > 0 {
		if !hmac.Equal(p, proof(rec.Key, task)) { //mutant:proof-is-of-the-records-key
			return foreign(rec)
		}
		return nil
	}
	return Keyed(task.String(), rec)
}

// Keyed returns ErrForeign unless the record has the key.
func Keyed(key string, rec *schemas.Record) error {
	if string(rec.Key) != key { //mutant:record-without-a-proof-has-the-key
		return foreign(rec)
	}
	return nil
}

// CheckFile is Check for the part of a file, by whoever does not know the task. A reference that names none is of a file that is known by its
// digest, which whoever reads all of it compares.
func CheckFile(ref *schemas.BlobRef, rec *schemas.Record) error {
	if len(ref.GetTask()) == 0 && len(ref.GetProof()) == 0 {
		return nil
	}
	task, err := schemas.TaskIDFromBytes(ref.GetTask())
	if err != nil {
		return foreign(rec)
	}
	return Check(ref, task, rec)
}

func foreign(rec *schemas.Record) error {
	return fmt.Errorf("%s/%d at %d: %w", rec.Topic, rec.Partition, rec.Offset, ErrForeign)
}

// Names reports whether the reference can be the task's: it says so, or nothing.
func Names(ref *schemas.BlobRef, task schemas.TaskID) bool {
	return len(ref.GetTask()) == 0 || string(ref.GetTask()) == string(task[:])
}

// Unproven reports whether nothing but the task's id as its key shows whose it is what the reference points at.
func Unproven(ref *schemas.BlobRef) bool { return ref != nil && len(ref.GetProof()) == 0 }

// Bind makes the reference to a broadcast's file say what its parts are known by: the proof, else the digest of the file, else the
// task's id as their key.
func Bind(m *schemas.MediaRef, task schemas.TaskID) {
	if ref := m.GetParts(); ref != nil && len(ref.GetTask()) == 0 && (len(ref.GetProof()) > 0 || len(m.GetSha256()) != sha256.Size) {
		ref.Task = task.Bytes()
	}
}
