package aggregator

import (
	"time"

	"altavoz/schemas"
)

// writeStatuses writes the statuses that are due. None is written before the partition has caught up: it could have less than what the
// previous owner had written already.
func (w *worker) writeStatuses(now time.Time) error {
	if !w.replay.caughtUp {
		return nil
	}
	for _, e := range w.queue.Due(now) {
		if s := &e.status; !s.changed || s.inFlight > 0 && !s.pace.Urgent() { // the one under way comes back here if it does not have all
			continue
		}
		if err := w.writeStatus(e, time.Now()); err != nil {
			return err
		}
	}
	return nil
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
	s.changed, s.updatedMs = false, now.UnixMilli()
	s.pace.Written(now, e.task.Decided)
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
