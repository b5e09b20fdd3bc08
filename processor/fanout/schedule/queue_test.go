package schedule

import (
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"altavoz/schemas"

	"pgregory.net/rapid"
)

var epoch = time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)

// model is a queue whose turns end at once, or when the test says so.
type model struct {
	q      *Queue[int]
	now    time.Time
	served map[*Entry[int]]uint32
	hours  map[*Entry[int]]hours
	paused map[*Entry[int]]bool
}

// hours are when a task may take turns: [from, to), the same span of each minute if it has one.
type hours struct {
	from, to time.Duration
	end      time.Time // zero: none
}

// open returns whether turns may be taken, and until when that holds.
func (h hours) open(now time.Time) (ok bool, until time.Time) {
	if !h.end.IsZero() && !now.Before(h.end) {
		return false, time.Time{}
	}
	ok, until = true, h.end
	if h.to > 0 {
		minute := now.Truncate(time.Minute)
		next := minute.Add(time.Minute + h.from)
		switch at := now.Sub(minute); {
		case at < h.from:
			ok, next = false, minute.Add(h.from)
		case at < h.to:
			next = minute.Add(h.to)
		default:
			ok = false
		}
		if until.IsZero() || next.Before(until) {
			until = next
		}
	}
	return ok, until
}

func newModel(rate float64, lane schemas.Lane) *model {
	m := &model{
		q: NewQueue[int](lane), now: epoch, served: make(map[*Entry[int]]uint32), hours: make(map[*Entry[int]]hours), paused: make(map[*Entry[int]]bool),
	}
	m.q.Resize(rate)
	return m
}

func (m *model) add(total uint32, change ...func(*Entry[int])) *Entry[int] {
	e := &Entry[int]{Total: total}
	for _, f := range change {
		f(e)
	}
	m.q.Add(e)
	m.look(e)
	return e
}

// look is what the owner of a task does when its time has come.
func (m *model) look(e *Entry[int]) {
	ok, until := m.hours[e].open(m.now)
	m.q.EvaluateAt(e, until)
	if ok && !m.paused[e] {
		m.q.Unblock(e, false)
	} else {
		m.q.Block(e)
	}
}

// step takes one turn and ends it, and says whose it was.
func (m *model) step() (*Entry[int], uint32) {
	for e := m.q.NextDue(m.now); e != nil; e = m.q.NextDue(m.now) {
		m.look(e)
	}
	e := m.q.Peek(m.now)
	if e == nil {
		return nil, 0
	}
	n := m.q.Take(e, math.MaxUint32)
	m.served[e] += n
	m.q.Unblock(e, false)
	return e, n
}

// decide lets n recipients of the pipe come to an outcome, of whoever has some.
func (m *model) decide(n int) {
	for e := range m.served {
		k := uint32(min(n, e.InFlight()))
		m.q.Move(e, e.End, e.Decided+k)
		n -= int(k)
	}
}

// Of tasks that always have something to take, none is ever more than one turn ahead of another.
func TestEqualTasksDifferByAtMostOneTurn(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		m := newModel(rapid.Float64Range(1, 100_000).Draw(t, "rate"), schemas.LaneBulk)
		var all []*Entry[int]
		for range rapid.IntRange(2, 40).Draw(t, "tasks") {
			all = append(all, m.add(10_000_000))
		}
		for range rapid.IntRange(1, 400).Draw(t, "turns") {
			if e, _ := m.step(); e == nil {
				m.decide(rapid.IntRange(1, m.q.Window).Draw(t, "decided"))
			}
			low, high := uint32(math.MaxUint32), uint32(0)
			for _, e := range all {
				low, high = min(low, m.served[e]), max(high, m.served[e])
			}
			if int(high-low) > m.q.quantum() {
				t.Fatalf("one task is %d recipients ahead of another; a turn is %d; want at least %v", high-low, m.q.quantum(), int(high-low))
			}
		}
	})
}

