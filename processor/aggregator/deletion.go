package aggregator

import (
	"time"

	"altavoz/processor/aggregator/fold"
	"altavoz/schemas"
	"altavoz/stream"
)

const (
	// deletionEvery is how often a partition looks for tasks whose retention is over, and tries the tombstones again that failed.
	deletionEvery = time.Minute
	// deletionTasks is how many deletions are begun at a look: 14 million a day.
	deletionTasks = 10_000
	// deletionPages is how many pages of one task are deleted at a time: a task of 10 million has 611.
	deletionPages = 256
)

// deletion is a task that is being deleted: its pages first and its status only when they are gone, so that a crash in between leaves
// a status, which the next owner finds and finishes with.
type deletion struct {
	id      schemas.TaskID
	pages   map[uint32]struct{} // not deleted yet
	waiting int                 // for acknowledgements
	failed  bool                // a write did; tried again at the next look
	over    bool
}

// deleteExpired deletes finished tasks after their retention, which begins anew with every correction.
func (w *worker) deleteExpired(now time.Time) {
	if !now.Before(w.deletionAt) {
		w.deletionAt = now.Add(deletionEvery)
		for _, d := range w.tasks.deletions {
			d.failed = false
		}
		if w.replay.caughtUp {
			w.startExpired(now)
		}
	}
	for id, d := range w.tasks.deletions {
		if d.over {
			delete(w.tasks.deletions, id)
			w.st.metrics.Deleted.Inc()
		} else if d.waiting == 0 && !d.failed && w.replay.caughtUp {
			w.writeTombstones(d)
		}
	}
}

func (w *worker) startExpired(now time.Time) {
	limit := now.Add(-w.st.cfg.Retention)
	for _, id := range w.tasks.finished.Since(limit, deletionTasks) {
		w.startDeletion(w.find(id))
	}
	for _, e := range w.tasks.entries {
		if !e.done || e.status.updatedMs > limit.UnixMilli() || e.task != nil && !e.written() {
			continue
		}
		if e.task != nil {
			w.evictTask(e)
		}
		w.startDeletion(e)
	}
}

// startDeletion begins to delete an evicted task.
func (w *worker) startDeletion(e *entry) {
	delete(w.tasks.entries, e.id)
	d := &deletion{id: e.id, pages: make(map[uint32]struct{})}
	for n := range e.pages {
		if e.pages[n].Offset != fold.NoRecord {
			d.pages[uint32(n)] = struct{}{}
		}
	}
	w.tasks.deletions[e.id] = d
}

// writeTombstones writes the next tombstones of a task.
func (w *worker) writeTombstones(d *deletion) {
	if len(d.pages) == 0 {
		d.waiting++
		w.append(w.st.ports.Statuses, w.tombstone(schemas.TopicStatuses, d.id.String()), &write{deletion: d})
		return
	}
	for n := range d.pages {
		if d.waiting == deletionPages {
			return
		}
		d.waiting++
		w.append(w.st.ports.Marks, w.tombstone(schemas.TopicMarks, schemas.PageKey(d.id, n)), &write{deletion: d, page: n})
	}
}

func (d *deletion) onWritten(out *write, err error) {
	d.waiting--
	switch {
	case err != nil:
		d.failed = true
	case out.topic == schemas.TopicMarks:
		delete(d.pages, out.page)
	default:
		d.over = true
	}
}

func (w *worker) tombstone(topic stream.Topic, key string) stream.Record {
	return stream.Record{
		Topic: topic, Partition: w.partition(), Key: []byte(key),
		Headers: []stream.Header{{Key: schemas.VersionHeader, Value: []byte(schemas.Version)}},
	}
}
