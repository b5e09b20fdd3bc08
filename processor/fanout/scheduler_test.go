package fanout

import (
	"fmt"
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"
)

var epoch = time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)

// model is a queue whose turns end at once, or when the test says so.
type model struct {
	q      *queue
	now    time.Time
	served map[*entry]uint32
}

func newModel(rate, seconds float64) *model {
	m := &model{q: newQueue(), now: epoch, served: make(map[*entry]uint32)}
	m.q.resize(rate, seconds)
	return m
}

func (m *model) add(total uint32, change ...func(*entry)) *entry {
	e := &entry{total: total}
	for _, f := range change {
		f(e)
	}
	m.q.add(e)
	m.q.unblock(e)
	return e
}

// step takes one turn and ends it, and says whose it was.
func (m *model) step() (*entry, uint32) {
	e := m.q.peek(m.now)
	if e == nil {
		return nil, 0
	}
	n := m.q.take(e, math.MaxUint32)
	m.served[e] += n
	m.q.unblock(e)
	return e, n
}

// decide lets n recipients of the pipe come to an outcome, of whoever has some.
func (m *model) decide(n int) {
	for e := range m.served {
		k := uint32(min(n, e.inPipe()))
		m.q.move(e, e.end, e.decided+k)
		n -= int(k)
	}
}

// Of tasks that always have something to take, none is ever more than one turn ahead of another.
func TestEqualTasksDifferByAtMostOneTurn(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		m := newModel(rapid.Float64Range(1, 100_000).Draw(t, "rate"), 2)
		var all []*entry
		for range rapid.IntRange(2, 40).Draw(t, "tasks") {
			all = append(all, m.add(10_000_000))
		}
		for range rapid.IntRange(1, 400).Draw(t, "turns") {
			if e, _ := m.step(); e == nil {
				m.decide(rapid.IntRange(1, m.q.window).Draw(t, "decided"))
			}
			low, high := uint32(math.MaxUint32), uint32(0)
			for _, e := range all {
				low, high = min(low, m.served[e]), max(high, m.served[e])
			}
			if int(high-low) > m.q.turn {
				t.Fatalf("one task is %d recipients ahead of another; a turn is %d", high-low, m.q.turn)
			}
		}
	})
}

// Whatever happens to a queue, the pipe is what it says, never more than the window, and a turn is taken whenever there
// is room and somebody who may take it.
func TestWindowIsNeverExceededAndNeverIdle(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		m := newModel(rapid.Float64Range(0, 2000).Draw(t, "rate"), rapid.SampledFrom([]float64{expressSeconds, bulkSeconds}).Draw(t, "seconds"))
		var all []*entry
		for i := range rapid.IntRange(1, 200).Draw(t, "events") {
			what := rapid.IntRange(0, 9).Draw(t, "what")
			switch {
			case what < 2 || len(all) == 0:
				all = append(all, m.add(rapid.Uint32Range(1, 3000).Draw(t, "total"), func(e *entry) {
					e.speed = float64(rapid.IntRange(0, 50).Draw(t, "speed"))
					e.notBefore = epoch.Add(time.Duration(rapid.IntRange(0, 60).Draw(t, "schedule")) * time.Second)
					if rapid.Bool().Draw(t, "expires") {
						e.deadline = epoch.Add(time.Duration(rapid.IntRange(1, 90).Draw(t, "deadline")) * time.Second)
					}
				}))
			case what < 6:
				if e, n := m.step(); e == nil {
					idle(t, m, all)
				} else if !e.deadline.IsZero() && !m.now.Before(e.deadline) || m.now.Before(e.notBefore) || n == 0 {
					t.Fatalf("event %d: a turn of %d at %s outside %s to %s", i, n, m.now, e.notBefore, e.deadline)
				}
			case what < 8:
				m.decide(rapid.IntRange(1, 500).Draw(t, "decided"))
			case what < 9:
				m.now = m.now.Add(time.Duration(rapid.IntRange(1, 20_000).Draw(t, "ms")) * time.Millisecond)
			default:
				gone := rapid.IntRange(0, len(all)-1).Draw(t, "gone")
				m.q.remove(all[gone])
				delete(m.served, all[gone])
				all = append(all[:gone], all[gone+1:]...)
			}
			sum := 0
			for _, e := range all {
				sum += e.inPipe()
			}
			if sum != m.q.pipe || m.q.pipe > m.q.window {
				t.Fatalf("event %d: %d in the pipe, the queue says %d of %d", i, sum, m.q.pipe, m.q.window)
			}
		}
	})
}

