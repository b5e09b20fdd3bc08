package report

import (
	"time"

	"altavoz/schemas"
)

const (
	// AnnounceEvery is how often at most the tasks of a stopped number publish that they wait.
	AnnounceEvery = time.Minute
	// AnnounceAfter is how long a number is throttled, or its business has no place, before that is published; a shorter wait explains nothing.
	AnnounceAfter = 5 * time.Second
)

// Task is what a task last published: waiting for a cause or its window, or running. The zero value has published nothing.
type Task struct {
	waitingAt time.Time      // when it last published that it waits; zero: it runs
	reason    schemas.Reason // that was published
	window    time.Time      // when its window opens, if that is what it last published that it waits for
	runningAt time.Time      // when it last published that it runs: earlier owners may have published otherwise
}

// Waits reports whether it has published that it waits.
func (t *Task) Waits() bool { return !t.waitingAt.IsZero() }

// WaitsFor returns what to publish of a task that a cause keeps waiting, at most once a minute unless it is for another reason now; nil: nothing.
func (t *Task) WaitsFor(why *schemas.Cause, now time.Time) *schemas.TaskUpdate {
	last := now.Sub(t.waitingAt)
	if t.Waits() && last < AnnounceEvery && (t.reason == why.GetReason() || last < AnnounceAfter) {
		return nil
	}
	t.waitingAt, t.window, t.reason = now, time.Time{}, why.GetReason()
	return &schemas.TaskUpdate{Phase: schemas.Phase_PHASE_WAITING, Cause: why}
}

// WaitsForWindow returns what to publish of a task whose window opens at a time, once, because nothing about that changes until it opens.
func (t *Task) WaitsForWindow(opens time.Time, zone string, now time.Time) *schemas.TaskUpdate {
	if opens.Equal(t.window) {
		return nil
	}
	t.waitingAt, t.window = now, opens
	return &schemas.TaskUpdate{Phase: schemas.Phase_PHASE_WAITING, Cause: schemas.Until(schemas.Reason_REASON_WINDOW_IN_FLIGHT, opens, zone).Cause()}
}

// Runs returns what to publish of a task that waits no more.
func (t *Task) Runs(now time.Time) *schemas.TaskUpdate {
	t.waitingAt, t.window, t.runningAt = time.Time{}, time.Time{}, now
	return &schemas.TaskUpdate{Phase: schemas.Phase_PHASE_RUNNING}
}

// Sent returns what takes back what an earlier owner of a partition may have published of the task, where a send of a time was accepted that had waited
// long enough for that; nil: nothing.
func (t *Task) Sent(of, owned, now time.Time) *schemas.TaskUpdate {
	if t.Waits() || of.IsZero() || owned.Sub(of) < AnnounceAfter || !t.runningAt.Before(owned) {
		return nil
	}
	t.runningAt = now
	return &schemas.TaskUpdate{Phase: schemas.Phase_PHASE_RUNNING}
}
