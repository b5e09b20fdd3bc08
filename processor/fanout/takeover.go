package fanout

import (
	"context"
	"fmt"
	"time"

	"altavoz/processor/fanout/ledger"
	"altavoz/processor/fanout/status"
	"altavoz/processor/fanout/task"
	"altavoz/schemas"
	"altavoz/stream"
)

// doubt says that the log may not be the one of which the ledger that was taken over speaks: it lost its end, or the ledger itself
// is gone, or somebody set its offset. Then nothing of what the log held at the assignment is passed over for its offset. Each
// broadcast is asked for by its identity, in the Status: finished ones are dropped; one without a Status writes its Plan and waits
// for the Status, behind everything that was said before; one that was under way goes on by its line, if that is its own.
//
// Where the ledger is gone nobody knows how far a broadcast came beyond what its Status says, and the Status lags behind the
// results. So a broadcast waits until the aggregator has folded all that was said of it before the takeover: a Note with a time of its
// own is written behind the Plan, and the Status that carries that time shows everything before. One of which it shows nothing is new:
// what a turn of it may have put on the log without a word is still with the senders, who drop what they have seen. Beyond the
// Status of one that began at most a window and a turn were dispatched; who of these has no outcome is unknown (a line in doubt), and
// the rest is sent. That takes as long as the aggregator is behind, so the ledger says up to where it is so (below): the next owner
// waits too. Broadcasts that came later do not.
type doubt struct {
	any      bool  // there is doubt
	gone     bool  // the ledger; else the log lost its end
	from, to int64 // what the log held; it may be nothing

	below    int64 // broadcasts below it without a line, or with an untouched one, may have been under way; 0: it is known of all
	waiting  int   // tp them for their Status
	warnedAt time.Time
}

func (d doubt) covers(offset int64) bool { return offset >= d.from && offset < d.to }

// verify holds a position against its log. In doubt the whole log is read again.
func (st *Stage) verify(ctx context.Context, pos stream.Position, l *ledger.Ledger) (stream.Position, doubt, error) {
	d := doubt{any: true, gone: pos.Begun && pos.Metadata == "", from: pos.Begin, to: pos.End}
	cut := max(pos.Offset, l.Next) > pos.End
	if last := l.Last; !d.gone && !cut && last.Sum != 0 && last.Offset >= pos.Begin {
		rec, err := st.ports.Records.Record(ctx, pos.Partition, last.Offset)
		if err != nil && !stream.IsGone(err) {
			return pos, doubt{}, fmt.Errorf("reading the last broadcast again: %w", err)
		}
		cut = err != nil || ledger.SumOf(rec.Value) != last.Sum
	}
	if !d.gone && !cut {
		return pos, doubt{below: l.Doubt}, nil
	}
	st.metrics.disagreements.Inc()
	st.log.Error("ledger and log do not agree: the log lost its end, or the offset is gone; broadcasts are sought by their statuses", "slot", pos.Partition.String(),
		"committed", pos.Offset, "next", l.Next, "begin", pos.Begin, "end", pos.End, "gone", d.gone)
	if d.gone {
		*l = ledger.Ledger{Doubt: pos.End}
	}
	var touched []ledger.Line
	for _, e := range l.Lines {
		if !e.Untouched() {
			touched = append(touched, e)
		}
	}
	*l = ledger.Ledger{Next: max(pos.Begin, min(l.Next, pos.End)), Lines: touched, Owners: l.Owners, Doubt: min(l.Doubt, pos.End)}
	pos.Offset, d.below = pos.Begin, l.Doubt
	return pos, d, nil
}

// willBeRead reports whether a takeover finds a broadcast in the log.
func (s *worker) willBeRead(offset int64, listed bool) bool {
	if s.doubt.any {
		return s.doubt.covers(offset)
	}
	return offset >= s.inheritedNext || listed && offset >= s.watermark
}

// mayHaveBegun reports whether a broadcast may have been under way although its line says nothing of that.
func (s *worker) mayHaveBegun(t *task.Task, known ledger.Line, now time.Time) bool {
	return t.Offset < s.doubt.below && known.Untouched() && t.Schedule <= now.UnixMilli()
}

// awaitStatus lets a broadcast wait until its Status shows that it came first under its id, and how far it has come.
func (s *worker) awaitStatus(t *task.Task, known ledger.Line, now time.Time) {
	inDoubt := s.mayHaveBegun(t, known, now) //mutant:copy-of-a-claimed-one-is-in-doubt-too
	s.claims[t.ID] = append(s.claims[t.ID], t)
	s.claiming++
	if inDoubt {
		t.BecomeInDoubt()
		s.doubt.waiting++
	} else {
		t.BecomeClaimed()
	}
	s.publishClaim(t)
}

// publishClaim writes the Plan of a task whose id others may have too, and again until a Status has shown who was first.
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
	s.claiming--
	if t.State() == task.InDoubt {
		s.doubt.waiting--
		s.markDirty()
	}
}

// doubtBelow returns up to where the next owner has to be in doubt.
func (s *worker) doubtBelow() int64 {
	if s.doubt.waiting == 0 && s.readTo >= s.doubt.below {
		s.doubt.below = 0
	}
	return s.doubt.below
}

// probe writes a Note that shows, in the Status, that everything before it is folded. It says what this stage said last, so that it
// changes nothing.
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
	case now.Sub(s.doubt.warnedAt) >= openedRetry:
		s.doubt.warnedAt = now
		s.log.Warn("the offsets of broadcasts were gone, and they wait until all results of before are folded: the aggregator is behind, or stands still",
			"broadcasts", s.doubt.waiting)
	}
	s.Publish(s.logFor(t), func(stream.Record) {}, t.Update(time.UnixMilli(t.ProbeMs), said.Update()))
}

// isCertain reports whether a Status shows all that was said of a broadcast before it was read here. Where another Note is ahead of the
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
