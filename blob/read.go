package blob

import (
	"context"
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
