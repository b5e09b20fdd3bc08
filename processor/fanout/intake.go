package fanout

import (
	"cmp"
	"context"
	"time"

	"altavoz/processor/fanout/ledger"
	"altavoz/processor/fanout/normalize"
	"altavoz/processor/fanout/recipients"
	"altavoz/processor/fanout/status"
	"altavoz/processor/fanout/task"
	"altavoz/schemas"
	"altavoz/schemas/es"
	"altavoz/stream"
)

// Codes in the headers of rejects.
const (
	codeDecode   = "decode"
	codeInvalid  = "invalid"
	codeConflict = "conflict"
	codeForeign  = "foreign"
)

// eventUnreadable is why a task fails whose record is no broadcast.
var eventUnreadable = schemas.Because(schemas.Reason_REASON_UNREADABLE, es.Say(es.EventUnreadable))

// intake takes the next record of the partition in.
func (s *worker) intake(rec *stream.Record, now time.Time) {
	s.markDirty()
	known, listed, lost := s.members.Read(rec)
	if lost > 0 {
		s.log.Error("broadcasts of the ledger are not in the log any more", "count", lost)
	}
	if s.members.Passed(rec.Offset, listed) {
		return // finished, or parked and known from its Status
	}
	if v := rec.Header(schemas.VersionHeader); rec.Value == nil && v == schemas.Version || v == "" && normalize.Null(rec.Value) { // a tombstone, which compaction or a tool has left: it says nothing
		return
	}
	t := task.At(rec.Offset)
	s.members.Track(t, listed)
	if rec.Header(schemas.VersionHeader) == "" {
		s.st.metrics.broadcasts[sourceJSON].Inc()
		s.normalize(t, rec, nil)
		return
	}
	b := &schemas.Broadcast{}
	if err := schemas.Decode(rec, b); err != nil {
		s.st.metrics.broadcasts[sourceProtobuf].Inc()
		s.rejectAndFail(t, rec, codeDecode, err.Error(), nil)
		return
	}
	if b.GetOrigin() == nil && !listed {
		s.st.metrics.broadcasts[sourceOf(b)].Inc()
	}
	switch {
	case s.isNormal(b):
		s.identify(t, rec, b, known, now)
	case b.GetOrigin() != nil: // was put in order before: doing it again would go on for ever
		t.Failure = eventUnreadable
		s.rejectAndFail(t, rec, codeInvalid, "a broadcast with an origin is not in order", normalize.Identify(rec, b))
	default:
		s.normalize(t, rec, b)
	}
}

// sourceOf tells by what only the ingress fills in.
func sourceOf(b *schemas.Broadcast) string {
	if len(b.GetTask()) > 0 && b.GetAcceptedMs() > 0 && len(b.GetRequestSha256()) > 0 {
		return sourceHTTP
	}
	return sourceProtobuf
}

// isNormal reports whether the broadcast can be carried out, and read again later, from the record as it is.
func (s *worker) isNormal(b *schemas.Broadcast) bool {
	return s.isHome(b.GetSender()) && !b.GetContent().HasInline() && len(b.GetPhones()) <= b.InlineMost() &&
		(b.GetSlices() != nil || int(b.GetTotal()) == len(b.GetPhones()))
}

// identify finds out whether the broadcast is a task to start, to go on with, or a repeat.
func (s *worker) identify(t *task.Task, rec *stream.Record, b *schemas.Broadcast, known ledger.Line, now time.Time) {
	at := &schemas.Origin{Partition: rec.Partition, Offset: rec.Offset}
	t.Origin = cmp.Or(b.GetOrigin(), at)
	if b.GetOrigin() != nil && !s.st.cfg.Moved(b) { //mutant:origin-is-proved
		t.Origin, t.Claimed = at, b.GetOrigin()
	}
	derived := schemas.TaskIDFromOrigin(string(schemas.TopicBroadcasts), t.Origin)
	id, err := schemas.TaskIDFromBytes(b.GetTask())
	if err != nil && len(b.GetTask()) > 0 {
		s.rejectAndFail(t, rec, codeInvalid, err.Error(), nil)
		return
	}
	if err != nil {
		id = derived
	}
	made, signed := s.st.cfg.Proof(b)
	if why := normalize.Forged(b, id, made, signed); why != "" {
		s.rejectForged(t, rec, why)
		return
	}
	t.ID = id
	s.members.Located(id)
	if known.Sum != 0 && known.Sum != ledger.SumOf(id.Bytes()) { //mutant:cursor-is-of-the-same-broadcast
		known = ledger.Line{}
	}
	t.Fill(b)
	t.Owner, t.Earlier = s.st.cfg.Owner(b, rec.Time), s.st.cfg.Earlier(b)
	t.Accepted = normalize.AcceptedAt(b.GetAcceptedMs(), rec.Time, now)
	_, timed := id.Time()                                                                                                // as an ingress makes it
	t.Contested = b.GetChosen() || id != derived && (!timed || !signed) || !t.Failure.None() || recipients.Unbound(b) || //mutant:list-under-a-tasks-id-is-the-first-ones
		b.GetOrigin() != nil //mutant:copy-of-a-record-waits-for-its-status
	if t.Failure.None() { // else the record was rejected before, and the task fails for the same reason
		_, ours := s.st.cfg.Number(b.GetSender())
		var invalid bool
		if t.Failure, invalid = normalize.Fault(id, b, t.Accepted, ours, s.st.cfg.MaxRecipients); t.Failure.None() && known.Untouched() && (sourceOf(b) != sourceHTTP || !s.isOpened(t)) {
			t.Failure, invalid = normalize.ContentFault(b)
		}
		if invalid {
			s.rejectAndFail(t, rec, codeInvalid, t.Failure.Own().Spanish(), b)
			return
		}
	}
	if t.Total == 0 || t.Total > s.st.cfg.MaxRecipients {
		t.Total = 1 // of a task that fails: with no recipient it would end before it can fail, and more nobody could count
	}
	s.prepare.Cache(t, b, len(rec.Value))
	s.watch(t)
	s.decide(t, rec, known, now)
}

