package recipients

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"altavoz/blob"
	"altavoz/schemas"
	"altavoz/schemas/places"
	"altavoz/stream"
)

// ErrUnreadable is the error of a list that is not what its broadcast says.
var ErrUnreadable = errors.New("the list of recipients is not readable")

// List is where the slices of a task lie. It does not change.
type List struct {
	at      stream.TopicPartition
	offsets []int64
	ref     *schemas.BlobRef
	task    schemas.TaskID
	total   uint32
	size    uint32 // recipients of every slice but the last
	key     string
	of      *List // of a retry: the list in which its slices have places; nil: they have phones
}

// ListOf returns the list of a broadcast; nil: it has none in blobs. key is what ListKey found, if it was asked.
func ListOf(b *schemas.Broadcast, task schemas.TaskID, key string) *List {
	ref := b.GetSlices()
	if ref == nil {
		return nil
	}
	l := listAt(ref, task, b.GetTotal(), b.SliceSize())
	l.key = key
	if of := b.GetRetry().GetList(); of != nil {
		l.of = listAt(of, task, b.GetRetry().GetTotal(), b.GetRetry().SliceSize())
	}
	return l
}

func listAt(ref *schemas.BlobRef, task schemas.TaskID, total, size uint32) *List {
	at := stream.TopicPartition{Topic: schemas.TopicBlobs, Partition: ref.GetPartition()}
	return &List{at: at, offsets: ref.Offsets(), ref: ref, task: task, total: total, size: size}
}

// Unbound reports whether the broadcast points at something that no proof binds to its number, so that a copy may name another one.
func Unbound(b *schemas.Broadcast) bool {
	return blob.Unbound(b.GetSlices()) || blob.Unbound(b.GetRetry().GetList()) ||
		slices.ContainsFunc(b.GetContent().AllFiles(), func(m *schemas.MediaRef) bool { return blob.Unbound(m.GetParts()) })
}

// Proven reports whether it can be said of a record whether it is the list's. If not, ListKey finds out.
func (l *List) Proven() bool { return l == nil || l.key != "" || !blob.Unproven(l.ref) }

// read reads a record as a slice of the list.
func (l *List) read(rec *stream.Record) (*schemas.Slice, error) {
	err := blob.Check(l.ref, l.task, rec)
	if l.key != "" {
		err = blob.Keyed(l.key, rec)
	}
	if err != nil { //mutant:slice-is-of-the-task
		return nil, err //nolint:wrapcheck // says all
	}
	c := new(schemas.Slice)
	return c, schemas.Decode(rec, c)
}

// resolve reads the recipients of a record as they were given. Of a retry they are read where its places are.
func (l *List) resolve(ctx context.Context, log stream.RecordReader, rec *stream.Record) (*schemas.Slice, error) {
	c, err := l.read(rec)
	if err != nil {
		return nil, err
	}
	if !c.Aligned() { //mutant:values-are-beside-their-phones
		return nil, fmt.Errorf("%d recipients, and what %d have of their own: %w", len(c.GetPhones()), len(c.GetPersonal()), ErrUnreadable)
	}
	if l.of == nil {
		return c, nil
	}
	picked, err := places.Unpack(c.GetPicked(), l.of.total)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnreadable, err)
	}
	return l.of.pick(ctx, log, picked)
}

// FirstOf is the first recipient of the slice that one is in.
func (l *List) FirstOf(index uint32) uint32 { return index / l.size * l.size }

// Slice reads the slice that begins at a recipient: its phones, and what they have of their own.
func (l *List) Slice(ctx context.Context, log stream.RecordReader, first uint32) (*schemas.Slice, error) {
	rec, err := log.Record(ctx, l.at, l.offsets[first/l.size])
	if err != nil {
		return nil, fmt.Errorf("reading a slice: %w", err)
	}
	return l.slice(ctx, log, &rec, first)
}

// slice reads a record as the slice that begins at a recipient.
func (l *List) slice(ctx context.Context, log stream.RecordReader, rec *stream.Record, first uint32) (*schemas.Slice, error) {
	c, err := l.resolve(ctx, log, rec)
	if want := min(l.total-first, l.size); err == nil && uint32(len(c.GetPhones())) != want {
		err = fmt.Errorf("a slice of %d recipients, not %d: %w", len(c.GetPhones()), want, ErrUnreadable)
	}
	return c, err
}

// Slices hands over the slices that begin at the given recipients, which must increase. It reads on when each has returned.
func (l *List) Slices(ctx context.Context, log stream.RecordReader, firsts []uint32, each func(first uint32, some *schemas.Slice) error) error {
	offsets, err := l.offsetsOf(firsts)
	if err != nil {
		return err
	}
	return log.Records(ctx, l.at, offsets, func(rec stream.Record) error { //nolint:wrapcheck // the log's own words
		first := firsts[0]
		firsts = firsts[1:]
		some, err := l.slice(ctx, log, &rec, first)
		if err != nil {
			return err
		}
		return each(first, some)
	})
}

func (l *List) offsetsOf(firsts []uint32) ([]int64, error) {
	offsets := make([]int64, len(firsts))
	for i, first := range firsts {
		n := first / l.size
		if n >= uint32(len(l.offsets)) {
			return nil, fmt.Errorf("%d slices, and none that begins at %d: %w", len(l.offsets), first, ErrUnreadable)
		}
		offsets[i] = l.offsets[n]
	}
	return offsets, nil
}

// Before hands over all recipients before a cursor.
func (l *List) Before(ctx context.Context, log stream.RecordReader, cursor uint32, each func(text string)) error {
	left := cursor
	err := log.Records(ctx, l.at, l.offsets[:schemas.SlicesOf(cursor, l.size)], func(rec stream.Record) error {
		c, err := l.resolve(ctx, log, &rec)
		if err != nil {
			return err
		}
		for _, text := range c.GetPhones()[:min(len(c.GetPhones()), int(left))] {
			each(text)
			left--
		}
		return nil
	})
	if err == nil && left > 0 {
		return ErrUnreadable
	}
	return err //nolint:wrapcheck // the log's own words
}
