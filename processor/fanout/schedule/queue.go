package schedule

import (
	"time"

	"altavoz/processor/rate"
	"altavoz/schemas"
)

// Sizes. Of a number's sends, at most rate x seconds are in flight, within MinWindow and MaxWindow: the
// lower lets a quantum be worth its commit, the upper is what a cancelled broadcast may still send and what a sender's process
// must hold.
const (
	MinWindow      = 64
	MaxWindow      = 131_072
	BulkSeconds    = 4
	ExpressSeconds = 1
	// Sixteen tasks share a window without one of them filling it: a quantum is a sixteenth of it. On the bulk lane, where each costs a commit and other
	// requests whatever its size, fewer than six tasks have larger ones, one alone a third of the window, and a quantum waits for room for all of it, or for a
	// third of the window where that is less.
	quantaInWindow = 16
	quantaOfOne    = 3
	MinQuantum     = 50
	MaxQuantum     = schemas.SliceRecipients
	// quantaASecond is how many quanta a second a task with a speed of its own takes: fewer would come in bursts, more cost
	// a commit each.
	quantaASecond = 4
	// undividedQuantum is how few recipients take one quantum or none: three would otherwise be parted where the window ends, and the
	// rest of them go behind everybody who came meanwhile.
	undividedQuantum = 10
	// extraShare is the part of the window that direct tasks, for whose end somebody waits, have beyond it where others fill it, which takes up to
	// a second to leave; and others where direct ones do.
	extraShare = 4
	// MaxStalled is how many recipients a task may have in flight that wait for what others do not: among them are some who need not.
	MaxStalled = 2000
	// MaxStalledTasks is how many all such tasks of a number have: what waits is held by partitions of sends, with 8,192 each, that others need too.
	MaxStalledTasks = 8 * MaxStalled
	// directQuanta is how many quanta those have in a row for whose end somebody waits, before another task that came as early.
	directQuanta = 7
)

// Entry is a task in its queue.
type Entry[T any] struct {
	Task    T
	Total   uint32
	End     uint32  // every recipient below it was given a quantum
	Decided uint32  // recipients that have an outcome
	Direct  bool    // somebody waits for its end
	Speed   float64 // recipients a second; 0: no limit. Of a task in its queue, see Pace

	stalled    bool        // what it has in flight does not leave, and is not counted
	bucket     rate.Bucket // of recipients, while it has a speed
	start      uint64      // start tag, in recipients of virtual time
	seq        uint64      // who came first
	wakeAt     time.Time
	evaluateAt time.Time // zero: never
	at         [4]int    // 1 + place in ready, later, looks, direct
}

// InFlight returns how many recipients were given a quantum and have no outcome.
func (e *Entry[T]) InFlight() int { return int(max(e.End, e.Decided) - e.Decided) }

// Queue orders the quanta of one number's tasks on one lane by start-time fair queueing: the next quantum belongs to the
// task with the lowest start tag; a quantum moves its task's tag on by its recipients. A task that had nothing to take, or
// was not allowed to, does not save up: it goes on at the present virtual time. At most Window recipients are in flight, and a quarter more where
// there are both direct tasks and others.
//
// Tasks that need one quantum only have the tag of the moment they came, thousands of them the same one. Among those the
// direct ones go first, and every eighth quantum is another's.
//
// What else keeps a task from being scheduled, a schedule or an end, is its owner's to know: the owner says when to evaluate the
// task again, and from that moment on it gets no quantum before it was evaluated.
type Queue[T any] struct {
	Window  int
	Limited bool // a quantum had to wait for the window since this was last cleared
	lane    schemas.Lane

	inFlight, size int
	directInFlight int // of inFlight
	stalled        int // of those that are stalled, beside inFlight
	directRow      int // quanta of direct tasks in a row while another might have had them
	virtual, seq   uint64
	ready, direct  entryHeap[T]
	later, due     entryHeap[T]
}

// NewQueue returns a queue of a lane with the smallest window.
func NewQueue[T any](lane schemas.Lane) *Queue[T] {
	q := &Queue[T]{Window: MinWindow, lane: lane}
	first := func(a, b *Entry[T]) bool { return a.start < b.start || a.start == b.start && a.seq < b.seq }
	q.ready, q.direct = entryHeap[T]{index: 0, less: first}, entryHeap[T]{index: 3, less: first}
	q.later = entryHeap[T]{index: 1, less: func(a, b *Entry[T]) bool { return a.wakeAt.Before(b.wakeAt) }}
	q.due = entryHeap[T]{index: 2, less: func(a, b *Entry[T]) bool { return a.evaluateAt.Before(b.evaluateAt) }}
	return q
}

