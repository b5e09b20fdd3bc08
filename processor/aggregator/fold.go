package aggregator

import (
	"cmp"
	"errors"
	"slices"

	"altavoz/schemas"
)

// maxErrors is how many error lines a status shows: the lowest indexes that ended badly.
const maxErrors = 100

// Task is the folded state of one task. Marks and counts, and which recipients have an error line, do not depend on the
// order or the repetition of results (the words of a line are those at hand), with one thing to know: a Range, and the failure of a whole task, raise what they cover by the same maximum
// as everything else. They are meant for recipients that have no outcome yet, and over one that has a lower outcome
// (say, a repeated phone) they win. Asking "is it pending?" instead would make the answer depend on who came first.
type Task struct {
	ID schemas.TaskID
	head
	marks
	lines  []*schemas.ErrorLine // by index; the lowest maxErrors, unless refill
	refill bool                 // a line left and a higher index, not kept, must take its place
	beyond uint64               // outcomes for an index that the task does not have, since the owner last looked
}

// head is what is known of a task as a whole. It lives in statuses only, so two of them are folded as results are.
type head struct {
	plan     *schemas.TaskOpened
	cursor   uint32
	phase    schemas.Phase
	why      schemas.Why
	phaseMs  int64
	steered  steered
	started  int64
	finished int64
}

// steered is what the fanout said last about the controls of a task.
type steered struct {
	controls    int64 // those below this offset are in force
	pipe, speed uint32
}

// errInvalid is the error of a result that was decoded and still says nothing.
var errInvalid = errors.New("invalid result")

func newTask(id schemas.TaskID) *Task { return &Task{ID: id} }

// Done reports whether every recipient is decided.
func (t *Task) Done() bool { return t.plan != nil && t.decided >= t.plan.GetTotal() }

// total is how many recipients the task has, or may have as long as its plan is unknown.
func (t *Task) total() uint32 {
	if t.plan != nil {
		return t.plan.GetTotal()
	}
	return MaxRecipients
}

// size is how many recipients part n has, or may have.
func (t *Task) size(n uint32) int {
	first := uint64(n) * schemas.PageRecipients
	return int(min(schemas.PageRecipients, max(uint64(t.total()), first)-first))
}

// Fold takes a result in and reports whether anything changed. On an error, which is the pager's, the result was
// folded in part: folding it again is right.
func (t *Task) Fold(r *schemas.Result, read pager) (changed bool, err error) {
	switch e := r.GetEvent().(type) {
	case *schemas.Result_Plan:
		changed, err = t.open(e.Plan, read)
	case *schemas.Result_Dispatched:
		changed = t.start(r.GetAtMs())
		if c := e.Dispatched.GetCursor(); c > t.cursor {
			t.cursor, changed = c, true
		}
	case *schemas.Result_Outcome:
		o := flat(e.Outcome, r.GetAtMs())
		return t.FoldOutcome(&o, read)
	case *schemas.Result_Range:
		changed, err = t.raise(e.Range.GetFrom(), e.Range.GetTo(), schemas.RecipientState(e.Range.GetMark()), e.Range.GetReason(), read)
	case *schemas.Result_Note:
		changed, err = t.note(e.Note, r.GetAtMs(), read)
	case *schemas.Result_Receipts:
		for _, o := range e.Receipts.GetOutcomes() {
			f := flat(o, r.GetAtMs())
			moved, err := t.FoldOutcome(&f, read)
			changed = changed || moved
			if err != nil {
				return changed, err
			}
		}
	}
	return t.finish(r.GetAtMs()) || changed, err
}

func flat(o *schemas.Outcome, at int64) schemas.FlatOutcome {
	return schemas.FlatOutcome{AtMs: at, Index: o.GetIndex(), Mark: o.GetMark(), Phone: []byte(o.GetPhone()), Reason: []byte(o.GetReason())}
}

