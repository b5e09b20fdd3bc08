package aggregator

import (
	"errors"
	"slices"
	"time"

	"altavoz/processor/aggregator/fold"
	"altavoz/processor/aggregator/lastresult"
	"altavoz/schemas"
	"altavoz/stream"
)

var errForeignKey = errors.New("the key is not the task of the result")

// fold folds results in, in order.
func (w *worker) fold(recs []stream.Record) error {
	if len(recs) == 0 {
		return nil
	}
	w.memory.clock++
	now, oldest := time.Now(), int64(0)
	for i := range recs {
		at, err := w.foldRecord(&recs[i], now)
		if err != nil {
			return err
		}
		w.replay.next = recs[i].Offset + 1
		if i == len(recs)-1 {
			w.replay.last = lastresult.Of(&recs[i])
		}
		if oldest == 0 || at > 0 && at < oldest {
			oldest = at
		}
	}
	w.st.metrics.Folded(len(recs), &w.batch.tally, oldest)
	return nil
}

// foldRecord folds one record and returns when its event happened.
func (w *worker) foldRecord(rec *stream.Record, now time.Time) (at int64, err error) {
	o := &w.batch.outcome
	if !schemas.ReadOutcome(rec, o) || !fold.IsState(o.Mark) {
		return w.foldSeveral(rec, now)
	}
	e, err := w.findOrAdd(o.Task, true, rec)
	if e == nil {
		return o.AtMs, err
	}
	was := w.snapshot(e, now)
	changed, err := e.task.FoldOutcome(o, e.read)
	if err == nil { //mutant:outcome-that-changes-nothing-is-told
		w.groups.Outcome(e.task, o, now)
	}
	w.recordChanges(e, was, changed, now)
	return o.AtMs, err
}

// foldSeveral is foldRecord for several outcomes of a task in one record, or for receipts.
func (w *worker) foldSeveral(rec *stream.Record, now time.Time) (at int64, err error) {
	all, plain := schemas.ReadOutcomes(rec, w.batch.several[:0])
	receipts, valid := !plain, fold.IsState
	if receipts {
		valid = fold.IsReceipt
		all, plain = schemas.ReadReceipts(rec, w.batch.several[:0])
	}
	w.batch.several = all
	if !plain || len(all) == 0 || slices.ContainsFunc(all, func(o schemas.FlatOutcome) bool { return !valid(o.Mark) }) {
		return w.foldEvent(rec, now)
	}
	at = all[0].AtMs
	e, err := w.findOrAdd(all[0].Task, !receipts, rec)
	switch {
	case receipts && e != nil:
		w.st.metrics.Known.Add(float64(len(all)))
	case receipts && err == nil:
		w.st.metrics.Unknown.Add(float64(len(all)))
	}
	if e == nil {
		return at, err
	}
	was, changed := w.snapshot(e, now), false
	for i := range all {
		raised, err := e.task.FoldOutcome(&all[i], e.read)
		changed = changed || raised
		if err != nil {
			w.recordChanges(e, was, changed, now)
			return at, err
		}
		w.groups.Outcome(e.task, &all[i], now)
	}
	w.recordChanges(e, was, changed, now)
	return at, nil
}

// foldEvent is foldRecord for what is not a plain outcome.
func (w *worker) foldEvent(rec *stream.Record, now time.Time) (at int64, err error) {
	var r schemas.Result
	id, err := fold.Decode(rec, &r)
	if err != nil {
		w.reject(*rec, err)
		return 0, nil
	}
	e, err := w.findOrAdd(id, fold.Opens(&r), rec)
	if e == nil {
		return r.GetAtMs(), err
	}
	was := w.snapshot(e, now)
	changed, err := e.task.Fold(&r, e.read)
	if err == nil {
		w.groups.Result(e.task, &r, now)
	}
	// Who writes a plan waits for the status that shows whose the task is. If the plan changes nothing, that status was written
	// before, and whoever waits may not have it.
	changed = changed || r.GetPlan() != nil //mutant:repeated-opening-writes-the-status
	if changed && r.GetDispatched() == nil {
		e.status.pace.Prompt()
	}
	w.recordChanges(e, was, changed, now)
	return r.GetAtMs(), err
}

// snapshot is what an entry had before something was folded in.
type snapshot struct {
	bytes   int64
	decided uint32
}

// snapshot returns what an entry has, for recordChanges.
func (w *worker) snapshot(e *entry, now time.Time) snapshot {
	e.usedAt, e.task.Clock = now, w.memory.clock
	if e.unnamed { // its status was never written, even if these results change nothing in its states
		e.unnamed = false
		w.markChanged(e, now)
	}
	return snapshot{e.task.Bytes, e.task.Decided}
}

// recordChanges takes in what folding changed in an entry.
func (w *worker) recordChanges(e *entry, was snapshot, changed bool, now time.Time) {
	t := e.task
	if t.Bytes != was.bytes {
		w.addBytes(t.Bytes - was.bytes)
	}
	if t.Decided > was.decided && !e.done {
		w.countDecided(e, now, t.Decided-was.decided)
	}
	if t.OutOfRange > 0 {
		w.st.metrics.OutOfRange.Add(float64(t.OutOfRange))
		t.OutOfRange = 0
	}
	if changed {
		e.status.pace.Decided(t.Decided)
		if !e.done && t.NothingInFlight() { //mutant:the-fanout-does-not-wait-for-what-ended
			e.status.pace.Hurry()
		}
		w.markChanged(e, now)
	}
}

// markChanged records that a task's status is not the one in memory any more, and queues it.
func (w *worker) markChanged(e *entry, now time.Time) {
	e.status.changed = true
	w.markDirty(e)
	if e.task.FinishedMs != 0 && !e.done {
		w.finish(e)
	}
	w.announce(e, now)
	w.queue.Add(e, &e.status.pace, now)
}

// markDirty has the next checkpoint write the entry.
func (w *worker) markDirty(e *entry) {
	if !e.dirty {
		e.dirty = true
		w.writes.dirty = append(w.writes.dirty, e)
	}
}

// finish takes in that a task's last recipient is decided: what is left to write of it is written now.
func (w *worker) finish(e *entry) {
	e.done = true
	w.addOpen(-1)
	w.st.metrics.Finished.Inc()
	e.status.pace.Hurry()
	if w.replay.caughtUp {
		w.writePages(e)
	}
	w.st.log.Info("broadcast finished", e.task.Ended()...)
}
