package fanout

import (
	"container/heap"
	"time"

	"altavoz/schemas"
)

const (
	// Of a number's sends, at most rate x seconds are in the pipe, within these bounds: the lower lets a turn be worth
	// its commit, the upper is what a cancelled broadcast may still send and what a sender's process must hold.
	minWindow      = 64
	maxWindow      = 131_072
	bulkSeconds    = 2
	expressSeconds = 1
	// A turn is a sixteenth of the window, so that sixteen tasks share a pipe without one of them filling it.
	turnsInWindow = 16
	minTurn       = 50
	maxTurn       = schemas.SliceRecipients
	// startRate is what a number without a limit is taken to do, in sends a second, until it was measured.
	startRate = 4096
	// speedTurns is how many turns a second a task with a speed of its own takes: fewer would come in bursts, more cost
	// a commit each.
	speedTurns = 4
)

// entry is a task in its queue.
type entry struct {
	t         *task
	total     uint32
	end       uint32 // every recipient below it had its turn
	decided   uint32 // recipients that have an outcome
	notBefore time.Time
	deadline  time.Time // no turn is taken at it or after; zero: never
	speed     float64   // recipients a second; 0: no limit
	tokens    float64
	filled    time.Time
	start     uint64 // start tag, in recipients of virtual time
	seq       uint64 // who came first
	wakeAt    time.Time
	at        [3]int // 1 + place in ready, later, ends
}

func (e *entry) inPipe() int { return int(max(e.end, e.decided) - e.decided) }

// queue orders the turns of one number's tasks on one lane by start-time fair queueing: the next turn belongs to the
// task with the lowest start tag; a turn moves its task's tag on by its recipients. A task that had nothing to take, or
// was not allowed to, does not save up: it goes on at the present virtual time. At most window recipients are in the pipe.
type queue struct {
	window, turn       int
	pipe               int
	limited            bool // a turn had to wait for the pipe since this was last cleared
	virtual, seq       uint64
	ready, later, ends pile
	size               int
}

func newQueue() *queue {
	q := &queue{window: minWindow, turn: minTurn}
	q.ready = pile{slot: 0, less: func(a, b *entry) bool {
		return a.start < b.start || a.start == b.start && a.seq < b.seq
	}}
	q.later = pile{slot: 1, less: func(a, b *entry) bool { return a.wakeAt.Before(b.wakeAt) }}
	q.ends = pile{slot: 2, less: func(a, b *entry) bool { return a.deadline.Before(b.deadline) }}
	return q
}

// resize sets the window for a rate of sends a second.
func (q *queue) resize(rate, seconds float64) {
	q.window = int(min(max(rate*seconds, minWindow), maxWindow))
	q.turn = min(max(q.window/turnsInWindow, minTurn), maxTurn)
}

// add takes the task in, blocked.
func (q *queue) add(e *entry) {
	q.size++
	q.seq++
	e.seq = q.seq
	q.pipe += e.inPipe()
	q.until(e, e.deadline)
}

// remove forgets the task and what it has in the pipe.
func (q *queue) remove(e *entry) {
	q.block(e)
	q.ends.remove(e)
	q.pipe -= e.inPipe()
	q.size--
}

// block keeps the task from turns until it is unblocked.
func (q *queue) block(e *entry) {
	q.ready.remove(e)
	q.later.remove(e)
}

func (q *queue) unblock(e *entry) {
	q.block(e)
	if e.end < e.total {
		e.start = max(e.start, q.virtual)
		q.ready.push(e)
	}
}

// until sets when the task's time is over; zero: never.
func (q *queue) until(e *entry, deadline time.Time) {
	q.ends.remove(e)
	e.deadline = deadline
	if !deadline.IsZero() {
		q.ends.push(e)
	}
}

// peek returns the task whose turn it is, or nil.
func (q *queue) peek(now time.Time) *entry {
	for e := q.later.min(); e != nil && !e.wakeAt.After(now); e = q.later.min() {
		q.unblock(e)
	}
	for e := q.ready.min(); e != nil; e = q.ready.min() {
		if q.pipe >= q.window {
			q.limited = true
			return nil
		}
		at := e.eligible(now, q.turn)
		if !at.After(now) {
			return e
		}
		q.block(e)
		if e.deadline.IsZero() || at.Before(e.deadline) {
			e.wakeAt = at
			q.later.push(e)
		}
	}
	return nil
}

