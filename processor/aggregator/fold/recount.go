package fold

import (
	"altavoz/schemas"
	"altavoz/stream"
)

// Recount folds a whole log of results, without a memory limit and without a topic to write to: what every status must come to, but
// for version, rate and the time of writing. (When a task was finished depends on the order in which its last results came; and a line
// that had once been pushed out of the hundred may have lost its phone.) It is for checks of the stage. The zero value is ready; it is
// not safe for concurrent use.
type Recount struct {
	Tasks map[schemas.TaskID]*Task
}

// Take folds the next record of a partition in; partitions may come in any order. Records that concern nobody, and those that can't be
// read, change nothing.
func (k *Recount) Take(rec stream.Record) {
	var r schemas.Result
	id, err := Decode(&rec, &r)
	if err != nil {
		return
	}
	t := k.Tasks[id]
	if t == nil {
		if !Opens(&r) || string(rec.Key) != id.String() {
			return
		}
		if k.Tasks == nil {
			k.Tasks = make(map[schemas.TaskID]*Task)
		}
		t = NewTask(id)
		k.Tasks[id] = t
	}
	_, _ = t.Fold(&r, nil) // an error would be that of reading states back, and all of them are here
}