// FoldOutcome is Fold for the event that nearly all results are, and for each of the receipts of one.
func (t *Task) FoldOutcome(o *schemas.FlatOutcome, read pager) (changed bool, err error) {
	changed = t.start(o.AtMs)
	if o.Index >= t.total() {
		t.beyond++
		return changed, nil
	}
	n, j := o.Index/schemas.PageRecipients, o.Index%schemas.PageRecipients
	p, err := t.page(n, int(j)+1, t.size(n), read)
	if err != nil {
		return changed, err
	}
	from, to := schemas.RecipientState(p.marks[j]), schemas.RecipientState(o.Mark)
	if to > from { //mutant:greatest-outcome-stays
		t.move(p, o.Index, from, to)
		changed = true
	}
	if bad(max(from, to)) && t.lists(o.Index) && t.describe(o.Index, to, string(o.Phone), string(o.Reason)) {
		changed = true
	}
	return t.finish(o.AtMs) || changed, nil
}

// open takes the plan in; the first one stands.
func (t *Task) open(p *schemas.TaskOpened, read pager) (bool, error) {
	changed := false
	if t.plan == nil {
		t.plan, changed = p, true
	}
	if err := t.trim(read); err != nil {
		return changed, err
	}
	filled, err := t.fill(read)
	return changed || filled, err
}

// trim drops what was said about recipients that the plan does not have.
func (t *Task) trim(read pager) error {
	if t.plan == nil {
		return nil
	}
	for n := t.plan.GetTotal() / schemas.PageRecipients; n < uint32(len(t.parts)); n++ {
		keep := t.size(n)
		p, err := t.page(n, 0, 0, read)
		if err != nil {
			return err
		}
		for j := keep; j < len(p.marks); j++ {
			if m := schemas.RecipientState(p.marks[j]); m.Decided() {
				t.move(p, n*schemas.PageRecipients+uint32(j), m, schemas.StatePending)
				t.beyond++
			}
		}
		if len(p.marks) > keep {
			t.loaded -= int64(len(p.marks) - keep)
			p.marks = p.marks[:keep]
		}
	}
	return nil
}

// fill decides the recipients of a task that failed as a whole: it can only be done once both plan and failure are known.
func (t *Task) fill(read pager) (bool, error) {
	if t.plan == nil || t.phase != schemas.Phase_PHASE_FAILED {
		return false, nil
	}
	return t.raise(0, t.plan.GetTotal(), schemas.Failed(schemas.CodeContent), "", read)
}

// raise lifts every recipient in [from, to) to at least the given mark.
func (t *Task) raise(from, to uint32, m schemas.RecipientState, reason string, read pager) (changed bool, err error) {
	if limit := t.total(); to > limit {
		t.beyond++
		to = limit
	}
	for at := from; at < to; {
		n := at / schemas.PageRecipients
		first := n * schemas.PageRecipients
		end := min(to, first+schemas.PageRecipients)
		p, err := t.page(n, int(end-first), t.size(n), read)
		if err != nil {
			return changed, err
		}
		for ; at < end; at++ {
			was := schemas.RecipientState(p.marks[at-first])
			if was < m {
				t.move(p, at, was, m)
				changed = true
			}
			if was <= m && t.lists(at) && t.describe(at, m, "", reason) {
				changed = true
			}
		}
	}
	return changed, nil
}

// note takes in what the task as a whole is doing.
func (t *Task) note(e *schemas.TaskUpdate, at int64, read pager) (bool, error) {
	changed := t.enter(e.GetPhase(), schemas.WhyOf(e), at)
	changed = t.steer(steered{e.GetControls(), e.GetPipe(), e.GetSpeed()}) || changed
	// Also when the failure is known already: a crash may have kept the status and lost the marks.
	filled, err := t.fill(read)
	return changed || filled, err
}

