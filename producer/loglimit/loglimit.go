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
	Most  int           // lines in that time; 0: one

	mu     sync.Mutex
	next   time.Time
	said   int // since the one that Every is counted from
	unsaid int
}

// Turn reports whether the line may be written now, and how often it was left out since the last time.
func (l *Line) Turn(now time.Time) (unsaid int, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case !now.Before(l.next):
		l.said, l.next = 0, now.Add(l.Every)
	case l.said >= max(1, l.Most):
		l.unsaid++
		return 0, false
	}
	l.said++
	unsaid, l.unsaid = l.unsaid, 0
	return unsaid, true
}
