package export_test

import (
	"context"
	"fmt"
	"sync"

	"altavoz/blob"
	"altavoz/producer/export"
	"altavoz/schemas"
	"altavoz/stream"
)

// world is a Kafka with one task in it. A place that is not in records is gone.
type world struct {
	mu      sync.Mutex
	records map[stream.TopicPartition]map[int64]stream.Record
	ends    map[stream.TopicPartition]int64
	content *schemas.Content          // of the broadcasts that are accepted
	slices  int                       // read so far
	slice   func(int64) stream.Record // of blobs, where they are made as they are read
}

func newWorld() *world {
	return &world{records: map[stream.TopicPartition]map[int64]stream.Record{}, ends: map[stream.TopicPartition]int64{}}
}

func (w *world) write(rec stream.Record) stream.Record {
	w.mu.Lock()
	defer w.mu.Unlock()
	at := stream.TopicPartition{Topic: rec.Topic, Partition: rec.Partition}
	rec.Offset = w.ends[at]
	w.ends[at] = rec.Offset + 3 // as where others write between
	if w.records[at] == nil {
		w.records[at] = map[int64]stream.Record{}
	}
	w.records[at][rec.Offset] = rec
	return rec
}

func (w *world) Record(_ context.Context, p stream.TopicPartition, offset int64) (stream.Record, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if p.Topic == schemas.TopicBlobs {
		w.slices++
		if w.slice != nil {
			return w.slice(offset), nil
		}
	}
	rec, ok := w.records[p][offset]
	if !ok {
		return rec, fmt.Errorf("%s at %d: %w", p, offset, stream.ErrGone)
	}
	return rec, nil
}

func (w *world) Records(ctx context.Context, p stream.TopicPartition, offsets []int64, each func(stream.Record) error) error {
	for _, o := range offsets {
		if err := ctx.Err(); err != nil {
			return err
		}
		rec, err := w.Record(ctx, p, o)
		if err != nil {
			return err
		}
		if err := each(rec); err != nil {
			return err
		}
	}
	return nil
}

func (w *world) Range(_ context.Context, p stream.TopicPartition, from, to int64, each func(stream.Record) error) error {
	for o := from; o < to; o++ {
		w.mu.Lock()
		rec, ok := w.records[p][o]
		w.mu.Unlock()
		if ok {
			if err := each(rec); err != nil {
				return err
			}
		}
	}
	return nil
}

func (w *world) Ends(_ context.Context, t stream.Topic) (map[int32]int64, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	ends := map[int32]int64{}
	for p, end := range w.ends {
		if p.Topic == t {
			ends[p.Partition] = end
		}
	}
	return ends, nil
}

const marksPartition = 2

func (w *world) source() export.Source {
	return export.Source{Records: w, Home: func(stream.Topic, []byte) int32 { return marksPartition }, Region: "CO"}
}

// accept writes the broadcast of a list, and returns the Status of its task, in which nobody is decided.
func (w *world) accept(t failer, id schemas.TaskID, phones []string) *schemas.Status {
	t.Helper()
	b := &schemas.Broadcast{Task: id.Bytes(), Sender: "1065", Total: uint32(len(phones)), Content: w.content}
	if len(phones) <= schemas.InlineRecipients {
		b.Phones = phones
	} else {
		list := blob.NewList()
		for first := 0; first < len(phones); first += schemas.SliceRecipients {
			rec := schemas.EncodeSlice(list.Key, &schemas.Slice{Phones: phones[first:min(first+schemas.SliceRecipients, len(phones))]})
			rec.Partition = 1
			if err := list.Add(w.write(rec)); err != nil {
				t.Fatal(err)
			}
		}
		b.Slices = list.Ref(id, "1065")
	}
	rec := schemas.EncodeBroadcast(b)
	rec.Partition = 3
	rec = w.write(rec)
	return &schemas.Status{Task: id.Bytes(), Version: 1, Plan: &schemas.TaskOpened{
		Total: b.GetTotal(), Sender: "1065", Origin: &schemas.Origin{Partition: rec.Partition, Offset: rec.Offset},
	}}
}

// page writes states of the task from a page on.
func (w *world) page(id schemas.TaskID, n uint32, states []byte) {
	w.write(schemas.EncodePage(marksPartition, &schemas.StatePage{Task: id.Bytes(), Number: n, Marks: states}))
}

// counting returns the Status as it is with these states.
func counting(s *schemas.Status, version uint64, states []byte) *schemas.Status {
	var counts [256]uint32
	for _, state := range states {
		counts[state]++
	}
	out := &schemas.Status{Task: s.GetTask(), Version: version, Plan: s.GetPlan(), Phase: s.GetPhase(), Cause: s.GetCause()}
	for state, n := range counts {
		if n > 0 && state > 0 {
			out.Counts = append(out.Counts, &schemas.StateCount{Mark: uint32(state), Count: n})
		}
	}
	return out
}