// Whatever happens to a queue, the pipe is what it says, never more than the window, nobody takes a turn while paused or
// outside its hours, and a turn is taken whenever there is room and somebody who may take it.
func TestWindowIsNeverExceededAndNeverIdle(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		m := newModel(rapid.Float64Range(0, 2000).Draw(t, "rate"), rapid.SampledFrom([]schemas.Lane{schemas.LaneExpress, schemas.LaneBulk}).Draw(t, "lane"))
		var all []*Entry[int]
		one := func() *Entry[int] { return rapid.SampledFrom(all).Draw(t, "one") }
		for i := range rapid.IntRange(1, 200).Draw(t, "events") {
			what := rapid.IntRange(0, 12).Draw(t, "what")
			switch {
			case what < 2 || len(all) == 0:
				all = append(all, m.add(rapid.Uint32Range(1, 3000).Draw(t, "total"), func(e *Entry[int]) {
					e.Speed, e.Direct = float64(rapid.IntRange(0, 50).Draw(t, "speed")), rapid.Bool().Draw(t, "direct")
					m.hours[e] = anyHours(t)
				}))
			case what < 6:
				e, n := m.step()
				if e == nil {
					idle(t, m, all)
				} else if ok, _ := m.hours[e].open(m.now); !ok || n == 0 || m.paused[e] {
					t.Fatalf("event %d: a turn of %d at %s outside of %+v, paused %t; want other than 0", i, n, m.now, m.hours[e], m.paused[e])
				}
			case what < 8:
				m.decide(rapid.IntRange(1, 500).Draw(t, "decided"))
			case what < 9:
				m.now = m.now.Add(time.Duration(rapid.IntRange(1, 20_000).Draw(t, "ms")) * time.Millisecond)
			case what < 10:
				m.q.SetSpeed(one(), float64(rapid.IntRange(0, 50).Draw(t, "new speed")), m.now)
			case what < 12:
				e := one()
				m.paused[e] = !m.paused[e]
				m.look(e)
			default:
				e := one()
				m.q.Remove(e)
				delete(m.served, e)
				all = slices.DeleteFunc(all, func(x *Entry[int]) bool { return x == e })
			}
			sum, of := 0, map[bool]int{}
			for _, e := range all {
				sum += e.InFlight()
				of[e.Direct] += e.InFlight()
			}
			if most := m.q.Window + m.q.Window/extraShare; sum != m.q.InFlight() || sum > most || max(of[true], of[false]) > m.q.Window {
				t.Fatalf("event %d: %d in the pipe, the queue says %d; want at most %d, and of each kind %d: %v", i, sum, m.q.InFlight(), most, m.q.Window, of)
			}
		}
	})
}

func anyHours(t *rapid.T) (h hours) {
	if rapid.Bool().Draw(t, "ends") {
		h.end = epoch.Add(time.Duration(rapid.IntRange(1, 90).Draw(t, "end")) * time.Second)
	}
	if rapid.Bool().Draw(t, "has hours") {
		h.from = time.Duration(rapid.IntRange(0, 58).Draw(t, "from")) * time.Second
		h.to = time.Duration(rapid.IntRange(int(h.from/time.Second)+1, 60).Draw(t, "to")) * time.Second
	}
	return h
}

// idle checks that nobody could have taken the turn that was not taken, and that the queue knows when somebody can.
func idle(t *rapid.T, m *model, all []*Entry[int]) {
	for _, e := range all {
		if !m.q.hasRoom(e) {
			return // whoever may take a turn waits for it to come: the pipe is as good as full
		}
	}
	for _, e := range all {
		ok, until := m.hours[e].open(m.now)
		if m.paused[e] || e.End == e.Total || !ok && until.IsZero() {
			continue
		}
		if ok && e.Speed == 0 {
			t.Fatalf("nobody takes a turn though one may: %+v", e)
		}
		if wake := m.q.Wake(); wake.IsZero() || ok && e.at[1] == 0 || !ok && wake.After(until) {
			t.Fatalf("nobody comes back to %+v", e)
		}
	}
}

// A task that nobody has looked at at its time takes no turn, whoever asks.
func TestNobodyTakesATurnBeforeBeingLookedAt(t *testing.T) {
	t.Parallel()
	m := newModel(1000, schemas.LaneBulk)
	e := m.add(10_000)
	m.q.EvaluateAt(e, epoch.Add(time.Second))
	if got := m.q.Peek(epoch); got != e {
		t.Errorf("no turn before the time: %+v, want %v", got, e)
	}
	if got := m.q.Peek(epoch.Add(time.Second)); got != nil {
		t.Errorf("a turn at the time: %+v", got)
	}
	if got := m.q.NextDue(epoch.Add(time.Second)); got != e {
		t.Errorf("nobody is told to look: %+v, want %v", got, e)
	}
}

