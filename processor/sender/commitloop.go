package sender

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"altavoz/processor/sender/limits"
	"altavoz/stream"
)

var errCommitTimeout = errors.New("the group's coordinator did not answer")

// minWait is how long the commit loop's timer is set for at least: see "Timers due at once" in DESIGN.md.
const minWait = time.Microsecond

// commitLoop admits, commits and starts calls, one round after the other.
func (st *Stage) commitLoop() {
	timer := time.NewTimer(minWait)
	defer timer.Stop()
	for st.ctx.Err() == nil {
		next := st.round()
		if next.IsZero() {
			continue
		}
		timer.Reset(max(minWait, time.Until(next)))
		select {
		case <-st.ctx.Done():
		case <-st.woken:
		case <-timer.C:
		}
	}
}

// wake has the commit loop look again.
func (st *Stage) wake() {
	select {
	case st.woken <- struct{}{}:
	default:
	}
}

// commit is one commit and what waits for it.
type commit struct {
	generation  stream.Generation
	positions   []stream.Position
	assignments []*assignment
	batch       []*send         // starts when it returns
	waiters     []chan struct{} // closed when it returns
}

// round does what can be done now. It returns when to look again if nothing happens, and no time if at once.
func (st *Stage) round() time.Time {
	st.mu.Lock()
	now := time.Now()
	for a := st.timers.Due(now); a != nil; a = st.timers.Due(now) {
		a.Of.onTimer(st, now)
	}
	if !now.Before(st.sweepAt) {
		st.sweep(now)
	}
	steer := st.backlogged
	st.backlogged = nil
	for _, a := range steer {
		a.inBacklogged = false
		if a.live && !a.draining {
			st.takeBacklog(a, now)
		}
	}
	batch := st.admit(now)
	if !st.commitDue(batch, now) {
		next := st.nextWakeup(now)
		st.unlock()
		st.updatePausing(steer)
		return next
	}
	c := st.encode(batch, now)
	over := make(chan struct{})
	st.committing = over
	st.unlock()
	st.updatePausing(steer)

	refused, err := st.tryCommit(c) //mutant:calls-wait-for-their-commit

	st.mu.Lock()
	starts := st.finishCommit(c, refused, err)
	st.committing = nil
	close(over)
	st.unlock()
	for _, e := range starts {
		st.running.Go(func() { st.call(e) })
	}
	return time.Time{}
}

// commitDue reports whether it is time for a commit.
func (st *Stage) commitDue(batch []*send, now time.Time) bool {
	return len(batch) > 0 || len(st.flushWaiters) > 0 || len(st.dirty) > 0 && !now.Before(st.doneDueAt(now))
}

