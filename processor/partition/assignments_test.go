package partition_test

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"altavoz/processor/partition"
	"altavoz/schemas"
	"altavoz/stream"
)

// gate is a ledger whose commits wait to be let through. The broker would take any of them from a member that it knows.
type gate struct {
	begun   chan []stream.Position
	through chan error
	refused map[stream.TopicPartition]error
}

func (g *gate) Generation() stream.Generation { return stream.Generation{} }

func (g *gate) Commit(ctx context.Context, _ stream.Generation, ps []stream.Position) (map[stream.TopicPartition]error, error) {
	g.begun <- slices.Clone(ps)
	select {
	case err := <-g.through:
		return g.refused, err
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// flow notes what was stopped and restarted.
type flow struct {
	mu     sync.Mutex
	events []string
}

func (f *flow) Pause(of ...stream.TopicPartition)  { f.note("pause", of) }
func (f *flow) Resume(of ...stream.TopicPartition) { f.note("resume", of) }

func (f *flow) note(what string, of []stream.TopicPartition) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, s := range of {
		f.events = append(f.events, what+" "+s.String())
	}
}

// worker does nothing of its own.
type worker struct {
	taken   int
	drains  bool // it ends when told to drain
	once    sync.Once
	over    chan struct{}
	answers chan partition.CommitResult
}

func newWorker() *worker {
	return &worker{over: make(chan struct{}), answers: make(chan partition.CommitResult, 8)}
}

func (s *worker) Process(recs []stream.Record)       { s.taken += len(recs) }
func (s *worker) Stop()                              { s.once.Do(func() { close(s.over) }) }
func (s *worker) Over() <-chan struct{}              { return s.over }
func (s *worker) Committed(a partition.CommitResult) { s.answers <- a }

func (s *worker) Drain() {
	if s.drains {
		s.Stop()
	}
}

func at(partition int32) stream.TopicPartition {
	return stream.TopicPartition{Topic: schemas.TopicBroadcasts, Partition: partition}
}

type stage struct {
	*partition.Assignments[*worker]
	gate *gate
	flow *flow
}

func setup(t *testing.T) *stage {
	t.Helper()
	h := &stage{gate: &gate{begun: make(chan []stream.Position), through: make(chan error)}, flow: &flow{}}
	h.Assignments = partition.New[*worker](h.gate, h.flow, slog.New(slog.DiscardHandler))
	h.Start()
	t.Cleanup(func() {
		if err := h.Stop(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	return h
}

// put adds a partition.
func (h *stage) put(partition int32) *worker {
	s := newWorker()
	h.Put(at(partition), s)
	return s
}

// committed expects the next request to hold these offsets, by partition.
func (h *stage) committed(t *testing.T, want map[int32]int64) {
	t.Helper()
	got := make(map[int32]int64)
	for _, pos := range <-h.gate.begun {
		got[pos.Partition.Partition] = pos.Offset
	}
	if len(got) != len(want) {
		t.Errorf("committed %v, not %v", got, want)
	}
	for partition, offset := range want {
		if got[partition] != offset {
			t.Errorf("committed %v, not %v", got, want)
		}
	}
}

// What waits to be committed of a partition when it is lost is not committed: its next owner may have written since. And
// it is not given up while a commit is under way.
func TestLostPartitionIsNotCommitted(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := setup(t)
		kept, lost := h.put(0), h.put(1)
		h.Commit(kept, stream.Position{Partition: at(0), Offset: 1})
		h.committed(t, map[int32]int64{0: 1})
		h.Commit(lost, stream.Position{Partition: at(1), Offset: 1}) // waits for the one under way
		given := false
		go func() {
			h.OnLost([]stream.TopicPartition{at(1)})
			given = true
		}()
		synctest.Wait()
		if given {
			t.Error("given up with a commit under way")
		}
		again := h.put(1) // it comes back
		h.gate.through <- nil
		synctest.Wait()
		if !given {
			t.Error("not given up once the commit was over")
		}
		h.Commit(lost, stream.Position{Partition: at(1), Offset: 2})
		h.Commit(kept, stream.Position{Partition: at(0), Offset: 2})
		h.committed(t, map[int32]int64{0: 2})
		h.Commit(again, stream.Position{Partition: at(1), Offset: 1})
		h.gate.through <- nil
		h.committed(t, map[int32]int64{1: 1})
		h.gate.through <- nil
	})
}

// Two give a partition up at once: neither returns while a commit of it is under way.
func TestSecondLossWaitsForTheFirst(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := setup(t)
		h.Commit(h.put(0), stream.Position{Partition: at(0), Offset: 1})
		h.committed(t, map[int32]int64{0: 1})
		var given sync.WaitGroup
		var early atomic.Int32
		for range 2 {
			given.Go(func() {
				h.OnLost([]stream.TopicPartition{at(0)})
				early.Add(1)
			})
		}
		synctest.Wait()
		if early.Load() > 0 {
			t.Error("given up with a commit under way")
		}
		h.gate.through <- nil
		given.Wait()
	})
}