// Three recipients that come while a million, or a hundred times a million, are under way wait for one turn of each at most.
func TestSmallTaskIsNotStarvedByAMillion(t *testing.T) {
	t.Parallel()
	for _, large := range []int{1, 16, 100} {
		t.Run(fmt.Sprint(large), func(t *testing.T) {
			t.Parallel()
			m := newModel(1000, schemas.LaneBulk)
			for range large {
				m.add(1_000_000)
			}
			for range 500 {
				if e, _ := m.step(); e == nil {
					m.decide(m.q.Window)
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
					if waited += int(n); waited > large*m.q.quantum() {
						t.Fatalf("%d recipients went before three, with %d tasks of turns of %d; want at most %v", waited, large, m.q.quantum(), large*m.q.quantum())
					}
				}
			}
		})
	}
}

// A task that was away, for a lack of anything to take, does not catch up on what it missed.
func TestAbsentTaskDoesNotSaveUp(t *testing.T) {
	t.Parallel()
	m := newModel(1000, schemas.LaneBulk)
	away, busy := m.add(1_000_000), m.add(1_000_000)
	m.q.Block(away)
	for range 200 {
		if e, _ := m.step(); e == nil {
			m.decide(m.q.Window)
		}
	}
	m.q.Unblock(away, false)
	before := m.served[busy]
	for range 200 {
		if e, _ := m.step(); e == nil {
			m.decide(m.q.Window)
		}
	}
	// Two turns: the other one's tag may be a turn ahead of the virtual time at which this one comes in.
	if got, turn := m.served[away], uint32(m.q.quantum()); got > m.served[busy]-before+2*turn {
		t.Errorf("the task that came back got %d, the other one %d; want at most %v", got, m.served[busy]-before, m.served[busy]-before+2*turn)
	}
}

func TestSpeedBoundsATaskAndLeavesOthersAlone(t *testing.T) {
	t.Parallel()
	for _, speed := range []float64{1, 3, 10, 100, 900} {
		t.Run(fmt.Sprint(speed), func(t *testing.T) {
			t.Parallel()
			m := newModel(100_000, schemas.LaneBulk)
			slow := m.add(1_000_000, func(e *Entry[int]) { e.Speed = speed })
			const seconds = 60
			for m.now.Before(epoch.Add(seconds * time.Second)) {
				for e, _ := m.step(); e != nil; e, _ = m.step() {
				}
				m.decide(m.q.Window)
				if got, most := float64(m.served[slow]), max(1, speed)+speed*m.now.Sub(epoch).Seconds(); got > most+1 {
					t.Fatalf("%v recipients after %s at %v a second; want at most %v", got, m.now.Sub(epoch), speed, most+1)
				}
				if m.now = m.q.Wake(); m.now.IsZero() {
					t.Fatal("the queue does not come back to a task with a speed")
				}
			}
			if got := float64(m.served[slow]); got < speed*seconds*0.95 {
				t.Errorf("%v recipients in a minute at %v a second; want at least %v", got, speed, speed*seconds*0.95)
			}
		})
	}
}

// Whatever speeds a task is given, none of them lets it have more than a second of itself at once and then so many a second.
func TestSpeedThatIsChangedHoldsFromThenOn(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		m := newModel(100_000, schemas.LaneBulk)
		e := m.add(10_000_000, func(e *Entry[int]) { e.Speed = 10 })
		for range rapid.IntRange(1, 20).Draw(t, "changes") {
			speed := float64(rapid.IntRange(1, 2000).Draw(t, "speed"))
			m.q.SetSpeed(e, speed, m.now)
			since, before := m.now, m.served[e]
			for end := m.now.Add(time.Duration(rapid.IntRange(0, 5000).Draw(t, "ms")) * time.Millisecond); ; {
				for x, _ := m.step(); x != nil; x, _ = m.step() {
				}
				m.decide(m.q.Window)
				took := m.now.Sub(since).Seconds()
				if got, most := float64(m.served[e]-before), speed+speed*took; got > most+1 {
					t.Fatalf("%v recipients in %v s at %v a second; want at most %v", got, took, speed, most+1)
				}
				if took > 1 && float64(m.served[e]-before) < speed*(took-1)-1 {
					t.Fatalf("only %d recipients in %v s at %v a second", m.served[e]-before, took, speed)
				}
				if m.now = m.q.Wake(); m.now.IsZero() || m.now.After(end) {
					m.now = end
					break
				}
			}
		}
		m.q.SetSpeed(e, 0, m.now)
		if x, n := m.step(); x != e || int(n) != m.q.quantum() {
			t.Fatalf("without a speed a turn is %d, not %d", n, m.q.quantum())
		}
	})
}

