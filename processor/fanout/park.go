package fanout

import (
	"cmp"
	"slices"
	"time"

	"altavoz/processor/fanout/ledger"
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
	leaseRoom = ledger.Bytes / 4
	lowRoom   = ledger.Bytes / 2
	// slackBytes is what the ledger's head may grow by between its measure and its commit.
	slackBytes = 16
)

// whole reports whether the slot knows all that the ledger taken over says. Before that it commits, and starts, nothing.
func (s *slot) whole() bool { return s.synced && len(s.old) == 0 }

// enlist puts a record that was just read behind the others.
func (s *slot) enlist(t *task, known bool) {
	if known { // the ledger had it already, so everything before it is in too
		t.place = placeListed
		s.listed = append(s.listed, t)
		return
	}
	t.place = placeBeyond
	s.beyond = append(s.beyond, t)
}

// unlist takes a task out of the ledger: it is finished or, if it goes on, parked.
func (s *slot) unlist(t *task) {
	if t.place == placeNone {
		return
	}
	t.place = placeNone
	s.touch()
	if t.state != stateGone && t.state != stateClosed {
		t.outside = true
		s.st.metrics.parked.Inc()
		s.nudge(t) // one from beyond may take turns now
	}
}

// relist puts a parked task back, because it is to take a turn.
func (s *slot) relist(t *task) {
	s.compact()
	i, _ := slices.BinarySearchFunc(s.listed, t.offset, func(x *task, at int64) int { return cmp.Compare(x.offset, at) })
	s.listed = slices.Insert(s.listed, i, t)
	t.place = placeListed
}

func (s *slot) compact() {
	s.listed = slices.DeleteFunc(s.listed, func(t *task) bool { return t.place != placeListed })
	for len(s.beyond) > 0 && s.beyond[0].place != placeBeyond {
		s.beyond[0], s.beyond = nil, s.beyond[1:]
	}
}

// admit lets broadcasts from beyond into the ledger.
func (s *slot) admit() {
	if !s.whole() {
		return
	}
	for len(s.beyond) > 0 {
		t := s.beyond[0]
		if t.place == placeBeyond {
			if !s.fits(leaseRoom + ledger.LineBytes) {
				return
			}
			s.room -= ledger.LineBytes
			t.place = placeListed
			s.listed = append(s.listed, t)
			s.touch()
			s.nudge(t)
		}
		s.beyond[0], s.beyond = nil, s.beyond[1:]
	}
}

// fits reports whether the next ledger has room for so many bytes more, parking what it can if need be.
func (s *slot) fits(bytes int) bool {
	if s.room >= bytes {
		return true
	}
	s.measure()
	if s.room < max(bytes, lowRoom) && s.park() {
		s.measure()
	}
	return s.room >= bytes
}

// measure finds out how much room the ledger has as it would be now.
func (s *slot) measure() {
	mark, l := s.ledger()
	s.room = ledger.Bytes - slackBytes - len(l.Append(nil, mark))
}

// park parks every task that may be, and reports whether there was one.
func (s *slot) park() (any bool) {
	for _, t := range s.listed {
		if t.place == placeListed && t.shown(s.of.Partition) {
			s.unlist(t)
			any = true
		}
	}
	return any
}

// ledger returns the watermark and what is to be said beside it.
func (s *slot) ledger() (mark int64, l ledger.Ledger) {
	s.compact()
	//mutant:doubt-outlives-its-owner
	l.Owners, l.Doubt = s.owners, s.doubtful()
	l.Next, l.Last = max(s.readTo, s.oldNext), s.last
	if len(s.beyond) > 0 {
		l.Next = s.beyond[0].offset
	}
	mark = l.Next
	l.Lines = make([]ledger.Line, len(s.listed))
	for i, t := range s.listed {
		l.Lines[i] = t.line()
		if !t.outside {
			mark = min(mark, t.offset)
		}
	}
	return max(mark, s.mark), l
}

// touch notes that the ledger says more than what was committed.
func (s *slot) touch() {
	if !s.dirty {
		s.dirty, s.lazyAt = true, time.Now().Add(lazyCommit)
	}
}

// commit asks for the ledger to be committed, if that is due. Leases go at once: while one commit is under way they
// gather for the next.
func (s *slot) commit(now time.Time) {
	last := s.Draining() && !s.final && s.InFlight() == 0
	//mutant:commit-waits-for-the-old-ledger
	if s.committing || !s.whole() || !last && !s.urgent && (!s.dirty || now.Before(s.lazyAt)) {
		return
	}
	if s.Draining() {
		s.withdraw(s.leasing)
		s.leasing = nil
	}
	mark, l := s.ledger()
	text, err := l.Encode(mark)
	if err != nil { // fits did not do its work
		s.log.Error("the ledger can't be committed", "error", err)
		s.dead = true
		return
	}
	s.mark = mark
	s.committing, s.final = true, last
	s.asks++
	s.dirty, s.urgent, s.room = false, false, 0 // measured when it is next asked for
	s.leased, s.leasing = append(s.leased, s.leasing...), nil
	s.st.slots.Commit(s, stream.Position{Partition: s.of, Offset: mark, Metadata: text})
}

// OnCommitted takes in how a commit ended. What was leased by it is produced.
func (s *slot) OnCommitted(a partition.CommitResult) {
	s.committing = false
	turns, unproven := s.leased, s.unproven
	s.leased = nil
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
		s.leasing = append(turns, s.leasing...)
		s.touch()
		s.After(partition.BackOff(0), func() { s.urgent = true })
	default:
		s.st.metrics.commits.Inc()
		s.proven, s.proved, s.unproven = a.Asked, s.asks, nil
		for _, t := range turns {
			s.produce(t)
		}
		for _, w := range unproven {
			s.enqueue(w)
		}
	}
}

// withdraw takes back turns of which nothing was produced.
func (s *slot) withdraw(turns []*turn) {
	for _, t := range turns {
		t.t.turn = nil
	}
}