// eligible returns from when on the task may take a turn.
func (e *entry) eligible(now time.Time, turn int) time.Time {
	if !e.deadline.IsZero() && !now.Before(e.deadline) {
		return now.Add(time.Hour) // after its deadline: never
	}
	if now.Before(e.notBefore) {
		return e.notBefore
	}
	if e.speed <= 0 {
		return now
	}
	if e.filled.IsZero() {
		e.tokens = e.quantum(turn)
	} else {
		e.tokens = min(max(1, e.speed), e.tokens+now.Sub(e.filled).Seconds()*e.speed)
	}
	e.filled = now
	lack := e.quantum(turn) - e.tokens
	if lack <= 1e-6 { // a rounding error is no reason to wait
		return now
	}
	return now.Add(time.Duration(lack/e.speed*float64(time.Second)) + time.Microsecond)
}

// quantum is how many recipients a task with a speed waits to be allowed: a turn at a time, not one recipient.
func (e *entry) quantum(turn int) float64 {
	return min(max(1, e.speed/speedTurns), float64(turn), float64(e.total-e.end))
}

// take gives the task that peek returned its turn, of at most limit recipients, and returns of how many. The task is
// blocked: it has one turn at a time.
func (q *queue) take(e *entry, limit uint32) uint32 {
	n := min(uint32(q.turn), uint32(q.window-q.pipe), e.total-e.end, limit)
	if e.speed > 0 {
		n = min(n, uint32(max(1, e.tokens+1e-6)))
		e.tokens -= float64(n)
	}
	q.block(e)
	q.virtual = max(q.virtual, e.start)
	e.start += uint64(n)
	q.move(e, e.end+n, e.decided)
	return n
}

// move sets what of the task had its turn and what is decided.
func (q *queue) move(e *entry, end, decided uint32) {
	q.pipe -= e.inPipe()
	e.end, e.decided = end, decided
	q.pipe += e.inPipe()
}

// overdue returns a task whose deadline has passed, once, or nil. It takes no turns any more.
func (q *queue) overdue(now time.Time) *entry {
	e := q.ends.min()
	if e == nil || e.deadline.After(now) {
		return nil
	}
	q.ends.remove(e)
	q.block(e)
	return e
}

// wake returns when to look again though nothing happened; zero: never.
func (q *queue) wake() (at time.Time) {
	if e := q.later.min(); e != nil {
		at = e.wakeAt
	}
	if e := q.ends.min(); e != nil && (at.IsZero() || e.deadline.Before(at)) {
		at = e.deadline
	}
	return at
}

// meter measures how fast a number's recipients are decided. A sample below what is known counts only if the pipe was
// full meanwhile: a number that had little to do says nothing about what it could.
type meter struct {
	rate  float64
	since time.Time
	count float64
}

const meterEvery = time.Second

func (m *meter) add(now time.Time, n int, limited bool) (sampled bool) {
	if m.rate == 0 {
		m.rate = startRate
	}
	if m.since.IsZero() {
		m.since = now
	}
	m.count += float64(n)
	took := now.Sub(m.since)
	if took < meterEvery {
		return false
	}
	if sample := m.count / took.Seconds(); sample > m.rate || limited {
		m.rate += (sample - m.rate) / 2
	}
	m.since, m.count = now, 0
	return true
}

// pile is a heap of entries that know their place in it.
type pile struct {
	slot  int
	items []*entry
	less  func(a, b *entry) bool
}

func (p *pile) Len() int           { return len(p.items) }
func (p *pile) Less(i, j int) bool { return p.less(p.items[i], p.items[j]) }
func (p *pile) Swap(i, j int) {
	p.items[i], p.items[j] = p.items[j], p.items[i]
	p.items[i].at[p.slot], p.items[j].at[p.slot] = i+1, j+1
}

// Push is heap.Interface's; use push.
func (p *pile) Push(x any) {
	e := x.(*entry)
	p.items = append(p.items, e)
	e.at[p.slot] = len(p.items)
}

// Pop is heap.Interface's; use remove.
func (p *pile) Pop() any {
	last := len(p.items) - 1
	e := p.items[last]
	p.items[last] = nil
	p.items = p.items[:last]
	e.at[p.slot] = 0
	return e
}

func (p *pile) push(e *entry) { heap.Push(p, e) }

func (p *pile) remove(e *entry) {
	if at := e.at[p.slot]; at > 0 {
		heap.Remove(p, at-1)
	}
}

func (p *pile) min() *entry {
	if len(p.items) == 0 {
		return nil
	}
	return p.items[0]
}