func TestWindowAndTurnSizes(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		rate   float64
		lane   schemas.Lane
		window int
		turns  [3]int // of one task, of two, and of many
	}{
		{1, schemas.LaneBulk, 64, [3]int{50, 50, 50}},
		{80, schemas.LaneExpress, 80, [3]int{50, 50, 50}},
		{80, schemas.LaneBulk, 320, [3]int{106, 53, 50}},
		{1000, schemas.LaneExpress, 1000, [3]int{62, 62, 62}},
		{1000, schemas.LaneBulk, 4000, [3]int{1000, 666, 250}},
		{StartRate, schemas.LaneBulk, 16_384, [3]int{1000, 1000, 1000}},
		{1e6, schemas.LaneBulk, 131_072, [3]int{1000, 1000, 1000}},
	} {
		m := newModel(tt.rate, tt.lane)
		for i, tasks := range []int{1, 2, 20} {
			for m.q.Size() < tasks {
				m.add(1_000_000)
			}
			if m.q.Window != tt.window || m.q.quantum() != tt.turns[i] {
				t.Errorf("%s at %v, %d tasks: window %d and turn %d, want %d and %d", tt.lane, tt.rate, tasks, m.q.Window, m.q.quantum(), tt.window, tt.turns[i])
			}
		}
	}
}

// A bulk task takes no turn before it is worth what one costs: a third of the window for a task alone, the last of a task whatever it is.
func TestBulkTurnsAreWorthTheirCost(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		m := newModel(rapid.Float64Range(1, 20_000).Draw(t, "rate"), schemas.LaneBulk)
		for range rapid.IntRange(1, 40).Draw(t, "tasks") {
			m.add(rapid.Uint32Range(101, 30_000).Draw(t, "total"))
		}
		for range rapid.IntRange(1, 400).Draw(t, "turns") {
			e, n := m.step()
			if e == nil {
				m.decide(rapid.IntRange(1, m.q.Window).Draw(t, "decided"))
				continue
			}
			if least := min(m.q.quantum(), m.q.Window/quantaOfOne); int(n) < least && e.End < e.Total {
				t.Fatalf("a turn of %d with a window of %d and %d left; want at least %d", n, m.q.Window, e.Total-e.End, least)
			}
		}
	})
}

func TestMeterBelievesALowSampleOnlyOfAFullPipe(t *testing.T) {
	t.Parallel()
	m := Meter{Rate: 1000}
	at := epoch
	sample := func(n int, limited bool) float64 {
		m.Add(at, n, limited)
		at = at.Add(time.Second)
		m.Add(at, 0, limited)
		return m.Rate
	}
	if got := sample(3, false); got != 1000 {
		t.Errorf("a quiet second changed the rate to %v, want 1000", got)
	}
	if got := sample(3000, false); got != 2000 {
		t.Errorf("a fast second gave %v, want 2000", got)
	}
	if got := sample(500, true); got != 1250 {
		t.Errorf("a slow second with a full pipe gave %v, want 1250", got)
	}
}

// A direct broadcast to three waits for none of ten thousand small ones that came before it, and is not parted; and however
// many direct ones come, every eighth turn is left to the small ones.
func TestDirectGoesThoughSmallOnesFillTheWindow(t *testing.T) {
	t.Parallel()
	m := newModel(80, schemas.LaneExpress)
	for range 10_000 {
		m.add(20)
	}
	for e, _ := m.step(); e != nil; e, _ = m.step() {
	}
	served := 0
	for {
		one := m.add(3, func(e *Entry[int]) { e.Direct = true })
		if e, n := m.step(); e == nil {
			break
		} else if e != one || n != 3 {
			t.Fatalf("%d of %+v take the turn; want all three of the direct one", n, e)
		}
		served++
	}
	if want := m.q.Window / extraShare / 3; served != want {
		t.Errorf("%d direct ones to three fit beside a full window; want %d", served, want)
	}
}

func TestDirectGoesBeforeThousandsOfSmall(t *testing.T) {
	t.Parallel()
	m := newModel(80, schemas.LaneExpress)
	for range 10_000 {
		m.add(20)
	}
	for range 100 {
		if e, _ := m.step(); e == nil {
			m.decide(1)
		}
	}
	small := 0
	for range 70 {
		one := m.add(3, func(e *Entry[int]) { e.Direct = true })
		before := 0
		for e, n := m.step(); e != one; e, n = m.step() {
			if e == nil {
				m.decide(1)
				continue
			}
			if before++; before > 1 {
				t.Fatalf("%d turns, the last one of %d, went before a direct broadcast to three; want at most 1", before, n)
			}
		}
		if m.served[one] != 3 {
			t.Fatalf("three were parted: the first turn was of %d, want 3", m.served[one])
		}
		small += before
	}
	if small < 70/(directQuanta+1) {
		t.Errorf("%d turns of small tasks among 70 direct ones, want at least %v", small, 70/(directQuanta+1))
	}
}

