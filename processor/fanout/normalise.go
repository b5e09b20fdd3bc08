package fanout

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"altavoz/schemas"
)

const (
	// maxIntakes is how many records a slot has under way to their home, or to rejects, and readingBytes how many bytes
	// of them a process reads at once: one of the largest, twice over for what is decoded of it.
	maxIntakes   = 64
	readingBytes = 2 * schemas.MaxBroadcastBytes
	// blobBatch is how many bytes of slices and parts are written before their acknowledgement is awaited.
	blobBatch = 1 << 20
)

// normalise writes a broadcast again as one that can be carried out, on the home partition of its number: JSON, files that
// stand in the event, records that a foreign client put on the wrong partition. The copy says where it was first, so a
// second copy after a crash is known for what it is.
func (s *slot) normalise(t *task, rec *schemas.Record, b *schemas.Broadcast) {
	s.intakes++
	var failed *schemas.Broadcast
	s.work(func(ctx context.Context) error {
		size := min(int64(len(rec.Value)), readingBytes)
		if err := s.st.reading.Acquire(ctx, size); err != nil {
			return fmt.Errorf("waiting to read a broadcast: %w", err)
		}
		defer s.st.reading.Release(size)
		out, err := s.rewrite(ctx, rec, b)
		if err == nil {
			moved := schemas.EncodeBroadcast(out)
			moved.Partition = s.st.ports.Home(schemas.TopicBroadcasts, moved.Key)
			_, err = s.st.ports.Express.Publish(ctx, moved)
		}
		if err != nil && refusal(err) {
			failed = identify(rec, b)
		}
		return err
	}, refusal, func(err error) {
		s.intakes--
		if err == nil {
			s.st.metrics.dropped[dropMoved].Inc()
			t.state = stateGone
			s.unlist(t)
			return
		}
		var field *schemas.FieldError
		errors.As(err, &field)
		t.why = field.Spanish
		s.reject(t, rec, codeInvalid, err.Error(), failed)
	})
}

// refusal reports whether the record itself is wrong.
func refusal(err error) bool {
	var field *schemas.FieldError
	return errors.As(err, &field)
}

// identify returns as much of a refused record as its task needs to fail; nil where no id can be read.
func identify(rec *schemas.Record, b *schemas.Broadcast) *schemas.Broadcast {
	if b != nil {
		return &schemas.Broadcast{Task: b.GetTask(), Sender: b.GetSender(), Total: b.GetTotal(), RequestSha256: b.GetRequestSha256(), Chosen: b.GetChosen()}
	}
	var named struct {
		ID string `json:"task_id"`
	}
	_ = json.Unmarshal(rec.Value, &named) // a task_id that can't be read is none
	id, err := schemas.ParseTaskID(named.ID)
	if err != nil {
		return nil
	}
	return &schemas.Broadcast{Task: id.Bytes(), Chosen: true}
}

// rewrite returns the broadcast in order. Its errors are a *schemas.FieldError where the record is to blame.
func (s *slot) rewrite(ctx context.Context, rec *schemas.Record, b *schemas.Broadcast) (*schemas.Broadcast, error) {
	origin := &schemas.Origin{Partition: rec.Partition, Offset: rec.Offset}
	key := schemas.TaskIDFromOrigin(string(schemas.TopicBroadcasts), origin)
	slicesOf, partsOf := s.blobs(ctx, key), s.blobs(ctx, key)
	if b == nil {
		req, err := schemas.ReadRequest(bytes.NewReader(rec.Value), &sink{key: key, slices: slicesOf, parts: partsOf},
			schemas.RequestLimits{MaxPhones: s.st.cfg.MaxRecipients, MaxBody: schemas.MaxBroadcastBytes})
		if err != nil {
			return nil, fmt.Errorf("reading a request: %w", err)
		}
		lists, parts, err := refs(slicesOf, partsOf)
		if err != nil {
			return nil, err
		}
		id := key
		if req.TaskID != nil {
			id = *req.TaskID
		}
		b = req.Broadcast(id, req.Sender, 0, lists, parts)
	} else {
		b = &schemas.Broadcast{} // its own: a second try starts from the record again
		if err := schemas.Decode(rec, b); err != nil {
			return nil, fmt.Errorf("reading a broadcast again: %w", err)
		}
		if err := moveBlobs(b, key, slicesOf, partsOf); err != nil {
			return nil, err
		}
		lists, parts, err := refs(slicesOf, partsOf)
		if err != nil {
			return nil, err
		}
		if lists != nil {
			b.Phones, b.Slices = nil, lists
		}
		if parts != nil {
			b.Content.Media.Inline, b.Content.Media.Parts = nil, parts
		}
		if len(b.GetTask()) == 0 {
			b.Task = key.Bytes()
		}
	}
	if b.GetSender() == "" {
		known, _ := s.st.cfg.Number("")
		b.Sender = known.ID
	}
	b.Origin = cmp.Or(b.GetOrigin(), origin)
	b.AcceptedMs = cmp.Or(b.GetAcceptedMs(), rec.Time.UnixMilli())
	if b.GetSlices() == nil {
		b.Total = uint32(len(b.GetPhones()))
	}
	if b.Sender == "" {
		return nil, &schemas.FieldError{Field: "sender", Code: schemas.CodeRequired, Spanish: whyNoSender}
	}
	return b, nil
}

