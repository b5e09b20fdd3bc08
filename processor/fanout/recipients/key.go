package recipients

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"

	"altavoz/blob"
	"altavoz/processor/fanout/normalize"
	"altavoz/schemas"
	"altavoz/stream"
)

// A list without a proof was written by an ingress, a fanout or a Go program of an older version, or by an upstream system. Anybody can name a
// place, so one of three things has to show that what lies there is the broadcast's.

// ListKey returns the key that the slices of the task have, or blob.ErrForeign if they are another's:
//
//   - it is the task's id: who knew that before the task began has it, and of two records that name one task only the first starts;
//   - a fanout put the list there for the record in which the broadcast entered, and that record names the task;
//   - the caller chose the task's id, so the ingress had a key of its own: the digest of the request, which the broadcast has, is that of the
//     broadcast with these recipients. Who can say it knows them all.
func ListKey(ctx context.Context, log stream.RecordReader, b *schemas.Broadcast, task schemas.TaskID) (string, error) {
	at, offsets := stream.TopicPartition{Topic: schemas.TopicBlobs, Partition: b.GetSlices().GetPartition()}, b.GetSlices().Offsets()
	first, err := log.Record(ctx, at, offsets[0])
	if err != nil {
		return "", fmt.Errorf("reading the first slice: %w", err)
	}
	key := string(first.Key)
	if key == task.String() {
		return key, nil
	}
	foreign := blob.Keyed(task.String(), &first)
	if _, err := schemas.ParseTaskID(key); err != nil { // no older version wrote it
		return "", foreign
	}
	if o := b.GetOrigin(); o != nil && key == schemas.TaskIDFromOrigin(string(schemas.TopicBroadcasts), o).String() {
		rec, err := log.Record(ctx, stream.TopicPartition{Topic: schemas.TopicBroadcasts, Partition: o.GetPartition()}, o.GetOffset())
		if err != nil && !stream.IsGone(err) {
			return "", fmt.Errorf("reading where a broadcast entered: %w", err)
		}
		if id, ok := normalize.Named(&rec); err == nil && ok && id == task { //mutant:copied-list-is-of-the-record-that-names-the-task
			return key, nil
		}
	}
	same, err := asked(ctx, log, at, offsets, key, b)
	if err != nil {
		return "", err
	}
	if !same { //mutant:list-of-a-chosen-id-is-that-of-the-request
		return "", foreign
	}
	return key, nil
}

// asked reports whether the broadcast's request was for these recipients.
func asked(ctx context.Context, log stream.RecordReader, at stream.TopicPartition, offsets []int64, key string, b *schemas.Broadcast) (bool, error) {
	if len(b.GetRequestSha256()) != sha256.Size {
		return false, nil
	}
	phones := sha256.New()
	err := log.Records(ctx, at, offsets, func(rec stream.Record) error {
		if err := blob.Keyed(key, &rec); err != nil {
			return err
		}
		var c schemas.Slice
		if err := schemas.Decode(&rec, &c); err != nil {
			return err
		}
		for _, text := range c.GetPhones() {
			schemas.HashText(phones, text)
		}
		return nil
	})
	if errors.Is(err, schemas.ErrDecode) && !errors.Is(err, schemas.ErrNewer) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("reading a list whose it is: %w", err)
	}
	sum := phones.Sum(nil)
	return slices.ContainsFunc([]string{"", b.GetSender()}, func(sender string) bool { // as the request had it
		return string(b.Meaning(sender, true, sum)) == string(b.GetRequestSha256()) || string(b.Meaning(sender, false, sum)) == string(b.GetRequestSha256())
	}), nil
}
