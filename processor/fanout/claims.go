package fanout

import (
	"time"

	"altavoz/processor/fanout/ledger"
	"altavoz/processor/fanout/status"
	"altavoz/processor/fanout/task"
	"altavoz/schemas"
	"altavoz/stream"
)

// awaitStatus lets a broadcast wait until its Status shows that it came first under its id, as which copy, and how far it has come.
func (s *worker) awaitStatus(t *task.Task, known ledger.Line, now time.Time) {
	inDoubt := s.members.MayHaveBegun(t, known, now) //mutant:copy-of-a-claimed-one-is-in-doubt-too
	s.claims.Add(t)
	if inDoubt {
		t.BecomeInDoubt()
		s.members.Await()
	} else {
		t.BecomeClaimed()
	}
	s.publishClaim(t)
}

// publishClaim writes the TaskOpened of a task whose id others may have too, and again until a Status has shown who was first.
func (s *worker) publishClaim(t *task.Task) {
	if !t.AwaitsStatus() {
		return
	}
	s.publishOpened(t, time.Now())
	if t.State() == task.InDoubt && t.Opened.Idle() {
		t.Opened.Then(func() { s.probe(t) })
	}
	s.After(openedRetry, func() { s.publishClaim(t) })
}

// claimResolved ends the waiting of a broadcast.
func (s *worker) claimResolved(t *task.Task) {
	if t.State() == task.InDoubt {
		s.members.Resolved()
		s.markDirty()
	}
}

// probe writes an update that shows, in the Status, that everything before it is folded. It repeats what this stage published last, so
// that it changes nothing.
func (s *worker) probe(t *task.Task) {
	if !t.AwaitsStatus() {
		return
	}
	now, said := time.Now(), task.Of(t.Status)
	if !said.IsTerminal() && !said.IsFanouts() {
		said = task.Status{Phase: schemas.Phase_PHASE_RUNNING}
	}
	switch {
	case t.ProbeMs == 0:
		t.ProbeMs = t.UpdateTime(now).UnixMilli()
	case now.Sub(s.warnedAt) >= openedRetry:
		s.warnedAt = now
		s.log.Warn("the offsets of broadcasts were gone, and they wait until all results of before are folded: the aggregator is behind, or stands still",
			"broadcasts", s.members.Awaited())
	}
	s.Publish(s.logFor(t), func(stream.Record) {}, t.Update(time.UnixMilli(t.ProbeMs), said.Update()))
}

// isCertain reports whether a Status shows all that was published of a broadcast before it was read here. Where another update is ahead of the
// one that was to show that, by a clock that is ahead or because it stands for good, another one is written.
func (s *worker) isCertain(t *task.Task, st *schemas.Status) bool {
	stands := (task.Status{Phase: st.GetPhase()}).IsTerminal() && t.Status.GetPhase() != st.GetPhase()
	t.Status = st
	if t.State() != task.InDoubt || t.ProbeMs != 0 && t.ProbeMs == st.GetPhaseMs() { //mutant:doubt-ends-when-all-is-folded
		return true
	}
	if t.ProbeMs != 0 && (stands || t.ProbeMs < st.GetPhaseMs()) {
		t.ProbeMs = 0
		s.probe(t)
	}
	return false
}

// inferLine is the line of a broadcast whose line is gone.
func (s *worker) inferLine(t *task.Task) ledger.Line {
	cursor, decided := t.Status.GetCursor(), status.Decided(t.Status)
	if t.State() != task.InDoubt || cursor == 0 && decided == 0 { // it never began
		return ledger.Line{Cursor: cursor}
	}
	reach := max(cursor, decided) - cursor + uint32(s.queue(t).Window) + schemas.SliceRecipients
	return ledger.Line{Cursor: cursor, Lease: reach, Doubt: true}
}
