package schedule

import (
	"time"

	"altavoz/processor/partition"
	"altavoz/processor/sender/limits"
	"altavoz/schemas"
)

// Send is one record of sends.* that is not done.
type Send struct {
	timer timer
	link  link

	Partition *Partition
	Record    Record
	Number    *Number // nil for a record that can't be decoded
	Task      *Task

	Recipient
	phase      Phase
	cause      Cause
	placeUntil time.Time // until then it may start because of its place
	Doubtful   bool      // an earlier call may have reached somebody: it stays started while it waits for another
	attached   bool      // among its task's sends
	tries      limits.Tries
	renewed    bool // its media id was renewed
	call       call
}

// Recipient is whom a send is for, and until when.
type Recipient struct {
	Phone    schemas.Phone
	Index    uint32
	Lane     Lane
	NotAfter int64             // Unix milliseconds; 0: no end
	Exempt   bool              // opt-outs do not hold for it
	Direct   bool              // somebody waits for its end
	At       time.Time         // of the record
	Personal *schemas.Personal // what it has of its own; nil: its task's recipients have nothing
}

// call is the call of a send that is admitted or under way.
type call struct {
	message    schemas.Message
	version    int // of the message
	calledAt   time.Time
	grouped    bool                // started with a group, and not called yet
	groupedAt  time.Time           // when the commit of that was answered
	unplaced   bool                // it may only reach who is inside their window
	trial      bool                // of a number that was throttled
	probes     [limits.Faults]bool // it probes these breakers of its number
	wasProbe   bool                // so did its last call
	suspectTry bool                // of a task whose sends fail alone
}

// Record is the ledger's entry of a send.
type Record interface {
	CanRepeat() bool // whether there is room to record that it is called again
	Start()          // record that it is called, which is true once it is committed
	Release()        // record that it is not called after all
	// OptedOut reports whether whom it is for does not want to be written to, and KnownAt when that may be known where it is not now.
	OptedOut() bool
	KnownAt(now time.Time) time.Time
	// Unprompted reports whether its message, if it starts now, may reach its recipient outside their window.
	Unprompted(now time.Time) bool
}

// Partition is what the scheduler knows of an assigned partition.
type Partition struct {
	Lane       Lane
	AssignedAt time.Time
	NotBefore  time.Time // a commit of it was refused: nothing of it is admitted before

	partition.Drain // of its sends that are admitted, grouped, called, or have a result to be acknowledged
}

// Transfer gives a send in flight to another assignment of its partition.
func (e *Send) Transfer(to *Partition) {
	from := e.Partition
	e.Partition = to
	if e.phase.InFlight() {
		to.Enter()
		from.Leave()
	}
}

// Phase is where a send is.
type Phase uint8

// The phases.
const (
	PhaseParked    Phase = iota // nowhere: new, or of a partition that is being given up
	PhaseLoading                // in its task's queue
	PhaseReady                  // in its number's queue
	PhaseWaiting                // behind its timer
	PhaseAdmitted               // started in the next commit or the one under way
	PhaseGrouped                // started by a commit, and waits for its turn
	PhaseCalling                // being called
	PhaseRecording              // its result is being written
	PhaseGone
)

// InFlight reports whether the process still has to end it.
func (p Phase) InFlight() bool {
	return p == PhaseAdmitted || p == PhaseGrouped || p == PhaseCalling || p == PhaseRecording
}

// Cause is what a send waits for.
type Cause uint8

// The causes.
const (
	CauseNone     Cause = iota
	CausePace           // its turn: the rate of its number, or room for a call
	CauseContent        // its task's message
	CauseCooldown       // its phone was written to a moment ago
	CauseBackOff        // it was refused for now
	CauseCommit         // its start could not be committed
	CauseResult         // its result is being written
	CauseDetached       // so is that of a partition that is not ours any more
	CauseWindow         // the window of its task is shut
	CauseOptOuts        // nobody knows who opted out lately
	CausePlace          // a place among the people to whom its business may write
	Causes
)

// Phase is where the send is.
func (e *Send) Phase() Phase { return e.phase }

// CalledAt is when its last call began.
func (e *Send) CalledAt() time.Time { return e.call.calledAt }

// expired reports whether it is too late to call.
func (e *Send) expired(now time.Time) bool {
	return e.NotAfter > 0 && now.UnixMilli() > e.NotAfter
}

// Add begins to count a send.
func (s *Scheduler) Add(e *Send) { s.waitCounts[e.cause]++ }

// MoveTo changes the phase of a send, and what it waits for.
func (s *Scheduler) MoveTo(e *Send, p Phase, c Cause) {
	s.waitCounts[e.cause]--
	s.waitCounts[c]++
	if e.Task != nil {
		e.Task.waitCounts[e.cause]--
		e.Task.waitCounts[c]++
	}
	was := e.phase.InFlight()
	e.phase, e.cause = p, c
	switch {
	case !was && p.InFlight():
		e.Partition.Enter()
	case was && !p.InFlight():
		e.Partition.Leave()
	}
}

// Enqueue has a send wait for its turn, once its message is rendered; in front if it had its turn already.
func (s *Scheduler) Enqueue(e *Send, front bool) {
	t := e.Task
	switch {
	case t.message.Failed() != "" && e.Doubtful: // an earlier call may have reached somebody
		s.ports.Host.Finish(e, schemas.StateUnknown, schemas.StateUnknown.Spanish())
	case t.message.Failed() != "":
		s.ports.Host.Finish(e, schemas.Failed(schemas.CodeContent), t.message.Failed())
	case !t.isRendered():
		s.MoveTo(e, PhaseLoading, CauseContent)
		t.waiting.Push(&e.link, e)
		s.load(t)
	default:
		s.MoveTo(e, PhaseReady, CausePace)
		if q := &e.Number.ready[e.Lane]; front {
			q.PushFront(&e.link, e, e.Direct)
		} else {
			q.Push(&e.link, e, e.Direct)
		}
		s.makeRunnable(e.Number)
	}
}

// WaitUntil has a send wait for a time, out of the queue that it is in.
func (s *Scheduler) WaitUntil(e *Send, at time.Time, c Cause) {
	e.link.Unlink()
	s.MoveTo(e, PhaseWaiting, c)
	s.timers.Start(&e.timer, e, at)
}

func (e *Send) onTimer(s *Scheduler, now time.Time) {
	if e.cause == CauseWindow {
		s.announceTask(e.Task, e.Number.causes().WaitCause(now), now)
	}
	s.Enqueue(e, false)
}

// Park takes a send out of wherever it waits.
func (s *Scheduler) Park(e *Send) {
	e.link.Unlink()
	s.timers.Stop(&e.timer)
	s.MoveTo(e, PhaseParked, CauseNone)
}

// Remove drops a send that needs nothing more.
func (s *Scheduler) Remove(e *Send) {
	s.MoveTo(e, PhaseGone, CauseNone)
	s.waitCounts[CauseNone]--
	s.detach(e)
}
