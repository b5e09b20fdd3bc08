// Package upload puts a broadcast into Kafka: slices and parts while its request is read, and then the broadcast, which is
// the commit point, and the TaskOpened that opens its task.
package upload

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"altavoz/blob"
	"altavoz/schemas"
	"altavoz/schemas/places"
	"altavoz/schemas/request"
	"altavoz/stream"
)

// Timeout is how long an acknowledgement is waited for.
const Timeout = 5 * time.Second

// sliceBatch is how many slices wait for one acknowledgement, some 13 KB each, 16 of them a fifth of a MiB; and batchBytes how many bytes, where
// recipients have something of their own: with the last slice they are less than 2 MiB.
const (
	sliceBatch = 16
	batchBytes = 1 << 20
)

// ErrPublish is the error of a log that did not take a record, or did not say in time that it did.
var ErrPublish = errors.New("publishing")

// Publish waits for acknowledgements as long as it has to and no longer, whatever becomes of the client. A deadline of ctx
// counts: an answer that writes several times waits no longer than one that writes once.
func Publish(ctx context.Context, log stream.Publisher, recs ...stream.Record) ([]stream.Record, error) {
	until := time.Now().Add(Timeout)
	if sooner, ok := ctx.Deadline(); ok && sooner.Before(until) {
		until = sooner
	}
	ctx, cancel := context.WithDeadlineCause(context.WithoutCancel(ctx), until, errors.New("no acknowledgement in time"))
	defer cancel()
	out, err := log.Publish(ctx, recs...)
	if err != nil {
		return nil, fmt.Errorf("%w to %s: %w", ErrPublish, recs[0].Topic, err)
	}
	return out, nil
}

// Upload is the sink of a request: it puts slices and parts into blobs while the body is read, when nobody knows the task yet.
type Upload struct {
	ctx    context.Context //nolint:containedctx // Sink has no place for it, and an upload lives as long as one call
	log    stream.Publisher
	batch  []stream.Record
	size   int // bytes of batch
	slices *blob.List
	parts  *blob.List
}

// New returns the sink of a request.
func New(ctx context.Context, log stream.Publisher) *Upload {
	return &Upload{ctx: ctx, log: log, slices: blob.NewList(), parts: blob.NewList()}
}

// Until has what is still to be written wait no longer than ctx.
func (u *Upload) Until(ctx context.Context) { u.ctx = ctx }

// Slice takes recipients.
func (u *Upload) Slice(phones []string, personal []*schemas.Personal) error {
	return u.add(schemas.EncodeSlice(u.slices.Key, &schemas.Slice{Phones: phones, Personal: personal}))
}

func (u *Upload) add(slice stream.Record) error {
	u.batch = append(u.batch, slice)
	if u.size += len(slice.Value); len(u.batch) < sliceBatch && u.size < batchBytes { //mutant:slices-wait-within-bytes
		return nil
	}
	return u.flush()
}

// Places takes the places of recipients of a retry, which grow: as many as its slices have, fewer only the last time.
func (u *Upload) Places(picked []uint32) error {
	return u.add(schemas.EncodePlaces(u.slices.Key, places.Pack(picked)))
}

// Part takes a part of a file.
func (u *Upload) Part(b []byte) error {
	out, err := Publish(u.ctx, u.log, schemas.EncodeFilePart(u.parts.Key, b))
	if err != nil {
		return err
	}
	return inOrder(u.parts.Add(out...))
}

func (u *Upload) flush() error {
	if len(u.batch) == 0 {
		return nil
	}
	out, err := Publish(u.ctx, u.log, u.batch...)
	u.batch, u.size = nil, 0
	if err != nil {
		return err
	}
	return inOrder(u.slices.Add(out...))
}

// inOrder says of records that do not lie in order that they were not taken.
func inOrder(err error) error {
	if err != nil {
		return fmt.Errorf("%w: %w", ErrPublish, err)
	}
	return nil
}

// Broadcast makes the event of a request that was read with this sink.
func (u *Upload) Broadcast(req *request.Request, task schemas.TaskID, sender string, now time.Time) (*schemas.Broadcast, error) {
	if err := u.flush(); err != nil {
		return nil, err
	}
	b := req.Broadcast(task, sender, now.UnixMilli(), u.slices.Ref(task, sender), u.parts.Ref(task, sender))
	return b, u.files(b.GetContent().GetFiles(), task, sender)
}

// files puts recipients' own files that came with the request into blobs, one after the other.
func (u *Upload) files(all []*schemas.MediaRef, task schemas.TaskID, sender string) error {
	for _, m := range all {
		if len(m.GetInline()) == 0 {
			continue
		}
		parts := blob.NewList()
		for part := range slices.Chunk(m.GetInline(), schemas.PartBytes) {
			out, err := Publish(u.ctx, u.log, schemas.EncodeFilePart(parts.Key, part))
			if err == nil {
				err = inOrder(parts.Add(out...))
			}
			if err != nil {
				return err
			}
		}
		m.Inline, m.Parts = nil, parts.Ref(task, sender)
	}
	return nil
}

// PublishBroadcast publishes the broadcast, which is then accepted, and returns where it lies.
func PublishBroadcast(ctx context.Context, log stream.Publisher, b *schemas.Broadcast) (*schemas.Origin, error) {
	out, err := Publish(ctx, log, schemas.EncodeBroadcast(b))
	if err != nil {
		return nil, err
	}
	return &schemas.Origin{Partition: out[0].Partition, Offset: out[0].Offset}, nil
}

// TaskOpened is the result that opens the broadcast's task.
func TaskOpened(b *schemas.Broadcast, origin *schemas.Origin) stream.Record {
	return schemas.EncodeResult(&schemas.Result{
		Task: b.GetTask(), AtMs: b.GetAcceptedMs(),
		Event: &schemas.Result_Plan{Plan: &schemas.TaskOpened{
			Total: b.GetTotal(), Origin: origin, RequestSha256: b.GetRequestSha256(), Sender: b.GetSender(),
			AcceptedMs: b.GetAcceptedMs(), ScheduleMs: b.GetScheduleMs(), ExpireMs: b.GetExpireMs(), Direct: b.GetDirect(),
			Window: b.GetWindow(), Speed: b.GetSpeed(), Owner: b.GetOwner(), Earlier: b.GetEarlier(), Reference: b.GetReference(), CallbackUrl: b.GetCallbackUrl(), Events: b.GetEvents(), RetryOf: b.GetRetry().GetOf(),
		}},
	})
}

// Check has judge judge the requests of a caller; nil: nobody does.
func Check[C any](judge func(C, *request.Request) error, caller C) func(*request.Request) error {
	if judge == nil {
		return nil
	}
	return func(req *request.Request) error { return judge(caller, req) }
}
