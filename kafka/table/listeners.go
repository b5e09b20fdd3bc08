package table

import "altavoz/schemas"

// Listeners are called in the goroutine of a view. The zero value is ready.
type Listeners[T any] struct {
	all []func(schemas.TaskID, T)
}

// Listen has onChange called with what is known of a task at every change, in the view's own goroutine. It is not called for controls that are
// withdrawn: the task is over. After a truncation it is called once for each task, when all is read again. Before Start only.
func (l *Listeners[T]) Listen(onChange func(schemas.TaskID, T)) { l.all = append(l.all, onChange) }

// Notify calls the listeners.
func (l *Listeners[T]) Notify(id schemas.TaskID, what T) {
	for _, onChange := range l.all {
		onChange(id, what)
	}
}
