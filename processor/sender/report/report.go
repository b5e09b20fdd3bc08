// Package report decides when a process says of a sender number that it cannot send from it as it might, and that it can again. What it says
// is a record in the topic controls (schemas.NumberEvent), which every process reads: the ingress shows it to callers.
//
// Nothing is written of a number that works, so that an idle deployment writes nothing: one record when that ends, one every
// standing.ReportEvery while it lasts, and one when it is over. A process that dies is forgotten after standing.ReportLife.
package report

import (
	"time"

	"altavoz/schemas"
	"altavoz/schemas/standing"
)

// State is whether a process can send from a number.
type State struct {
	Cause *schemas.Cause // why not, or not as fast as it might; nil: it can
	Rate  float64        // messages a second, now
	Share float64        // at best; 0: without a limit
}

// Last is what a process last said of a number. The zero value is ready.
type Last struct {
	at    time.Time
	cause *schemas.Cause // nil: that it can send, or nothing
}

// Due returns what is to be said now; nil: nothing. A cause without a time began when it was first said.
func (l *Last) Due(number, process string, is State, now time.Time) *schemas.NumberEvent {
	same := is.Cause.GetReason() == l.cause.GetReason() && is.Cause.GetCode() == l.cause.GetCode()
	if same && (is.Cause == nil || now.Sub(l.at) < standing.ReportEvery) {
		return nil
	}
	if c := is.Cause; c != nil && c.GetSinceMs() == 0 {
		if c.SinceMs = now.UnixMilli(); same {
			c.SinceMs = l.cause.GetSinceMs()
		}
	}
	l.at, l.cause = now, is.Cause
	return &schemas.NumberEvent{
		Number: number, AtMs: now.UnixMilli(), Kind: schemas.NumberEventKind_NUMBER_EVENT_KIND_PROCESS,
		Process: process, Cause: is.Cause, Rate: is.Rate, Share: is.Share,
	}
}
