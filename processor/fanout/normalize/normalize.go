// Package normalize puts broadcasts of others in order: JSON, files that stand in the event, lists that are too long for one.
// What comes out can be carried out, and read again later, from its record as it is.
package normalize

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"altavoz/blob"
	"altavoz/schemas"
	"altavoz/schemas/es"
	"altavoz/schemas/personal"
	"altavoz/schemas/request"
	"altavoz/stream"
)

// blobBatch is how many bytes of slices and parts are written before their acknowledgement is awaited.
const blobBatch = 1 << 20

// Writer writes to blobs what is too large for a broadcast.
type Writer struct {
	// Publish waits until all are acknowledged, with their offsets filled in.
	Publish func(ctx context.Context, recs ...stream.Record) ([]stream.Record, error)
	// Home returns the partition of the topic that a key belongs to.
	Home          func(t stream.Topic, key []byte) int32
	DefaultSender string         // of broadcasts that name none; empty: there is none
	Task          schemas.TaskID // of a broadcast that names none; zero: its place in broadcasts gives it
	MaxRecipients uint32
}

// Broadcast returns the broadcast of a record in order; b is what was read of it, nil if it is JSON. Its errors are a
// *request.FieldError where the record is to blame.
func (w Writer) Broadcast(ctx context.Context, rec *stream.Record, b *schemas.Broadcast) (*schemas.Broadcast, error) {
	origin := &schemas.Origin{Partition: rec.Partition, Offset: rec.Offset}
	key := cmp.Or(w.Task, schemas.TaskIDFromOrigin(string(schemas.TopicBroadcasts), origin))
	slicesOf, partsOf := w.blobs(ctx), w.blobs(ctx)
	if b == nil {
		req, err := request.Read(bytes.NewReader(JSON(rec.Value)), &sink{slices: slicesOf, parts: partsOf},
			request.Limits{MaxPhones: w.MaxRecipients, MaxBody: schemas.MaxBroadcastBytes, Lenient: lenient(rec)})
		if err != nil {
			return nil, fmt.Errorf("reading a request: %w", err)
		}
		id := key
		if req.TaskID != nil {
			id = *req.TaskID
		}
		lists, parts, err := refs(id, cmp.Or(req.Sender, w.DefaultSender), slicesOf, partsOf)
		if err != nil {
			return nil, err
		}
		b = req.Broadcast(id, req.Sender, 0, lists, parts)
	} else {
		b = &schemas.Broadcast{} // its own: a second try starts from the record again
		if err := schemas.Decode(rec, b); err != nil {
			return nil, fmt.Errorf("reading a broadcast again: %w", err)
		}
		if fault := contentFault(b); fault != nil {
			return nil, fault
		}
		if err := moveBlobs(b, slicesOf, partsOf); err != nil {
			return nil, err
		}
		if len(b.GetTask()) == 0 {
			b.Task = key.Bytes()
		}
		id, err := schemas.TaskIDFromBytes(b.GetTask())
		if err != nil {
			id = key // it is rejected where it is read again
		}
		lists, parts, err := refs(id, cmp.Or(b.GetSender(), w.DefaultSender), slicesOf, partsOf)
		if err != nil {
			return nil, err
		}
		if lists != nil {
			b.Phones, b.Personal, b.Slices = nil, nil, lists
		}
		if parts != nil {
			b.Content.Media.Inline, b.Content.Media.Parts = nil, parts
		}
	}
	b.Sender = cmp.Or(b.GetSender(), w.DefaultSender)
	if err := w.moveFiles(ctx, b, key); err != nil {
		return nil, err
	}
	b.Origin = cmp.Or(b.GetOrigin(), origin)
	b.AcceptedMs = cmp.Or(b.GetAcceptedMs(), rec.Time.UnixMilli())
	if b.GetSlices() == nil {
		b.Total = uint32(len(b.GetPhones()))
	}
	if b.Sender == "" {
		return nil, request.Fault("sender", request.CodeRequired, es.SenderMissing)
	}
	return b, nil
}

// moveFiles writes those of recipients' own files that stand in the event to where files lie.
func (w Writer) moveFiles(ctx context.Context, b *schemas.Broadcast, key schemas.TaskID) error {
	id, err := schemas.TaskIDFromBytes(b.GetTask())
	if err != nil {
		id = key
	}
	for _, m := range b.GetContent().GetFiles() {
		parts := w.blobs(ctx)
		if err := moveFile(m.GetKind(), m, parts); err != nil {
			return err
		}
		ref, err := parts.ref(id, b.GetSender())
		if err != nil {
			return err
		}
		if ref != nil {
			m.Inline, m.Parts = nil, ref
		}
	}
	return nil
}