// idle checks that nobody could have taken the turn that was not taken, and that the queue knows when somebody can.
func idle(t *rapid.T, m *model, all []*entry) {
	if m.q.pipe >= m.q.window {
		return
	}
	for _, e := range all {
		open := e.end < e.total && (e.deadline.IsZero() || m.now.Before(e.deadline))
		if open && !m.now.Before(e.notBefore) && e.speed == 0 {
			t.Fatalf("nobody takes a turn though one may: %+v", e)
		}
		comes := open && e.deadline.IsZero() // else it may be that its time is over before
		if wake := m.q.wake(); comes && (wake.IsZero() || e.at[1] == 0) {
			t.Fatalf("nobody comes back to %+v", e)
		}
	}
}

// Three recipients that come while a million, or a hundred times a million, are under way wait for one turn of each at most.
func TestSmallTaskIsNotStarvedByAMillion(t *testing.T) {
	t.Parallel()
	for _, large := range []int{1, 16, 100} {
		t.Run(fmt.Sprint(large), func(t *testing.T) {
			t.Parallel()
			m := newModel(1000, bulkSeconds)
			for range large {
				m.add(1_000_000)
			}
			for range 500 {
				if e, _ := m.step(); e == nil {
					m.decide(m.q.window)
				}
			}
			small := m.add(3)
			for waited := 0; ; {
				e, n := m.step()
				switch e {
				case small:
					return
				case nil:
					m.decide(100)
				default:
					if waited += int(n); waited > large*m.q.turn {
						t.Fatalf("%d recipients went before three, with %d tasks of turns of %d", waited, large, m.q.turn)
					}
				}
			}
		})
	}
}

// A task that was away, for a lack of anything to take, does not catch up on what it missed.
func TestAbsentTaskDoesNotSaveUp(t *testing.T) {
	t.Parallel()
	m := newModel(1000, bulkSeconds)
	away, busy := m.add(1_000_000), m.add(1_000_000)
	m.q.block(away)
	for range 200 {
		if e, _ := m.step(); e == nil {
			m.decide(m.q.window)
		}
	}
	m.q.unblock(away)
	before := m.served[busy]
	for range 200 {
		if e, _ := m.step(); e == nil {
			m.decide(m.q.window)
		}
	}
	// Two turns: the other one's tag may be a turn ahead of the virtual time at which this one comes in.
	if got, turn := m.served[away], uint32(m.q.turn); got > m.served[busy]-before+2*turn {
		t.Errorf("the task that came back got %d, the other one %d", got, m.served[busy]-before)
	}
}

func TestSpeedBoundsATaskAndLeavesOthersAlone(t *testing.T) {
	t.Parallel()
	for _, speed := range []float64{1, 3, 10, 100, 900} {
		t.Run(fmt.Sprint(speed), func(t *testing.T) {
			t.Parallel()
			m := newModel(100_000, bulkSeconds)
			slow := m.add(1_000_000, func(e *entry) { e.speed = speed })
			const seconds = 60
			for m.now.Before(epoch.Add(seconds * time.Second)) {
				for e, _ := m.step(); e != nil; e, _ = m.step() {
				}
				m.decide(m.q.window)
				if got, most := float64(m.served[slow]), max(1, speed)+speed*m.now.Sub(epoch).Seconds(); got > most+1 {
					t.Fatalf("%v recipients after %s at %v a second", got, m.now.Sub(epoch), speed)
				}
				if m.now = m.q.wake(); m.now.IsZero() {
					t.Fatal("the queue does not come back to a task with a speed")
				}
			}
			if got := float64(m.served[slow]); got < speed*seconds*0.95 {
				t.Errorf("%v recipients in a minute at %v a second", got, speed)
			}
		})
	}
}

func TestWindowAndTurnSizes(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		rate, seconds float64
		window, turn  int
	}{
		{1, bulkSeconds, 64, 50},
		{80, expressSeconds, 80, 50},
		{80, bulkSeconds, 160, 50},
		{1000, bulkSeconds, 2000, 125},
		{startRate, bulkSeconds, 8192, 512},
		{1e6, bulkSeconds, 131_072, 1000},
	} {
		q := newQueue()
		q.resize(tt.rate, tt.seconds)
		if q.window != tt.window || q.turn != tt.turn {
			t.Errorf("rate %v: window %d and turn %d, want %d and %d", tt.rate, q.window, q.turn, tt.window, tt.turn)
		}
	}
}

func TestMeterBelievesALowSampleOnlyOfAFullPipe(t *testing.T) {
	t.Parallel()
	m := meter{rate: 1000}
	at := epoch
	sample := func(n int, limited bool) float64 {
		m.add(at, n, limited)
		at = at.Add(time.Second)
		m.add(at, 0, limited)
		return m.rate
	}
	if got := sample(3, false); got != 1000 {
		t.Errorf("a quiet second changed the rate to %v", got)
	}
	if got := sample(3000, false); got != 2000 {
		t.Errorf("a fast second gave %v", got)
	}
	if got := sample(500, true); got != 1250 {
		t.Errorf("a slow second with a full pipe gave %v", got)
	}
}
