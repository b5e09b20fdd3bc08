package fanout

import (
	"context"
	"slices"
	"time"

	"altavoz/processor/fanout/status"
	"altavoz/processor/fanout/task"
	"altavoz/schemas"
	"altavoz/stream"
)

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
		had := t.DispatchedTo() // expired ones are no measure of the number's rate
		s.numbers.AddDecided(t.Sender, int(min(decided, had))-int(min(t.Decided, had)), now)
		q.Move(&t.Entry, t.End, decided)
	}
	if status.Finished(st) {
		s.remove(t)
		return
	}
	s.adoptShown(t)
	//mutant:overtaken-quantum-is-not-repeated
	s.followCursor(t, st.GetCursor())
	//mutant:states-are-read-behind-the-probe
	if t.ProbeMs != 0 && st.GetPhaseMs() >= t.ProbeMs {
		t.ProbeMs = 0
		s.prepare.AwaitStates(t)
	}
	s.untrackIfShown(t)
	s.Evaluate(t, now)
}

// resolveClaims settles who came first under an id that callers chose, and how far a broadcast in doubt has come.
func (s *worker) resolveClaims(id schemas.TaskID, st *schemas.Status, now time.Time) {
	// Of several copies of one broadcast the task is the one that the Status names: the next owner looks for its line there.
	home, here := status.Position(st.GetPlan()), s.Partition().Partition
	isNamed := func(t *task.Task) bool { return home.GetPartition() == here && home.GetOffset() == t.Offset }
	named := slices.ContainsFunc(s.claims.Of(id), isNamed) || s.namesCopyAhead(st)
	isFirst := func(t *task.Task) bool {
		return s.tasks[id] == nil && t.IsFirst(st.GetPlan(), here) && !status.Finished(st) && (!named || isNamed(t)) //mutant:copy-that-the-status-names-is-the-task
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
		rec, err = s.st.ports.Records.Record(ctx, s.Partition(), t.Offset)
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

// followCursor moves the cursor over a lease that this owner was about to repeat: the owner that was replaced has finished it.
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

// adoptShown takes in what the Status says of the task as a whole.
func (s *worker) adoptShown(t *task.Task) {
	if t.Adopt() && t.ProbeMs != 0 {
		t.ProbeMs = 0
		t.BecomePrepared()
	}
}
