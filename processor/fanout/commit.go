package fanout

import (
	"cmp"
	"slices"
	"time"

	"altavoz/processor/fanout/ledger"
	"altavoz/processor/fanout/task"
	"altavoz/processor/partition"
	"altavoz/stream"
)

// The slot's side of the ledger.
//
// Broadcasts enter it in the order of the log (admit) as far as there is room, and only those in it, or parked, take
// turns. Untouched ones take a byte or two, so a quarter of the room is kept for leases. A task leaves the ledger when it
// is closed and its Status shows that, or, while it has no turn, to be parked: when there is little room, or it has long
// to wait. Both need the Status to say what the ledger said, because that is where the next owner looks. So a ledger
// that is full empties as fast as the aggregator goes; reading goes on meanwhile, and what was read waits beyond it.

const (
	leaseReserve = ledger.Bytes / 4
	parkBelow    = ledger.Bytes / 2
	// slackBytes is what the ledger's head may grow by between its measure and its commit.
	slackBytes = 16
)

// restored reports whether the slot knows all that the ledger taken over says. Before that it commits, and starts, nothing.
func (s *worker) restored() bool { return s.synced && len(s.inherited) == 0 }

// track puts a record that was just read behind the others.
func (s *worker) track(t *task.Task, known bool) {
	if known { // the ledger had it already, so everything before it is in too
		t.BecomeTracked()
		s.tracked = append(s.tracked, t)
		return
	}
	s.overflow = append(s.overflow, t)
}

// untrack takes a task out of the ledger: it is finished or, if it goes on, parked.
func (s *worker) untrack(t *task.Task) {
	if !t.BecomeUntracked() {
		return
	}
	s.markDirty()
	if !t.Over() {
		s.st.metrics.parked.Inc()
		s.unblock(t) // one from beyond may take turns now
	}
}

// retrack puts a parked task back, because it is to take a turn.
func (s *worker) retrack(t *task.Task) {
	s.compact()
	i, _ := slices.BinarySearchFunc(s.tracked, t.Offset, func(x *task.Task, at int64) int { return cmp.Compare(x.Offset, at) })
	s.tracked = slices.Insert(s.tracked, i, t)
	t.BecomeRetracked()
}

func (s *worker) compact() {
	s.tracked = slices.DeleteFunc(s.tracked, func(t *task.Task) bool { return !t.Listed() })
	for len(s.overflow) > 0 && s.overflow[0].Membership() != task.Overflow {
		s.overflow[0], s.overflow = nil, s.overflow[1:]
	}
}

// admit lets broadcasts from beyond into the ledger.
func (s *worker) admit() {
	if !s.restored() {
		return
	}
	for len(s.overflow) > 0 {
		t := s.overflow[0]
		if t.Membership() == task.Overflow {
			if !s.reserve(leaseReserve + ledger.LineBytes) {
				return
			}
			s.freeBytes -= ledger.LineBytes
			t.BecomeTracked()
			s.tracked = append(s.tracked, t)
			s.markDirty()
			s.unblock(t)
		}
		s.overflow[0], s.overflow = nil, s.overflow[1:]
	}
}

// reserve reports whether the next ledger has room for so many bytes more, parking what it can if need be.
func (s *worker) reserve(bytes int) bool {
	if s.freeBytes >= bytes {
		return true
	}
	s.measureFree()
	if s.freeBytes < max(bytes, parkBelow) && s.park() {
		s.measureFree()
	}
	return s.freeBytes >= bytes
}

// measureFree finds out how much room the ledger has as it would be now.
func (s *worker) measureFree() {
	mark, l := s.ledger()
	s.freeBytes = ledger.Bytes - slackBytes - len(l.Append(nil, mark))
}

// park parks every task that may be, and reports whether there was one.
func (s *worker) park() (any bool) {
	for _, t := range s.tracked {
		if t.Listed() && t.IsShown(s.tp.Partition) {
			s.untrack(t)
			any = true
		}
	}
	return any
}

// ledger returns the watermark and what is to be said beside it.
func (s *worker) ledger() (mark int64, l ledger.Ledger) {
	s.compact()
	//mutant:doubt-outlives-its-owner
	l.Owners, l.Doubt = s.owners, s.doubtBelow()
	l.Next, l.Last = max(s.readTo, s.inheritedNext), s.lastRead
	if len(s.overflow) > 0 {
		l.Next = s.overflow[0].Offset
	}
	mark = l.Next
	l.Lines = make([]ledger.Line, len(s.tracked))
	for i, t := range s.tracked {
		l.Lines[i] = t.Line()
		if t.Membership() == task.Tracked {
			mark = min(mark, t.Offset)
		}
	}
	return max(mark, s.watermark), l
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
	mark, l := s.ledger()
	text, err := l.Encode(mark)
	if err != nil { // reserve did not do its work
		s.log.Error("the ledger can't be committed", "error", err)
		s.dead = true
		return
	}
	s.watermark = mark
	s.committing, s.final = true, last
	s.commitSeq++
	s.dirty, s.urgent, s.freeBytes = false, false, 0 // measured when it is next asked for
	s.leasesInCommit, s.leasesToCommit = append(s.leasesInCommit, s.leasesToCommit...), nil
	s.st.assignments.Commit(s, stream.Position{Partition: s.tp, Offset: mark, Metadata: text})
}

// OnCommitted takes in how a commit ended. What was leased by it is produced.
func (s *worker) OnCommitted(a partition.CommitResult) {
	s.committing = false
	turns, unproven := s.leasesInCommit, s.awaitingProof
	s.leasesInCommit = nil
	if s.Draining() {
		s.withdraw(turns)
		turns, unproven = nil, nil
	}
	switch {
	case a.Unknown != nil:
		s.st.metrics.refused.Inc()
		s.log.Warn("nobody knows what was committed; the partition starts nothing more", "error", a.Unknown)
		s.dead = true //mutant:unknown-commit-ends-the-slot
	case a.Refused != nil: //mutant:refused-lease-writes-nothing
		s.st.metrics.refused.Inc()
		s.log.Debug("a commit was refused", "error", a.Refused)
		s.leasesToCommit = append(turns, s.leasesToCommit...)
		s.markDirty()
		s.After(partition.BackOff(0), func() { s.urgent = true })
	default:
		s.st.metrics.commits.Inc()
		s.provenAt, s.provenSeq, s.awaitingProof = a.Asked, s.commitSeq, nil
		for _, t := range turns {
			s.produce(t)
		}
		for _, w := range unproven {
			s.enqueue(w)
		}
	}
}

// withdraw takes back turns of which nothing was produced.
func (s *worker) withdraw(turns []*quantum) {
	for _, t := range turns {
		t.t.BecomeWaiting()
		t.t.Quantum = 0
	}
}
