package fold

import (
	"cmp"
	"slices"
	"time"

	"altavoz/schemas"
)

// ControlsLife is for how long the controls of a task count: as long as the topic keeps them, and a day longer than a task lives, schedule and pauses
// included. A control may come a minute before its task (schemas.FreshTask).
const ControlsLife = schemas.TaskLife + 24*time.Hour

// Controls is the fold of the topic controls: the controls of every task that is not finished, or is still to come. They are removed by age, and by
// the tombstone that follows the end of a task. It is not safe for concurrent use.
//
// While a truncated topic is read again (StartReread), that is folded beside what is known, and no listener is called before it is complete. What was
// known of a task wins against what is read again, which is older and may lack its end: only a cancel is added, and a control that was written
// later than all that was known. A control behind the truncation counts as always.
//
// A task takes some 130 bytes, and a request to come here. A million tasks with controls in two weeks are 130 MB, and twice that while they
// are read again.
type Controls struct {
	tasks       map[schemas.TaskID]steered
	queue       []queuedTask // in the order of the topic
	truncations int          // of the topic, so far
	reread      *Controls
}

type steered struct {
	schemas.Controls
	at      int64 // unix milliseconds of the last record
	written int64 // the same, as the record says it
}

type queuedTask struct {
	id schemas.TaskID
	at int64
}

// NewControls returns an empty fold.
func NewControls() *Controls { return &Controls{tasks: make(map[schemas.TaskID]steered)} }

// Apply folds in a control that was written at a time, and returns the controls of its task; false if listeners are called only once all is read
// again. A time in the future counts as now.
func (c *Controls) Apply(id schemas.TaskID, e *schemas.Control, offset int64, at, now time.Time) (schemas.Controls, bool) {
	if c.reread == nil { //mutant:controls-read-again-are-announced-once
		return c.fold(id, e, offset, at, now), true
	}
	known, ok := c.tasks[id]
	if _, met := c.reread.tasks[id]; ok && !met {
		anew := known
		anew.Controls = anew.Anew(c.reread.truncations)
		c.reread.tasks[id] = anew
	}
	later := at.UnixMilli() > known.written
	//mutant:known-control-stands-against-older-ones
	if ok && !later && e.GetKind() != schemas.ControlKind_CONTROL_KIND_CANCEL {
		e = new(schemas.Control) // nothing but its place
	}
	c.reread.fold(id, e, offset, at, now)
	return known.Controls, false
}

func (c *Controls) fold(id schemas.TaskID, e *schemas.Control, offset int64, at, now time.Time) schemas.Controls {
	w := c.tasks[id]
	w.Cuts = c.truncations
	w.Controls = w.Fold(e, offset)
	w.at = max(w.at, min(at.UnixMilli(), now.UnixMilli()))
	w.written = max(w.written, at.UnixMilli())
	c.tasks[id] = w
	c.queue = append(c.queue, queuedTask{id, w.at})
	c.expire(now.Add(-ControlsLife).UnixMilli())
	return w.Controls
}

// StartReread begins the second reading of a truncated topic: offsets start again. What was known counts until FinishReread.
func (c *Controls) StartReread() {
	c.reread = NewControls()
	c.reread.truncations = c.truncations + 1
}

// Update is the controls of a task.
type Update struct {
	ID schemas.TaskID
	schemas.Controls
}

// FinishReread ends what StartReread began: all that was there then is read again. It returns the controls of the tasks of which something was read, in
// the order of the topic.
func (c *Controls) FinishReread() []Update {
	if c.reread == nil {
		return nil
	}
	read := c.reread.tasks
	c.truncations, c.reread = c.reread.truncations, nil
	c.queue = make([]queuedTask, 0, 2*(len(c.tasks)+len(read)))
	for id, w := range c.tasks {
		w.Controls = w.Anew(c.truncations) //mutant:offsets-of-a-cut-log-count
		c.tasks[id] = w
	}
	told := make([]Update, 0, len(read))
	for id, w := range read {
		c.tasks[id] = w
		told = append(told, Update{id, w.Controls})
	}
	for id, w := range c.tasks {
		c.queue = append(c.queue, queuedTask{id, w.at})
	}
	slices.SortFunc(c.queue, func(a, b queuedTask) int { return cmp.Compare(a.at, b.at) })
	slices.SortFunc(told, func(a, b Update) int { return cmp.Compare(a.Next, b.Next) })
	return told
}

// expire removes the controls of before a time.
func (c *Controls) expire(before int64) {
	n := 0
	for ; n < len(c.queue) && c.queue[n].at < before; n++ {
		if w, ok := c.tasks[c.queue[n].id]; ok && w.at <= c.queue[n].at {
			delete(c.tasks, c.queue[n].id)
		}
	}
	if c.queue = c.queue[n:]; len(c.queue) > 2*len(c.tasks)+spareQueue { // most of it is stale
		kept := make([]queuedTask, 0, len(c.tasks))
		for _, q := range c.queue {
			if w, ok := c.tasks[q.id]; ok && w.at == q.at {
				kept = append(kept, q)
			}
		}
		c.queue = kept
	}
}

// spareQueue is how many elements of the queue may be stale before it is compacted.
const spareQueue = 1024

// Withdraw removes what was written under a key with this end. A task without any controls is removed.
func (c *Controls) Withdraw(id schemas.TaskID, end string) {
	w, ok := c.tasks[id]
	if c.reread != nil {
		if !ok { // else it is older than what is known
			c.reread.Withdraw(id, end)
		}
		return
	}
	if !ok {
		return
	}
	if w.Controls = w.Without(end); w.Idle() {
		delete(c.tasks, id)
		return
	}
	c.tasks[id] = w
}

// Get returns the controls of a task; false if it has none.
func (c *Controls) Get(id schemas.TaskID) (schemas.Controls, bool) {
	w, ok := c.tasks[id]
	return w.Controls, ok
}

// All returns the controls of all tasks.
func (c *Controls) All() map[schemas.TaskID]schemas.Controls {
	all := make(map[schemas.TaskID]schemas.Controls, len(c.tasks))
	for id, w := range c.tasks {
		all[id] = w.Controls
	}
	return all
}