// doneDueAt returns when done marks are committed by themselves. They wait for what is due before such a commit would be over, because
// that would have to wait for it: a number that may send less than 20 a second loses what it does not take at once.
func (st *Stage) doneDueAt(now time.Time) time.Time {
	at, most := st.dirtySince.Add(doneGap), st.dirtySince.Add(doneMaxGap)
	next, some := st.timers.Next()
	if some && next.After(now) && next.Before(most) && next.Sub(later(at, now)) < bulkGap+st.commitMean {
		at = next.Add(time.Microsecond)
	}
	return later(at, st.doneNotBefore)
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// nextWakeup returns when there may be something to do.
func (st *Stage) nextWakeup(now time.Time) time.Time {
	next := st.sweepAt
	sooner := func(t time.Time) {
		if t.Before(next) {
			next = t
		}
	}
	if next, some := st.timers.Next(); some {
		sooner(next)
	}
	if len(st.dirty) > 0 {
		sooner(st.doneDueAt(now))
	}
	// What is listed waits for the gap to pass or, if it has, for a call or a result to end, which kicks.
	for _, n := range st.runnable {
		gap := bulkGap
		if n.ready[express].n > 0 {
			gap = expressGap
		}
		if at := st.lastCommit.Add(gap); at.After(now) {
			sooner(at)
		}
	}
	return next
}

// encode makes the commit of all that changed. Fence and positions belong together because all is read under the lock
// that Revoke and Lost need before partitions change hands.
func (st *Stage) encode(batch []*send, now time.Time) *commit {
	//mutant:ledger-is-encoded-under-its-fence
	c := &commit{generation: st.ports.Committer.Generation(), batch: batch, waiters: st.flushWaiters}
	st.flushWaiters = nil
	for _, a := range st.dirty {
		a.dirty = false
		if !a.live { //mutant:lost-partition-is-not-committed
			continue
		}
		watermark, metadata := a.ledger.Encode()
		a.inCommit = true
		a.encodings++
		a.doneUncommitted, a.doneInCommit = a.doneInCommit[:0], a.doneUncommitted
		c.assignments = append(c.assignments, a)
		c.positions = append(c.positions, stream.Position{Partition: a.partition, Offset: watermark, Metadata: metadata})
	}
	st.dirty = st.dirty[:0]
	st.lastCommit = now
	return c
}

// tryCommit makes the one attempt at a commit.
func (st *Stage) tryCommit(c *commit) (map[stream.TopicPartition]error, error) {
	if len(c.positions) == 0 {
		return nil, nil //nolint:nilnil // nothing refused and no error
	}
	began := time.Now()
	ctx, cancel := context.WithTimeoutCause(st.ctx, commitTimeout, errCommitTimeout)
	defer cancel()
	refused, err := st.ports.Committer.Commit(ctx, c.generation, c.positions)
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

// finishCommit takes in how a commit ended and returns the sends to be called: those whose start is recorded, on a partition
// that is still the same assignment.
func (st *Stage) finishCommit(c *commit, refused map[stream.TopicPartition]error, err error) (starts []*send) {
	now := time.Now()
	st.commitMean += (now.Sub(st.lastCommit) - st.commitMean) / 8
	if err != nil { //mutant:unknown-commit-gives-all-up
		// What is written is anybody's guess. Nothing may start from it, nor from any state here.
		st.log.Error("nobody knows whether the ledger was committed; all partitions are given up", "error", err)
		for _, a := range st.assignments {
			st.endAssignment(a)
		}
	}
	for _, a := range c.assignments {
		a.inCommit = false
		if no := refused[a.partition]; no != nil && a.live {
			st.log.Info("ledger was refused", "topic", a.partition.Topic, "partition", a.partition.Partition, "error", no)
			a.notBefore = now.Add(refusedWait)
			st.doneNotBefore = a.notBefore
			a.doneUncommitted = append(a.doneUncommitted, a.doneInCommit...)
			st.markDirty(a)
		}
		a.doneInCommit = a.doneInCommit[:0]
	}
	for _, e := range c.batch {
		a := e.assignment
		e.startCommitted = err == nil && refused[a.partition] == nil
		switch {
		case !a.live: //mutant:lost-partition-is-not-called
			st.rollbackAdmission(e)
			st.remove(e)
		case refused[a.partition] != nil && !a.draining: //mutant:refused-commit-calls-nobody
			st.rollbackAdmission(e)
			st.waitUntil(e, a.notBefore, causeCommit)
		case a.draining: //mutant:revoked-partition-is-not-called
			st.rollbackAdmission(e)
			st.moveTo(e, phaseParked, causeNone)
		case e.tooLateToStart(now): //mutant:late-start-is-not-called
			st.rollbackAdmission(e)
			st.enqueue(e, true)
		default:
			st.moveTo(e, phaseCalling, causeNone)
			e.calledAt, e.message, e.version = now, e.task.message, e.task.version
			if e.doubtful {
				st.metrics.resent.Inc()
			}
			starts = append(starts, e)
		}
	}
	for _, f := range c.waiters {
		close(f)
	}
	return starts
}

// admit starts, in the ledger, what may go with the next commit. Bulk goes with express, or after its gap.
func (st *Stage) admit(now time.Time) (batch []*send) {
	gap := now.Sub(st.lastCommit)
	if len(st.runnable) == 0 || gap < expressGap {
		return nil
	}
	if st.capacityShort { // room is short: it goes to who has the least of it, or numbers whose calls take long would end up with all
		slices.SortStableFunc(st.runnable, func(a, b *number) int { return cmp.Compare(a.inFlight, b.inFlight) })
	}
	st.capacityShort = false
	batch = st.rotate(nil, now, false)
	if len(batch) > 0 || gap >= bulkGap {
		batch = st.rotate(batch, now, true)
	}
	return batch
}

// rotate lets numbers admit one send after the other, in turn, until none can.
func (st *Stage) rotate(batch []*send, now time.Time, withBulk bool) []*send {
	for more := true; more; {
		more = false
		keep := st.runnable[:0]
		for _, n := range st.runnable {
			e, stay := st.admitNext(n, now, withBulk)
			if e != nil {
				batch = append(batch, e)
				more = true
			}
			if n.runnable = stay; stay {
				keep = append(keep, n)
			}
		}
		clear(st.runnable[len(keep):])
		st.runnable = keep
	}
	return batch
}

// admitNext admits one send of a number, if it can. The number stays listed unless nothing is ready or it has to wait.
func (st *Stage) admitNext(n *number, now time.Time, withBulk bool) (e *send, stay bool) {
	until, probe, blocked := st.blocked(n, now)
	if blocked {
		if !until.IsZero() {
			st.timers.Start(&n.timer, n, until)
		}
		return nil, false
	}
	most := n.concurrency.Max(n.pacer.Full(), st.cfg.MaxInFlight)
	if n.breakers[limits.FaultOutage].Doubtful() {
		most = n.concurrency.Usual(n.pacer.Full(), st.cfg.MaxInFlight)
	}
	for {
		q := n.nextQueue(withBulk, n.inFlight < most && st.capacity.CanStart(true, n.inFlight))
		if q == nil {
			return nil, n.ready[bulk].n > 0
		}
		e := q.head
		if probe {
			e = n.probeSend()
		}
		if st.cannotStart(e, now) {
			continue
		}
		if !st.capacity.CanStart(e.lane == bulk, n.inFlight) || st.waiting[causeResult] >= maxUnrecorded || st.waiting[causeDetached] >= maxDetached {
			st.capacityShort = true
			return nil, true
		}
		if n.inFlight >= most && (e.lane == bulk || n.inFlight >= most+limits.MinConcurrency) {
			n.capped = true
			return nil, false
		}
		trial, at, ok := n.pacer.Acquire(now)
		switch {
		case !ok && at.IsZero(): // the trial's answer lists it again
			return nil, false
		case !ok:
			st.timers.Start(&n.timer, n, at)
			return nil, false
		}
		e.trial = trial
		e.unlink()
		st.cooldown.Start(pair{n, e.phone}, now)
		st.markStarted(e, now)
		return e, true
	}
}

// cannotStart reports whether a send that is ready may not start now after all, and moves it to where it waits or ends.
func (st *Stage) cannotStart(e *send, now time.Time) bool {
	wait := func(until time.Time, c cause) bool {
		if until.After(now) {
			e.unlink()
			st.waitUntil(e, until, c)
			return true
		}
		return false
	}
	if e.expired(now) {
		e.unlink()
		st.expireSend(e)
		return true
	}
	if e.task.failed != "" {
		e.unlink()
		st.enqueue(e, false)
		return true
	}
	if opens := e.task.closedUntil(now); !opens.IsZero() { //mutant:shut-window-starts-nothing
		e.unlink()
		st.holdForWindow(e, opens)
		return true
	}
	if e.doubtful && !e.assignment.ledger.CanRepeat(e.cell) {
		return wait(now.Add(attemptBase), causeBackOff)
	}
	return wait(e.assignment.notBefore, causeCommit) || wait(e.task.suspectDelay(now), causeBackOff) || wait(st.cooldown.Until(pair{e.number, e.phone}), causeCooldown)
}

// markStarted marks a send as started, which is true once it is committed.
func (st *Stage) markStarted(e *send, now time.Time) {
	n := e.number
	st.moveTo(e, phaseAdmitted, causeNone)
	e.assignment.ledger.Start(e.cell) //mutant:ledger-says-what-is-started
	if e.doubtful {
		e.repeatStarted = !e.cell.Repeated()
		e.assignment.ledger.Repeat(e.cell)
	}
	st.markDirty(e.assignment)
	n.countTurn(e.lane)
	st.capacity.Start(e.lane == bulk, n.inFlight)
	n.inFlight++
	e.markProbe(now)
}

// releaseCapacity gives back the room of a call.
func (st *Stage) releaseCapacity(e *send) {
	e.number.inFlight--
	st.capacity.End(e.lane == bulk, e.number.inFlight)
}

// rollbackAdmission takes the start of a send back: it was not called and will not be.
func (st *Stage) rollbackAdmission(e *send) {
	n := e.number
	st.releaseCapacity(e)
	st.cooldown.Cancel(pair{n, e.phone})
	n.pacer.Return(e.trial)
	e.trial = false
	e.unmarkProbe()
	if e.assignment.live {
		st.release(e)
	}
	st.makeRunnable(n)
}