// standing is the order of phases that stand for good. Others give way to them, and among themselves to the later one.
func standing(p schemas.Phase) int {
	switch p {
	case schemas.Phase_PHASE_FAILED:
		return 3
	case schemas.Phase_PHASE_STOPPED:
		return 2
	case schemas.Phase_PHASE_CANCELLED:
		return 1
	case schemas.Phase_PHASE_NONE, schemas.Phase_PHASE_WAITING, schemas.Phase_PHASE_RUNNING, schemas.Phase_PHASE_PAUSED:
	}
	return 0
}

// enter takes a phase in. A note without one says nothing of it.
func (h *head) enter(p schemas.Phase, why schemas.Why, at int64) bool {
	if p == schemas.Phase_PHASE_NONE {
		return false
	}
	newer := cmp.Or(cmp.Compare(standing(p), standing(h.phase)), cmp.Compare(at, h.phaseMs), cmp.Compare(p, h.phase), why.Compare(h.why))
	if newer <= 0 {
		return false
	}
	h.phase, h.why, h.phaseMs = p, why, at
	return true
}

// steer takes in which controls are in force: those up to the highest offset. Of two that say it differently (one of them
// is a process that was taken for dead) the one with the fuller pipe stands.
func (h *head) steer(s steered) bool {
	was := h.steered
	newer := cmp.Or(cmp.Compare(s.controls, was.controls), cmp.Compare(s.pipe, was.pipe), cmp.Compare(s.speed, was.speed))
	if s.controls == 0 || newer <= 0 {
		return false
	}
	h.steered = s
	return true
}

func (h *head) start(at int64) bool {
	if at <= 0 || h.started != 0 && h.started <= at {
		return false
	}
	h.started = at
	return true
}

// finish notes the end once; corrections that come later do not undo it.
func (t *Task) finish(at int64) bool {
	if t.finished != 0 || !t.Done() {
		return false
	}
	t.finished = max(at, t.started, t.plan.GetAcceptedMs(), 1)
	return true
}

// move changes a recipient's mark and keeps the error lines in step.
func (t *Task) move(p *part, index uint32, from, to schemas.RecipientState) {
	t.set(p, index%schemas.PageRecipients, from, to)
	switch {
	case bad(to):
		t.list(index, to)
	case bad(from):
		if i, ok := t.find(index); ok {
			t.lines = slices.Delete(t.lines, i, i+1)
			t.refill = t.refill || t.bad > uint32(len(t.lines))
		}
	}
}

func (t *Task) find(index uint32) (int, bool) {
	return slices.BinarySearchFunc(t.lines, index, func(l *schemas.ErrorLine, i uint32) int { return cmp.Compare(l.GetIndex(), i) })
}

// lists reports whether the index is, or would be, among the error lines.
func (t *Task) lists(index uint32) bool {
	return len(t.lines) < maxErrors || index <= t.lines[len(t.lines)-1].GetIndex()
}

// list puts a line for the index among the lowest, or takes the words off a line whose mark was raised.
func (t *Task) list(index uint32, m schemas.RecipientState) {
	if !t.lists(index) {
		return
	}
	i, ok := t.find(index)
	if ok {
		t.lines[i].Mark, t.lines[i].Reason = uint32(m), ""
		return
	}
	t.lines = slices.Insert(t.lines, i, &schemas.ErrorLine{Index: index, Mark: uint32(m)})
	if len(t.lines) > maxErrors {
		t.lines = t.lines[:maxErrors]
	}
}

// describe gives a line its words. The phone belongs to the index, the reason to index and mark; of two that differ
// the greater stands, so that order does not matter here either.
func (t *Task) describe(index uint32, m schemas.RecipientState, phone, reason string) (changed bool) {
	i, ok := t.find(index)
	if !ok {
		return false
	}
	l := t.lines[i]
	if phone > l.GetPhone() {
		l.Phone, changed = phone, true
	}
	if l.GetMark() == uint32(m) && reason > l.GetReason() {
		l.Reason, changed = reason, true
	}
	return changed
}
