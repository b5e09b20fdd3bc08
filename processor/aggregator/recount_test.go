package aggregator

import (
	"altavoz/processor/aggregator/fold"
	"altavoz/schemas"
	"altavoz/stream"
)

// recount folds a whole log of results, without a memory limit and without a topic to write to: what every status must come to, but
// for version, rate and the time of writing. (When a task was finished depends on the order in which its last results came; and a line
// that had once been pushed out of the hundred may have lost its phone.) The zero value is ready; it is not safe for concurrent use.
type recount struct {
	tasks map[schemas.TaskID]*fold.Task
}

// take folds the next record of a partition in; partitions may come in any order. Records that concern nobody, and those that can't be
// read, change nothing.
func (k *recount) take(rec stream.Record) {
	var r schemas.Result
	id, err := fold.Decode(&rec, &r)
	if err != nil {
		return
	}
	t := k.tasks[id]
	if t == nil {
		if !fold.Opens(&r) || string(rec.Key) != id.String() {
			return
		}
		if k.tasks == nil {
			k.tasks = make(map[schemas.TaskID]*fold.Task)
		}
		t = fold.NewTask(id)
		k.tasks[id] = t
	}
	_, _ = t.Fold(&r, nil) // an error would be that of reading states back, and all of them are here
}
