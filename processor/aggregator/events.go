package aggregator

import (
	"time"

	"altavoz/processor/aggregator/outbox"
	"altavoz/schemas"
	"altavoz/stream"
)

// warnEvery is how often at most a partition says that its events are not written.
const warnEvery = time.Minute

// announce has written to events what is new of the task's life, and later, if it is finished, what receipts change of its numbers.
func (w *worker) announce(e *entry, now time.Time) {
	for _, ev := range e.life.Next(e.task, w.replay.next, w.writes.committed, w.replay.caughtUp) {
		w.tell(e.task.Summary(), ev, nil)
	}
	if e.done && !w.corrections.Expected(e.id) && e.life.Correction(e.task, 0, 0) != nil {
		w.corrections.Expect(e.id, e.life.ToldMs(), now)
	}
}

// tell puts the event of a task in the outbox. done is called when it is written.
func (w *worker) tell(s *schemas.Status, ev *schemas.TaskEvent, done func()) {
	rec := w.st.ports.Event(s, ev)
	rec.Partition = w.partition()
	var ready func() bool
	if s.GetPlan().GetEvents() == schemas.Events_EVENTS_RECIPIENTS { //mutant:end-comes-after-its-outcomes
		ready = w.groups.Written(schemas.TaskID(s.GetTask()))
	}
	w.events.Put(rec, ready, done)
}

// retell writes again what the last owner of the partition may not have written of a task: what no commit lies behind.
func (w *worker) retell(id schemas.TaskID, s *schemas.Status, unsure []*schemas.TaskEvent, now time.Time) {
	outbox.SortEvents(unsure)
	for _, ev := range unsure {
		w.tell(s, ev, nil)
	}
	if outbox.Uncorrected(s) {
		w.corrections.Expect(id, 0, now)
	}
}

// writeEvents writes what waits in the outbox, and tells corrections that are due. As with statuses, nothing is written before the partition
// has caught up.
func (w *worker) writeEvents(now time.Time) error {
	if !w.replay.caughtUp {
		return nil
	}
	for _, id := range w.corrections.Due(now) {
		if err := w.correct(id, now); err != nil {
			return err
		}
	}
	w.writeQueue(&w.events, now)
	return nil
}

// writeQueue writes what waits in a queue.
func (w *worker) writeQueue(q *outbox.Queue, now time.Time) {
	q.Batch(now, func(rec stream.Record, end func(error)) {
		w.Append(w.st.ports.Marks, rec, func(_ stream.Record, err error) {
			if end(err); err == nil {
				return
			}
			w.st.metrics.Failures.Inc()
			if now.Sub(w.warnedAt) >= warnEvery {
				w.warnedAt = now
				w.st.log.Warn("events of tasks are not written, and will be again; until they are no results are committed", "partition", w.partition(), "error", err)
			}
			if cp := w.writes.checkpoint; cp != nil && w.Draining() { // nothing is tried again
				cp.failed = true
				w.events.Forgo()
				w.groups.Queue().Forgo()
			}
		})
	})
}

// correct tells the numbers of a finished task, if they are others than those that were told last. Its Status says so once the event is written:
// until then a takeover finds out anew.
func (w *worker) correct(id schemas.TaskID, now time.Time) error {
	e := w.find(id)
	if e == nil {
		w.corrections.Done(id)
		return nil
	}
	if err := w.load(e); err != nil {
		return err
	}
	e.usedAt = now
	ev := e.life.Correction(e.task, now.UnixMilli(), w.replay.next)
	if ev == nil {
		w.corrections.Done(id)
		return nil
	}
	w.tell(e.task.Summary(), ev, func() {
		w.corrections.Done(id)
		if e := w.find(id); e != nil && w.load(e) == nil {
			e.life.Add(ev, w.writes.committed)
			w.markChanged(e, time.Now())
		}
	})
	return nil
}
