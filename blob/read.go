package blob

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"

	"altavoz/schemas"
	"altavoz/schemas/es"
	"altavoz/stream"
)

// Records reads one record by its place. Record returns stream.ErrGone for one that is not there any more.
type Records interface {
	Record(ctx context.Context, at stream.TopicPartition, offset int64) (stream.Record, error)
}

// Reader reads what references point at. An error that will not pass is a *schemas.ContentError too; any other may.
type Reader struct{ Records Records }

// errRef is the error of a reference that points at nothing.
var errRef = errors.New("the reference points at no such record")

// Content reads the message of a task as the fanout resolved it.
func (r Reader) Content(ctx context.Context, task schemas.TaskID, ref *schemas.BlobRef) (*schemas.Content, error) {
	rec, err := r.read(ctx, ref, 0)
	if err != nil {
		return nil, fmt.Errorf("reading the message of task %s: %w", task, gone(err, es.MessageGone))
	}
	if err := Check(ref, task, &rec); err != nil { //mutant:message-is-of-the-task
		return nil, fmt.Errorf("reading the message of task %s: %w", task, gone(err, es.MessageGone))
	}
	c := new(schemas.Content)
	if err := schemas.Decode(&rec, c); err != nil {
		return nil, fmt.Errorf("reading the message of task %s: %w: %w", task, err, &schemas.ContentError{Why: es.Say(es.MessageUnreadable)})
	}
	return c, nil
}

// Part reads the n-th part of a file.
func (r Reader) Part(ctx context.Context, ref *schemas.BlobRef, n int) ([]byte, error) {
	rec, err := r.read(ctx, ref, n)
	if err == nil {
		err = CheckFile(ref, &rec) //mutant:part-is-of-the-file
	}
	if err != nil {
		return nil, fmt.Errorf("reading a part of a file: %w", gone(err, es.FileGone))
	}
	return rec.Value, nil
}

// Again returns the reference by which another task, sent from the number, has what a task's reference points at: to the same records, with a
// proof made with their key, which one of them is read for. Where they are the task's it is for the caller to say who may have them.
// ErrForeign: they are not the task's. ErrUnproven: nothing but their key, which is no secret, says whose they are, as where an older version or an
// upstream system wrote them.
func (r Reader) Again(ctx context.Context, ref *schemas.BlobRef, of, task schemas.TaskID, sender string) (*schemas.BlobRef, error) {
	if Unproven(ref) {
		return nil, ErrUnproven
	}
	rec, err := r.read(ctx, ref, 0)
	if err != nil {
		return nil, fmt.Errorf("reading what lies at a reference: %w", err)
	}
	if err := Check(ref, of, &rec); err != nil { //mutant:proof-is-made-again-of-ones-own
		return nil, err
	}
	return &schemas.BlobRef{Partition: ref.GetPartition(), OffsetDeltas: ref.GetOffsetDeltas(), Task: task.Bytes(), Sender: sender, Proof: proof(rec.Key, task, sender)}, nil
}

// AgainFile is Again for a file, of which the digest is proof enough where its parts have none.
func (r Reader) AgainFile(ctx context.Context, m *schemas.MediaRef, of, task schemas.TaskID, sender string) (*schemas.BlobRef, error) {
	ref := m.GetParts()
	if len(ref.GetProof()) == 0 && len(m.GetSha256()) == sha256.Size {
		return &schemas.BlobRef{Partition: ref.GetPartition(), OffsetDeltas: ref.GetOffsetDeltas()}, nil
	}
	return r.Again(ctx, ref, of, task, sender)
}

func (r Reader) read(ctx context.Context, ref *schemas.BlobRef, n int) (stream.Record, error) {
	deltas := ref.GetOffsetDeltas()
	if n < 0 || n >= len(deltas) {
		return stream.Record{}, errRef
	}
	var offset int64
	for _, d := range deltas[:n+1] {
		offset += int64(d)
	}
	rec, err := r.Records.Record(ctx, stream.TopicPartition{Topic: schemas.TopicBlobs, Partition: ref.GetPartition()}, offset)
	if err == nil {
		err = schemas.CheckVersion(&rec) // waited for, as what passes is
	}
	return rec, err
}

// gone adds to an error that will not pass the words for the person who asked; any other error is left as it is.
func gone(err error, why es.Code) error {
	if errors.Is(err, stream.ErrGone) || errors.Is(err, errRef) || errors.Is(err, ErrForeign) {
		return fmt.Errorf("%w: %w", err, &schemas.ContentError{Why: es.Say(why)})
	}
	return err
}
