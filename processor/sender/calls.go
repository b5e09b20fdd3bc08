package sender

import (
	"sync/atomic"
	"time"

	"altavoz/processor/sender/content"
	"altavoz/processor/sender/failures"
	"altavoz/processor/sender/schedule"
	"altavoz/schemas"
)

// maxIdleCallers is how many goroutines are kept for the next calls.
const maxIdleCallers = 1024

// callers are the goroutines that make calls. One whose call is over waits for another, because a new one would have to grow its stack to
// what a call needs. No call waits for one: it is handed over only where a goroutine waits for it.
type callers struct {
	starts chan *send
	idle   atomic.Int32
}

// startCall makes a call in a goroutine of its own. Only the commit loop does.
func (st *Stage) startCall(e *send) {
	if st.callers.idle.Add(-1) >= 0 {
		st.callers.starts <- e
		return
	}
	st.callers.idle.Add(1)
	st.running.Go(func() {
		for ok := true; ok; {
			st.call(e)
			if !st.callers.wait() {
				return
			}
			e, ok = <-st.callers.starts
		}
	})
}

// wait counts a goroutine as idle, if it may be.
func (c *callers) wait() bool {
	for {
		n := c.idle.Load()
		if n >= maxIdleCallers {
			return false
		}
		if c.idle.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

// call makes one attempt, after the commit that says so.
func (st *Stage) call(e *send) {
	var r schemas.Reply
	now := time.Now()
	m, callback := st.routes.Decide(&e.way, e.Message(), e.Number.ID, e.Phone, e.Task.ID, e.Index, now)
	if e.Unplaced() && st.routes.Outside(&e.way, e.Number.ID, e.Phone, now) { //mutant:whose-window-shut-meanwhile-needs-a-place
		r = schemas.Reply{Verdict: schemas.VerdictUnsent}
	} else if m, err := content.For(m, e.Personal); err != nil {
		r = content.Refusal(err)
	} else {
		r = st.ports.Messenger.Send(st.calls, e.Number.ID, m, e.Phone, callback)
	}
	st.onReply(e, &r)
}

// learnOptOut tells everybody that whom a send was for has opted out, where Meta refused it for that.
func (st *Stage) learnOptOut(e *send, r *schemas.Reply, now time.Time) {
	if r.Code != schemas.CodeOptedOut || st.ports.RefusedBy == nil {
		return
	}
	if rec, news := st.ports.RefusedBy(e.Number.ID, e.Phone, now); news {
		st.results.add(&pendingRecord{lane: schedule.Bulk, createdAt: now, rec: rec})
	}
}

// onReply decides what becomes of a send after its call. If the partition was lost meanwhile, the outcome is still written (its new owner
// says unknown, and the fold prefers what is known) but changes no ledger.
func (st *Stage) onReply(e *send, r *schemas.Reply) {
	st.mu.Lock()
	defer st.unlock()
	now := time.Now()
	st.schedule.ApplyReply(&e.Send, r, now)
	switch r.Verdict {
	case schemas.VerdictSent:
		st.recordOutcome(e, st.routes.Sent(&e.way), "", r.WAMID)
		return
	case schemas.VerdictFailed, schemas.VerdictContent:
		if e.way.Again(r) { //mutant:refused-for-its-window-gets-the-template
			break
		}
		state, words := failures.Of(r)
		st.recordOutcome(e, state, words, "")
		st.learnOptOut(e, r, now)
		return
	case schemas.VerdictLost:
		if !e.resend || !e.assignment.live || !e.HasAttempts() { //mutant:lost-call-of-a-lost-partition-is-published
			st.recordOutcome(e, schemas.StateUnknown, schemas.StateUnknown.Spanish(), "")
			return
		}
		e.Doubtful, e.repeatStarted = true, false
	case schemas.VerdictUnsent, schemas.VerdictTransient, schemas.VerdictThrottled, schemas.VerdictPair,
		schemas.VerdictAccount, schemas.VerdictMedia, schemas.VerdictTemplate:
		// Definite refusals: nobody was reached, whatever happens to this process from here on.
	}
	if !e.assignment.live {
		st.detached.resolve(e, r.Verdict != schemas.VerdictLost)
		st.schedule.Remove(&e.Send)
		return
	}
	e.Release()
	if e.assignment.draining {
		st.schedule.MoveTo(&e.Send, schedule.PhaseParked, schedule.CauseNone)
		return
	}
	st.schedule.Reschedule(&e.Send, r, now)
}
