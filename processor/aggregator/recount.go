package aggregator

import (
	"altavoz/schemas"
	"altavoz/stream"
)

// Recount folds a whole log of results, without a memory limit and without a topic to write to: what every status must
// come to. It is for those who check the stage. The zero value is ready; it is not safe for concurrent use.
type Recount struct {
	tasks map[schemas.TaskID]*Task
	// Dropped counts the records that concern nobody, and those that can't be read.
	Dropped, Rejected int
}

// Process folds the next record of a partition in; partitions may come in any order.
func (k *Recount) Take(rec stream.Record) {
	var r schemas.Result
	id, err := decode(&rec, &r)
	if err != nil {
		k.Rejected++
		return
	}
	t := k.tasks[id]
	switch {
	case t == nil && !opens(&r):
		k.Dropped++
		return
	case t == nil && string(rec.Key) != id.String():
		k.Rejected++
		return
	case t == nil:
		if k.tasks == nil {
			k.tasks = make(map[schemas.TaskID]*Task)
		}
		t = newTask(id)
		k.tasks[id] = t
	}
	_, _ = t.Fold(&r, nil) // an error would be that of reading marks back, and all of them are here
}

// Each calls each with every task and what its status must say, but for version, rate and the time of writing. (When the
// task was finished depends on the order in which its last results came; and a line that had once been pushed out of the
// hundred may have lost its phone.)
func (k *Recount) Each(each func(schemas.TaskID, *schemas.Status)) {
	for id, t := range k.tasks {
		s, _ := t.Status(nil)
		each(id, s)
	}
}

// Mark returns what became of one recipient.
func (k *Recount) Mark(id schemas.TaskID, index uint32) schemas.RecipientState {
	t, n, j := k.tasks[id], int(index/schemas.PageRecipients), int(index%schemas.PageRecipients)
	if t == nil || n >= len(t.parts) || j >= len(t.parts[n].marks) {
		return schemas.StatePending
	}
	return schemas.RecipientState(t.parts[n].marks[j])
}
