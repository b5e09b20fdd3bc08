package retry_test

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"
	"testing"
	"time"

	"altavoz/producer/export"
	"altavoz/producer/retry"
	"altavoz/producer/upload"
	"altavoz/schemas"
	"altavoz/schemas/request"
	"altavoz/stream"
)

const (
	sender         = "1065"
	marksPartition = 2
)

// world is a Kafka in memory, and the view of its statuses.
type world struct {
	t        failer
	logs     map[stream.TopicPartition][]stream.Record
	reads    int
	statuses map[schemas.TaskID]*schemas.Status
	now      time.Time
}

type failer interface {
	Helper()
	Fatalf(format string, args ...any)
	Fatal(args ...any)
}

func newWorld(t failer) *world {
	return &world{t: t, logs: make(map[stream.TopicPartition][]stream.Record), statuses: make(map[schemas.TaskID]*schemas.Status), now: time.UnixMilli(1_800_000_000_000)}
}

func (w *world) Publish(_ context.Context, recs ...stream.Record) ([]stream.Record, error) {
	out := slices.Clone(recs)
	for i := range out {
		out[i].Partition = max(out[i].Partition, 0)
		at := stream.TopicPartition{Topic: out[i].Topic, Partition: out[i].Partition}
		out[i].Offset = int64(len(w.logs[at]))
		w.logs[at] = append(w.logs[at], out[i])
	}
	return out, nil
}

func (w *world) Record(_ context.Context, p stream.TopicPartition, offset int64) (stream.Record, error) {
	w.reads++
	if offset >= int64(len(w.logs[p])) {
		return stream.Record{}, fmt.Errorf("%s at %d: %w", p, offset, stream.ErrGone)
	}
	return w.logs[p][offset], nil
}

