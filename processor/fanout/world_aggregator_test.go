package fanout

import (
	"cmp"
	"context"
	"slices"
	"time"

	"altavoz/schemas"
	"altavoz/stream"
)

// The aggregator, which folds the results and shows the tasks, and the view of what it shows, which every process has.

// folded is the aggregator's state of a task.
type folded struct {
	opened  *schemas.TaskOpened
	cursor  uint32
	steered *schemas.TaskUpdate // the one with the highest controls
	states  map[uint32]schemas.RecipientState
	phase   schemas.Phase
	said    *schemas.TaskUpdate
	phaseMs int64
	version uint64
	end     int64
	dirty   bool
	stale   map[uint32]bool // pages to be written
}

func (w *world) result(by tenures, rec stream.Record) {
	var r schemas.Result
	if err := schemas.Decode(&rec, &r); err != nil {
		w.failf("a result is not readable: %v", err)
		return
	}
	if o := r.GetOutcome(); o != nil && by != nil {
		w.produced(by, pair{schemas.TaskID(r.GetTask()), o.GetIndex()}, true).outcomes++
	}
	if r.GetPlan() == nil && r.GetNote() == nil {
		w.reported[schemas.TaskID(r.GetTask())] = true
	}
	if w.stopAggregator {
		w.backlog = append(w.backlog, rec)
		return
	}
	w.fold(rec)
}

func (w *world) startAggregator() {
	w.lock(func() {
		w.stopAggregator = false
		w.foldBacklog(len(w.backlog))
	})
}

// foldBacklog folds the first n results that the aggregator, stopped, has not read. Called with the lock held.
func (w *world) foldBacklog(n int) {
	for _, rec := range w.backlog[:n] {
		w.fold(rec)
	}
	w.backlog = w.backlog[n:]
}

func (w *world) fold(rec stream.Record) {
	var r schemas.Result
	_ = schemas.Decode(&rec, &r)
	id := schemas.TaskID(r.GetTask())
	f := w.tasks[id]
	if f == nil {
		if r.GetPlan() == nil && r.GetDispatched() == nil && r.GetOutcome() == nil {
			return
		}
		f = &folded{states: make(map[uint32]schemas.RecipientState), stale: make(map[uint32]bool)}
		w.tasks[id] = f
	}
	switch e := r.GetEvent().(type) {
	case *schemas.Result_Plan:
		if f.opened == nil {
			f.opened = e.Plan
		}
	case *schemas.Result_Dispatched:
		f.cursor = max(f.cursor, e.Dispatched.GetCursor())
	case *schemas.Result_Outcome:
		w.mark(id, f, e.Outcome.GetIndex(), schemas.RecipientState(e.Outcome.GetMark()))
	case *schemas.Result_Range:
		for i := e.Range.GetFrom(); i < e.Range.GetTo(); i++ {
			if m := schemas.RecipientState(e.Range.GetMark()); m == schemas.StateCancelled && w.made[pair{id, i}] != nil && !w.doubtful[id] {
				w.failf("recipient %d of %s was dispatched and is called cancelled", i, id)
			}
			w.mark(id, f, i, schemas.RecipientState(e.Range.GetMark()))
		}
	case *schemas.Result_Receipts:
		for _, o := range e.Receipts.GetOutcomes() {
			w.mark(id, f, o.GetIndex(), schemas.RecipientState(o.GetMark()))
		}
	case *schemas.Result_Note:
		f.update(e.Note, r.GetAtMs())
		if f.phase == schemas.Phase_PHASE_CANCELLED && f.steered == nil {
			w.failf("%s is called cancelled, and not how many may still leave", id)
		}
	}
	if f.opened != nil && f.phase == schemas.Phase_PHASE_FAILED {
		for i := range f.opened.GetTotal() {
			w.mark(id, f, i, schemas.Failed(schemas.CodeContent))
		}
	}
	if f.opened != nil && f.end == 0 && len(f.states) >= int(f.opened.GetTotal()) {
		f.end = time.Now().UnixMilli()
	}
	if !f.dirty {
		f.dirty = true
		time.AfterFunc(20*time.Millisecond+20*w.Delay(), func() { w.publish(id, f) })
	}
}

// update folds a TaskUpdate.
func (f *folded) update(n *schemas.TaskUpdate, at int64) {
	stands := map[schemas.Phase]int{schemas.Phase_PHASE_CANCELLED: 1, schemas.Phase_PHASE_STOPPED: 2, schemas.Phase_PHASE_FAILED: 3}
	if p := n.GetPhase(); p != schemas.Phase_PHASE_NONE && cmp.Or(cmp.Compare(stands[p], stands[f.phase]), cmp.Compare(at, f.phaseMs)) > 0 {
		f.phase, f.said, f.phaseMs = p, n, at
	}
	was := f.steered
	if n.GetControls() > 0 && cmp.Or(cmp.Compare(n.GetControls(), was.GetControls()), cmp.Compare(n.GetPipe(), was.GetPipe()), cmp.Compare(n.GetSpeed(), was.GetSpeed())) > 0 {
		f.steered = n
	}
}

