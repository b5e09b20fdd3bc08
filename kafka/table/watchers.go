package table

import (
	"sync"

	"altavoz/schemas"
)

// watchers wait for changes of tasks. It is safe for concurrent use; the zero value is ready.
type watchers struct {
	mu  sync.Mutex
	all map[schemas.TaskID]map[chan struct{}]struct{}
}

// Watch signals changes of a task, until stop is called.
func (w *watchers) Watch(t schemas.TaskID) (changes <-chan struct{}, stop func()) {
	c := make(chan struct{}, 1)
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.all == nil {
		w.all = make(map[schemas.TaskID]map[chan struct{}]struct{})
	}
	if w.all[t] == nil {
		w.all[t] = make(map[chan struct{}]struct{})
	}
	w.all[t][c] = struct{}{}
	return c, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		if delete(w.all[t], c); len(w.all[t]) == 0 {
			delete(w.all, t)
		}
	}
}

// Signal signals a change of a task.
func (w *watchers) Signal(t schemas.TaskID) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for c := range w.all[t] {
		select {
		case c <- struct{}{}:
		default:
		}
	}
}
