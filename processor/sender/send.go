package sender

import (
	"time"

	"altavoz/processor/sender/ledger"
	"altavoz/processor/sender/route"
	"altavoz/processor/sender/schedule"
)

// cell is the ledger's entry of a send.
type cell = ledger.Cell[*send]

// send is one record of sends.* that is not done: what the scheduler knows of it, and its entry in the ledger of its partition.
type send struct {
	schedule.Send

	assignment *assignment
	cell       *cell
	size       int  // of the record
	resend     bool // may be called again although a call may have reached somebody
	namePhone  bool // its outcome names the phone whatever it is
	way        route.Way

	repeatStarted  bool   // the call under way is one more, and made the ledger say so
	startCommitted bool   // its last start was acknowledged
	releasedAt     uint64 // its assignment's encodings when its start was taken back
}

// sendOf returns the send that the scheduler was given.
func sendOf(e *schedule.Send) *send {
	s, _ := e.Record.(*send)
	return s
}

// OptedOut implements schedule.Record.
func (e *send) OptedOut() bool {
	return !e.Exempt && e.assignment.optOuts.Out(e.Number.ID, e.Phone, e.Personal.GetUserId()) //mutant:opt-outs-hold-but-for-service-messages
}

// KnownAt implements schedule.Record.
func (e *send) KnownAt(now time.Time) (at time.Time) {
	if !e.Exempt && now.Sub(e.assignment.optOuts.Confirmed()) > MaxOptOutAge { //mutant:old-knowledge-of-opt-outs-starts-nothing
		at = now.Add(optOutRetry)
	}
	return at
}

// Unprompted implements schedule.Record.
func (e *send) Unprompted(now time.Time) bool {
	return e.Task.Unprompted() && e.assignment.routes.Outside(&e.way, e.Number.ID, e.Phone, now.Add(route.Ahead)) //mutant:who-wrote-needs-no-place
}

// CanRepeat implements schedule.Record.
func (e *send) CanRepeat() bool { return e.assignment.ledger.CanRepeat(e.cell) }

// Start implements schedule.Record.
func (e *send) Start() {
	a := e.assignment
	a.ledger.Start(e.cell) //mutant:ledger-says-what-is-started
	if e.Doubtful {
		e.repeatStarted = !e.cell.Repeated()
		a.ledger.Repeat(e.cell)
	}
	a.commits.markDirty(a)
}

// Release implements schedule.Record: the send is free again, because its call was refused, or not made.
func (e *send) Release() {
	a := e.assignment
	switch {
	case !e.Doubtful: //mutant:doubtful-send-stays-started
		a.ledger.Release(e.cell)
		e.releasedAt = a.encodings
	case e.repeatStarted:
		a.ledger.UndoRepeat(e.cell)
	default:
		return
	}
	e.repeatStarted = false
	a.commits.markDirty(a)
}
