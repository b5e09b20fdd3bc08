package fanout

import (
	"context"
	"slices"
	"testing"
	"time"

	"altavoz/processor/fanout/ledger"
	"altavoz/schemas"
)

// gate is a ledger whose commits wait to be let through. The broker would take any of them from a member that it knows.
type gate struct {
	begun   chan []schemas.Position
	through chan struct{}
}

func (g *gate) Fence() schemas.Fence { return schemas.Fence{} }

func (g *gate) Commit(_ context.Context, _ schemas.Fence, ps []schemas.Position) (map[schemas.Slot]error, error) {
	g.begun <- slices.Clone(ps)
	<-g.through
	return nil, nil //nolint:nilnil // nothing refused and no error
}

// silent is the ports of which nothing is expected.
type silent struct {
	Flow
	Statuses
}

func (silent) Resume(...schemas.Slot)                       {}
func (silent) Listen(func(schemas.TaskID, *schemas.Status)) {}

// asleep is the view of controls, as silent.
type asleep struct{ Controls }

func (asleep) Listen(func(schemas.TaskID, schemas.Controls)) {}

// What waits to be committed of a partition when it is lost is not committed: its next owner may have written since.
func TestLostIsNotCommitted(t *testing.T) {
	t.Parallel()
	g := &gate{begun: make(chan []schemas.Position, 8), through: make(chan struct{}, 8)}
	st := New(Config{}, Ports{Ledger: g, Flow: silent{}, Statuses: silent{}, Controls: asleep{}})
	own := func(partition int32) *slot {
		s := newSlot(st, schemas.Position{Slot: schemas.Slot{Topic: schemas.TopicBroadcasts, Partition: partition}}, ledger.Ledger{})
		close(s.over) // it does nothing of its own
		st.live[s.of] = s
		return s
	}
	kept, lost := own(0), own(1)
	st.Start()
	st.commit(kept, schemas.Position{Slot: kept.of, Offset: 1})
	<-g.begun
	st.commit(lost, schemas.Position{Slot: lost.of, Offset: 1}) // waits for the one under way
	given := make(chan struct{})
	go func() {
		st.Lost([]schemas.Slot{lost.of})
		close(given)
	}()
	for owns(st, lost) {
	}
	select {
	case <-given:
		t.Error("given up with a commit under way")
	default:
	}
	g.through <- struct{}{}
	<-given
	st.commit(lost, schemas.Position{Slot: lost.of, Offset: 2})
	st.commit(kept, schemas.Position{Slot: kept.of, Offset: 2})
	g.through <- struct{}{}
	for _, pos := range <-g.begun {
		if pos.Slot == lost.of {
			t.Errorf("committed %v of a partition that was lost", pos)
		}
	}
	close(g.through)
	if err := st.Stop(t.Context()); err != nil {
		t.Error(err)
	}
}

func owns(st *Stage, s *slot) bool {
	st.mu.Lock()
	defer st.mu.Unlock()
	return st.live[s.of] == s
}

// A slot whose last commit got no answer waits to be taken away. One that had something to commit looked for it again and
// again, without a pause: a core was busy until then (simulation, seed 23).
func TestDeadSlotSleeps(t *testing.T) {
	t.Parallel()
	s := &slot{synced: true, dirty: true, lazyAt: time.Now().Add(-time.Second)}
	if s.wake().IsZero() {
		t.Fatal("a ledger that is due wakes nobody")
	}
	s.dead = true
	if at := s.wake(); !at.IsZero() {
		t.Errorf("a dead slot wakes at %v", at)
	}
}
