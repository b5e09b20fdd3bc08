package fanout

import (
	"context"
	"time"

	"altavoz/processor/fanout/ledger"
	"altavoz/processor/fanout/prepare"
	"altavoz/processor/fanout/status"
	"altavoz/processor/fanout/task"
	"altavoz/schemas"
	"altavoz/schemas/es"
	"altavoz/stream"
)

// takeOver finds the tasks that the partition's earlier owner left to their Status: parked ones, and those that are
// dispatched and not decided, which still fill the pipe. The view has caught up by now.
func (s *worker) takeOver() {
	type found struct {
		id schemas.TaskID
		st *schemas.Status
	}
	var mine []found
	var over []schemas.TaskID
	s.st.ports.Statuses.Each(func(id schemas.TaskID, st *schemas.Status) bool {
		if st.GetPlan() != nil && !status.Finished(st) && s.livesHere(st.GetPlan()) {
			mine = append(mine, found{id, st})
		}
		if st.GetPlan() != nil && status.Finished(st) && s.livesHere(st.GetPlan()) {
			over = append(over, id)
		}
		return true
	})
	now := time.Now()
	for _, f := range mine {
		offset := status.Position(f.st.GetPlan()).GetOffset()
		known, listed := s.inherited[offset]
		if s.willBeRead(offset, listed) {
			if s.doubt.any {
				s.unlocated[f.id] = f.st
			}
			continue
		}
		delete(s.inherited, offset)
		if known.Sum != 0 && known.Sum != ledger.SumOf(f.id.Bytes()) {
			known, listed = ledger.Line{}, false
		}
		t := s.parkedTask(f.id, f.st)
		if listed && offset < s.inheritedNext { // else its record is gone, and the ledger has no line from its end on
			s.retrack(t)
		}
		s.open(t, known, now)
	}
	for _, id := range over {
		s.deleteControls(id) // its owner may have died before
	}
	for offset := range s.inherited {
		if offset < s.watermark || offset >= s.inheritedNext { // its Status showed it once; only what is finished leaves the view
			s.log.Warn("a broadcast of the ledger is not in the view of statuses any more", "offset", offset)
			s.leaseLost = s.leaseLost || s.inherited[offset].Lease > 0
			delete(s.inherited, offset)
		}
	}
	s.synced = true
	s.log.Debug("partition taken over", "from", s.watermark, "tasks", len(s.tasks), "to_read", s.inheritedNext-s.watermark)
}

// belowWatermark makes the task of a Status whose record is not read.
func (s *worker) parkedTask(id schemas.TaskID, st *schemas.Status) *task.Task {
	t := task.Found(id, st)
	s.box.watch(id)
	return t
}

// failUnlocated ends the tasks that were sought in a log in doubt, all of which was read: others have the offsets of their records.
func (s *worker) failUnlocated(now time.Time) {
	for id, st := range s.unlocated {
		t := s.parkedTask(id, st)
		t.Failure = prepare.TaskUnreadable
		s.open(t, ledger.Line{}, now)
	}
	clear(s.unlocated)
}

// livesHere reports whether a plan's broadcast is carried out from this partition: its copy lies here. A plan that does not
// name the copy, because the ingress wrote it, means the broadcast's own record, if that lies at home and names its number.
func (s *worker) livesHere(p *schemas.TaskOpened) bool {
	home := s.st.ports.Home(schemas.TopicBroadcasts, []byte(p.GetSender()))
	return status.Position(p).GetPartition() == s.tp.Partition && (p.GetHome() != nil || p.GetSender() != "" && home == s.tp.Partition)
}

