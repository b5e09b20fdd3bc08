// Package blob is the claim check of altavoz: what is too large for an event lies in the topic blobs, and the event has a reference.
//
//	slices of a list, parts of a file ──► List.Add ──► List.Ref ──► BlobRef in the event ──► Check, Reader
//
// A reference names a place, which anybody can do, and which another record has after the log lost its end; so it also proves that the task
// knows the key of what lies there, and whoever reads a record checks it against that (blob.go). Reader reads messages and parts of files;
// slices are read ahead, in order, by fanout/recipients (read.go).
package blob

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"

	"altavoz/schemas"
	"altavoz/stream"
)

const (
	// proofBytes is how long a proof is: nobody guesses 128 bits, and a broadcast tries once.
	proofBytes = 16
	// keyPrefix begins the keys that proofs are made with, and no others: the task ids that are the keys of all other records of blobs stand in
	// answers and logs.
	keyPrefix = "secret:"
	// keyText and keyAlphabet are what follows it: what rand.Text returns.
	keyText     = 26
	keyAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
)

var (
	// ErrForeign is the error of a reference to a record of another broadcast: nothing of it is used, and trying again changes nothing.
	ErrForeign = errors.New("the record belongs to another broadcast")
	// ErrOrder is the error of records that do not lie one behind the other: the log lost its end while they were written.
	ErrOrder = errors.New("the records do not lie in their order")
	// ErrUnproven is the error of records whose key is no secret: no proof can be made with it for another task.
	ErrUnproven = errors.New("the records have no secret key")
)

// List is where the records of one list, or of one file, lie. All of them have its key, and so one partition.
type List struct {
	Key       string
	partition int32
	offsets   []int64
}

// NewList returns an empty list, with a key of 130 random bits. Whoever can't read blobs does not know it.
func NewList() *List { return &List{Key: keyPrefix + rand.Text()} }

// secret reports whether a key is one that NewList may have made.
func secret(key []byte) bool {
	text, ok := strings.CutPrefix(string(key), keyPrefix)
	return ok && len(text) == keyText && strings.Trim(text, keyAlphabet) == ""
}

// Add takes in records that are acknowledged, in the order in which they were written.
func (l *List) Add(recs ...stream.Record) error {
	for _, r := range recs {
		if n := len(l.offsets); n > 0 && (r.Partition != l.partition || r.Offset <= l.offsets[n-1]) { //mutant:blobs-lie-in-their-order
			return fmt.Errorf("%d/%d follows %d/%d: %w", r.Partition, r.Offset, l.partition, l.offsets[n-1], ErrOrder)
		}
		l.partition = r.Partition
		l.offsets = append(l.offsets, r.Offset)
	}
	return nil
}

// Ref returns the reference to what lies there of the task that is sent from a number; nil: nothing does.
func (l *List) Ref(task schemas.TaskID, sender string) *schemas.BlobRef {
	if len(l.offsets) == 0 {
		return nil
	}
	ref := NewRef(l.partition, l.offsets)
	ref.Task, ref.Sender, ref.Proof = task.Bytes(), sender, proof([]byte(l.Key), task, sender)
	return ref
}

// NewRef points at the given offsets, which must grow, of one partition of the blobs topic.
func NewRef(partition int32, offsets []int64) *schemas.BlobRef {
	r := &schemas.BlobRef{Partition: partition, OffsetDeltas: make([]uint64, len(offsets))}
	var prev int64
	for i, o := range offsets {
		r.OffsetDeltas[i] = uint64(o - prev)
		prev = o
	}
	return r
}

func proof(key []byte, task schemas.TaskID, sender string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write(task[:])
	h.Write([]byte(sender)) //mutant:proof-is-of-one-number
	return h.Sum(nil)[:proofBytes]
}

// Check returns ErrForeign unless the record is one that the task's reference may point at. A proof counts only of a key that nobody can
// guess. Without a proof, as older versions and upstream systems write references, the record has the task's id as its key.
func Check(ref *schemas.BlobRef, task schemas.TaskID, rec *stream.Record) error {
	if !namesTask(ref, task) { //mutant:reference-names-its-task
		return foreign(rec)
	}
	if p := ref.GetProof(); len(p) > 0 {
		if !secret(rec.Key) { //mutant:proof-is-of-a-secret-key
			return foreign(rec)
		}
		if !hmac.Equal(p, proof(rec.Key, task, ref.GetSender())) { //mutant:proof-is-of-the-records-key
			return foreign(rec)
		}
		return nil
	}
	return Keyed(task.String(), rec)
}

// Keyed returns ErrForeign unless the record has the key.
func Keyed(key string, rec *stream.Record) error {
	if string(rec.Key) != key { //mutant:record-without-a-proof-has-the-key
		return foreign(rec)
	}
	return nil
}

// CheckFile is Check for the part of a file, by whoever does not know the task. A reference that names none is of a file that is known by its
// digest, which whoever reads all of it compares.
func CheckFile(ref *schemas.BlobRef, rec *stream.Record) error {
	if len(ref.GetTask()) == 0 && len(ref.GetProof()) == 0 {
		return nil
	}
	task, err := schemas.TaskIDFromBytes(ref.GetTask())
	if err != nil {
		return foreign(rec)
	}
	return Check(ref, task, rec)
}

func foreign(rec *stream.Record) error {
	return fmt.Errorf("%s/%d at %d: %w", rec.Topic, rec.Partition, rec.Offset, ErrForeign)
}

// Names reports whether the reference can be that of the task that is sent from the number: it says so, or nothing. Two broadcasts that
// use one proof have the same number, and so the same home partition, where the second one is known for a repeat.
func Names(ref *schemas.BlobRef, task schemas.TaskID, sender string) bool {
	return namesTask(ref, task) && (ref.GetSender() == "" || ref.GetSender() == sender) //mutant:reference-names-its-number
}

func namesTask(ref *schemas.BlobRef, task schemas.TaskID) bool {
	return len(ref.GetTask()) == 0 || string(ref.GetTask()) == string(task[:])
}

// Unproven reports whether nothing but the task's id as its key shows whose it is what the reference points at.
func Unproven(ref *schemas.BlobRef) bool { return ref != nil && len(ref.GetProof()) == 0 }

// Unbound reports whether broadcasts on several partitions can use the reference under one task: it has no proof, or one for no number.
func Unbound(ref *schemas.BlobRef) bool { return Unproven(ref) || ref != nil && ref.GetSender() == "" }

// Bind makes the reference to a broadcast's file say what its parts are known by: the proof, else the digest of the file, else the
// task's id as their key.
func Bind(m *schemas.MediaRef, task schemas.TaskID) {
	if ref := m.GetParts(); ref != nil && len(ref.GetTask()) == 0 && (len(ref.GetProof()) > 0 || len(m.GetSha256()) != sha256.Size) {
		ref.Task = task.Bytes()
	}
}