// moveBlobs writes what is too large for a broadcast to where such things lie.
func moveBlobs(b *schemas.Broadcast, key schemas.TaskID, lists, parts *blobs) error {
	if len(b.GetPhones()) > schemas.InlineRecipients {
		b.Total = uint32(len(b.GetPhones()))
		for phones := range slices.Chunk(b.GetPhones(), schemas.SliceRecipients) {
			if err := lists.add(schemas.EncodeSlice(key, &schemas.Slice{Phones: phones})); err != nil {
				return err
			}
		}
	}
	m := b.GetContent().GetMedia()
	file := m.GetInline()
	if len(file) == 0 {
		return nil
	}
	kind := b.GetContent().GetHeader()
	if int64(len(file)) > kind.MaxBytes() {
		return &schemas.FieldError{Field: "media", Code: schemas.CodeFileSize, Spanish: whyMediaSize}
	}
	mime, ok := schemas.MediaType(kind, file[:min(len(file), schemas.SniffBytes)], m.GetMimeType())
	if !ok {
		return &schemas.FieldError{Field: "media", Code: schemas.CodeFileType, Spanish: whyMediaType}
	}
	digest := sha256.Sum256(file)
	m.MimeType, m.Size, m.Sha256 = mime, uint64(len(file)), digest[:]
	for part := range slices.Chunk(file, schemas.PartBytes) {
		if err := parts.add(schemas.EncodeFilePart(key.String(), part)); err != nil {
			return err
		}
	}
	return nil
}

// blobs writes records to one partition of blobs, in order.
type blobs struct {
	ctx       context.Context //nolint:containedctx // of one rewrite, which a schemas.Sink has no other way to know
	log       Log
	partition int32
	waiting   []schemas.Record
	bytes     int
	offsets   []int64
}

func (s *slot) blobs(ctx context.Context, key schemas.TaskID) *blobs {
	return &blobs{ctx: ctx, log: s.st.ports.Bulk, partition: s.st.ports.Home(schemas.TopicBlobs, []byte(key.String()))}
}

func (b *blobs) add(rec schemas.Record) error {
	rec.Partition = b.partition
	b.waiting = append(b.waiting, rec)
	if b.bytes += len(rec.Value); b.bytes < blobBatch {
		return nil
	}
	return b.flush()
}

func (b *blobs) flush() error {
	if len(b.waiting) == 0 {
		return nil
	}
	acked, err := b.log.Publish(b.ctx, b.waiting...)
	if err != nil {
		return fmt.Errorf("writing blobs: %w", err)
	}
	for _, rec := range acked {
		b.offsets = append(b.offsets, rec.Offset)
	}
	b.waiting, b.bytes = nil, 0
	return nil
}

// ref says where everything lies; nil: nothing was added.
func (b *blobs) ref() (*schemas.BlobRef, error) {
	if err := b.flush(); err != nil || len(b.offsets) == 0 {
		return nil, err
	}
	return schemas.NewBlobRef(b.partition, b.offsets), nil
}

func refs(lists, parts *blobs) (l, p *schemas.BlobRef, err error) {
	if l, err = lists.ref(); err == nil {
		p, err = parts.ref()
	}
	return l, p, err
}

// sink is the schemas.Sink of a request that came as JSON.
type sink struct {
	key           schemas.TaskID
	slices, parts *blobs
}

func (k *sink) Slice(phones []string) error {
	return k.slices.add(schemas.EncodeSlice(k.key, &schemas.Slice{Phones: phones}))
}

func (k *sink) Part(b []byte) error { return k.parts.add(schemas.EncodeFilePart(k.key.String(), b)) }