func (w *world) Records(ctx context.Context, p stream.TopicPartition, offsets []int64, each func(stream.Record) error) error {
	for _, o := range offsets {
		rec, err := w.Record(ctx, p, o)
		if err == nil {
			err = each(rec)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (w *world) Range(_ context.Context, p stream.TopicPartition, from, to int64, each func(stream.Record) error) error {
	for _, rec := range w.logs[p][min(from, int64(len(w.logs[p]))):min(to, int64(len(w.logs[p])))] {
		if err := each(rec); err != nil {
			return err
		}
	}
	return nil
}

func (w *world) Ends(_ context.Context, t stream.Topic) (map[int32]int64, error) {
	ends := make(map[int32]int64)
	for p, recs := range w.logs {
		if p.Topic == t {
			ends[p.Partition] = int64(len(recs))
		}
	}
	return ends, nil
}

func (w *world) source() export.Source {
	return export.Source{Records: w, Home: func(stream.Topic, []byte) int32 { return marksPartition }, Region: "CO"}
}

func (w *world) maker() retry.Maker {
	return retry.Maker{
		Tasks: w.source(),
		IDs: func(task schemas.TaskID, n uint32) (schemas.TaskID, []schemas.TaskID) {
			sum := sha256.Sum256(binary.BigEndian.AppendUint32(task.Bytes(), n))
			return schemas.TaskID(sum[:16]), nil
		},
		Status: func(_ context.Context, id schemas.TaskID) (*schemas.Status, error) { return w.statuses[id], nil },
	}
}

// accept writes a broadcast as the ingress does.
func (w *world) accept(b *schemas.Broadcast) schemas.TaskID {
	w.t.Helper()
	out, err := w.Publish(context.Background(), schemas.EncodeBroadcast(b))
	if err != nil {
		w.t.Fatal(err)
	}
	id := schemas.TaskID(b.GetTask())
	w.statuses[id] = &schemas.Status{Task: id.Bytes(), Version: 1, Plan: &schemas.TaskOpened{
		Total: b.GetTotal(), Sender: sender, Origin: &schemas.Origin{Offset: out[0].Offset}, AcceptedMs: b.GetAcceptedMs(), RetryOf: b.GetRetry().GetOf(),
	}}
	return id
}

// send accepts a broadcast to phones; with keyed its slices have no secret key.
func (w *world) send(phones []string, keyed bool) schemas.TaskID {
	w.t.Helper()
	id, up := schemas.NewTaskID(), upload.New(context.Background(), w)
	req := &request.Request{Content: &schemas.Content{Body: "hola"}, Total: uint32(len(phones)), Phones: phones}
	var b *schemas.Broadcast
	if len(phones) > schemas.InlineRecipients {
		req.Phones = nil
		for some := range slices.Chunk(phones, schemas.SliceRecipients) {
			if err := up.Slice(some, nil); err != nil {
				w.t.Fatal(err)
			}
		}
	}
	b, err := up.Broadcast(req, id, sender, w.now.Add(-26*time.Hour))
	if err != nil {
		w.t.Fatal(err)
	}
	if keyed {
		b.Slices.Proof, b.Slices.Task, b.Slices.Sender = nil, nil, ""
		for _, o := range b.GetSlices().Offsets() {
			w.logs[stream.TopicPartition{Topic: schemas.TopicBlobs}][o].Key = []byte(id.String())
		}
	}
	return w.accept(b)
}

// end gives each recipient of a task its state; the task ended so long ago.
func (w *world) end(id schemas.TaskID, phase schemas.Phase, ago time.Duration, states []schemas.RecipientState) {
	w.t.Helper()
	was := w.statuses[id]
	s := &schemas.Status{Task: id.Bytes(), Version: was.GetVersion() + 1, Plan: was.GetPlan(), Phase: phase, FinishedMs: w.now.Add(-ago).UnixMilli()}
	counts, marks := make(map[schemas.RecipientState]uint32), make([]byte, len(states))
	for i, state := range states {
		counts[state]++
		marks[i] = byte(state)
	}
	for state, n := range counts {
		s.Counts = append(s.Counts, &schemas.StateCount{Mark: uint32(state), Count: n})
	}
	for n := 0; n*schemas.PageRecipients < len(marks); n++ {
		rec := schemas.EncodePage(marksPartition, &schemas.StatePage{Task: id.Bytes(), Number: uint32(n), Marks: marks[n*schemas.PageRecipients : min((n+1)*schemas.PageRecipients, len(marks))]})
		if _, err := w.Publish(context.Background(), rec); err != nil {
			w.t.Fatal(err)
		}
	}
	w.statuses[id] = s
}

// ask makes a retry of a task, and accepts it unless it is there already.
func (w *world) ask(id schemas.TaskID, body string) (*retry.Made, error) {
	w.t.Helper()
	asked, err := retry.Read([]byte(body))
	if err != nil {
		return nil, err
	}
	if err := retry.Ended(w.statuses[id], asked, w.now); err != nil {
		return nil, err
	}
	up := upload.New(context.Background(), w)
	made, err := w.maker().Make(context.Background(), id, w.statuses[id], asked, up, 0, w.now)
	if err != nil || made.There {
		return made, err
	}
	b, err := up.Broadcast(made.Request, made.ID, sender, w.now)
	if err != nil {
		w.t.Fatal(err)
	}
	b.Retry = made.Retry
	w.accept(b)
	return made, nil
}

// list reads who a task is for.
func (w *world) list(id schemas.TaskID) (phones []string) {
	w.t.Helper()
	task, err := w.source().Open(context.Background(), id, w.statuses[id])
	if err != nil {
		w.t.Fatal(err)
	}
	everybody := func(uint32, uint32) bool { return true }
	if err := task.Slices(context.Background(), everybody, func(_ uint32, some *schemas.Slice) error {
		phones = append(phones, some.GetPhones()...)
		return nil
	}); err != nil {
		w.t.Fatal(err)
	}
	return phones
}

var _ failer = (*testing.T)(nil)