// TestStalledTaskGoesOnWithinABoundOfItsOwn: others have the window, and it some in flight.
func TestStalledTaskGoesOnWithinABoundOfItsOwn(t *testing.T) {
	t.Parallel()
	q, now := NewQueue[int](schemas.LaneBulk), time.Unix(1_700_000_000, 0)
	first, second := &Entry[int]{Total: 5000}, &Entry[int]{Total: 5000}
	for _, e := range []*Entry[int]{first, second} {
		q.Add(e)
		q.Unblock(e, e == first)
	}
	taken := map[*Entry[int]]int{}
	for e := q.Peek(now); e != nil; e = q.Peek(now) {
		taken[e] += int(q.Take(e, MaxQuantum))
		if e == second {
			q.Move(e, e.End, e.End)
		}
		q.Unblock(e, e == first)
	}
	if taken[first] != MaxStalled || taken[second] != int(second.Total) || q.InFlight() != 0 {
		t.Errorf("%d taken of the stalled task and %d of the other, %d in flight; want %d and %d", taken[first], taken[second], q.InFlight(), MaxStalled, second.Total)
	}
	q.Move(first, first.End, 100)
	q.Unblock(first, true)
	if e := q.Peek(now); e != first {
		t.Error("it does not go on when some of it are decided")
	}
}

// TestStalledTasksTogetherHaveABound: what they have in flight is kept by partitions that others need.
func TestStalledTasksTogetherHaveABound(t *testing.T) {
	t.Parallel()
	q, now := NewQueue[int](schemas.LaneBulk), time.Unix(1_700_000_000, 0)
	var all []*Entry[int]
	taken := 0
	for range 20 {
		e := &Entry[int]{Total: 5000}
		all = append(all, e)
		q.Add(e)
		q.Unblock(e, true)
	}
	for e := q.Peek(now); e != nil; e = q.Peek(now) {
		taken += int(q.Take(e, MaxQuantum))
		q.Unblock(e, true)
	}
	if taken != MaxStalledTasks {
		t.Errorf("%d taken, want %d", taken, MaxStalledTasks)
	}
	q.Move(all[0], all[0].End, all[0].End)
	q.Unblock(all[0], true)
	if e := q.Peek(now); e == nil {
		t.Error("none goes on when some are decided")
	}
	for _, e := range all {
		q.Remove(e)
	}
	if q.stalled != 0 || q.InFlight() != 0 {
		t.Errorf("%d and %d in flight of none", q.stalled, q.InFlight())
	}
}

// TestStalledTaskTakesNothingOfTheWindow: what a task has in flight that waits as long as the task does keeps others from nothing, and counts again afterwards.
func TestStalledTaskTakesNothingOfTheWindow(t *testing.T) {
	t.Parallel()
	q, now := NewQueue[int](schemas.LaneBulk), time.Unix(1_700_000_000, 0)
	fill := func(e *Entry[int]) (taken uint32) {
		for n := q.Peek(now); n == e; n = q.Peek(now) {
			taken += q.Take(e, MaxQuantum)
		}
		return taken
	}
	first, second := &Entry[int]{Total: 1000}, &Entry[int]{Total: 1000}
	q.Add(first)
	q.Unblock(first, false)
	if n := fill(first); n == 0 || q.InFlight() != int(n) {
		t.Fatalf("%d in flight of %d", q.InFlight(), n)
	}
	q.Add(second)
	q.Hold(first, true)
	q.Unblock(second, false)
	if n := fill(second); n == 0 || q.InFlight() != int(n) {
		t.Errorf("%d taken beside a stalled task, %d in flight", n, q.InFlight())
	}
	q.Move(first, first.End, first.Decided+10)
	q.Unblock(first, false)
	if got := q.InFlight(); got != first.InFlight()+second.InFlight() {
		t.Errorf("%d in flight, want %d and %d", got, first.InFlight(), second.InFlight())
	}
	q.Hold(first, true)
	q.Remove(first)
	q.Remove(second)
	if q.InFlight() != 0 || q.Size() != 0 {
		t.Errorf("%d in flight of nobody", q.InFlight())
	}
}
