package history_test

import (
	"context"
	"errors"
	"hash/fnv"
	"testing"
	"time"

	"altavoz/producer/history"
	"altavoz/schemas"
	"altavoz/stream"
)

// world is the topics of sends and marks, as a caller of one owner sees them.
type world struct {
	logs     map[stream.TopicPartition][]stream.Record
	starts   map[stream.TopicPartition]int64
	reads    int64 // offsets of sends
	looks    int   // for tasks
	fails    error // of every look
	each     time.Duration
	statuses map[schemas.TaskID]*schemas.Status // of tasks that the caller sees
}

func newWorld() *world {
	return &world{logs: map[stream.TopicPartition][]stream.Record{}, starts: map[stream.TopicPartition]int64{}, statuses: map[schemas.TaskID]*schemas.Status{}}
}

func home(t stream.Topic, key []byte) int32 {
	h := fnv.New32a()
	_, _ = h.Write(key)
	if t == schemas.TopicSendsBulk {
		return int32(h.Sum32() % 8)
	}
	return int32(h.Sum32() % 3)
}

// write appends a record, at the time.
func (w *world) write(rec stream.Record, at time.Time) {
	if rec.Topic != schemas.TopicMarks {
		rec.Partition = home(rec.Topic, rec.Key)
	}
	p := stream.TopicPartition{Topic: rec.Topic, Partition: rec.Partition}
	rec.Offset, rec.Time = int64(len(w.logs[p])), at
	w.logs[p] = append(w.logs[p], rec)
}

// task makes one that the caller sees.
func (w *world) task() schemas.TaskID {
	id := schemas.NewTaskID()
	w.statuses[id] = &schemas.Status{Task: id.Bytes(), Plan: &schemas.TaskOpened{Total: 1 << 20}}
	return id
}

// send writes one to a phone.
func (w *world) send(l schemas.Lane, id schemas.TaskID, index uint32, phone string, at time.Time) {
	w.write(schemas.EncodeSend(l, &schemas.Send{Task: id.Bytes(), Index: index, Phone: phone, Sender: "1065"}), at)
}

// others writes sends to somebody else into the partition of maria.
func (w *world) others(l schemas.Lane, n int, at time.Time, every time.Duration) {
	p := stream.TopicPartition{Topic: l.Topic(), Partition: home(l.Topic(), []byte(maria))}
	rec := schemas.EncodeSend(l, &schemas.Send{Task: schemas.NewTaskID().Bytes(), Phone: "573109999999"})
	rec.Partition = p.Partition
	for i := range n {
		rec.Offset, rec.Time = int64(len(w.logs[p])), at.Add(time.Duration(i)*every)
		w.logs[p] = append(w.logs[p], rec)
	}
}

// mark writes the state of a recipient, in a page of its own.
func (w *world) mark(id schemas.TaskID, index uint32, state schemas.RecipientState) {
	marks := make([]byte, index%schemas.PageRecipients+1)
	marks[len(marks)-1] = byte(state)
	w.write(schemas.EncodePage(home(schemas.TopicResults, []byte(id.String())), &schemas.StatePage{Task: id.Bytes(), Number: index / schemas.PageRecipients, Marks: marks}), time.Now())
}

func (w *world) Range(ctx context.Context, p stream.TopicPartition, from, to int64, each func(stream.Record) error) error {
	from = max(from, w.starts[p])
	if p.Topic != schemas.TopicMarks {
		w.reads += to - from
		time.Sleep(w.each)
	}
	for _, rec := range w.logs[p][from:to] {
		if err := each(rec); err != nil {
			return err
		}
	}
	return context.Cause(ctx)
}

func (w *world) Starts(_ context.Context, t stream.Topic) (map[int32]int64, error) {
	starts := map[int32]int64{}
	for p, at := range w.starts {
		if p.Topic == t {
			starts[p.Partition] = at
		}
	}
	return starts, nil
}

func (w *world) Ends(_ context.Context, t stream.Topic) (map[int32]int64, error) {
	ends := map[int32]int64{}
	for p, log := range w.logs {
		if p.Topic == t {
			ends[p.Partition] = int64(len(log))
		}
	}
	return ends, nil
}

func (w *world) Status(_ context.Context, id schemas.TaskID) (*schemas.Status, error) {
	w.looks++
	return w.statuses[id], w.fails
}

var errLook = errors.New("nobody knows")

func (w *world) read(t *testing.T, phone string, more ...string) *history.Person {
	t.Helper()
	p, err := w.source().Read(t.Context(), query(t, phone, more...), w)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func (w *world) source() history.Source {
	return history.Source{Records: w, Home: home, Region: "CO"}
}
