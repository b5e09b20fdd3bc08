package sender

import (
	"context"
	"errors"
	"time"

	"altavoz/processor/sender/schedule"
	"altavoz/processor/timers"
	"altavoz/stream"
)

var errCommitTimeout = errors.New("the group's coordinator did not answer")

// minWait is how long the commit loop's timer is set for at least: see "Timers due at once" in DESIGN.md.
const minWait = time.Microsecond

// commits is what the commit loop knows of commits made and due. Guarded by Stage.mu.
type commits struct {
	woken chan struct{} // cap 1

	dirty         []*assignment // whose ledger has to be committed
	dirtySince    time.Time
	doneNotBefore time.Time       // a commit was refused: done marks wait until then
	flushWaiters  []chan struct{} // wait for the next commit

	over     chan *commit  // cap 1: that was under way and is answered
	underWay chan struct{} // closed when what the commit under way means is applied; nil: none is
	began    time.Time     // the last one
	mean     time.Duration // what commits take, lately
}

// commit is one commit and what waits for it.
type commit struct {
	generation  stream.Generation
	positions   []stream.Position
	assignments []*assignment
	batch       []*schedule.Send // is called when it returns, or in its turn
	waiters     []chan struct{}  // closed when it returns

	refused map[stream.TopicPartition]error // its answer
	err     error
}

// wake has the commit loop look again.
func (c *commits) wake() {
	select {
	case c.woken <- struct{}{}:
	default:
	}
}

// markDirty has a partition's ledger committed again.
func (c *commits) markDirty(a *assignment) {
	if a.dirty || !a.live {
		return
	}
	a.dirty = true
	if len(c.dirty) == 0 {
		c.dirtySince = time.Now()
		c.wake()
	}
	c.dirty = append(c.dirty, a)
}

// doneDueAt is when done marks are committed by themselves, if a timer is due at next. They go with the next group, if one follows.
// Otherwise they wait for what is due before such a commit would be over, because that would have to wait for it: a number that may send
// less than 20 a second loses what it does not take at once.
func (c *commits) doneDueAt(next time.Time, groupsFollow bool, now time.Time) time.Time {
	if groupsFollow {
		return timers.Later(c.dirtySince.Add(doneMaxGap), c.doneNotBefore)
	}
	at, most := c.dirtySince.Add(doneGap), c.dirtySince.Add(doneMaxGap)
	if next.After(now) && next.Before(most) && next.Sub(timers.Later(at, now)) < schedule.BulkGap+c.mean {
		at = next.Add(time.Microsecond)
	}
	return timers.Later(at, c.doneNotBefore)
}

// commitLoop admits, commits and starts calls, one round after the other. One commit is under way at a time. What becomes ready meanwhile
// goes with the next one, and calls of the groups that are committed go on.
func (st *Stage) commitLoop() {
	defer close(st.callers.starts)
	timer := time.NewTimer(minWait)
	defer timer.Stop()
	var over *commit
	for st.ctx.Err() == nil {
		next := st.round(over)
		over = nil
		timer.Reset(max(minWait, time.Until(next)))
		select {
		case <-st.ctx.Done():
		case over = <-st.commits.over:
		case <-st.commits.woken:
		case <-timer.C:
		}
	}
	st.mu.Lock()
	underWay := st.commits.underWay != nil
	st.mu.Unlock()
	if underWay { // it ends with the context; nothing is started any more
		if over == nil {
			over = <-st.commits.over
		}
		st.round(over)
	}
}

// round applies the answer to a commit, if there is one, and does what can be done now. It returns when to look again if nothing happens.
func (st *Stage) round(over *commit) time.Time {
	st.mu.Lock()
	var starts []*send
	if over != nil {
		starts = st.finishCommit(over)
	}
	now := time.Now()
	st.schedule.Tick(now)
	st.results.retry(now)
	st.detached.sweep(now)
	backlogged := st.backlogged
	st.backlogged = nil
	for _, a := range backlogged {
		a.inBacklogged = false
		if a.live && !a.draining {
			st.takeBacklog(a, now)
		}
	}
	for _, e := range st.schedule.Due(now) {
		starts = append(starts, sendOf(e))
	}
	c := st.nextCommit(now)
	st.results.releaseHeld(now, false)
	next := st.nextWakeup(now)
	st.unlock()
	st.updatePausing(backlogged)
	if c != nil {
		st.running.Go(func() {
			refused, err := st.tryCommit(c) //mutant:calls-wait-for-their-commit
			c.refused, c.err = refused, err
			st.commits.over <- c
		})
	}
	for _, e := range starts {
		st.startCall(e)
	}
	return next
}

// nextCommit makes a commit, if it is time for one and none is under way.
func (st *Stage) nextCommit(now time.Time) *commit {
	c := &st.commits
	if c.underWay != nil || st.ctx.Err() != nil {
		return nil
	}
	due := len(c.flushWaiters) > 0 || len(c.dirty) > 0 && !now.Before(c.doneDueAt(st.nextTimer(), st.schedule.GroupsFollow(now), now))
	batch := st.schedule.Admit(now.Sub(c.began), due, now)
	if !due && len(batch) == 0 {
		return nil
	}
	c.underWay = make(chan struct{})
	return st.encode(batch, now)
}

