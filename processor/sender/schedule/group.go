package schedule

import (
	"cmp"
	"slices"
	"time"

	"altavoz/processor/sender/limits"
	"altavoz/processor/sender/schedule/queue"
	"altavoz/processor/timers"
)

// group is the bulk sends of a number whose start is committed before their turn comes: one commit starts what is called together next or, of a
// fast number, what its rate takes in a span. Each is called at the first moment at which it has its token. Calls go on while the next group is
// committed, which is begun before this one is used up.
//
//	ready ──► [admitted ──► grouped] ──► calling
//	  ▲            │ commit refused │ its number, task or phone has to wait, or it waited too long
//	  └────────────┴────────────────┘ given back: free again with the next commit
type group struct {
	queue.Queue[*Send]           // started by a commit, and not called
	committing         int       // in the commit under way
	calledAt           time.Time // when one was last called
	full               bool      // another would have been, if more might be in flight
	listed             bool      // in Scheduler.numbers.grouped
}

// size is how many are started or about to be, and not called.
func (g *group) size() int { return g.Len() + g.committing }

// nextCalls is the first moment after a time at which calls of a number's group begin, as far as tokens do not say it. A slot for a call that it waited for is taken
// when it gets free, and where calls of others take most of the slots, it does not wait long for one.
func (s *Scheduler) nextCalls(n *Number, after time.Time) time.Time {
	few := !s.capacity.Ample() //mutant:few-slots-are-taken-soon
	return n.pacer.NextCalls(after, few)
}

// groups reports whether the bulk sends of a number start in groups: where it is known how many it takes, and nothing keeps it from taking
// them. A probe or a trial starts by itself.
func (n *Number) groups(now time.Time) bool {
	known := n.pacer.Rate() > 0 || n.pacer.TokensIn(now, n.pacer.GroupSpan(false), 0) >= leastGroup
	return known && n.pacer.Steady() && !n.pacer.BlockedUntil().After(now) && !n.breakers.Halted() && !n.breakers.Stopped(limits.FaultOutage)
}

// groupable reports whether a send may start with others: not one that may be called twice, nor one that is tried alone.
func (e *Send) groupable() bool { return !e.Doubtful && e.Task.suspect == nil }

// CommitsTake says how long commits take, lately.
func (s *Scheduler) CommitsTake(mean time.Duration) {
	s.groupAhead = min(max(2*mean, leastAhead), mostAhead)
}

// groupDueAt is when the next group of a number has to be committed; no time if that depends on calls.
func (s *Scheduler) groupDueAt(n *Number, now time.Time) time.Time {
	if n.group.size() > MaxGroup/2 {
		return time.Time{}
	}
	at := n.pacer.TokensAt(now, n.group.size()+1)
	if at.After(now) {
		at = s.nextCalls(n, at)
	}
	return timers.Later(at, s.nextCalls(n, n.group.calledAt)).Add(-s.groupAhead)
}

// groupDue reports whether the next group of a number has to be committed.
func (s *Scheduler) groupDue(n *Number, now time.Time) bool {
	at := s.groupDueAt(n, now)
	return n.ready[Bulk].Len() > 0 && n.groups(now) && !at.IsZero() && !at.After(now)
}

// fillGroups starts the next groups of all numbers, if one of them is due, or there is a commit anyway.
func (s *Scheduler) fillGroups(batch []*Send, anyway bool, now time.Time) []*Send {
	if !anyway && !slices.ContainsFunc(s.numbers.runnable, func(n *Number) bool { return s.groupDue(n, now) }) {
		return batch
	}
	if s.resultsAreShort() {
		s.capacity.short = true
		return batch
	}
	for _, n := range s.numbers.runnable {
		if !n.groups(now) {
			continue
		}
		span, most := n.pacer.GroupSpan(!s.capacity.Ample()), n.mostCalls(Bulk, s.cfg.MaxInFlight, now)
		if span == 0 && !s.groupDue(n, now) {
			continue
		}
		span += s.groupAhead
		free := min(most-n.inFlight, s.capacity.Free(n.inFlight)) //mutant:free-slots-start-as-many
		room := min(n.pacer.TokensIn(now, span, free), MaxGroup, max(free, n.concurrency.CallsIn(span, most))) - n.group.size()
		for room > 0 && n.ready[Bulk].Len() > 0 {
			e := n.ready[Bulk].First()
			if s.cannotStart(e, now) {
				continue
			}
			if !e.groupable() {
				break
			}
			e.link.Unlink()
			s.MoveTo(e, PhaseAdmitted, CausePace)
			e.call.grouped = true
			e.Record.Start()
			n.group.committing++
			batch = append(batch, e)
			room--
		}
	}
	s.numbers.runnable = slices.DeleteFunc(s.numbers.runnable, func(n *Number) bool {
		n.runnable = n.hasReady() //mutant:number-without-anything-ready-is-not-runnable
		return !n.runnable
	})
	return batch
}

