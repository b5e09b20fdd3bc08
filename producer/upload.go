package producer

import (
	"context"
	"errors"
	"fmt"
	"time"

	"altavoz/schemas"
)

// sliceBatch is how many slices wait for one acknowledgement: some 13 KB each, 16 of them a fifth of a MiB.
const sliceBatch = 16

// errPublish is the error of a log that did not take a record, or did not say in time that it did.
var errPublish = errors.New("publishing")

// publish waits for acknowledgements as long as it has to and no longer, whatever becomes of the client. A deadline of ctx
// counts: an answer that writes several times waits no longer than one that writes once.
func publish(ctx context.Context, log Log, recs ...schemas.Record) ([]schemas.Record, error) {
	until := time.Now().Add(PublishTimeout)
	if sooner, ok := ctx.Deadline(); ok && sooner.Before(until) {
		until = sooner
	}
	ctx, cancel := context.WithDeadlineCause(context.WithoutCancel(ctx), until, errors.New("no acknowledgement in time"))
	defer cancel()
	out, err := log.Publish(ctx, recs...)
	if err != nil {
		return nil, fmt.Errorf("%w to %s: %w", errPublish, recs[0].Topic, err)
	}
	return out, nil
}

// upload is the sink of a request: it puts slices and parts into blobs while the body is read. All of a request's lie in
// one partition, because they have one key.
type upload struct {
	ctx    context.Context //nolint:containedctx // Sink has no place for it, and an upload lives as long as one call
	log    Log
	key    schemas.TaskID
	batch  []schemas.Record
	slices blobs
	parts  blobs
}

// blobs is where records lie.
type blobs struct {
	partition int32
	offsets   []int64
}

func (b *blobs) add(recs []schemas.Record) error {
	for _, r := range recs {
		if len(b.offsets) > 0 && (r.Partition != b.partition || r.Offset <= b.offsets[len(b.offsets)-1]) {
			return fmt.Errorf("record at %d/%d follows %d/%d: %w", r.Partition, r.Offset, b.partition, b.offsets[len(b.offsets)-1], errPublish)
		}
		b.partition = r.Partition
		b.offsets = append(b.offsets, r.Offset)
	}
	return nil
}

func (b *blobs) ref() *schemas.BlobRef {
	if len(b.offsets) == 0 {
		return nil
	}
	return schemas.NewBlobRef(b.partition, b.offsets)
}

// Slice takes recipients.
func (u *upload) Slice(phones []string) error {
	u.batch = append(u.batch, schemas.EncodeSlice(u.key, &schemas.Slice{Phones: phones}))
	if len(u.batch) < sliceBatch {
		return nil
	}
	return u.flush()
}

// Part takes a part of a file.
func (u *upload) Part(b []byte) error {
	out, err := publish(u.ctx, u.log, schemas.EncodeFilePart(u.key.String(), b))
	if err != nil {
		return err
	}
	return u.parts.add(out)
}

func (u *upload) flush() error {
	if len(u.batch) == 0 {
		return nil
	}
	out, err := publish(u.ctx, u.log, u.batch...)
	u.batch = nil
	if err != nil {
		return err
	}
	return u.slices.add(out)
}

// broadcast makes the event of a request that was read with this sink.
func (u *upload) broadcast(req *schemas.Request, task schemas.TaskID, sender string, now time.Time) (*schemas.Broadcast, error) {
	if err := u.flush(); err != nil {
		return nil, err
	}
	return req.Broadcast(task, sender, now.UnixMilli(), u.slices.ref(), u.parts.ref()), nil
}

// commit publishes the broadcast, which is then accepted, and returns where it lies.
func commit(ctx context.Context, log Log, b *schemas.Broadcast) (*schemas.Origin, error) {
	out, err := publish(ctx, log, schemas.EncodeBroadcast(b))
	if err != nil {
		return nil, err
	}
	return &schemas.Origin{Partition: out[0].Partition, Offset: out[0].Offset}, nil
}

// plan is the result that opens the broadcast's task.
func plan(b *schemas.Broadcast, origin *schemas.Origin) schemas.Record {
	return schemas.EncodeResult(&schemas.Result{
		Task: b.GetTask(), AtMs: b.GetAcceptedMs(),
		Event: &schemas.Result_Plan{Plan: &schemas.Plan{
			Total: b.GetTotal(), Origin: origin, RequestSha256: b.GetRequestSha256(), Sender: b.GetSender(),
			AcceptedMs: b.GetAcceptedMs(), ScheduleMs: b.GetScheduleMs(), ExpireMs: b.GetExpireMs(), Direct: b.GetDirect(),
			Window: b.GetWindow(), Speed: b.GetSpeed(),
		}},
	})
}
