// Package stable keeps how long a log has had records that nobody may read yet: those of a transaction that is still open, and all behind
// them.
package stable

import "time"

// Watch is one reader's view of its logs, named by K.
type Watch[K comparable] struct {
	held map[K]hold
}

// hold is a log whose stable end has not moved while there was something behind it.
type hold struct {
	at    int64
	since time.Time
	told  time.Time
}

// Observe takes in where a log's stable part ends and where the log does. It returns for how long they have been apart at this very
// offset, and whether it is time to say so: after the given patience, and then once in that time.
func (w *Watch[K]) Observe(log K, stable, end int64, now time.Time, patience time.Duration) (held time.Duration, tell bool) {
	h, known := w.held[log]
	switch {
	case stable >= end:
		delete(w.held, log)
		return 0, false
	case !known || h.at != stable: // another transaction, or the first
		h = hold{at: stable, since: now, told: now}
	case now.Sub(h.told) >= patience:
		h.told, tell = now, true
	}
	if w.held == nil {
		w.held = make(map[K]hold)
	}
	w.held[log] = h
	return now.Sub(h.since), tell
}

// Forget drops a log that is somebody else's now.
func (w *Watch[K]) Forget(keep func(K) bool) {
	for k := range w.held {
		if !keep(k) {
			delete(w.held, k)
		}
	}
}
