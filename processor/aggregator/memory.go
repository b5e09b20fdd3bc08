package aggregator

import (
	"slices"
	"time"

	"altavoz/processor/aggregator/cold"
	"altavoz/processor/aggregator/recall"
	"altavoz/schemas"
	"altavoz/stream"
)

// warm brings a cold task back: what its status says, and its marks part by part as they are needed.
func (s *slot) warm(e *entry) error {
	if e.task != nil {
		return nil
	}
	best, err := s.status(e)
	if err != nil {
		return err
	}
	e.version = max(e.version, best.GetVersion())
	t := newTask(e.id)
	t.restore(best)
	t.parts, e.parts = e.parts, nil
	for i := range t.parts {
		t.bad += uint32(t.parts[i].bad)
	}
	s.warmAs(e, t)
	return nil
}

// status reads a task's own status back.
func (s *slot) status(e *entry) (best *schemas.Status, err error) {
	s.st.metrics.loads.Inc()
	err = s.back().Recall(s.Context(), s.stats, e.at, e.id.String(), func(rec *stream.Record) error {
		var st schemas.Status
		if err := schemas.Decode(rec, &st); err != nil {
			return err
		}
		if best == nil || st.GetVersion() > best.GetVersion() {
			best, e.at = &st, rec.Offset
		}
		return nil
	})
	return best, err
}

// warmAs makes t the entry's task in memory.
func (s *slot) warmAs(e *entry, t *Task) {
	t.tally = &s.moved
	e.task, e.seen = t, time.Now()
	e.read = func(n uint32, at int64) ([]byte, error) { return s.part(e.id, n, at) }
	s.held[e] = struct{}{}
	s.st.metrics.held.Inc()
	s.account(t.loaded)
}

// part reads marks back.
func (s *slot) part(id schemas.TaskID, n uint32, at int64) ([]byte, error) {
	s.st.metrics.loads.Inc()
	var out []byte
	err := s.back().Recall(s.Context(), s.markers, at, schemas.PageKey(id, n), func(rec *stream.Record) error {
		var p schemas.StatePage
		if err := schemas.Decode(rec, &p); err != nil {
			return err
		}
		out = join(out, p.GetMarks())
		return nil
	})
	return out, err
}

// join returns the bytewise maximum; it may change a.
func join(a, b []byte) []byte {
	if len(a) < len(b) {
		a, b = slices.Clone(b), a
	}
	for i, m := range b {
		a[i] = max(a[i], m)
	}
	return a
}

// back reads what lies in the topics. It gives up only when the slot stops.
func (s *slot) back() recall.Reader { return recall.Reader{Table: s.st.ports.Table, Log: s.st.log} }

// evict frees marks that the topic holds, the longest unused first, once memory is short. If too little is free to go,
// a checkpoint is due.
func (s *slot) evict() {
	budget := s.budget()
	if s.loaded <= max(budget, s.evictAt) {
		return
	}
	type clean struct {
		e *entry
		p *part
	}
	var all []clean
	for e := range s.held {
		for i := range e.task.parts {
			if p := &e.task.parts[i]; len(p.marks) > 0 && !p.dirty && p.flight == 0 && p.at != noRecord {
				all = append(all, clean{e, p})
			}
		}
	}
	slices.SortFunc(all, func(a, b clean) int { return int(int64(a.p.used) - int64(b.p.used)) })
	for _, c := range all {
		if s.loaded <= budget-budget/4 {
			break
		}
		s.account(-int64(len(c.p.marks)))
		c.e.task.unload(c.p)
	}
	s.evictAt = 0
	if s.loaded > budget { // looking again is worth it only when more was loaded or acknowledged
		s.evictAt = s.loaded + budget/16
		s.marksAt = time.Now()
	}
}

// cool lets go of tasks that nobody asked for in a while. All there is to know of them lies in the topics.
func (s *slot) cool(now time.Time) {
	s.evictAt = 0
	idle := coolAfter
	if len(s.held) > maxHeld {
		idle = 0
	}
	for e := range s.held {
		if now.Sub(e.seen) >= idle && e.clean() {
			s.release(e)
			s.putAway(e)
		}
	}
}

// entry returns what the slot has of a task, nil if it has nothing.
func (s *slot) entry(id schemas.TaskID) *entry {
	if e := s.entries[id]; e != nil {
		return e
	}
	k, ok := s.away.Take(id)
	if !ok {
		return nil
	}
	e := &entry{id: id, at: k.Status, updated: k.Updated, done: true}
	if k.Part != cold.NoRecord {
		e.parts = []part{{at: k.Part, bad: k.Bad}}
	}
	s.entries[id] = e
	return e
}

// putAway makes a cold task small, if it is finished and has one part at most. The version that was last written stands in the
// record itself.
func (s *slot) putAway(e *entry) {
	if !e.done || len(e.parts) > 1 {
		return
	}
	k := cold.Task{Status: e.at, Part: cold.NoRecord, Updated: e.updated}
	if len(e.parts) == 1 {
		k.Part, k.Bad = e.parts[0].at, e.parts[0].bad
	}
	s.away.Put(e.id, k)
	delete(s.entries, e.id)
}

// clean reports whether the topics hold all that memory knows of the task.
func (e *entry) clean() bool {
	if e.changed || e.touched || e.flight > 0 || e.queue != queueNone || e.at == noRecord || e.pace != nil {
		return false
	}
	return !slices.ContainsFunc(e.task.parts, func(p part) bool { return p.dirty || p.flight > 0 })
}

// release makes a task cold.
func (s *slot) release(e *entry) {
	t := e.task
	s.account(-t.loaded)
	for i := range t.parts {
		t.unload(&t.parts[i])
	}
	e.parts, e.task, e.read = t.parts, nil, nil
	delete(s.held, e)
	s.st.metrics.held.Dec()
	if s.last == e {
		s.last = nil
	}
}

func (s *slot) opened(n int) {
	s.open += n
	s.st.metrics.open.Add(float64(n))
}

func (s *slot) account(n int64) {
	s.loaded += n
	s.st.metrics.loaded.Add(float64(n))
}

// Close gives back what the slot added to the gauges.
func (s *slot) Close() {
	s.opened(-s.open)
	s.account(-s.loaded)
	s.st.metrics.held.Sub(float64(len(s.held)))
}
