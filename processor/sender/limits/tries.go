package limits

import (
	"time"

	"altavoz/internal/backoff"
)

const (
	// MaxAttempts is how often a send may meet an error that is nobody's limit.
	MaxAttempts = 5
	// AttemptBase and attemptMax bound the waits between them.
	AttemptBase = time.Second
	attemptMax  = time.Minute
	// unsentBase and unsentMax bound the waits of a send that could not be sent at all; it may try for ever.
	unsentBase = 100 * time.Millisecond
	unsentMax  = 5 * time.Second
)

// Tries counts what became of earlier calls of a send.
type Tries struct {
	attempts    int
	unsentInRow int // calls in a row that sent nothing
	uncharged   int // calls refused for now that were nobody's attempt
}

// Left reports whether a call that nobody knows the outcome of may be made once more.
func (t *Tries) Left() bool { return t.attempts+1 < MaxAttempts }

// Unsent returns how long a send waits whose call sent nothing; the first time not at all.
func (t *Tries) Unsent() time.Duration {
	if t.unsentInRow++; t.unsentInRow == 1 {
		return 0
	}
	return backoff.Equal(unsentBase, unsentMax, t.unsentInRow-2)
}

// Sent records that a call sent something, whatever came of it.
func (t *Tries) Sent() { t.unsentInRow = 0 }

// Uncharged returns how long a send waits that was refused for now by what refuses others too.
func (t *Tries) Uncharged() time.Duration {
	t.uncharged++
	return backoff.Full(AttemptBase, attemptMax, t.uncharged-1)
}

// Charged returns how long a send waits that was refused for now by itself, and whether it has another attempt.
func (t *Tries) Charged() (wait time.Duration, more bool) {
	t.attempts++
	return backoff.Full(AttemptBase, attemptMax, t.attempts-1), t.attempts < MaxAttempts
}
