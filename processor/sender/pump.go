package sender

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"altavoz/processor/sender/breaker"
	"altavoz/processor/sender/limits"
	"altavoz/stream"
)

var errCommitTimeout = errors.New("the group's coordinator did not answer")

// leastWait is how long the pump's timer is set for at least: see "Timers due at once" in DESIGN.md.
const leastWait = time.Microsecond

// pump admits, commits and starts calls, one round after the other.
func (st *Stage) pump() {
	timer := time.NewTimer(leastWait)
	defer timer.Stop()
	for st.ctx.Err() == nil {
		next := st.round()
		if next.IsZero() {
			continue
		}
		timer.Reset(max(leastWait, time.Until(next)))
		select {
		case <-st.ctx.Done():
		case <-st.kicked:
		case <-timer.C:
		}
	}
}

// kick has the pump look again.
func (st *Stage) kick() {
	select {
	case st.kicked <- struct{}{}:
	default:
	}
}

// commit is one commit and what waits for it.
type commit struct {
	fence     stream.Generation
	positions []stream.Position
	of        []*assignment
	batch     []*send         // starts when it returns
	flushed   []chan struct{} // closed when it returns
}

// round does what can be done now. It returns when to look again if nothing happens, and no time if at once.
func (st *Stage) round() time.Time {
	st.mu.Lock()
	now := time.Now()
	for a := st.alarms.Due(now); a != nil; a = st.alarms.Due(now) {
		a.Of.ring(st, now)
	}
	if !now.Before(st.sweepAt) {
		st.sweep(now)
	}
	steer := st.behind
	st.behind = nil
	for _, a := range steer {
		a.behind = false
		if a.live && !a.draining {
			st.fill(a, now)
		}
	}
	batch := st.admit(now)
	if !st.due(batch, now) {
		next := st.wake(now)
		st.unlock()
		st.steer(steer)
		return next
	}
	c := st.encode(batch, now)
	over := make(chan struct{})
	st.committing = over
	st.unlock()
	st.steer(steer)

	refused, err := st.write(c) //mutant:calls-wait-for-their-commit

	st.mu.Lock()
	starts := st.settle(c, refused, err)
	st.committing = nil
	close(over)
	st.unlock()
	for _, e := range starts {
		st.running.Go(func() { st.call(e) })
	}
	return time.Time{}
}

// due reports whether it is time for a commit.
func (st *Stage) due(batch []*send, now time.Time) bool {
	return len(batch) > 0 || len(st.flushes) > 0 || len(st.dirty) > 0 && !now.Before(st.said(now))
}

