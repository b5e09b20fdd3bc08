// Package cadence decides when the status of a task is written: at once where it was not written lately, and seldom where little changed.
// It reads no clock.
package cadence

import (
	"slices"
	"time"
)

const (
	// busyEvery is how often at most the status of a task is written, and quietEvery if nothing changed in it but the outcomes of less than
	// fewOutcomes recipients. The fanout learns by a status how many sends may follow: each brings a quantum, with a commit and requests of its own.
	busyEvery   = 150 * time.Millisecond
	quietEvery  = time.Second
	fewOutcomes = 512
	// maxBatch is how many statuses of a list are written at once: of busy tasks, 6,700 a second.
	maxBatch = 1000
)

// Task is how far the status of a task is written, and what changed since.
type Task struct {
	writtenAt time.Time
	decided   uint32 // recipients that had an outcome in it
	prompt    bool   // more changed than few outcomes
	urgent    bool
	waits     waiting
}

// Decided notes how many recipients have an outcome.
func (t *Task) Decided(n uint32) { t.prompt = t.prompt || n >= t.decided+fewOutcomes }

// Prompt notes that something else changed.
func (t *Task) Prompt() { t.prompt = true }

// Hurry has the status written without regard to when it was written last.
func (t *Task) Hurry() { t.urgent = true }

// Urgent reports whether it hurries.
func (t *Task) Urgent() bool { return t.urgent }

// Waits reports whether the task is in a queue.
func (t *Task) Waits() bool { return t.waits != waitsNot }

// Written notes that the status is being written; in it so many recipients have an outcome.
func (t *Task) Written(now time.Time, decided uint32) {
	t.writtenAt, t.decided, t.prompt, t.urgent = now, decided, false, false
}

// dueAt is when a changed status is to be written.
func (t *Task) dueAt() time.Time {
	switch {
	case t.urgent:
		return t.writtenAt
	case t.prompt:
		return t.writtenAt.Add(busyEvery)
	default:
		return t.writtenAt.Add(quietEvery)
	}
}

// waiting is where a task waits for its status to be written.
type waiting uint8

const (
	waitsNot waiting = iota
	waitsForTick
	waitsShortly
)

// Queue is the tasks whose status is to be written. The zero Queue is empty. A task is in it once.
type Queue[E any] [waitsShortly + 1]list[E]

type list[E any] struct {
	waiters []waiter[E]
	at      time.Time // when to look at it; zero: it is empty
}

type waiter[E any] struct {
	entry E
	task  *Task
}

// Add has the changed status of an entry written.
func (q *Queue[E]) Add(e E, t *Task, now time.Time) {
	how, at := waitsForTick, t.dueAt()
	if !at.After(now) {
		how, at = waitsShortly, now
	}
	if t.waits > how {
		return
	}
	l := &q[how]
	if t.waits < how {
		t.waits = how
		l.waiters = append(l.waiters, waiter[E]{e, t})
	}
	if l.at.IsZero() || at.Before(l.at) {
		l.at = at
	}
}

// Next is when statuses are due; no time if none wait.
func (q *Queue[E]) Next() time.Time {
	if at := q[waitsShortly].at; !at.IsZero() {
		return at
	}
	return q[waitsForTick].at
}

// Due takes those entries out whose status is written now, at most maxBatch of a list.
func (q *Queue[E]) Due(now time.Time) (due []E) {
	for how := waitsShortly; how > waitsNot; how-- {
		l := &q[how]
		if l.at.IsZero() || now.Before(l.at) {
			continue
		}
		n := min(len(l.waiters), maxBatch)
		for _, w := range l.waiters[:n] {
			switch {
			case w.task.waits != how: // it was written meanwhile, or is in the other list
			case w.task.dueAt().After(now): //mutant:statuses-keep-their-distance
				w.task.waits = waitsNot
				q.Add(w.entry, w.task, now)
			default:
				w.task.waits = waitsNot
				due = append(due, w.entry)
			}
		}
		l.waiters, l.at = slices.Delete(l.waiters, 0, n), time.Time{}
		switch {
		case len(l.waiters) == 0:
		case how == waitsShortly:
			l.at = now
		default:
			l.at = now.Add(busyEvery)
		}
	}
	return due
}
