package limits

import (
	"time"

	"altavoz/internal/backoff"
)

const (
	// SuspectTries is how often a suspect is tried; suspectBase and suspectMax bound the waits between.
	SuspectTries = 5
	suspectBase  = 5 * time.Second
	suspectMax   = 15 * time.Second
)

// Suspect is a task whose sends fail while others of its number get through: the refusal is of its content, as by a firewall that
// reads it. It is tried alone, one send at a time, and does not stop its number.
type Suspect struct {
	Probing     bool
	nextTry     time.Time
	lastFailure time.Time
	tries       int // that failed, others getting through meanwhile
}

// NewSuspect returns one that failed just now, and may be tried.
func NewSuspect(now time.Time) *Suspect { return &Suspect{nextTry: now, lastFailure: now} }

// Retry has it tried again at once.
func (s *Suspect) Retry(now time.Time) { s.nextTry = now }

// Failed records that a try failed, and when a call of its number last got through. It reports whether there were enough tries.
func (s *Suspect) Failed(now, lastSuccess time.Time) (enough bool) {
	if lastSuccess.After(s.lastFailure) {
		s.tries++
	}
	s.lastFailure, s.nextTry = now, now.Add(backoff.Equal(suspectBase, suspectMax, s.tries))
	return s.tries >= SuspectTries
}

// Delay is until when its sends wait: while another one is tried, or for the next try. No time: one may go.
func (s *Suspect) Delay(now time.Time) (until time.Time) {
	switch {
	case s == nil:
	case s.nextTry.After(now):
		until = s.nextTry
	case s.Probing:
		until = now.Add(suspectBase)
	}
	return until
}
