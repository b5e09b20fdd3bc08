package fanout

import (
	"context"
	"fmt"
	"time"

	"altavoz/processor/fanout/ledger"
	"altavoz/processor/fanout/status"
	"altavoz/schemas"
	"altavoz/stream"
)

// takeOver finds the tasks that the partition's earlier owner left to their Status: parked ones, and those that are
// dispatched and not decided, which still fill the pipe. The view has caught up by now.
func (s *slot) takeOver() {
	type found struct {
		id schemas.TaskID
		st *schemas.Status
	}
	var mine []found
	var over []schemas.TaskID
	s.st.ports.Statuses.Each(func(id schemas.TaskID, st *schemas.Status) bool {
		if st.GetPlan() != nil && !status.Finished(st) && s.lives(st.GetPlan()) {
			mine = append(mine, found{id, st})
		}
		if st.GetPlan() != nil && status.Finished(st) && s.lives(st.GetPlan()) {
			over = append(over, id)
		}
		return true
	})
	now := time.Now()
	for _, f := range mine {
		offset := status.Position(f.st.GetPlan()).GetOffset()
		known, listed := s.old[offset]
		if s.willBeRead(offset, listed) {
			if s.doubt.any {
				s.sought[f.id] = f.st
			}
			continue
		}
		delete(s.old, offset)
		if known.Sum != 0 && known.Sum != ledger.SumOf(f.id.Bytes()) {
			known, listed = ledger.Line{}, false
		}
		t := s.outside(f.id, f.st)
		if listed && offset < s.oldNext { // else its record is gone, and the ledger has no line from its end on
			s.relist(t)
		}
		s.open(t, known, now)
	}
	for _, id := range over {
		s.forget(id) // its owner may have died before
	}
	for offset := range s.old {
		if offset < s.mark || offset >= s.oldNext { // its Status showed it once; only what is finished leaves the view
			s.log.Warn("a broadcast of the ledger is not in the view of statuses any more", "offset", offset)
			s.forsaken = s.forsaken || s.old[offset].Lease > 0
			delete(s.old, offset)
		}
	}
	s.synced = true
	s.log.Debug("partition taken over", "from", s.mark, "tasks", len(s.tasks), "to_read", s.oldNext-s.mark)
}

// outside makes the task of a Status whose record is not read.
func (s *slot) outside(id schemas.TaskID, st *schemas.Status) *task {
	t := &task{id: id, offset: status.Position(st.GetPlan()).GetOffset(), status: st, planned: true, outside: true, place: placeNone}
	t.fillPlan(st.GetPlan())
	s.box.watch(id)
	return t
}

// missed ends the tasks that were sought in a log in doubt, all of which was read: others have the offsets of their records.
func (s *slot) missed(now time.Time) {
	for id, st := range s.sought {
		t := s.outside(id, st)
		t.why = whyNotFound
		s.open(t, ledger.Line{}, now)
	}
	clear(s.sought)
}

// lives reports whether a plan's broadcast is carried out from this partition: its copy lies here. A plan that does not
// name the copy, because the ingress wrote it, means the broadcast's own record, if that lies at home and names its number.
func (s *slot) lives(p *schemas.TaskOpened) bool {
	home := s.st.ports.Home(schemas.TopicBroadcasts, []byte(p.GetSender()))
	return status.Position(p).GetPartition() == s.of.Partition && (p.GetHome() != nil || p.GetSender() != "" && home == s.of.Partition)
}

