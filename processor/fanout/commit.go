package fanout

import (
	"time"

	"altavoz/processor/fanout/task"
	"altavoz/processor/partition"
	"altavoz/stream"
)

// restored reports whether the slot knows all that the ledger taken over says. Before that it commits, and starts, nothing.
func (s *worker) restored() bool { return s.synced && s.members.Restored() }

// untrack takes a task out of the ledger: it is finished or, if it goes on, parked.
func (s *worker) untrack(t *task.Task) {
	if !t.BecomeUntracked() {
		return
	}
	s.markDirty()
	if !t.Over() {
		s.st.metrics.parked.Inc()
		s.unblock(t) // one from beyond may take leases now
	}
}

// admit lets broadcasts that were read into the ledger.
func (s *worker) admit() {
	if !s.restored() {
		return
	}
	s.members.Admit(s.untrack, func(t *task.Task) {
		s.markDirty()
		s.unblock(t)
	})
}

// markDirty notes that the ledger says more than what was committed.
func (s *worker) markDirty() {
	if !s.dirty {
		s.dirty, s.commitBy = true, time.Now().Add(lazyCommit)
	}
}

// commit asks for the ledger to be committed, if that is due. Leases go at once: while one commit is under way they
// gather for the next.
func (s *worker) commit(now time.Time) {
	last := s.Draining() && !s.final && s.InFlight() == 0
	//mutant:commit-waits-for-the-old-ledger
	if s.committing || !s.restored() || !last && !s.urgent && (!s.dirty || now.Before(s.commitBy)) {
		return
	}
	if s.Draining() {
		s.withdraw(s.leasesToCommit)
		s.leasesToCommit = nil
	}
	mark, l := s.members.Ledger()
	text, err := l.Encode(mark)
	if err != nil { // reserve did not do its work
		s.log.Error("the ledger can't be committed", "error", err)
		s.dead = true
		return
	}
	s.members.Commit(mark)
	s.committing, s.final = true, last
	s.commitSeq++
	s.dirty, s.urgent = false, false
	s.leasesInCommit, s.leasesToCommit = append(s.leasesInCommit, s.leasesToCommit...), nil
	s.st.assignments.Commit(s, stream.Position{Partition: s.tp, Offset: mark, Metadata: text})
}

// OnCommitted takes in how a commit ended. What was leased by it is produced.
func (s *worker) OnCommitted(a partition.CommitResult) {
	s.committing = false
	leases, unproven := s.leasesInCommit, s.awaitingProof
	s.leasesInCommit = nil
	if s.Draining() {
		s.withdraw(leases)
		leases, unproven = nil, nil
	}
	switch {
	case a.Unknown != nil:
		s.st.metrics.refused.Inc()
		s.log.Warn("nobody knows what was committed; the partition starts nothing more", "error", a.Unknown)
		s.dead = true //mutant:unknown-commit-ends-the-slot
	case a.Refused != nil: //mutant:refused-lease-writes-nothing
		s.st.metrics.refused.Inc()
		s.log.Debug("a commit was refused", "error", a.Refused)
		s.leasesToCommit = append(leases, s.leasesToCommit...)
		s.markDirty()
		s.After(partition.BackOff(0), func() { s.urgent = true })
	default:
		s.st.metrics.commits.Inc()
		s.provenAt, s.provenSeq, s.awaitingProof = a.Asked, s.commitSeq, nil
		for _, t := range leases {
			s.produce(t)
		}
		for _, w := range unproven {
			s.enqueue(w)
		}
	}
}

// withdraw takes back leases of which nothing was produced.
func (s *worker) withdraw(leases []*task.Task) {
	for _, t := range leases {
		t.BecomeWaiting()
		t.Quantum = 0
	}
}
