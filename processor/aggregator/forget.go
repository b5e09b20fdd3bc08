package aggregator

import (
	"time"

	"altavoz/schemas"
	"altavoz/stream"
)

const (
	// forgetEvery is how often a slot looks for tasks whose retention is over, and tries again to remove the rest of those.
	forgetEvery = time.Minute
	// forgetTasks is how many are begun to be removed at a look: 14 million a day.
	forgetTasks = 10_000
	// forgetParts is how many parts of one task are removed at a time: a task of 10 million has 611.
	forgetParts = 256
)

// leaver is a task on its way out: its marks are removed first and its status only when they are gone, so that a crash
// in between leaves a status that the next owner finds and finishes with.
type leaver struct {
	id      schemas.TaskID
	parts   map[uint32]struct{} // not removed yet
	waiting int
	stuck   bool // a write failed; tried again at the next look
	over    bool
}

// forget removes finished tasks after their retention, which begins anew with every correction.
func (s *slot) forget(now time.Time) {
	if !now.Before(s.forgetAt) {
		s.forgetAt = now.Add(forgetEvery)
		for _, l := range s.leaving {
			l.stuck = false
		}
		if s.caught {
			s.retire(now)
		}
	}
	for id, l := range s.leaving {
		if l.over {
			delete(s.leaving, id)
			s.st.metrics.forgotten.Inc()
		} else if l.waiting == 0 && !l.stuck && s.caught {
			s.remove(l)
		}
	}
}

func (s *slot) retire(now time.Time) {
	limit := now.Add(-s.st.cfg.Retention)
	for _, id := range s.away.Since(limit, forgetTasks) {
		s.depart(s.entry(id))
	}
	for _, e := range s.entries {
		if !e.done || e.updated > limit.UnixMilli() || e.task != nil && !e.clean() {
			continue
		}
		if e.task != nil {
			s.release(e)
		}
		s.depart(e)
	}
}

// depart takes a cold task out of the slot and begins its removal.
func (s *slot) depart(e *entry) {
	delete(s.entries, e.id)
	l := &leaver{id: e.id, parts: make(map[uint32]struct{})}
	for n := range e.parts {
		if e.parts[n].at != noRecord {
			l.parts[uint32(n)] = struct{}{}
		}
	}
	s.leaving[e.id] = l
}

// remove writes the next tombstones of a task.
func (s *slot) remove(l *leaver) {
	if len(l.parts) == 0 {
		l.waiting++
		s.enqueue(s.st.ports.Statuses, s.tombstone(schemas.TopicStatuses, l.id.String()), &write{leaver: l})
		return
	}
	for n := range l.parts {
		if l.waiting == forgetParts {
			return
		}
		l.waiting++
		s.enqueue(s.st.ports.Marks, s.tombstone(schemas.TopicMarks, schemas.PageKey(l.id, n)), &write{leaver: l, part: n})
	}
}

func (l *leaver) settle(w *write, err error) {
	l.waiting--
	switch {
	case err != nil:
		l.stuck = true
	case w.topic == schemas.TopicMarks:
		delete(l.parts, w.part)
	default:
		l.over = true
	}
}

func (s *slot) tombstone(topic stream.Topic, key string) stream.Record {
	return stream.Record{
		Topic: topic, Partition: s.results.Partition, Key: []byte(key),
		Headers: []stream.Header{{Key: schemas.VersionHeader, Value: []byte(schemas.Version)}},
	}
}