// rejectForged rejects a record that says of itself what only an ingress may say. What it is named after is another's task, also where nothing
// is known of it yet.
func (s *worker) rejectForged(t *task.Task, rec *stream.Record, reason string) {
	s.st.metrics.dropped[dropForeign].Inc()
	if !t.Failure.None() { // it was rejected before, and is none of that task's either
		s.discard(t)
		return
	}
	s.rejectRecord(t, rec, codeForeign, reason)
}

// decide starts the task, goes on with it, or drops the record as a repeat, by what is known of the task's id.
func (s *worker) decide(t *task.Task, rec *stream.Record, known ledger.Line, now time.Time) {
	if t.Status == nil && !known.Untouched() && t.Claimed != nil { // the ledger knows it
		t.Origin, t.Claimed = t.Claimed, nil
	}
	if known.Untouched() && s.loadEarlier(t, rec, known) { // what the ledger knows of a task stays in it while something is read
		return
	}
	switch first := s.tasks[t.ID]; {
	case first != nil:
		s.dropRepeated(t, rec, first.SHA)
	case t.Status != nil && status.Finished(t.Status), t.Status != nil && !t.IsFirst(t.Status.GetPlan(), rec.Partition),
		t.Status != nil && known.Untouched() && s.namesCopyAhead(t.Status): //mutant:copy-ahead-that-the-status-names-is-the-task
		s.dropRepeated(t, rec, t.Status.GetPlan().GetRequestSha256())
	case len(s.claims.Of(t.ID)) > 0 && known.Untouched(): // another copy of it may be first
		s.awaitStatus(t, known, now)
	case t.Status != nil && s.members.MayHaveBegun(t, known, now): //mutant:cursor-that-is-gone-is-inferred
		t.Opened.Known()
		s.awaitStatus(t, known, now)
	case t.Status != nil:
		t.Opened.Known()
		s.open(t, known, now)
	case s.st.ports.Statuses.Finished(t.ID): //mutant:repeat-of-a-task-that-is-read-back
		s.lookUpFinished(t, rec, known)
	case (t.Contested || s.members.Doubtful(t.Offset)) && known.Untouched():
		s.awaitStatus(t, known, now)
	default:
		s.open(t, known, now)
		s.publishOpened(t, now)
	}
}

// namesCopyAhead reports whether the Status names a copy of its broadcast that is still to be read here. That copy is the task, and the next
// owner looks for its line there.
func (s *worker) namesCopyAhead(st *schemas.Status) bool {
	home := status.Position(st.GetPlan())
	return home.GetPartition() == s.Partition().Partition && s.members.IsAhead(home.GetOffset())
}

// isOpened reports whether the task has its TaskOpened. An ingress that accepted it held it to the rules of its own version.
func (s *worker) isOpened(t *task.Task) bool {
	st, _ := s.st.ports.Statuses.Get(t.ID)
	return st.GetPlan() != nil && t.IsFirst(st.GetPlan(), s.Partition().Partition)
}

// watch has the partition notified of the task's Status, and takes in the present one.
func (s *worker) watch(t *task.Task) {
	s.watched.Watch(t.ID)
	if st, ok := s.st.ports.Statuses.Get(t.ID); ok && st.GetPlan() != nil {
		t.Status = st
	}
}