// open makes the broadcast a task: it is its own and goes on where the ledger and its Status say, whichever says more.
func (s *slot) open(t *task, known ledger.Line, now time.Time) {
	if t.why == "" && known.Untouched() && t.status.GetCursor() == 0 && status.Decided(t.status) == 0 {
		if id, ok := s.earlier(t); ok { //mutant:one-key-is-one-task-whatever-its-id
			t.why = fmt.Sprintf(whyRepeat, id)
		}
	}
	s.tasks[t.id] = t
	s.named(t)
	t.state = stateOpen
	t.cursor = max(known.Cursor, t.status.GetCursor())
	if end := known.Cursor + known.Lease; end > t.cursor {
		t.lease = min(end, t.Total) - min(t.cursor, t.Total)
	}
	t.doubt = known.Doubt && t.lease > 0
	s.resume(t, now)
	t.cursor = min(t.cursor, t.Total)
	t.End, t.Decided = t.cursor+t.lease, status.Decided(t.status)
	t.deadline = t.ends()
	switch {
	case t.why != "":
		s.enter(t)
		s.fail(t, t.why, now)
	case known.Closed || t.cursor >= t.Total:
		// Where dispatch ended is not known of a task that expired or failed; its Status will say that nobody is left.
		t.state, t.lease, t.End = stateClosed, 0, t.Total
		t.deadline = t.grace(now)
		s.enter(t)
		s.settled(t)
		s.look(t, now)
	default:
		s.enter(t)
		if t.cursor > 0 || t.lease > 0 {
			t.started = true
		}
		if t.lease > 0 {
			s.repeats = append(s.repeats, t)
		}
		s.look(t, now)
	}
}

// enter puts the task into its queue, where it counts for the pipe; it takes no turn yet.
func (s *slot) enter(t *task) {
	t.entered = true
	s.queue(t).Add(&t.Entry)
}

// nudge lets the task take turns if nothing keeps it from them.
func (s *slot) nudge(t *task) {
	if t.state == stateOpen && t.entered && !t.hold.held && t.place != placeBeyond && t.turn == nil && t.lease == 0 && !t.busy {
		s.queue(t).Unblock(&t.Entry)
	}
}

// consider lets go of what a task holds that has long to wait, and parks it. Beyond the ledger there is nothing to leave.
func (s *slot) consider(t *task, now time.Time) {
	h := t.hold
	if t.state != stateOpen || t.busy || t.turn != nil || t.lease > 0 || !h.held || h.phase == 0 || !h.until.IsZero() && h.until.Sub(now) <= parkAfter {
		return
	}
	s.cool(t)
	if t.place == placeListed && t.shown(s.of.Partition) {
		s.unlist(t)
	}
}

// heard takes a newer Status in.
func (s *slot) heard(id schemas.TaskID, st *schemas.Status, now time.Time) {
	if st.GetPlan() == nil {
		return
	}
	s.claimed(id, st, now)
	t := s.tasks[id]
	if t == nil || !status.SameOrigin(st.GetPlan().GetOrigin(), t.origin) || t.status != nil && t.status.GetVersion() > st.GetVersion() {
		return
	}
	t.status = st
	q, decided := s.queue(t), status.Decided(st)
	if decided != t.Decided {
		had := t.dispatchedTo() // expired ones say nothing of the number's speed
		s.number(t.sender).decided(int(min(decided, had))-int(min(t.Decided, had)), now)
		q.Move(&t.Entry, t.End, decided)
	}
	if status.Finished(st) {
		s.dismiss(t)
		return
	}
	s.shows(t)
	//mutant:overtaken-turn-is-not-repeated
	s.overtaken(t, st.GetCursor())
	//mutant:marks-are-read-behind-the-note
	if t.marker != 0 && st.GetPhaseMs() >= t.marker {
		t.marker = 0
		s.unread = append(s.unread, t)
		s.readMarks()
	}
	s.settled(t)
	s.look(t, now)
}

// claimed settles who came first under an id that callers chose, and how far a broadcast in doubt has come.
func (s *slot) claimed(id schemas.TaskID, st *schemas.Status, now time.Time) {
	claims := s.claims[id]
	delete(s.claims, id)
	for _, t := range claims {
		first := s.tasks[id] == nil && t.first(st.GetPlan(), s.of.Partition) && !status.Finished(st)
		if first && (len(s.claims[id]) > 0 || !s.certain(t, st)) {
			s.claims[id] = append(s.claims[id], t)
			continue
		}
		s.awaited(t)
		if !first {
			s.repeatedLater(t, st.GetPlan().GetRequestSha256())
			continue
		}
		t.status, t.planned, t.marker = st, true, 0
		s.open(t, s.inferred(t), now)
	}
}

// repeatedLater is repeated for a record that is not at hand any more.
func (s *slot) repeatedLater(t *task, sha []byte) {
	if status.Repeats(t.sha, sha, t.claimed == nil) {
		s.repeated(t, nil, sha)
		return
	}
	t.state = stateIntake
	var rec stream.Record
	s.Background(func(ctx context.Context) (err error) {
		rec, err = s.st.ports.Records.Record(ctx, s.of, t.offset)
		return err
	}, stream.IsGone, func(err error) {
		if err != nil { // retention took it: there is nothing to keep
			s.cool(t)
			s.box.unwatch(t.id)
			s.gone(t)
			return
		}
		s.repeated(t, &rec, sha)
	})
}

