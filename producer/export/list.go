package export

import (
	"context"
	"errors"
	"fmt"

	"altavoz/blob"
	"altavoz/processor/fanout/recipients"
	"altavoz/processor/fanout/status"
	"altavoz/schemas"
	"altavoz/stream"
)

// ErrExpired is the error of a list that is not kept any more.
var ErrExpired = errors.New("the list of recipients is not kept any more")

// Records reads the logs.
type Records interface {
	stream.RecordReader
	// Range hands over every record in [from, to) in order. Offsets that compaction emptied are passed over.
	Range(ctx context.Context, p stream.TopicPartition, from, to int64, each func(stream.Record) error) error
	// Ends returns where each partition of the topic ends now.
	Ends(ctx context.Context, t stream.Topic) (map[int32]int64, error)
}

// Source is where tasks are read.
type Source struct {
	Records Records
	// Home returns the partition of the topic that a key belongs to.
	Home   func(t stream.Topic, key []byte) int32
	Region string // of phones without a country, as the fanout has it
}

// Task is the recipients of one task: its list and, once it has settled, their states.
type Task struct {
	Source
	ID      schemas.TaskID
	Total   uint32
	Version uint64 // of the Status whose numbers the states add up to, or of one that they have all of
	Exact   bool   // they add up to it

	status    *schemas.Status
	broadcast *schemas.Broadcast
	list      *recipients.List // nil: the broadcast has the phones
	marks     *marks
}

// Broadcast returns the task's broadcast, which is only to be read.
func (t *Task) Broadcast() *schemas.Broadcast { return t.broadcast }

// State returns how far a recipient had come when the task settled.
func (t *Task) State(index uint32) schemas.RecipientState {
	return schemas.RecipientState(t.marks.states[index])
}

// Slices hands over the slices in which there are recipients that are wanted, in order, and what they have of their own. The others are not read.
func (t *Task) Slices(ctx context.Context, wanted func(from, to uint32) bool, each func(first uint32, some *schemas.Slice) error) error {
	size := t.broadcast.SliceSize()
	if t.list == nil {
		size = t.Total
	}
	var firsts []uint32
	for first := uint32(0); first < t.Total; first += size {
		if wanted(first, min(first+size, t.Total)) {
			firsts = append(firsts, first)
		}
	}
	if t.list != nil {
		return Expired(t.list.Slices(ctx, t.Records, firsts, each))
	}
	if len(firsts) == 0 {
		return nil
	}
	return each(0, &schemas.Slice{Phones: t.broadcast.GetPhones(), Personal: t.broadcast.GetPersonal()})
}

// Places hands over the places that the recipients of a retry have in the list of its first task, in order.
func (t *Task) Places(ctx context.Context, each func(picked []uint32) error) error {
	return Expired(recipients.Places(ctx, t.Records, t.broadcast, t.ID, each))
}

// Open finds the list of a task, whose Status has a plan. ErrExpired: its broadcast, or its slices, are gone; any other error may pass.
func (s Source) Open(ctx context.Context, id schemas.TaskID, st *schemas.Status) (*Task, error) {
	p := st.GetPlan()
	at := status.Position(p)
	rec, err := s.Records.Record(ctx, stream.TopicPartition{Topic: schemas.TopicBroadcasts, Partition: at.GetPartition()}, at.GetOffset())
	if err != nil {
		return nil, Expired(fmt.Errorf("reading a broadcast: %w", err))
	}
	b := new(schemas.Broadcast)
	if err := schemas.Decode(&rec, b); err != nil {
		return nil, Expired(err)
	}
	// A log that lost its end gives offsets out again.
	if !names(b, p, id) || b.GetTotal() != p.GetTotal() { //mutant:exported-list-is-the-tasks
		return nil, fmt.Errorf("another broadcast lies at %s/%d: %w", rec.Topic, rec.Offset, ErrExpired)
	}
	t := &Task{Source: s, ID: id, Total: p.GetTotal(), status: st, broadcast: b, list: recipients.ListOf(b, id, ""), marks: s.marksOf(id, p.GetTotal())}
	if t.list == nil && len(b.GetPhones()) != int(t.Total) || t.list != nil && !sliced(b) {
		return nil, fmt.Errorf("a broadcast without its recipients: %w", ErrExpired)
	}
	return t, t.probe(ctx)
}

// sliced reports whether a broadcast has as many slices as its list takes.
func sliced(b *schemas.Broadcast) bool {
	return schemas.ValidSliceSize(b.GetSliceRecipients()) && len(b.GetSlices().Offsets()) == schemas.SlicesOf(b.GetTotal(), b.SliceSize())
}

// names reports whether the broadcast is the task's.
func names(b *schemas.Broadcast, p *schemas.TaskOpened, id schemas.TaskID) bool {
	if len(b.GetTask()) == 0 {
		return schemas.TaskIDFromOrigin(string(schemas.TopicBroadcasts), p.GetOrigin()) == id
	}
	return string(b.GetTask()) == string(id[:])
}

// probe reads the first slice, which is the first to go.
func (t *Task) probe(ctx context.Context) error {
	if t.list == nil {
		return nil
	}
	if !t.list.Proven() {
		key, err := recipients.ListKey(ctx, t.Records, t.broadcast, t.ID)
		if err != nil {
			return Expired(err)
		}
		t.list = recipients.ListOf(t.broadcast, t.ID, key)
	}
	_, err := t.list.Slice(ctx, t.Records, 0) //mutant:first-slice-is-there-before-the-answer
	return Expired(err)
}

// Expired makes an error that will not pass ErrExpired: nobody reads that list any more.
func Expired(err error) error {
	lost := errors.Is(err, schemas.ErrDecode) && !errors.Is(err, schemas.ErrNewer)
	if lost || stream.IsGone(err) || errors.Is(err, blob.ErrForeign) || errors.Is(err, recipients.ErrUnreadable) { //mutant:list-that-is-gone-is-expired
		return fmt.Errorf("%w: %w", ErrExpired, err)
	}
	return err
}
