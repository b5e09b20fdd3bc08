package fanout

import (
	"time"

	"altavoz/processor/fanout/task"
	"altavoz/processor/partition"
	"altavoz/stream"
)

// commits is how far the ledger of the partition is committed, and what waits for that.
type commits struct {
	dirty          bool // the ledger says more than what was committed
	urgent         bool // and something waits for it
	commitBy       time.Time
	committing     bool
	final          bool         // the last commit was asked for
	dead           bool         // nobody knows what was committed: nothing is started any more, until the partition is given up
	leasesToCommit []*task.Task // wait for a commit
	leasesInCommit []*task.Task // covered by the one under way
	provenAt       time.Time    // a commit asked for at this time was made: the partition was ours
	commitSeq      uint64       // how many commits were asked for, ...
	provenSeq      uint64       // ... and which of them was made last
	awaitingProof  []*writing   // wait for another one
}

// restored reports whether the partition knows all that the ledger taken over says. Before that it commits, and starts, nothing.
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
	s.st.assignments.Commit(s, stream.Position{Partition: s.Partition(), Offset: mark, Metadata: text})
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
		s.log.Warn("nobody knows what was committed; the partition starts nothing more", "error", a.Unknown)
		s.dead = true //mutant:unknown-commit-ends-the-worker
	case a.Refused != nil: //mutant:refused-commit-produces-nothing
		s.log.Debug("a commit was refused", "error", a.Refused)
		s.leasesToCommit = append(leases, s.leasesToCommit...)
		s.markDirty()
		s.After(partition.BackOff(0), func() { s.urgent = true })
	default:
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

// writing is a batch of records that is written until all of it is acknowledged, as far as the partition may still write it.
type writing struct {
	partition.Write
	lease bool   // produced under a lease
	proof uint64 // the number of the commit that must have been made; see controls.go
}

// Prove puts records on the log once a commit was made that was asked for from now on: the partition was ours when they were
// decided upon, and nobody had taken it over.
func (s *worker) Prove(log stream.Log, done func(last stream.Record), recs ...stream.Record) {
	s.proveWith(s.commitSeq+1, log, done, recs...)
}

// proveWith puts records on the log once the commit with the number, or a later one, was made.
func (s *worker) proveWith(commit uint64, log stream.Log, done func(last stream.Record), recs ...stream.Record) {
	s.enqueue(&writing{Write: partition.Write{To: log, Records: recs, Done: done}, proof: commit})
}

// Publish puts records on the log, and calls done when all are acknowledged.
func (s *worker) Publish(log stream.Log, done func(last stream.Record), recs ...stream.Record) {
	s.enqueue(&writing{Write: partition.Write{To: log, Records: recs, Done: done}})
}

func (s *worker) enqueue(w *writing) {
	if s.dead {
		return
	}
	w.Ready = func() bool { return s.ready(w) }
	s.Write(&w.Write)
}

// ready reports whether the partition may write a batch now. One that has to wait for another commit is kept until that is made.
func (s *worker) ready(w *writing) bool {
	if s.dead {
		return false
	}
	//mutant:lease-ends
	if w.lease && time.Since(s.provenAt) > leaseFresh || s.provenSeq < w.proof {
		s.awaitingProof = append(s.awaitingProof, w)
		s.dirty, s.urgent = true, true
		return false
	}
	return true
}