// overtaken follows a zombie that finished the turn which this owner was about to repeat.
func (s *slot) overtaken(t *task, cursor uint32) {
	if t.state != stateOpen || t.turn != nil || t.cursor >= cursor {
		return
	}
	done := min(cursor, t.Total) - t.cursor
	t.cursor += done
	t.lease -= min(t.lease, done)
	t.mask = t.mask[min(int(done), len(t.mask)):]
	if t.lease == 0 {
		t.mask = nil
	}
	t.seen, t.slice = nil, nil
	s.queue(t).Move(&t.Entry, max(t.End, t.cursor), t.Decided)
	s.touch()
	if t.cursor == t.Total {
		s.close(t, t.dispatched(time.Now(), t.Total))
	}
}

// settled takes a closed task out of the ledger once its Status says what the ledger said.
func (s *slot) settled(t *task) {
	if t.state == stateClosed && t.shown(s.of.Partition) {
		s.unlist(t)
	}
}

// dismiss forgets a task that its Status calls finished, as soon as no turn of it is under way.
func (s *slot) dismiss(t *task) {
	if t.turn != nil || t.state == stateGone {
		return
	}
	t.state = stateGone
	s.cool(t)
	s.pausing(t, false)
	s.forget(t.id)
	s.queue(t).Remove(&t.Entry)
	s.leaves(t.sender)
	delete(s.tasks, t.id)
	s.unnamed(t)
	s.box.unwatch(t.id)
	s.unlist(t)
}

// end closes the task: nobody who had no turn yet gets one, and all of them come to the same outcome.
func (s *slot) end(t *task, now time.Time, m schemas.RecipientState, why string) {
	if t.state != stateOpen {
		return
	}
	// They count as in the pipe until the Status counts them as decided: of what is decided it does not say where.
	s.queue(t).Move(&t.Entry, t.Total, t.Decided)
	s.close(t, t.span(now, t.cursor, t.Total, m, why), t.dispatched(now, t.Total))
}

// fail closes the task with a reason that a person reads.
func (s *slot) fail(t *task, why string, now time.Time) {
	s.log.Warn("broadcast failed", "task", t.id.String(), "why", why)
	t.why = why
	s.close(t, t.note(t.noteAt(now), &schemas.TaskUpdate{Phase: schemas.Phase_PHASE_FAILED, Why: why}))
}

// close writes the task's last records, each after the one before it is acknowledged: the last says that all is done, and
// who reads it takes over nothing more. The task stays in the ledger, closed, until its Status shows them.
func (s *slot) close(t *task, recs ...stream.Record) {
	if t.state != stateOpen {
		return
	}
	if t.said != (stance{}) && !t.said.standing() && t.why == "" { // it does not wait any more
		t.said = stance{}
		running := &schemas.TaskUpdate{Phase: schemas.Phase_PHASE_RUNNING}
		recs = append([]stream.Record{t.note(t.noteAt(time.Now()), running)}, recs...)
	}
	t.state, t.lease, t.mask = stateClosing, 0, nil
	s.queue(t).Block(&t.Entry)
	s.cool(t)
	s.whenPlanned(t, func() { s.closeWith(t, recs) })
}

func (s *slot) closeWith(t *task, recs []stream.Record) {
	if t.state != stateClosing {
		return
	}
	if len(recs) > 0 {
		//mutant:end-of-a-task-is-proven
		s.prove(s.logOf(t), func(stream.Record) { s.closeWith(t, recs[1:]) }, recs[0])
		return
	}
	t.state, t.deadline = stateClosed, t.grace(time.Now())
	s.queue(t).LookAt(&t.Entry, t.deadline)
	s.touch()
	if t.why == "" {
		s.log.Info("broadcast dispatched", "task", t.id.String(), "total", t.Total, "dispatched", t.cursor,
			"seconds", time.Since(time.UnixMilli(t.accepted)).Seconds())
	}
	s.settled(t)
}