// nextTimer is when the next timer is due; no time if none is set.
func (st *Stage) nextTimer() time.Time {
	at, _ := st.schedule.NextTimer()
	if retry, ok := st.results.timers.Next(); ok && (at.IsZero() || retry.Before(at)) {
		return retry
	}
	return at
}

// nextWakeup is when there may be something to do.
func (st *Stage) nextWakeup(now time.Time) time.Time {
	next := st.schedule.NextWakeup(st.commits.began, now)
	if at, ok := st.results.timers.Next(); ok && at.Before(next) {
		next = at
	}
	if at := st.results.held.until(); !at.IsZero() && at.Before(next) {
		next = at
	}
	if len(st.commits.dirty) > 0 && st.commits.underWay == nil {
		if at := st.commits.doneDueAt(st.nextTimer(), st.schedule.GroupsFollow(now), now); at.Before(next) {
			next = at
		}
	}
	return next
}

// encode makes the commit of all that changed. Generation and positions belong together because all is read under the lock that
// OnRevoked and OnLost need before partitions change hands.
func (st *Stage) encode(batch []*schedule.Send, now time.Time) *commit {
	//mutant:ledger-is-encoded-under-its-generation
	c := &commit{generation: st.ports.Committer.Generation(), batch: batch, waiters: st.commits.flushWaiters}
	st.commits.flushWaiters = nil
	for _, a := range st.commits.dirty {
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
	st.commits.dirty = st.commits.dirty[:0]
	st.commits.began = now
	return c
}

// tryCommit makes the one attempt at a commit.
func (st *Stage) tryCommit(c *commit) (map[stream.TopicPartition]error, error) {
	if len(c.positions) == 0 {
		return nil, nil //nolint:nilnil // nothing refused and no error
	}
	ctx, cancel := context.WithTimeoutCause(st.ctx, commitTimeout, errCommitTimeout)
	defer cancel()
	return st.ports.Committer.Commit(ctx, c.generation, c.positions)
}

// finishCommit applies the answer to a commit and returns the sends to be called at once: those whose start is recorded, on a partition
// that is still the same assignment.
func (st *Stage) finishCommit(c *commit) (starts []*send) {
	now, refused, err := time.Now(), c.refused, c.err
	st.commits.mean += (now.Sub(st.commits.began) - st.commits.mean) / 8
	st.schedule.CommitsTake(st.commits.mean)
	if err != nil { //mutant:unknown-commit-gives-all-up
		// What is written nobody knows. Nothing may start from it, nor from any state here.
		st.log.Error("nobody knows whether the ledger was committed; all partitions are given up", "error", err)
		for _, a := range st.assignments {
			st.endAssignment(a)
		}
	}
	fenced := false
	for _, a := range c.assignments {
		a.inCommit = false
		if no := refused[a.partition]; no != nil && a.live {
			st.log.Info("ledger was refused", "topic", a.partition.Topic, "partition", a.partition.Partition, "error", no)
			a.NotBefore = now.Add(refusedWait)
			st.commits.doneNotBefore = a.NotBefore
			a.doneUncommitted = append(a.doneUncommitted, a.doneInCommit...)
			st.commits.markDirty(a)
			st.giveGroupBack(a) //mutant:refused-commit-gives-its-group-back
			fenced = fenced || errors.Is(no, stream.ErrFenced)
		}
		a.doneInCommit = a.doneInCommit[:0]
	}
	if fenced { // this process may have been replaced in the other partitions too
		for _, a := range st.assignments {
			a.NotBefore = now.Add(refusedWait)
			st.giveGroupBack(a) //mutant:fenced-commit-gives-all-groups-back
		}
	}
	for _, admitted := range c.batch {
		e := sendOf(admitted)
		a := e.assignment
		e.startCommitted = err == nil && refused[a.partition] == nil
		switch {
		case !a.live: //mutant:lost-partition-is-not-called
			st.rollbackAdmission(e)
			st.schedule.Remove(admitted)
		case refused[a.partition] != nil && !a.draining: //mutant:refused-commit-calls-nobody
			st.rollbackAdmission(e)
			st.schedule.WaitUntil(admitted, a.NotBefore, schedule.CauseCommit)
		case a.draining: //mutant:revoked-partition-is-not-called
			st.rollbackAdmission(e)
			st.schedule.MoveTo(admitted, schedule.PhaseParked, schedule.CauseNone)
		case !e.MayStart(now): //mutant:late-start-is-not-called
			st.rollbackAdmission(e)
			st.schedule.Enqueue(admitted, true)
		case st.schedule.Hold(admitted, now):
		default:
			st.schedule.BeginCall(admitted, now)
			if e.Doubtful {
				st.metrics.resent.Inc()
			}
			starts = append(starts, e)
		}
	}
	for _, f := range c.waiters {
		close(f)
	}
	close(st.commits.underWay)
	st.commits.underWay = nil
	return starts
}

// giveGroupBack has the started sends of a partition wait that another process may own by now.
func (st *Stage) giveGroupBack(a *assignment) {
	for c := a.ledger.First(); c != nil; c = c.Next() {
		if c.Send != nil && st.giveBack(c.Send) {
			st.schedule.WaitUntil(&c.Send.Send, a.NotBefore, schedule.CauseCommit)
		}
	}
}

// rollbackAdmission takes the start of a send back: it was not called and will not be.
func (st *Stage) rollbackAdmission(e *send) {
	st.schedule.Rollback(&e.Send)
	if e.assignment.live {
		e.Release()
	}
}
