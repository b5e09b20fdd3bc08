// Package operator is what operators do in the topics without a running process of their own: list and replay rejects, find what is kept of a
// phone. It reads logs as they are and keeps no state.
package operator

// Error is what went wrong, and what to do about it.
type Error struct {
	error
	hint string
}

// Unwrap returns what went wrong.
func (e Error) Unwrap() error { return e.error }

// Hint returns what to do about it, for a person.
func (e Error) Hint() string { return e.hint }

func hinted(err error, hint string) error { return Error{err, hint} }
