package kafka

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"sync"

	"altavoz/schemas"
)

// maxControls is how many tasks the view holds, at some 100 bytes each: 10 MB. Controls of finished tasks are taken back,
// so that only the tasks of the last days that somebody steered are here. Beyond it those go of which nothing is wanted
// any more (resumed ones), and then those spoken of longest ago.
const maxControls = 100_000

// Controls is the view of the topic controls: what is wanted of every task that goes on, in memory. It is safe for
// concurrent use.
type Controls struct {
	*tail
	most      int
	listeners []func(schemas.TaskID, schemas.Controls)

	mu    sync.Mutex
	tasks map[schemas.TaskID]schemas.Controls
}

// NewControls returns a view that is not started.
func NewControls(c Config, l Layout) (*Controls, error) {
	v := &Controls{most: maxControls, tasks: make(map[schemas.TaskID]schemas.Controls)}
	var err error
	v.tail, err = newTail(c.withDefaults(), l, schemas.TopicControls, v.read)
	return v, err
}

// Listen has heard called with what is wanted of a task whenever more was said of it, in the view's own goroutine. That
// it was taken back is not told: the task is over. Before Start only.
func (v *Controls) Listen(heard func(schemas.TaskID, schemas.Controls)) {
	v.listeners = append(v.listeners, heard)
}

// Get returns what is wanted of a task; false where nobody said anything.
func (v *Controls) Get(t schemas.TaskID) (schemas.Controls, bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	c, ok := v.tasks[t]
	return c, ok
}

// Each calls each for every task that somebody spoke of until it returns false.
func (v *Controls) Each(each func(schemas.TaskID, schemas.Controls) bool) {
	v.mu.Lock()
	all := maps.Clone(v.tasks)
	v.mu.Unlock()
	for t, c := range all {
		if !each(t, c) {
			return
		}
	}
}

// read folds a control in.
func (v *Controls) read(rec schemas.Record) error {
	name, end, _ := strings.Cut(string(rec.Key), "/")
	id, err := schemas.ParseTaskID(name)
	if err != nil {
		return err
	}
	if len(rec.Value) == 0 {
		v.takeBack(id, end)
		return nil
	}
	e := new(schemas.Control)
	if err := schemas.Decode(&rec, e); err != nil {
		return err
	}
	if string(e.GetTask()) != string(id.Bytes()) || string(schemas.EncodeControl(e).Key) != string(rec.Key) {
		return errOtherKey
	}
	v.mu.Lock()
	c := v.tasks[id].Fold(e, rec.Offset)
	v.tasks[id] = c
	if len(v.tasks) > v.most {
		v.forget()
	}
	v.mu.Unlock()
	for _, heard := range v.listeners {
		heard(id, c)
	}
	return nil
}

// takeBack undoes what was said under one key. A task of which nothing is left is gone.
func (v *Controls) takeBack(id schemas.TaskID, end string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	c, ok := v.tasks[id]
	if !ok {
		return
	}
	c = c.Without(end)
	if c.Idle() {
		delete(v.tasks, id)
		return
	}
	v.tasks[id] = c
}

// forget drops a tenth of the tasks: first those of which nothing is wanted, the longest ago first.
func (v *Controls) forget() {
	ids := slices.Collect(maps.Keys(v.tasks))
	slices.SortFunc(ids, func(a, b schemas.TaskID) int {
		x, y := v.tasks[a], v.tasks[b]
		if x.Idle() != y.Idle() {
			return map[bool]int{true: -1, false: 1}[x.Idle()]
		}
		return cmp.Compare(x.Next, y.Next)
	})
	gone := max(1, len(ids)/10)
	for _, id := range ids[:gone] {
		delete(v.tasks, id)
	}
	v.log.Warn("too many tasks are steered: what was wanted of the oldest is forgotten", "forgotten", gone, "kept", len(v.tasks))
}
