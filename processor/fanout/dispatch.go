package fanout

import (
	"time"

	"altavoz/processor/fanout/ledger"
	"altavoz/processor/fanout/status"
	"altavoz/processor/fanout/task"
	"altavoz/processor/partition"
	"altavoz/stream"
)

// takeQuanta evaluates the tasks of one queue that are due, and leases the quanta that can be leased now.
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
		if !s.members.Reserve(ledger.LineBytes, s.untrack) {
			return
		}
		//mutant:others-wait-for-the-first-recipients
		s.lease(t, q.Take(e, min(t.QuantumLimit(), t.Slice.Rest(t.Cursor))), now)
	}
}

// repeatLeases leases again what an earlier owner had leased. It counts as in flight already, so it does not wait for the window: two
// such leases could fill it, and then wait for themselves.
func (s *worker) repeatLeases(now time.Time) {
	var left []*task.Task
	for _, t := range s.repeats {
		switch {
		case !t.Open() || t.Lease == 0:
		case t.State() == task.Dispatching || !s.prepare.Prepare(t, now) || !s.members.Reserve(ledger.LineBytes-ledger.Reserve, s.untrack):
			left = append(left, t)
		default:
			s.lease(t, min(t.Lease, t.Slice.Rest(t.Cursor)), now)
			left = append(left, t)
		}
	}
	s.repeats = left
}

// lease gives the task a quantum: it is produced once a commit has it.
func (s *worker) lease(t *task.Task, n uint32, now time.Time) {
	s.members.Spend()
	if t.Membership() == task.Untracked {
		s.members.Retrack(t)
	}
	t.BecomeDispatching()
	t.Quantum = n
	s.leasesToCommit = append(s.leasesToCommit, t)
	s.dirty, s.urgent = true, true
	s.st.metrics.quanta[t.Lane].Inc()
	if t.Cursor == 0 && t.Lease == 0 {
		s.log.Info("broadcast started", "task", t.ID.String(), "sender", t.Sender, "lane", string(t.Lane), "total", t.Total,
			"waited_seconds", now.Sub(time.UnixMilli(t.Accepted)).Seconds())
	}
	s.prepare.Prefetch(t, t.Cursor+n)
}

// produce writes the sends of a quantum that is leased.
func (s *worker) produce(t *task.Task) {
	if t.State() != task.Dispatching {
		return
	}
	replaced, all := s.members.Replaced(t.Pending != nil, s.restored() && len(s.repeats) == 0)
	recs, repeats := t.Expand(time.Now(), task.Sender{Region: s.st.cfg.Region, Phones: s.st.cfg.Phones, Owner: s.members.Owner(), Replaced: replaced, RepeatedAll: all})
	s.st.metrics.repeats.Add(float64(repeats))
	s.prepare.GrowSeen(t)
	s.enqueue(&writing{lease: true, Write: partition.Write{To: s.logFor(t), Records: recs, Done: func(stream.Record) { s.onDispatched(t) }}})
}

// onDispatched moves the cursor: all of the quantum is acknowledged.
func (s *worker) onDispatched(t *task.Task) {
	now, n := time.Now(), t.Quantum
	t.BecomeWaiting()
	t.Quantum = 0
	t.Advance(n)
	s.markDirty()
	s.st.metrics.dispatched[t.Lane].Add(float64(n))
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
