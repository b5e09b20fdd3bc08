package aggregator

import (
	"time"

	"altavoz/processor/aggregator/cadence"
	"altavoz/processor/aggregator/finished"
	"altavoz/processor/aggregator/fold"
	"altavoz/processor/aggregator/outbox"
	"altavoz/processor/rate"
	"altavoz/schemas"
	"altavoz/stream"
)

// entry is a task in its partition. It is resident, with its task in memory, or evicted: everything is in the topics, and only its
// place there is known. An evicted task that is finished and has one page is kept in the index (package finished) instead, and made an
// entry again when something is heard of it.
type entry struct {
	id      schemas.TaskID
	task    *fold.Task // nil: evicted
	read    fold.ReadPage
	pages   []fold.Page // of an evicted task, none of them in memory
	status  statusState
	life    outbox.Life  // of a resident task
	rate    *rate.Recent // nil: nothing was decided lately
	usedAt  time.Time
	dirty   bool // in writes.dirty
	unnamed bool // read from marks, and neither status nor result has named it yet
	done    bool // finished, and counted as such
}

// statusState is how far a task's status is written.
type statusState struct {
	version   uint64 // highest ever seen or written
	offset    int64  // of the newest record, which has the highest version
	updatedMs int64  // when one was last written by anyone, unix milliseconds
	inFlight  uint8  // records that wait for their acknowledgement
	changed   bool   // memory has more than the record
	pace      cadence.Task
}

// find returns what the partition has of a task, nil if it has nothing.
func (w *worker) find(id schemas.TaskID) *entry {
	if e := w.tasks.entries[id]; e != nil {
		return e
	}
	f, ok := w.tasks.finished.Take(id)
	if !ok {
		return nil
	}
	e := &entry{id: id, status: statusState{offset: f.Status, updatedMs: f.UpdatedMs}, done: true}
	if f.Page != finished.NoRecord {
		e.pages = []fold.Page{{Offset: f.Page, Errors: f.Errors}}
	}
	w.tasks.entries[id] = e
	return e
}

// index moves an evicted task to the index, if it is finished and has one page at most. The version that was last written is in the
// record itself.
func (w *worker) index(e *entry) {
	if !e.done || len(e.pages) > 1 {
		return
	}
	f := finished.Task{Status: e.status.offset, Page: finished.NoRecord, UpdatedMs: e.status.updatedMs}
	if len(e.pages) == 1 {
		f.Page, f.Errors = e.pages[0].Offset, e.pages[0].Errors
	}
	w.tasks.finished.Put(e.id, f)
	delete(w.tasks.entries, e.id)
}

// findOrAdd returns the task's entry, resident. It is nil for a task that nobody opened and this record does not open.
func (w *worker) findOrAdd(id schemas.TaskID, opens bool, rec *stream.Record) (*entry, error) {
	if w.tasks.recent != nil && w.tasks.recent.id == id {
		return w.tasks.recent, nil
	}
	e := w.find(id)
	if e == nil {
		if _, deleted := w.tasks.deletions[id]; deleted || !opens {
			w.st.metrics.NoTask.Inc()
			return nil, nil
		}
		// The key is what brought the record to this partition. Under another key it would open a second, half task.
		if string(rec.Key) != id.String() {
			w.reject(*rec, errForeignKey)
			return nil, nil
		}
		e = &entry{id: id, status: statusState{version: w.tasks.minVersions[id], offset: fold.NoRecord}}
		delete(w.tasks.minVersions, id)
		w.tasks.entries[id] = e
		w.addOpen(1)
		w.makeResident(e, fold.NewTask(id))
	}
	if err := w.load(e); err != nil {
		return nil, err
	}
	w.tasks.recent = e
	return e, nil
}

// written reports whether the topics have all that memory has of the task.
func (e *entry) written() bool {
	s := &e.status
	if s.changed || s.inFlight > 0 || s.pace.Waits() || s.offset == fold.NoRecord || e.dirty || e.rate != nil {
		return false
	}
	return e.task.Written()
}

func (w *worker) addOpen(n int) {
	w.tasks.open += n
	w.st.metrics.Open.Add(float64(n))
}
