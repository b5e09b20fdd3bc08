package app

import (
	"context"
	"errors"
	"fmt"

	"altavoz/app/embedded"
	"altavoz/kafka/group"
	"altavoz/kafka/records"
	"altavoz/kafka/table"
	"altavoz/processor/aggregator"
	"altavoz/processor/fanout"
	"altavoz/processor/fanout/prepare"
	"altavoz/processor/sender"
	"altavoz/producer"
	"altavoz/redis"
	"altavoz/schemas"
	"altavoz/schemas/blob"
	"altavoz/schemas/es"
	"altavoz/stream"
	"altavoz/whatsapp"
	"altavoz/whatsapp/media"
)

// Every port and what is plugged into it. A worker names what it needs; that a client has it is checked here and nowhere else.
var (
	_ stream.Committer    = (*group.Group)(nil)
	_ stream.Pauser       = (*group.Group)(nil)
	_ stream.Log          = (*records.Publisher)(nil)
	_ stream.RecordReader = (*records.Reader)(nil)

	_ producer.Statuses = (*table.Statuses)(nil)
	_ producer.Tasks    = (*table.Statuses)(nil)
	_ producer.Webhooks = (*whatsapp.Webhooks)(nil)

	_ prepare.Records = (*records.Reader)(nil)
	_ fanout.Statuses = (*table.Statuses)(nil)
	_ fanout.Controls = (*table.Controls)(nil)
	_ prepare.Media   = (*media.Resolver)(nil)

	_ sender.Records   = held{}
	_ sender.Contents  = blobs{}
	_ sender.Media     = (*media.Resolver)(nil)
	_ sender.Messenger = (*whatsapp.Client)(nil)
	_ sender.Numbers   = (*table.Controls)(nil)

	_ aggregator.Table = (*records.Reader)(nil)

	_ media.Uploader = (*whatsapp.Client)(nil)
	_ media.Parts    = blobs{}
	_ media.Cache    = (*redis.Cache)(nil)
	_ media.Cache    = (*embedded.Cache)(nil)
)

// recordAt is where blobs reads: one record by its place.
type recordAt interface {
	// Record returns stream.ErrGone for a record that is not there any more.
	Record(ctx context.Context, slot stream.TopicPartition, offset int64) (stream.Record, error)
}

// held tells a record that is not in its log from one that could not be read.
type held struct{ records recordAt }

func (h held) Record(ctx context.Context, slot stream.TopicPartition, offset int64) (rec stream.Record, found bool, err error) {
	rec, err = h.records.Record(ctx, slot, offset)
	if errors.Is(err, stream.ErrGone) {
		return rec, false, nil
	}
	return rec, err == nil, err
}

// blobs reads what a reference to the topic blobs points at.
type blobs struct{ records recordAt }

// errRef is the error of a reference that points at nothing.
var errRef = errors.New("the reference points at no such record")

// Content reads the message of a task as the fanout resolved it.
func (b blobs) Content(ctx context.Context, task schemas.TaskID, ref *schemas.BlobRef) (*schemas.Content, error) {
	rec, err := b.read(ctx, ref, 0)
	if err != nil {
		return nil, fmt.Errorf("reading the message of task %s: %w", task, gone(err, es.MessageGone))
	}
	if err := blob.Check(ref, task, &rec); err != nil { //mutant:message-is-of-the-task
		return nil, fmt.Errorf("reading the message of task %s: %w", task, gone(err, es.MessageGone))
	}
	c := new(schemas.Content)
	if err := schemas.Decode(&rec, c); err != nil {
		return nil, fmt.Errorf("reading the message of task %s: %w: %w", task, err, &schemas.ContentError{Why: es.Say(es.MessageUnreadable)})
	}
	return c, nil
}

// Part reads the n-th part of a file.
func (b blobs) Part(ctx context.Context, ref *schemas.BlobRef, n int) ([]byte, error) {
	rec, err := b.read(ctx, ref, n)
	if err == nil {
		err = blob.CheckFile(ref, &rec) //mutant:part-is-of-the-file
	}
	if err != nil {
		return nil, fmt.Errorf("reading a part of a file: %w", gone(err, es.FileGone))
	}
	return rec.Value, nil
}

func (b blobs) read(ctx context.Context, ref *schemas.BlobRef, n int) (stream.Record, error) {
	deltas := ref.GetOffsetDeltas()
	if n < 0 || n >= len(deltas) {
		return stream.Record{}, errRef
	}
	var offset int64
	for _, d := range deltas[:n+1] {
		offset += int64(d)
	}
	rec, err := b.records.Record(ctx, stream.TopicPartition{Topic: schemas.TopicBlobs, Partition: ref.GetPartition()}, offset)
	if err == nil {
		err = schemas.CheckVersion(&rec) // waited for, as what passes is
	}
	return rec, err
}

// gone adds to an error that will not pass the words for the person who asked; any other error is left as it is.
func gone(err error, why es.Code) error {
	if errors.Is(err, stream.ErrGone) || errors.Is(err, errRef) || errors.Is(err, blob.ErrForeign) {
		return fmt.Errorf("%w: %w", err, &schemas.ContentError{Why: es.Say(why)})
	}
	return err
}