// What is asked for while a commit is under way goes with the next, the last position of each partition; each is told how it ended.
func TestPositionsGatherWhileACommitIsUnderWay(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := setup(t)
		a, b := h.put(0), h.put(1)
		no, nobody := errors.New("no"), errors.New("nobody knows")
		h.Commit(a, stream.Position{Partition: at(0), Offset: 1})
		h.committed(t, map[int32]int64{0: 1})
		for offset := range int64(5) {
			h.Commit(a, stream.Position{Partition: at(0), Offset: offset})
			h.Commit(b, stream.Position{Partition: at(1), Offset: 10 + offset})
		}
		began := time.Now()
		time.Sleep(time.Second)
		h.gate.through <- nil
		if got := <-a.answers; got.Position.Offset != 1 || !got.Asked.Equal(began) || got.Refused != nil || got.Unknown != nil {
			t.Errorf("got %+v, want Asked %v", got, began)
		}
		h.committed(t, map[int32]int64{0: 4, 1: 14})
		h.gate.refused = map[stream.TopicPartition]error{at(1): no}
		h.gate.through <- nil
		if got := <-a.answers; got.Refused != nil || got.Unknown != nil {
			t.Errorf("got %+v, want it committed", got)
		}
		if got := <-b.answers; !errors.Is(got.Refused, no) || got.Unknown != nil {
			t.Errorf("got %+v, want it refused with %v", got, no)
		}
		h.Commit(b, stream.Position{Partition: at(1), Offset: 15})
		h.committed(t, map[int32]int64{1: 15})
		h.gate.refused = nil
		h.gate.through <- nobody
		if got := <-b.answers; !errors.Is(got.Unknown, nobody) {
			t.Errorf("got %+v, want it unknown with %v", got, nobody)
		}
	})
}

// A partition that does not drain in time is given up all the same, and its reading goes on for whoever is next.
func TestPartitionThatDoesNotDrainInTimeIsGivenUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := setup(t)
		quick, slow := h.put(0), h.put(1)
		quick.drains = true
		h.Process(at(0), make([]stream.Record, 3))
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		began := time.Now()
		h.OnRevoked(ctx, []stream.TopicPartition{at(0), at(7)}) // one of them is not here
		if took := time.Since(began); took != 0 {
			t.Errorf("giving up what had drained took %s, want 0", took)
		}
		h.Process(at(0), make([]stream.Record, 3))
		h.OnRevoked(ctx, []stream.TopicPartition{at(1)})
		if took := time.Since(began); took != time.Minute {
			t.Errorf("giving up what does not drain took %s, want %v", took, time.Minute)
		}
		select {
		case <-slow.over:
		default:
			t.Error("it goes on")
		}
		if h.Len() != 0 || quick.taken != 3 {
			t.Errorf("%d partitions are left, and %d records were taken; want 0, 3", h.Len(), quick.taken)
		}
		if want := []string{"resume broadcasts/0", "resume broadcasts/1"}; !slices.Equal(h.flow.events, want) {
			t.Errorf("%q, not %q", h.flow.events, want)
		}
	})
}

func TestBackpressurePausesOnceAndResumesOnce(t *testing.T) {
	t.Parallel()
	f := &flow{}
	pressure := partition.NewBackpressure(f, at(0))
	for _, want := range []bool{false, true, true, false, true} {
		pressure.Update(func(bool) bool { return want })
	}
	pressure.Update(func(paused bool) bool { return !paused })
	if want := []string{"pause broadcasts/0", "resume broadcasts/0", "pause broadcasts/0", "resume broadcasts/0"}; !slices.Equal(f.events, want) {
		t.Errorf("got %q, want %v", f.events, want)
	}
}