// lenient reports whether whoever wrote the record wants unknown members passed over.
func lenient(rec *stream.Record) bool {
	return slices.ContainsFunc(rec.Headers, func(h stream.Header) bool {
		return strings.EqualFold(h.Key, request.PreferHeader) && request.PrefersLenient(string(h.Value))
	})
}

// moveBlobs writes what is too large for a broadcast to where such things lie.
func moveBlobs(b *schemas.Broadcast, lists, parts *blobWriter) error {
	if err := moveList(b, lists); err != nil {
		return err
	}
	return moveFile(b.GetContent().GetHeader(), b.GetContent().GetMedia(), parts)
}

// moveList writes a list that is too long for a broadcast.
func moveList(b *schemas.Broadcast, lists *blobWriter) error {
	all := &schemas.Slice{Phones: b.GetPhones(), Personal: b.GetPersonal()}
	if !all.Aligned() {
		return request.Fault("personal", request.CodeValue, es.ListIncomplete)
	}
	if len(all.GetPhones()) <= b.InlineMost() {
		return nil
	}
	if slices.ContainsFunc(all.GetPersonal(), personal.Large) { //mutant:slices-of-a-record-fit-their-records
		return request.Fault("personal", request.CodeTooLong, es.OwnTooLarge)
	}
	if b.Total = uint32(len(all.GetPhones())); b.IsPersonal() {
		b.SliceRecipients = schemas.PersonalSliceRecipients
	}
	size := int(b.SliceSize())
	for from := 0; from < len(all.GetPhones()); from += size {
		to := min(from+size, len(all.GetPhones()))
		some := &schemas.Slice{Phones: slices.Clone(all.GetPhones()[from:to])}
		for i, text := range some.GetPhones() {
			some.Phones[i] = kept(text)
		}
		if len(all.GetPersonal()) > 0 {
			some.Personal = all.GetPersonal()[from:to]
		}
		if err := lists.add(schemas.EncodeSlice(lists.list.Key, some)); err != nil {
			return err
		}
	}
	return nil
}

// kept is what stands in a list of what was given as a recipient: what is longer than any phone is none, whatever it ends with, and a slice fits its record.
func kept(text string) string {
	if short := Shown(text); len(short) < len(text) { //mutant:phones-of-a-record-fit-their-records
		return short + "…"
	}
	return text
}

// blobWriter writes records to one partition of blobs, in order.
type blobWriter struct {
	ctx       context.Context //nolint:containedctx // of one rewrite, which a request.Sink has no other way to know
	publish   func(ctx context.Context, recs ...stream.Record) ([]stream.Record, error)
	partition int32
	waiting   []stream.Record
	bytes     int
	list      *blob.List
}

func (w Writer) blobs(ctx context.Context) *blobWriter {
	list := blob.NewList()
	return &blobWriter{ctx: ctx, publish: w.Publish, partition: w.Home(schemas.TopicBlobs, []byte(list.Key)), list: list}
}

func (b *blobWriter) add(rec stream.Record) error {
	rec.Partition = b.partition
	b.waiting = append(b.waiting, rec)
	if b.bytes += len(rec.Value); b.bytes < blobBatch {
		return nil
	}
	return b.flush()
}

func (b *blobWriter) flush() error {
	if len(b.waiting) == 0 {
		return nil
	}
	acked, err := b.publish(b.ctx, b.waiting...)
	if err != nil {
		return fmt.Errorf("writing blobs: %w", err)
	}
	if err := b.list.Add(acked...); err != nil {
		return fmt.Errorf("writing blobs: %w", err)
	}
	b.waiting, b.bytes = nil, 0
	return nil
}

// ref says where everything lies; nil: nothing was added.
func (b *blobWriter) ref(task schemas.TaskID, sender string) (*schemas.BlobRef, error) {
	if err := b.flush(); err != nil {
		return nil, err
	}
	return b.list.Ref(task, sender), nil
}

func refs(task schemas.TaskID, sender string, lists, parts *blobWriter) (l, p *schemas.BlobRef, err error) {
	if l, err = lists.ref(task, sender); err == nil {
		p, err = parts.ref(task, sender)
	}
	return l, p, err
}

// sink is the request.Sink of a request that came as JSON.
type sink struct{ slices, parts *blobWriter }

func (k *sink) Slice(phones []string, personal []*schemas.Personal) error {
	return k.slices.add(schemas.EncodeSlice(k.slices.list.Key, &schemas.Slice{Phones: phones, Personal: personal}))
}

func (k *sink) Part(b []byte) error { return k.parts.add(schemas.EncodeFilePart(k.parts.list.Key, b)) }