// Size returns how many tasks there are, and InFlight how many of their recipients are in flight.
func (q *Queue[T]) Size() int { return q.size }

// InFlight returns how many recipients are in flight.
func (q *Queue[T]) InFlight() int { return q.inFlight }

// Resize sets the window for a rate of sends a second.
func (q *Queue[T]) Resize(rate float64) {
	seconds := float64(BulkSeconds)
	if q.lane == schemas.LaneExpress {
		seconds = ExpressSeconds
	}
	q.Window = int(min(max(rate*seconds, MinWindow), MaxWindow))
}

// quantum is how many recipients a quantum has at most: fewer where more tasks share the window.
func (q *Queue[T]) quantum() int {
	parts := quantaInWindow
	if q.lane == schemas.LaneBulk {
		parts = min(quantaOfOne*max(1, q.size), quantaInWindow)
	}
	return min(max(q.Window/parts, MinQuantum), MaxQuantum)
}

// Add takes the task in, blocked.
func (q *Queue[T]) Add(e *Entry[T]) {
	q.size++
	q.seq++
	e.seq = q.seq
	q.count(e, 1)
}

// count adds to what is in flight, or takes away, what the task has.
func (q *Queue[T]) count(e *Entry[T], sign int) {
	if e.stalled { //mutant:what-waits-for-its-template-takes-no-window
		q.stalled += sign * e.InFlight()
		return
	}
	q.inFlight += sign * e.InFlight()
	if e.Direct {
		q.directInFlight += sign * e.InFlight()
	}
}

// Remove forgets the task and what it has in flight.
func (q *Queue[T]) Remove(e *Entry[T]) {
	q.Block(e)
	q.due.remove(e)
	q.count(e, -1)
	q.size--
}

// Block keeps the task from being scheduled until it is unblocked.
func (q *Queue[T]) Block(e *Entry[T]) {
	q.readyOf(e).remove(e)
	q.later.remove(e)
}

// Hold blocks the task. stalled says that what it has in flight waits as long as it does: then it takes nothing of the window from others.
func (q *Queue[T]) Hold(e *Entry[T], stalled bool) {
	q.Block(e)
	q.stall(e, stalled)
}

func (q *Queue[T]) stall(e *Entry[T], stalled bool) {
	q.count(e, -1)
	e.stalled = stalled
	q.count(e, 1)
}

func (q *Queue[T]) readyOf(e *Entry[T]) *entryHeap[T] {
	if e.Direct {
		return &q.direct
	}
	return &q.ready
}

// next returns the ready task that would be scheduled next, or nil.
func (q *Queue[T]) next() *Entry[T] {
	one, other := q.direct.min(), q.ready.min()
	switch {
	case one == nil:
		return other
	case other == nil, one.start < other.start, one.start == other.start && q.directRow < directQuanta:
		return one
	}
	return other
}

// Unblock lets the task be scheduled, if recipients are left. stalled says that what it has in flight waits, and takes nothing of the window from others:
// then it has a bound of its own.
func (q *Queue[T]) Unblock(e *Entry[T], stalled bool) {
	q.Hold(e, stalled)
	if e.End < e.Total {
		e.start = max(e.start, q.virtual)
		q.readyOf(e).push(e)
	}
}

// EvaluateAt sets when the task is to be evaluated again; zero: never.
func (q *Queue[T]) EvaluateAt(e *Entry[T], at time.Time) {
	q.due.remove(e)
	e.evaluateAt = at
	if !at.IsZero() {
		q.due.push(e)
	}
}

// NextDue returns a task that is due to be evaluated, once, or nil. It is blocked.
func (q *Queue[T]) NextDue(now time.Time) *Entry[T] {
	e := q.due.min()
	if e == nil || e.evaluateAt.After(now) {
		return nil
	}
	q.due.remove(e)
	e.evaluateAt = time.Time{}
	q.Block(e)
	return e
}