// said returns when done marks are committed by themselves. They wait for what is due before such a commit would be over, because
// that would have to wait for it: a number that may send less than 20 a second loses what it does not take at once.
func (st *Stage) said(now time.Time) time.Time {
	at, most := st.dirtySince.Add(doneGap), st.dirtySince.Add(doneMost)
	next, some := st.alarms.Next()
	if some && next.After(now) && next.Before(most) && next.Sub(later(at, now)) < bulkGap+st.commitTime {
		at = next.Add(time.Microsecond)
	}
	return later(at, st.patient)
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// wake returns when there may be something to do.
func (st *Stage) wake(now time.Time) time.Time {
	next := st.sweepAt
	sooner := func(t time.Time) {
		if t.Before(next) {
			next = t
		}
	}
	if next, some := st.alarms.Next(); some {
		sooner(next)
	}
	if len(st.dirty) > 0 {
		sooner(st.said(now))
	}
	// What is listed waits for the gap to pass or, if it has, for a call or a result to end, which kicks.
	for _, n := range st.active {
		gap := bulkGap
		if n.ready[express].n > 0 {
			gap = expressGap
		}
		if at := st.committed.Add(gap); at.After(now) {
			sooner(at)
		}
	}
	return next
}

// encode makes the commit of all that changed. Fence and positions belong together because all is read under the lock
// that Revoke and Lost need before partitions change hands.
func (st *Stage) encode(batch []*send, now time.Time) *commit {
	//mutant:ledger-is-encoded-under-its-fence
	c := &commit{fence: st.ports.Committer.Generation(), batch: batch, flushed: st.flushes}
	st.flushes = nil
	for _, a := range st.dirty {
		a.dirty = false
		if !a.live { //mutant:lost-partition-is-not-committed
			continue
		}
		watermark, metadata := a.ledger.encode()
		a.written = true
		a.encoded++
		a.unsaid, a.saying = a.saying[:0], a.unsaid
		c.of = append(c.of, a)
		c.positions = append(c.positions, stream.Position{Partition: a.slot, Offset: watermark, Metadata: metadata})
	}
	st.dirty = st.dirty[:0]
	st.committed = now
	return c
}

// write makes the one attempt at a commit.
func (st *Stage) write(c *commit) (map[stream.TopicPartition]error, error) {
	if len(c.positions) == 0 {
		return nil, nil //nolint:nilnil // nothing refused and no error
	}
	began := time.Now()
	ctx, cancel := context.WithTimeoutCause(st.ctx, commitTimeout, errCommitTimeout)
	defer cancel()
	refused, err := st.ports.Committer.Commit(ctx, c.fence, c.positions)
	st.metrics.commitSeconds.Observe(time.Since(began).Seconds())
	switch {
	case err != nil:
		st.metrics.commits[commitLost].Inc()
	case len(refused) > 0:
		st.metrics.commits[commitRefused].Inc()
	default:
		st.metrics.commits[commitDone].Inc()
	}
	return refused, err
}

// settle takes in how a commit ended and returns the sends to be called: those whose start is recorded, on a partition
// that is still the same assignment.
func (st *Stage) settle(c *commit, refused map[stream.TopicPartition]error, err error) (starts []*send) {
	now := time.Now()
	st.commitTime += (now.Sub(st.committed) - st.commitTime) / 8
	if err != nil { //mutant:unknown-commit-gives-all-up
		// What is written is anybody's guess. Nothing may start from it, nor from any state here.
		st.log.Error("nobody knows whether the ledger was committed; all partitions are given up", "error", err)
		for _, a := range st.slots {
			st.forget(a)
		}
	}
	for _, a := range c.of {
		a.written = false
		if no := refused[a.slot]; no != nil && a.live {
			st.log.Info("ledger was refused", "topic", a.slot.Topic, "partition", a.slot.Partition, "error", no)
			a.held = now.Add(refusedWait)
			st.patient = a.held
			a.unsaid = append(a.unsaid, a.saying...)
			st.soil(a)
		}
		a.saying = a.saying[:0]
	}
	for _, e := range c.batch {
		a := e.on
		e.acked = err == nil && refused[a.slot] == nil
		switch {
		case !a.live: //mutant:lost-partition-is-not-called
			st.unadmit(e)
			st.leave(e)
		case refused[a.slot] != nil && !a.draining: //mutant:refused-commit-calls-nobody
			st.unadmit(e)
			st.wait(e, a.held, causeCommit)
		case a.draining: //mutant:revoked-partition-is-not-called
			st.unadmit(e)
			st.to(e, phaseParked, causeNone)
		case e.late(now): //mutant:late-start-is-not-called
			st.unadmit(e)
			st.enter(e, true)
		default:
			st.to(e, phaseCalling, causeNone)
			e.began, e.message, e.version = now, e.task.message, e.task.version
			if e.doubtful {
				st.metrics.resent.Inc()
			}
			starts = append(starts, e)
		}
	}
	for _, f := range c.flushed {
		close(f)
	}
	return starts
}

// admit starts, in the ledger, what may go with the next commit. Bulk goes with express, or after its gap.
func (st *Stage) admit(now time.Time) (batch []*send) {
	gap := now.Sub(st.committed)
	if len(st.active) == 0 || gap < expressGap {
		return nil
	}
	if st.full { // room is short: it goes to who has the least of it, or numbers whose calls take long would end up with all
		slices.SortStableFunc(st.active, func(a, b *number) int { return cmp.Compare(a.inFlight, b.inFlight) })
	}
	st.full = false
	batch = st.turns(nil, now, false)
	if len(batch) > 0 || gap >= bulkGap {
		batch = st.turns(batch, now, true)
	}
	return batch
}

// turns lets numbers admit one send after the other, in turn, until none can.
func (st *Stage) turns(batch []*send, now time.Time, withBulk bool) []*send {
	for more := true; more; {
		more = false
		keep := st.active[:0]
		for _, n := range st.active {
			e, stay := st.turn(n, now, withBulk)
			if e != nil {
				batch = append(batch, e)
				more = true
			}
			if n.listed = stay; stay {
				keep = append(keep, n)
			}
		}
		clear(st.active[len(keep):])
		st.active = keep
	}
	return batch
}

// turn admits one send of a number, if it can. The number stays listed unless nothing is ready or it has to wait.
func (st *Stage) turn(n *number, now time.Time, withBulk bool) (e *send, stay bool) {
	until, probe, blocked := st.blocked(n, now)
	if blocked {
		if !until.IsZero() {
			st.alarms.Start(&n.alarm, n, until)
		}
		return nil, false
	}
	most := n.flight.Most(n.pacer.Full(), st.cfg.MaxInFlight)
	if n.breakers[breaker.Outage].Doubtful() {
		most = n.flight.Usual(n.pacer.Full(), st.cfg.MaxInFlight)
	}
	for {
		q := n.pick(withBulk, n.inFlight < most && st.capacity.Fits(true, n.inFlight))
		if q == nil {
			return nil, n.ready[bulk].n > 0
		}
		e := q.head
		if probe {
			e = n.probeFrom()
		}
		if st.evades(e, now) {
			continue
		}
		if !st.capacity.Fits(e.lane == bulk, n.inFlight) || st.waiting[causeResult] >= maxUnrecorded || st.waiting[causeDetached] >= maxDetached {
			st.full = true
			return nil, true
		}
		if n.inFlight >= most && (e.lane == bulk || n.inFlight >= most+limits.FlightLeast) {
			n.capped = true
			return nil, false
		}
		trial, at, ok := n.pacer.Take(now)
		switch {
		case !ok && at.IsZero(): // the trial's answer lists it again
			return nil, false
		case !ok:
			st.alarms.Start(&n.alarm, n, at)
			return nil, false
		}
		e.trial = trial
		e.unlink()
		st.pairs.Hold(pair{n, e.phone}, now)
		st.start(e, now)
		return e, true
	}
}

// evades reports whether a send that is ready may not start now after all, and moves it to where it waits or ends.
func (st *Stage) evades(e *send, now time.Time) bool {
	wait := func(until time.Time, c cause) bool {
		if until.After(now) {
			e.unlink()
			st.wait(e, until, c)
			return true
		}
		return false
	}
	if e.expired(now) {
		e.unlink()
		st.outlive(e)
		return true
	}
	if e.task.failed != "" {
		e.unlink()
		st.enter(e, false)
		return true
	}
	if opens := e.task.shut(now); !opens.IsZero() { //mutant:shut-window-starts-nothing
		e.unlink()
		st.hold(e, opens)
		return true
	}
	if e.doubtful && !e.on.ledger.repeats(e.cell) {
		return wait(now.Add(attemptBase), causeBackOff)
	}
	return wait(e.on.held, causeCommit) || wait(e.task.alone(now), causeBackOff) || wait(st.pairs.Until(pair{e.number, e.phone}), causePair)
}

// start marks a send as started, which is true once it is committed.
func (st *Stage) start(e *send, now time.Time) {
	n := e.number
	st.to(e, phaseAdmitted, causeNone)
	e.on.ledger.start(e.cell) //mutant:ledger-says-what-is-started
	if e.doubtful {
		e.repeated = !e.cell.again
		e.on.ledger.repeat(e.cell)
	}
	st.soil(e.on)
	n.took(e.lane)
	st.capacity.Add(e.lane == bulk, n.inFlight)
	n.inFlight++
	e.mark(now)
}

// ended gives back the room of a call.
func (st *Stage) ended(e *send) {
	e.number.inFlight--
	st.capacity.Remove(e.lane == bulk, e.number.inFlight)
}

// unadmit takes the start of a send back: it was not called and will not be.
func (st *Stage) unadmit(e *send) {
	n := e.number
	st.ended(e)
	st.pairs.Release(pair{n, e.phone})
	n.pacer.Put(e.trial)
	e.trial = false
	e.unmark()
	if e.on.live {
		st.release(e)
	}
	st.list(n)
}
