package table

import (
	"sync"
	"time"

	"altavoz/kafka"
	"altavoz/kafka/table/fold"
	"altavoz/schemas"
	"altavoz/stream"
)

// Controls is the view of the topic controls: what is wanted of every task that goes on, or may come, in memory. It is safe for
// concurrent use.
type Controls struct {
	*follower
	fold.Numbers
	Listeners[schemas.Controls]

	mu    sync.Mutex
	tasks *fold.Controls
}

// NewControls returns a view that is not started.
func NewControls(c kafka.Config, l kafka.Layout) (*Controls, error) {
	v := &Controls{tasks: fold.NewControls()}
	var err error
	v.follower, err = newFollower(c.WithDefaults(), l, schemas.TopicControls, hooks{v.Intercept(v.apply), v.startReread, v.finishReread})
	return v, err
}

func (v *Controls) startReread() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.tasks.StartReread()
}

// finishReread calls the listeners once for each task of which something was read again.
func (v *Controls) finishReread() {
	v.mu.Lock()
	told := v.tasks.FinishReread()
	v.mu.Unlock()
	for _, t := range told {
		v.Notify(t.ID, t.Controls)
	}
}

// Get returns the controls of a task; false if it has none.
func (v *Controls) Get(t schemas.TaskID) (schemas.Controls, bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.tasks.Get(t)
}

// Each calls each for every task with controls until it returns false.
func (v *Controls) Each(each func(schemas.TaskID, schemas.Controls) bool) {
	v.mu.Lock()
	all := v.tasks.All()
	v.mu.Unlock()
	for t, c := range all {
		if !each(t, c) {
			return
		}
	}
}

// apply folds a control in.
func (v *Controls) apply(rec stream.Record) error {
	id, end, e, err := fold.ParseControl(&rec)
	if err != nil {
		return err
	}
	v.mu.Lock()
	if e == nil {
		v.tasks.Withdraw(id, end)
		v.mu.Unlock()
		return nil
	}
	c, told := v.tasks.Apply(id, e, rec.Offset, rec.Time, time.Now())
	v.mu.Unlock()
	if told {
		v.Notify(id, c)
	}
	return nil
}
