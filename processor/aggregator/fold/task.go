package fold

import (
	"altavoz/schemas"
	"altavoz/schemas/price"
)

// Task is the folded state of one task. States, counts, and which recipients have an error line, do not depend on the order or the
// repetition of results. (The words of a line are those at hand.) A range, and the failure of a whole task, raise what they cover by
// the same maximum as everything else. They are meant for recipients without an outcome; over one that has a lower outcome (say, a
// repeated phone) they win. Asking whether a recipient is pending instead would make the answer depend on the order.
type Task struct {
	ID schemas.TaskID
	Head
	Pages
	// OutOfRange counts outcomes for an index that the task does not have. Its owner takes it and sets it back.
	OutOfRange uint64

	lines           []*schemas.ErrorLine // by index; the lowest maxErrors, unless linesIncomplete
	linesIncomplete bool                 // a line left, and a higher index that was not kept must take its place
}

// NewTask returns a task of which nothing is known.
func NewTask(id schemas.TaskID) *Task { return &Task{ID: id} }

// Done reports whether every recipient is decided.
func (t *Task) Done() bool { return t.Plan != nil && t.Decided >= t.Plan.GetTotal() }

// NothingInFlight reports whether all that is known to be dispatched is decided: if others follow, the fanout waits for that.
func (t *Task) NothingInFlight() bool { return t.cursor > 0 && t.Decided >= t.cursor }

// total is how many recipients the task has, or may have as long as its plan is unknown: an index without a plan, which nothing else
// vouches for, takes no more memory than that.
func (t *Task) total() uint32 {
	if t.Plan != nil {
		return t.Plan.GetTotal()
	}
	return schemas.MaxRecipients
}

// pageSize is how many recipients page n has, or may have.
func (t *Task) pageSize(n uint32) int {
	first := uint64(n) * schemas.PageRecipients
	return int(min(schemas.PageRecipients, max(uint64(t.total()), first)-first))
}

// Fold folds a result in and reports whether anything changed. On an error, which is that of read, the result was folded in part:
// folding it again is right.
func (t *Task) Fold(r *schemas.Result, read ReadPage) (changed bool, err error) {
	switch e := r.GetEvent().(type) {
	case *schemas.Result_Plan:
		changed, err = t.setPlan(e.Plan, read)
	case *schemas.Result_Dispatched:
		changed = t.setStarted(r.GetAtMs())
		if c := e.Dispatched.GetCursor(); c > t.cursor {
			t.cursor, changed = c, true
		}
	case *schemas.Result_Range:
		changed, err = t.raise(e.Range.GetFrom(), e.Range.GetTo(), schemas.RecipientState(e.Range.GetMark()), e.Range.GetReason(), read)
	case *schemas.Result_Note:
		changed, err = t.update(e.Note, r.GetAtMs(), read)
	case *schemas.Result_Outcome, *schemas.Result_Outcomes, *schemas.Result_Receipts:
		changed, err = t.foldSeveral(r.AllOutcomes(), r.GetAtMs(), read)
	}
	return t.finish(r.GetAtMs()) || changed, err
}

func (t *Task) foldSeveral(all []*schemas.Outcome, at int64, read ReadPage) (changed bool, err error) {
	for _, o := range all {
		raised, err := t.FoldOutcome(schemas.Flat(o, at), read)
		changed = changed || raised
		if err != nil {
			return changed, err
		}
	}
	return changed, nil
}

// FoldOutcome is Fold for the event that most results are, and for each of several in one.
func (t *Task) FoldOutcome(o *schemas.FlatOutcome, read ReadPage) (changed bool, err error) {
	changed = t.setStarted(o.AtMs)
	if o.Index >= t.total() {
		t.OutOfRange++
		return changed, nil
	}
	n, j := o.Index/schemas.PageRecipients, o.Index%schemas.PageRecipients
	p, err := t.resident(n, int(j)+1, t.pageSize(n), read)
	if err != nil {
		return changed, err
	}
	from, to := schemas.RecipientState(p.States[j]), schemas.RecipientState(o.Mark)
	if to > from { //mutant:greatest-outcome-stays
		t.move(p, o.Index, from, to)
		changed = true
	}
	if o.Price != 0 && t.raisePrice(p, j, price.Read(o.Price)) {
		changed = true
	}
	if isError(max(from, to)) && t.isListed(o.Index) && t.describeLine(o.Index, to, string(o.Phone), string(o.Reason)) {
		changed = true
	}
	return t.finish(o.AtMs) || changed, nil
}

