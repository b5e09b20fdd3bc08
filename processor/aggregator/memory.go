package aggregator

import (
	"slices"
	"time"

	"altavoz/processor/aggregator/fold"
	"altavoz/processor/aggregator/outbox"
	"altavoz/schemas"
)

const (
	// maxResident is how many tasks a partition keeps in memory: at 1 KiB for the histogram, and up to 10 KiB of error lines, some
	// 40 MiB when every one of them ended badly.
	maxResident = 4096
	// idleAfter is how long a task stays in memory after its last result; coming back costs a read or two.
	idleAfter = time.Minute
)

// memory is what the partition has in memory of its tasks.
type memory struct {
	resident map[*entry]struct{}
	bytes    int64  // of states
	clock    uint64 // counts batches of results: the age of a page
	evictAt  int64  // bytes at which looking for what can be evicted is worth it again
}

// budget is the partition's share of the memory for states.
func (w *worker) budget() int64 { return w.st.cfg.MarksMemory / int64(max(1, w.st.workers.Len())) }

// mayFold reports whether more results may be folded. They may not while twice the memory for states is taken by states that wait to be
// acknowledged, nor while events cannot be written and too many wait. To catch up everything must be folded, but what became of recipients is
// told meanwhile.
func (w *worker) mayFold() bool {
	if w.replay.caughtUp && w.events.Full() { //mutant:too-many-events-wait
		return false
	}
	return !w.groups.Full() && (w.writes.checkpoint == nil || w.memory.bytes <= 2*w.budget()) //mutant:too-many-outcomes-wait
}

func (w *worker) addBytes(n int64) {
	w.memory.bytes += n
	w.st.metrics.Bytes.Add(float64(n))
}

// load makes an evicted task resident: what its status has, and its states page by page as they are needed.
func (w *worker) load(e *entry) error {
	if e.task != nil {
		return nil
	}
	s, err := w.readStatus(e)
	if err != nil {
		return err
	}
	e.status.version = max(e.status.version, s.GetVersion())
	t := fold.Restore(e.id, s, e.pages)
	e.pages = nil
	w.makeResident(e, t)
	e.life = outbox.Restore(&t.Head, s.GetEvents())
	return nil
}

// makeResident makes t the entry's task in memory.
func (w *worker) makeResident(e *entry, t *fold.Task) {
	t.Tally = &w.batch.tally
	e.task, e.usedAt = t, time.Now()
	e.read = func(n uint32, at int64) (*schemas.StatePage, error) {
		w.st.metrics.Reads.Inc()
		return w.topics.Page(w.Context(), e.id, n, at)
	}
	w.memory.resident[e] = struct{}{}
	w.st.metrics.Resident.Inc()
	w.addBytes(t.Bytes)
}

// readStatus reads a task's own status back.
func (w *worker) readStatus(e *entry) (s *schemas.Status, err error) {
	w.st.metrics.Reads.Inc()
	s, e.status.offset, err = w.topics.Status(w.Context(), e.id, e.status.offset)
	return s, err
}

// evictPages frees states that the topic has, the longest unused first, once memory is short. If too little can be freed a checkpoint is
// due.
func (w *worker) evictPages() {
	budget := w.budget()
	if w.memory.bytes <= max(budget, w.memory.evictAt) {
		return
	}
	type clean struct {
		e *entry
		p *fold.Page
	}
	var all []clean
	for e := range w.memory.resident {
		for i := range e.task.List {
			if p := &e.task.List[i]; len(p.States) > 0 && !p.Dirty && p.InFlight == 0 && p.Offset != fold.NoRecord {
				all = append(all, clean{e, p})
			}
		}
	}
	slices.SortFunc(all, func(a, b clean) int { return int(int64(a.p.Used) - int64(b.p.Used)) })
	for _, c := range all {
		if w.memory.bytes <= budget-budget/4 {
			break
		}
		was := c.e.task.Bytes
		c.e.task.Evict(c.p)
		w.addBytes(c.e.task.Bytes - was)
	}
	w.memory.evictAt = 0
	if w.memory.bytes > budget { // looking again is worth it only when more was read or acknowledged
		w.memory.evictAt = w.memory.bytes + budget/16
		w.writes.checkpointAt = time.Now()
	}
}

// evictIdle evicts tasks that were not used for a while, as far as the topics have all of them.
func (w *worker) evictIdle(now time.Time) {
	w.memory.evictAt = 0
	idle := idleAfter
	if len(w.memory.resident) > maxResident {
		idle = 0
	}
	for e := range w.memory.resident {
		if now.Sub(e.usedAt) >= idle && e.written() {
			w.evictTask(e)
			w.index(e)
		}
	}
}

// evictTask frees a task's memory.
func (w *worker) evictTask(e *entry) {
	t := e.task
	w.addBytes(-t.Bytes)
	for i := range t.List {
		t.Evict(&t.List[i])
	}
	e.pages, e.task, e.read, e.life = t.List, nil, nil, outbox.Life{}
	delete(w.memory.resident, e)
	w.st.metrics.Resident.Dec()
	if w.tasks.recent == e {
		w.tasks.recent = nil
	}
}
