package fanout

import (
	"time"

	"altavoz/processor/fanout/ledger"
	"altavoz/processor/fanout/normalize"
	"altavoz/processor/fanout/status"
	"altavoz/processor/fanout/task"
	"altavoz/processor/partition"
	"altavoz/schemas"
	"altavoz/stream"
)

// takeQuanta takes the turns of one queue that can be taken now.
func (s *worker) takeQuanta(q *queue, now time.Time) {
	for e := q.NextDue(now); e != nil; e = q.NextDue(now) {
		s.Evaluate(e.Task, now)
	}
	for e := q.Peek(now); e != nil && !s.prepare.Busy(); e = q.Peek(now) {
		t := e.Task
		if !s.prepare.Prepare(t, now) {
			q.Block(e)
			continue
		}
		if !s.reserve(ledger.LineBytes) {
			return
		}
		//mutant:others-wait-for-the-first-recipients
		s.lease(t, q.Take(e, min(t.QuantumLimit(), t.Slice.Rest(t.Cursor))), now)
	}
}

// repeatLeases takes the turns that an earlier owner had leased. They are in the pipe already, so they wait for nobody: two of
// them could fill it, and then wait for themselves.
func (s *worker) repeatLeases(now time.Time) {
	var left []*task.Task
	for _, t := range s.repeats {
		switch {
		case !t.Open() || t.Lease == 0:
		case t.State() == task.Dispatching || !s.prepare.Prepare(t, now) || !s.reserve(ledger.LineBytes-ledger.Reserve):
			left = append(left, t)
		default:
			s.lease(t, min(t.Lease, t.Slice.Rest(t.Cursor)), now)
			left = append(left, t)
		}
	}
	s.repeats = left
}

// Lease leases the turn: it is produced when a commit says so.
func (s *worker) lease(t *task.Task, n uint32, now time.Time) {
	s.freeBytes -= ledger.LineBytes
	if t.Membership() == task.Untracked {
		s.retrack(t)
	}
	t.BecomeDispatching()
	t.Quantum = n
	s.leasesToCommit = append(s.leasesToCommit, &quantum{t: t, from: t.Cursor, n: n})
	s.dirty, s.urgent = true, true
	s.st.metrics.quanta[t.Lane].Inc()
	if t.Cursor == 0 && t.Lease == 0 {
		s.log.Info("broadcast started", "task", t.ID.String(), "sender", t.Sender, "lane", string(t.Lane), "total", t.Total,
			"waited_seconds", now.Sub(time.UnixMilli(t.Accepted)).Seconds())
	}
	s.prepare.Prefetch(t, t.Cursor+n)
}

// quantum is a run of recipients that is leased, and then dispatched.
type quantum struct {
	t       *task.Task
	from, n uint32
}

// produce dispatches a turn that is leased.
func (s *worker) produce(u *quantum) {
	t := u.t
	if t.State() != task.Dispatching {
		return
	}
	recs := s.expand(u, time.Now())
	s.prepare.GrowSeen(t)
	s.enqueue(&writing{lease: true, Write: partition.Write{To: s.logFor(t), Records: recs, Done: func(stream.Record) { s.onDispatched(u) }}})
}

// onDispatched takes in that all of a turn is in the log.
func (s *worker) onDispatched(u *quantum) {
	t, now := u.t, time.Now()
	t.BecomeWaiting()
	t.Quantum = 0
	t.Advance(u.n)
	s.markDirty()
	s.st.metrics.dispatched[t.Lane].Add(float64(u.n))
	switch {
	case t.Status != nil && status.Finished(t.Status):
		s.remove(t)
	case t.Cursor == t.Total:
		s.close(t, t.Dispatched(now, t.Total))
	default:
		t.Opened.Then(func() { s.Publish(s.logFor(t), func(stream.Record) {}, t.Dispatched(now, t.Cursor)) })
		s.prepare.EvictOverBudget(t)
		s.Evaluate(t, now)
	}
}

// expand makes the turn's records: a send for each recipient, or the outcome of one who gets none.
func (s *worker) expand(u *quantum, now time.Time) []stream.Record {
	t := u.t
	notAfter := min(now.Add(schemas.SendLife).UnixMilli(), t.ExpiresAt().UnixMilli())
	replaced, all := s.replacedOwners(t)
	recs := make([]stream.Record, 0, u.n)
	for i := range u.n {
		index := u.from + i
		text := t.Slice.Phones[index-t.Slice.First]
		phone, mark := t.Seen.Judge(text, s.st.cfg.Region)
		if t.Pending != nil && !t.Pending[i] {
			continue // addDecided before the takeover
		}
		if t.Pending != nil {
			s.st.metrics.repeats.Inc()
		}
		if t.Unknown && !mark.Decided() { //mutant:recipient-in-doubt-is-not-sent-to
			mark = schemas.StateUnknown
		}
		if mark.Decided() {
			recs = append(recs, t.Record(now, &schemas.Result{Event: &schemas.Result_Outcome{Outcome: &schemas.Outcome{
				Index: index, Mark: uint32(mark), Phone: normalize.Shown(text), Reason: normalize.Reason(mark, text, s.st.cfg.Region),
			}}}))
			continue
		}
		recs = append(recs, schemas.EncodeSend(t.Lane, &schemas.Send{
			Task: t.ID.Bytes(), Index: index, Phone: phone.Digits(), Sender: t.Sender, NotAfterMs: notAfter,
			ContentRef: t.Ref, Content: t.Content, OnUnknown: t.Body.GetOnUnknown(), Window: t.Window,
			Generation: s.owners[0], Replaced: replaced, RepeatedAll: all,
		}))
	}
	return recs
}