// State is that of a recipient of whom an outcome was just folded in, so that its page is in memory.
func (t *Task) State(index uint32) schemas.RecipientState {
	return schemas.RecipientState(t.List[index/schemas.PageRecipients].States[index%schemas.PageRecipients])
}

// setPlan takes the plan in; the first one stands.
func (t *Task) setPlan(p *schemas.TaskOpened, read ReadPage) (bool, error) {
	changed := false
	if t.Plan == nil {
		t.Plan, changed = p, true
	}
	if err := t.trim(read); err != nil {
		return changed, err
	}
	failed, err := t.failRest(read)
	return changed || failed, err
}

// trim drops what was recorded about recipients that the plan does not have.
func (t *Task) trim(read ReadPage) error {
	if t.Plan == nil {
		return nil
	}
	for n := t.Plan.GetTotal() / schemas.PageRecipients; n < uint32(len(t.List)); n++ {
		keep := t.pageSize(n)
		p, err := t.resident(n, 0, 0, read)
		if err != nil {
			return err
		}
		for j := keep; j < len(p.States); j++ {
			if m := schemas.RecipientState(p.States[j]); m.Decided() {
				t.move(p, n*schemas.PageRecipients+uint32(j), m, schemas.StatePending)
				t.OutOfRange++
			}
		}
		t.trimPrices(p, keep)
		if len(p.States) > keep {
			t.Bytes -= int64(len(p.States) - keep)
			p.States = p.States[:keep]
		}
	}
	return nil
}

// failRest decides the recipients of a task that failed as a whole, once both plan and failure are known.
func (t *Task) failRest(read ReadPage) (bool, error) {
	if t.Plan == nil || t.Phase != schemas.Phase_PHASE_FAILED {
		return false, nil
	}
	return t.raise(0, t.Plan.GetTotal(), schemas.Failed(schemas.CodeContent), "", read)
}

// raise lifts every recipient in [from, to) to at least the given state.
func (t *Task) raise(from, to uint32, m schemas.RecipientState, reason string, read ReadPage) (changed bool, err error) {
	if limit := t.total(); to > limit {
		t.OutOfRange++
		to = limit
	}
	for at := from; at < to; {
		n := at / schemas.PageRecipients
		first := n * schemas.PageRecipients
		end := min(to, first+schemas.PageRecipients)
		p, err := t.resident(n, int(end-first), t.pageSize(n), read)
		if err != nil {
			return changed, err
		}
		for ; at < end; at++ {
			was := schemas.RecipientState(p.States[at-first])
			if was < m {
				t.move(p, at, was, m)
				changed = true
			}
			if was <= m && t.isListed(at) && t.describeLine(at, m, "", reason) {
				changed = true
			}
		}
	}
	return changed, nil
}

// update takes in what the task as a whole is doing.
func (t *Task) update(e *schemas.TaskUpdate, at int64, read ReadPage) (bool, error) {
	changed := t.setPhase(e.GetPhase(), schemas.ExplanationOf(e), at)
	changed = t.setControls(controls{e.GetControls(), e.GetPipe(), e.GetSpeed()}) || changed
	// Also when the failure is known already: a crash may have kept the status and lost the states.
	failed, err := t.failRest(read)
	return changed || failed, err
}

// finish records when the last recipient was decided, once; corrections that come later do not undo it.
func (t *Task) finish(at int64) bool {
	if t.FinishedMs != 0 || !t.Done() {
		return false
	}
	t.FinishedMs = max(at, t.StartedMs, t.Plan.GetAcceptedMs(), 1)
	return true
}

// move changes a recipient's state and keeps the error lines in step.
func (t *Task) move(p *Page, index uint32, from, to schemas.RecipientState) {
	t.set(p, index%schemas.PageRecipients, from, to)
	switch {
	case isError(to):
		t.addLine(index, to)
	case isError(from):
		t.dropLine(index)
	}
}