// Peek returns the task that is scheduled next, or nil.
func (q *Queue[T]) Peek(now time.Time) *Entry[T] {
	for e := q.later.min(); e != nil && !e.wakeAt.After(now); e = q.later.min() {
		q.Unblock(e, e.stalled)
	}
	for e := q.next(); e != nil; e = q.next() {
		if e.stalled && !q.hasRoom(e) { // until it is evaluated
			q.Block(e)
			continue
		}
		if !q.hasRoom(e) {
			q.Limited = true
			if e = q.direct.min(); e == nil || q.Window/extraShare-q.directInFlight < q.least(e) { // not room that the other waits for
				return nil
			}
		}
		//mutant:quantum-waits-for-the-evaluation
		due := !e.evaluateAt.IsZero() && !e.evaluateAt.After(now)
		at := e.eligible(now, q.quantum())
		if !due && !at.After(now) {
			return e
		}
		q.Block(e)
		if !due {
			e.wakeAt = at
			q.later.push(e)
		}
	}
	return nil
}

// hasRoom reports whether the window takes a quantum of the task that is worth it.
func (q *Queue[T]) hasRoom(e *Entry[T]) bool {
	return q.room(e) >= q.least(e)
}

// least is how many recipients a quantum of the task has at least, but for what its speed or its slice allows.
func (q *Queue[T]) least(e *Entry[T]) int {
	worth := undividedQuantum
	if q.lane == schemas.LaneBulk && !e.Direct && !e.stalled {
		worth = min(q.quantum(), q.Window/quantaOfOne)
	}
	return min(worth, int(e.Total-e.End))
}

// room is how many more recipients of the task's kind, direct or not, may be in flight.
func (q *Queue[T]) room(e *Entry[T]) int {
	if e.stalled { //mutant:a-stalled-task-has-little-in-flight
		return max(0, min(MaxStalled-e.InFlight(), MaxStalledTasks-q.stalled)) //mutant:stalled-tasks-share-a-bound
	}
	extra := q.Window / extraShare
	own := q.inFlight - q.directInFlight
	if e.Direct {
		own = q.directInFlight
	}
	others := q.inFlight - own
	return max(0, q.Window-own-max(0, others-extra), extra-own)
}

// eligible returns from when on the task may take a quantum.
func (e *Entry[T]) eligible(now time.Time, turn int) time.Time {
	if e.Speed <= 0 {
		return now
	}
	need := e.tokensNeeded(turn)
	if e.bucket.IsNew() {
		e.bucket.Set(now, e.Speed, max(1, e.Speed))
		e.bucket.Fill(now, need)
	}
	return e.bucket.Ready(now, need)
}

// tokensNeeded is how many recipients a task with a speed waits to be allowed: a quantum at a time, not one recipient.
func (e *Entry[T]) tokensNeeded(turn int) float64 {
	return min(max(1, e.Speed/quantaASecond), float64(turn), float64(e.Total-e.End))
}

// SetSpeed gives the task another speed from now on. What the old one had allowed stays, as far as the new one lets it gather.
func (q *Queue[T]) SetSpeed(e *Entry[T], speed float64, now time.Time) {
	if !e.bucket.IsNew() {
		e.bucket.Set(now, speed, max(1, speed))
	}
	if e.Speed = speed; speed <= 0 {
		e.bucket = rate.Bucket{}
	}
	if e.at[q.later.index] > 0 { // it waited at its old speed
		q.Unblock(e, e.stalled)
	}
}

// Take gives the task that Peek returned its quantum, of at most limit recipients, and returns of how many. The task is
// blocked: it has one quantum at a time.
func (q *Queue[T]) Take(e *Entry[T], limit uint32) uint32 {
	n := min(uint32(q.quantum()), uint32(q.room(e)), e.Total-e.End, limit)
	if e.Speed > 0 {
		n = min(n, max(1, e.bucket.Whole()))
		e.bucket.Take(float64(n))
	}
	q.Block(e)
	if e.Direct && q.ready.min() != nil {
		q.directRow++
	} else {
		q.directRow = 0
	}
	q.virtual = max(q.virtual, e.start)
	e.start += uint64(n)
	q.Move(e, e.End+n, e.Decided)
	return n
}

// Move sets how many of the task were given a quantum, and how many are decided.
func (q *Queue[T]) Move(e *Entry[T], end, decided uint32) {
	q.count(e, -1)
	e.End, e.Decided = end, decided
	q.count(e, 1)
}

// Wake returns when a task is due though nothing happened; zero: never.
func (q *Queue[T]) Wake() (at time.Time) {
	if e := q.later.min(); e != nil {
		at = e.wakeAt
	}
	if e := q.due.min(); e != nil && (at.IsZero() || e.evaluateAt.Before(at)) {
		at = e.evaluateAt
	}
	return at
}