// open makes the broadcast a task: it is its own and goes on where the ledger and its Status say, whichever says more.
func (s *worker) open(t *task.Task, known ledger.Line, now time.Time) {
	if t.Failure.None() && known.Untouched() && t.Status.GetCursor() == 0 && status.Decided(t.Status) == 0 {
		if id, ok := s.findSameRequest(t); ok { //mutant:one-key-is-one-task-whatever-its-id
			t.Failure = schemas.Because(schemas.Reason_REASON_REPEATED, es.Say(es.Repeated, id))
		}
	}
	s.tasks[t.ID] = t
	s.addAliases(t)
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
		s.number(t.Sender).addDecided(int(min(decided, had))-int(min(t.Decided, had)), now)
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
	claims := s.claims[id]
	delete(s.claims, id)
	for _, t := range claims {
		first := s.tasks[id] == nil && t.IsFirst(st.GetPlan(), s.tp.Partition) && !status.Finished(st)
		if first && (len(s.claims[id]) > 0 || !s.isCertain(t, st)) {
			s.claims[id] = append(s.claims[id], t)
			continue
		}
		s.claimResolved(t)
		if !first {
			s.dropRepeatedLater(t, st.GetPlan().GetRequestSha256())
			continue
		}
		t.Status, t.ProbeMs = st, 0
		t.Opened.Known()
		s.open(t, s.inferLine(t), now)
	}
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
			s.box.unwatch(t.ID)
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

// untrackIfShown takes a closed task out of the ledger once its Status says what the ledger said.
func (s *worker) untrackIfShown(t *task.Task) {
	if t.State() == task.Closed && t.IsShown(s.tp.Partition) {
		s.untrack(t)
	}
}

// remove forgets a task that its Status calls finished, as soon as no turn of it is under way.
func (s *worker) remove(t *task.Task) {
	if !t.BecomeGone() {
		return
	}
	s.prepare.Evict(t)
	s.countPaused(t.IsPaused(), false)
	s.deleteControls(t.ID)
	s.queue(t).Remove(&t.Entry)
	s.releaseNumber(t.Sender)
	delete(s.tasks, t.ID)
	s.removeAliases(t)
	s.box.unwatch(t.ID)
	s.untrack(t)
}

// closeAs closes the task: nobody who had no turn yet gets one, and all of them come to the same outcome.
func (s *worker) closeAs(t *task.Task, now time.Time, m schemas.RecipientState, why string) {
	if !t.BecomeClosing() {
		return
	}
	// They count as in flight until the Status counts them as decided: of what is decided it does not say where.
	s.queue(t).Move(&t.Entry, t.Total, t.Decided)
	s.closeWith(t, t.OutcomeRange(now, t.Cursor, t.Total, m, why), t.Dispatched(now, t.Total))
}

// Fail closes the task with a reason that a person reads.
func (s *worker) Fail(t *task.Task, why schemas.Explanation, now time.Time) {
	s.log.Warn("broadcast failed", "task", t.ID.String(), "reason", why.Reason().String(), "why", why.Own().Spanish())
	t.Failure = why
	s.close(t, t.Update(t.UpdateTime(now), task.Status{Phase: schemas.Phase_PHASE_FAILED, Why: why}.Update()))
}

func (s *worker) close(t *task.Task, recs ...stream.Record) {
	if t.BecomeClosing() {
		s.closeWith(t, recs...)
	}
}

// closeWith writes the last records of a task that is closing, each after the one before it is acknowledged: the last says that all is
// done, and who reads it takes over nothing more. The task stays in the ledger, closed, until its Status shows them.
func (s *worker) closeWith(t *task.Task, recs ...stream.Record) {
	if running := t.StopWaiting(); running != nil {
		recs = append([]stream.Record{t.Update(t.UpdateTime(time.Now()), running)}, recs...)
	}
	t.DropLease()
	s.queue(t).Block(&t.Entry)
	s.prepare.Evict(t)
	t.Opened.Then(func() { s.closeNext(t, recs) })
}

func (s *worker) closeNext(t *task.Task, recs []stream.Record) {
	if t.State() != task.Closing {
		return
	}
	if len(recs) > 0 {
		//mutant:end-of-a-task-is-proven
		s.prove(s.logFor(t), func(stream.Record) { s.closeNext(t, recs[1:]) }, recs[0])
		return
	}
	t.BecomeClosed()
	t.Deadline = t.GraceEnd(time.Now())
	s.queue(t).EvaluateAt(&t.Entry, t.Deadline)
	s.markDirty()
	if t.Failure.None() {
		s.log.Info("broadcast dispatched", "task", t.ID.String(), "total", t.Total, "dispatched", t.Cursor,
			"seconds", time.Since(time.UnixMilli(t.Accepted)).Seconds())
	}
	s.untrackIfShown(t)
}