// Hold keeps a send of a group, whose start was committed by a commit that was answered now, until its turn comes. It reports false for one that
// is called at once.
func (s *Scheduler) Hold(e *Send, now time.Time) bool {
	if !e.call.grouped {
		return false
	}
	n := e.Number
	s.MoveTo(e, PhaseGrouped, CausePace)
	n.group.committing--
	n.group.Push(&e.link, e)
	e.call.groupedAt = now
	if !n.group.listed {
		n.group.listed = true
		s.numbers.grouped = append(s.numbers.grouped, n)
	}
	return true
}

// GiveBack takes a send out of its group: it was not called, and is free again. It is nowhere then.
func (s *Scheduler) GiveBack(e *Send) {
	e.link.Unlink()
	e.call.grouped = false
	e.Record.Release() //mutant:what-is-given-back-is-free
	s.MoveTo(e, PhaseParked, CauseNone)
}

// Due takes those sends out of the groups whose turn it is. They are called at once. It comes before Admit.
func (s *Scheduler) Due(now time.Time) (calls []*Send) {
	if s.capacity.short { // capacity goes to who has the least of it, or numbers whose calls take long would end up with all
		least := func(a, b *Number) int { return cmp.Compare(a.inFlight, b.inFlight) }
		slices.SortStableFunc(s.numbers.grouped, least)
		slices.SortStableFunc(s.numbers.runnable, least)
	}
	s.capacity.short = false
	for _, n := range s.numbers.grouped {
		stopped := !n.groups(now) //mutant:stopped-number-gives-its-group-back
		e := n.group.First()
		old := e != nil && now.Sub(e.call.groupedAt) > groupLife //mutant:old-group-is-not-called
		for e = n.group.Last(); e != nil && (stopped || old); e = n.group.Last() {
			s.GiveBack(e)
			s.Enqueue(e, true)
		}
	}
	for more := true; more; {
		more = false
		for _, n := range s.numbers.grouped {
			if e := s.nextOfGroup(n, now); e != nil {
				calls = append(calls, e)
				more = true
			}
		}
	}
	s.numbers.grouped = slices.DeleteFunc(s.numbers.grouped, func(n *Number) bool {
		n.group.listed = n.group.Len() > 0
		return !n.group.listed
	})
	return calls
}

// nextOfGroup returns the send of a number's group that is called now, if one is.
func (s *Scheduler) nextOfGroup(n *Number, now time.Time) *Send {
	for e := n.group.First(); e != nil; e = n.group.First() {
		if !e.MayStart(now) || !e.groupable() || s.cooldown.Until(pair{n, e.Phone}).After(now) { //mutant:late-send-of-a-group-is-not-called
			s.GiveBack(e)
			s.Enqueue(e, true) // cannotStart says what it waits for
			continue
		}
		switch {
		case n.ready[Express].Len() > 0 && n.expressInRow < bulkTurn && n.inFlight < n.mostCalls(Express, s.cfg.MaxInFlight, now):
			s.timers.StartBy(&n.timer, n, now.Add(BulkGap)) // its start may come to nothing
			return nil
		case !s.capacity.CanStart(true, n.inFlight) || s.resultsAreShort():
			s.capacity.short = true
			return nil
		case n.inFlight >= n.mostCalls(Bulk, s.cfg.MaxInFlight, now):
			n.capped, n.group.full = true, true
			return nil
		}
		next := s.nextCalls(n, n.group.calledAt)
		if !n.group.full && !now.Equal(n.group.calledAt) && next.After(now) { //mutant:a-free-slot-is-taken-at-once
			s.timers.StartBy(&n.timer, n, next)
			return nil
		}
		if _, at, ok := n.pacer.Acquire(now); !ok {
			s.timers.StartBy(&n.timer, n, timers.Later(s.nextCalls(n, at), next))
			return nil
		}
		n.group.calledAt, n.group.full = now, false
		e.call.grouped = false
		e.link.Unlink()
		s.beginTurn(e, now)
		s.BeginCall(e, now)
		return e
	}
	return nil
}

// GroupFollows reports whether a commit of the next group is to be expected: what can wait goes with it.
func (n *Number) GroupFollows(now time.Time) bool {
	return n.group.size() > 0 || n.ready[Bulk].Len() > 0 && n.groups(now)
}

// GroupsFollow reports whether that is so of any number.
func (s *Scheduler) GroupsFollow(now time.Time) bool {
	return len(s.numbers.grouped) > 0 || slices.ContainsFunc(s.numbers.runnable, func(n *Number) bool { return n.GroupFollows(now) })
}
