package aggregator

import (
	"slices"
	"time"

	"altavoz/schemas"
)

// statusBatch is how many statuses of busy tasks are written at one tick: at the default tick, 6,700 a second.
const statusBatch = 1000

// statusQueue is the tasks whose status is to be written: one that was not written lately at once, else with the next tick.
type statusQueue struct {
	soon  []*entry
	later []*entry
	at    time.Time // of the next tick; zero: none
}

// waiting is where a changed task waits for its status to be written.
type waiting uint8

const (
	waitsNot waiting = iota
	waitsShortly
	waitsForTick
)

func (q *statusQueue) add(e *entry, now time.Time, every time.Duration) {
	switch s := &e.status; {
	case s.urgent || now.Sub(s.writtenAt) >= every:
		if s.waits != waitsShortly {
			s.waits = waitsShortly
			q.soon = append(q.soon, e)
		}
	case s.waits == waitsNot:
		s.waits = waitsForTick
		q.later = append(q.later, e)
		if q.at.IsZero() {
			q.at = now.Add(every)
		}
	}
}

// writeStatuses writes the statuses that are due. None is written before the partition has caught up: it could have less than what the
// previous owner had written already.
func (w *worker) writeStatuses(now time.Time) error {
	if !w.replay.caughtUp {
		return nil
	}
	q := &w.queue
	soon := q.soon
	q.soon = nil
	for _, e := range soon {
		if err := w.writeQueued(e, waitsShortly); err != nil {
			return err
		}
	}
	if q.soon == nil {
		q.soon = soon[:0]
	}
	if q.at.IsZero() || now.Before(q.at) {
		return nil
	}
	n := min(len(q.later), statusBatch)
	for _, e := range q.later[:n] {
		if err := w.writeQueued(e, waitsForTick); err != nil {
			return err
		}
	}
	q.later = slices.Delete(q.later, 0, n)
	q.at = time.Time{}
	if len(q.later) > 0 {
		q.at = now.Add(w.st.cfg.StatusEvery)
	}
	return nil
}

func (w *worker) writeQueued(e *entry, from waiting) error {
	s := &e.status
	if s.waits != from {
		return nil
	}
	s.waits = waitsNot
	if !s.changed || s.inFlight > 0 && !s.urgent { // the one under way comes back here if it does not have all
		return nil
	}
	return w.writeStatus(e, time.Now())
}

// writeStatus sends the task's status with the next version. A version is never used twice, not even after a failure: a record that
// timed out may still arrive.
func (w *worker) writeStatus(e *entry, now time.Time) error {
	out, err := w.statusOf(e)
	if err != nil {
		return err
	}
	s := &e.status
	s.version++
	s.changed, s.urgent, s.writtenAt, s.updatedMs = false, false, now, now.UnixMilli()
	s.inFlight++
	out.Version, out.UpdatedMs, out.Rate = s.version, s.updatedMs, e.currentRate(now)
	w.append(w.st.ports.Statuses, schemas.EncodeStatus(w.partition(), out), &write{entry: e})
	return nil
}

func (w *worker) statusOf(e *entry) (*schemas.Status, error) {
	was := e.task.Bytes
	s, err := e.task.Status(e.read)
	w.addBytes(e.task.Bytes - was)
	if err == nil {
		s.Events = e.life.Events()
	}
	return s, err
}