// lookUpFinished finds out whether the record repeats a task that finished long ago, or is another request under its id: its recipients
// get nothing either way. Where retention has deleted that task meanwhile, its id is free, and all is decided anew.
func (s *worker) lookUpFinished(t *task.Task, rec *stream.Record, known ledger.Line) {
	t.BecomeIntake()
	s.intakes++
	var st *schemas.Status
	s.Background(func(ctx context.Context) (err error) {
		st, err = s.st.ports.Statuses.Find(ctx, t.ID)
		return err
	}, stream.IsGone, func(err error) {
		s.intakes--
		if t.Status = st; err != nil { // it is there, and nobody knows what was asked for
			s.dropRepeated(t, rec, nil)
			return
		}
		s.decide(t, rec, known, time.Now())
	})
}

// dropRepeated drops a record whose task is another's, or this one's own copy. Another request under the same id is kept in
// rejects.
func (s *worker) dropRepeated(t *task.Task, rec *stream.Record, sha []byte) {
	s.prepare.Evict(t)
	s.watched.Unwatch(t.ID)
	if status.Repeats(t.SHA, sha, t.Claimed == nil) {
		s.st.metrics.dropped[dropRepeat].Inc()
		s.discard(t)
		return
	}
	s.st.metrics.dropped[dropConflict].Inc()
	s.rejectRecord(t, rec, codeConflict, "another request has the task id "+t.ID.String())
}

// rejectRecord keeps the record in rejects and is done with it.
func (s *worker) rejectRecord(t *task.Task, rec *stream.Record, code, reason string) {
	s.writeReject(t, rec, code, reason, func() { s.discard(t) })
}

// discard is done with a record whose task is not this one.
func (s *worker) discard(t *task.Task) {
	t.BecomeGone()
	s.untrack(t)
}

func (s *worker) writeReject(t *task.Task, rec *stream.Record, code, reason string, done func()) {
	s.log.Warn("a broadcast was rejected", "offset", t.Offset, "code", code, "reason", reason)
	t.BecomeIntake()
	s.intakes++
	s.Publish(s.st.ports.Bulk, func(stream.Record) {
		s.intakes--
		done()
	}, s.st.ports.Reject(*rec, stageName, code, reason))
}

// rejectAndFail keeps the record in rejects. If a task id could be read of it, that task fails, with why.
func (s *worker) rejectAndFail(t *task.Task, rec *stream.Record, code, reason string, b *schemas.Broadcast) {
	s.st.metrics.dropped[dropInvalid].Inc()
	if b == nil {
		s.rejectRecord(t, rec, code, reason)
		return
	}
	s.writeReject(t, rec, code, reason, func() { s.identify(t, rec, b, ledger.Line{}, time.Now()) })
}

// rejectForeign makes the reject of a broadcast that points at what is another's.
func (s *worker) rejectForeign(rec stream.Record, reason string) stream.Record {
	s.st.metrics.dropped[dropForeign].Inc()
	return s.st.ports.Reject(rec, stageName, codeForeign, reason)
}

// publishOpened writes the task's TaskOpened. The first one of a task stands, so writing it again changes nothing.
func (s *worker) publishOpened(t *task.Task, now time.Time) {
	opened := t.TaskOpened(s.Partition().Partition, t.Total, t.Direct)
	s.Publish(s.logFor(t), func(stream.Record) { t.Opened.Open() }, t.Record(now, &schemas.Result{Event: &schemas.Result_Plan{Plan: opened}}))
}

// logFor returns the way to the log that the task's records take.
func (s *worker) logFor(t *task.Task) stream.Log {
	if t.Lane == schemas.LaneExpress {
		return s.st.ports.Express
	}
	return s.st.ports.Bulk
}

// loadEarlier reads back those of the task's other ids that are known to be finished and no more than that, and decides then. One that
// can't be read any more is not the same request.
func (s *worker) loadEarlier(t *task.Task, rec *stream.Record, known ledger.Line) bool {
	var gone []schemas.TaskID
	for _, id := range t.Earlier {
		if _, there := s.st.ports.Statuses.Get(id); !there && s.st.ports.Statuses.Finished(id) {
			gone = append(gone, id)
		}
	}
	if len(gone) == 0 || t.Others != nil {
		return false
	}
	t.BecomeIntake()
	t.Others = make(map[schemas.TaskID]*schemas.Status)
	s.intakes++
	found := make(map[schemas.TaskID]*schemas.Status)
	s.Background(func(ctx context.Context) error {
		for _, id := range gone {
			st, err := s.st.ports.Statuses.Find(ctx, id)
			if err != nil && !stream.IsGone(err) {
				return err
			}
			found[id] = st
		}
		return nil
	}, never, func(error) {
		s.intakes--
		t.Others = found
		s.decide(t, rec, known, time.Now())
	})
	return true
}
