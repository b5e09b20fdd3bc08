// Package loglimit lets a line of the log be written only every so often, however often its cause occurs: clients must not
// fill the log. What was left out is counted.
package loglimit

import (
	"sync"
	"time"
)

// Line is one line of the log. Its zero value never leaves anything out.
type Line struct {
	Every time.Duration // between two lines

	mu     sync.Mutex
	next   time.Time
	unsaid int
}

// Turn reports whether the line may be written now, and how often it was left out since the last time.
func (l *Line) Turn(now time.Time) (unsaid int, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if now.Before(l.next) {
		l.unsaid++
		return 0, false
	}
	unsaid, l.unsaid, l.next = l.unsaid, 0, now.Add(l.Every)
	return unsaid, true
}
