package fanout

import (
	"context"
	"time"

	"altavoz/processor/fanout/ledger"
	"altavoz/processor/fanout/status"
	"altavoz/processor/fanout/task"
	"altavoz/schemas"
	"altavoz/schemas/es"
	"altavoz/stream"
)

// open makes the broadcast a task: it is its own and goes on where the ledger and its Status say, whichever says more.
func (s *worker) open(t *task.Task, known ledger.Line, now time.Time) {
	if t.Failure.None() && known.Untouched() && t.Status.GetCursor() == 0 && status.Decided(t.Status) == 0 {
		if id, ok := s.sameRequest(t); ok { //mutant:one-key-is-one-task-whatever-its-id
			t.Failure = schemas.Because(schemas.Reason_REASON_REPEATED, es.Say(es.Repeated, id))
		}
	}
	s.tasks[t.ID] = t
	s.claims.AddAliases(t)
	s.restorePublished(t, now)
	t.Resume(known)
	switch {
	case !t.Failure.None():
		t.BecomeOpen()
		s.joinQueue(t)
		s.Fail(t, t.Failure, now)
	case known.Closed || t.Cursor >= t.Total:
		// Where dispatch ended is not known of a task that expired or failed; its Status will say that nobody is left.
		t.BecomeClosed()
		t.DropLease()
		t.End, t.Deadline = t.Total, t.GraceEnd(now)
		s.joinQueue(t)
		s.untrackIfShown(t)
		s.Evaluate(t, now)
	default:
		t.BecomeOpen()
		s.joinQueue(t)
		if t.Lease > 0 {
			s.repeats = append(s.repeats, t)
		}
		s.Evaluate(t, now)
	}
}

// joinQueue puts the task into its queue, blocked. It counts as in flight there.
func (s *worker) joinQueue(t *task.Task) { s.queue(t).Add(&t.Entry) }

// onStatus takes a newer Status in.
func (s *worker) onStatus(id schemas.TaskID, st *schemas.Status, now time.Time) {
	if st.GetPlan() == nil {
		return
	}
	s.resolveClaims(id, st, now)
	t := s.tasks[id]
	if t == nil || !status.SameOrigin(st.GetPlan().GetOrigin(), t.Origin) || t.Status != nil && t.Status.GetVersion() > st.GetVersion() {
		return
	}
	t.Status = st
	q, decided := s.queue(t), status.Decided(st)
	if decided != t.Decided {
		had := t.DispatchedTo() // expired ones say nothing of the number's speed
		s.numbers.AddDecided(t.Sender, int(min(decided, had))-int(min(t.Decided, had)), now)
		q.Move(&t.Entry, t.End, decided)
	}
	if status.Finished(st) {
		s.remove(t)
		return
	}
	s.adoptShown(t)
	//mutant:overtaken-turn-is-not-repeated
	s.followCursor(t, st.GetCursor())
	//mutant:marks-are-read-behind-the-note
	if t.ProbeMs != 0 && st.GetPhaseMs() >= t.ProbeMs {
		t.ProbeMs = 0
		s.prepare.AwaitStates(t)
	}
	s.untrackIfShown(t)
	s.Evaluate(t, now)
}

// resolveClaims settles who came first under an id that callers chose, and how far a broadcast in doubt has come.
func (s *worker) resolveClaims(id schemas.TaskID, st *schemas.Status, now time.Time) {
	isFirst := func(t *task.Task) bool {
		return s.tasks[id] == nil && t.IsFirst(st.GetPlan(), s.tp.Partition) && !status.Finished(st)
	}
	s.claims.Resolve(id, func(t *task.Task, before bool) bool {
		return isFirst(t) && (before || !s.isCertain(t, st))
	}, func(t *task.Task) {
		s.claimResolved(t)
		if !isFirst(t) {
			s.dropRepeatedLater(t, st.GetPlan().GetRequestSha256())
			return
		}
		t.Status, t.ProbeMs = st, 0
		t.Opened.Known()
		s.open(t, s.inferLine(t), now)
	})
}

// dropRepeatedLater is repeated for a record that is not at hand any more.
func (s *worker) dropRepeatedLater(t *task.Task, sha []byte) {
	if status.Repeats(t.SHA, sha, t.Claimed == nil) {
		s.dropRepeated(t, nil, sha)
		return
	}
	t.BecomeIntake()
	var rec stream.Record
	s.Background(func(ctx context.Context) (err error) {
		rec, err = s.st.ports.Records.Record(ctx, s.tp, t.Offset)
		return err
	}, stream.IsGone, func(err error) {
		if err != nil { // retention took it: there is nothing to keep
			s.prepare.Evict(t)
			s.watched.Unwatch(t.ID)
			s.discard(t)
			return
		}
		s.dropRepeated(t, &rec, sha)
	})
}

// followCursor follows a zombie that finished the turn which this owner was about to repeat.
func (s *worker) followCursor(t *task.Task, cursor uint32) {
	if !t.Open() || t.State() == task.Dispatching || t.Cursor >= cursor {
		return
	}
	t.Advance(min(cursor, t.Total) - t.Cursor)
	t.Seen, t.Slice = nil, nil
	s.queue(t).Move(&t.Entry, max(t.End, t.Cursor), t.Decided)
	s.markDirty()
	if t.Cursor == t.Total {
		s.close(t, t.Dispatched(time.Now(), t.Total))
	}
}