func (w *world) mark(id schemas.TaskID, f *folded, index uint32, m schemas.RecipientState) {
	if f.states[index] >= m {
		return
	}
	if made := w.made[pair{id, index}]; !f.states[index].Decided() && made != nil && made.counts != "" {
		w.inFlight[made.counts]--
	}
	f.states[index] = m
	page := index / schemas.PageRecipients
	if !f.stale[page] {
		f.stale[page] = true
		time.AfterFunc(2*time.Second, func() { w.writePage(id, f, page) })
	}
}

func (w *world) writePage(id schemas.TaskID, f *folded, page uint32) {
	w.Lock()
	delete(f.stale, page)
	var states []byte
	for i, m := range f.states {
		if i/schemas.PageRecipients != page {
			continue
		}
		at := int(i % schemas.PageRecipients)
		if at >= len(states) {
			states = append(states, make([]byte, at+1-len(states))...)
		}
		states[at] = byte(m)
	}
	w.Unlock()
	w.Append(schemas.EncodePage(home(schemas.TopicResults, []byte(id.String())), &schemas.StatePage{Task: id.Bytes(), Number: page, Marks: states}))
}

// publish shows a task to everybody.
func (w *world) publish(id schemas.TaskID, f *folded) {
	w.Lock()
	f.dirty = false
	f.version++
	if w.unheard > 0 {
		w.unheard--
		w.Unlock()
		return
	}
	st := &schemas.Status{
		Task: id.Bytes(), Version: f.version, Plan: f.opened, Cursor: f.cursor, Phase: f.phase, Why: f.said.GetWhy(), Cause: f.said.GetCause(), PhaseMs: f.phaseMs, FinishedMs: f.end,
		Controls: f.steered.GetControls(), Pipe: f.steered.GetPipe(), Speed: f.steered.GetSpeed(),
	}
	w.bind(id, st)
	counts := make(map[schemas.RecipientState]uint32)
	for _, m := range f.states {
		counts[m]++
	}
	for m, n := range counts {
		st.Counts = append(st.Counts, &schemas.StateCount{Mark: uint32(m), Count: n})
	}
	w.view[id] = st
	if st.GetCursor() < w.cursors[id] {
		w.failf("the cursor of %s went back from %d to %d", id, w.cursors[id], st.GetCursor())
	}
	w.cursors[id] = st.GetCursor()
	all := slices.Clone(w.processes)
	w.Touch()
	w.Unlock()
	for _, p := range all {
		p.listen(id, st)
	}
}

func (p *process) Get(id schemas.TaskID) (*schemas.Status, bool) {
	p.Lock()
	defer p.Unlock()
	st, ok := p.view[id]
	return st, ok
}

// evict takes a finished task out of the view's memory: what is known of it without reading is that it is finished.
func (w *world) evict(id schemas.TaskID, readable bool) {
	w.Lock()
	defer w.Unlock()
	if w.evicted[id] = nil; readable {
		w.evicted[id] = w.view[id]
	}
	delete(w.view, id)
}

// retiring is the last word on a task that retention deletes between the two looks at it.
var retiring = &schemas.Status{}

// retire has retention delete a finished task of one recipient, between the view's word that it is finished and its being read back.
func (w *world) retire(id schemas.TaskID) {
	w.evict(id, true)
	w.lock(func() {
		w.evicted[id] = retiring
		delete(w.tasks, id)
		delete(w.cursors, id)
		delete(w.made, pair{id, 0})
		delete(w.sent, pair{id, 0})
	})
}

func (p *process) Finished(id schemas.TaskID) bool {
	p.Lock()
	defer p.Unlock()
	_, ok := p.evicted[id]
	return ok || p.view[id].GetFinishedMs() != 0
}

func (p *process) Find(_ context.Context, id schemas.TaskID) (*schemas.Status, error) {
	p.wait()
	p.Lock()
	defer p.Unlock()
	st, ok := p.evicted[id]
	switch {
	case ok && st == nil:
		return nil, stream.ErrGone
	case st == retiring:
		delete(p.evicted, id)
		return nil, nil
	case ok:
		return st, nil
	}
	return p.view[id], nil
}

func (p *process) Each(each func(schemas.TaskID, *schemas.Status) bool) {
	p.Lock()
	defer p.Unlock()
	for id, st := range p.view {
		if !each(id, st) {
			return
		}
	}
}

func (p *process) Listen(heard func(schemas.TaskID, *schemas.Status)) { p.listen = heard }

func (p *process) Sync(context.Context) error {
	p.wait(&p.sync)
	return nil
}
