package table

import "altavoz/schemas"

// Listeners are those who hear of tasks in the goroutine of a view. The zero value is ready.
type Listeners[T any] struct {
	all []func(schemas.TaskID, T)
}

// Listen has heard called with what is known of a task whenever that is to be told, in the view's own goroutine. Of controls that they were
// taken back is not told: the task is over. What is read again after a cut is told once, when that is whole. Before Start only.
func (l *Listeners[T]) Listen(heard func(schemas.TaskID, T)) { l.all = append(l.all, heard) }

// Notify calls them.
func (l *Listeners[T]) Notify(id schemas.TaskID, what T) {
	for _, heard := range l.all {
		heard(id, what)
	}
}
