package schemas

import (
	"errors"
	"time"

	"altavoz/schemas/es"
)

// Message is a task's content rendered for the wire, once; what it holds is its maker's business.
type Message any

// Verdict is what one call to the Cloud API means for the send.
type Verdict uint8

// The verdicts. Only VerdictLost leaves it open whether a message went out.
const (
	VerdictSent      Verdict = iota // accepted
	VerdictFailed                   // this recipient is refused for good
	VerdictContent                  // the content or the configuration is refused: every recipient would be
	VerdictUnsent                   // certainly nothing was sent (no connection): try again at once
	VerdictLost                     // no answer of the Cloud API came after bytes were written: nobody knows
	VerdictTransient                // refused for now: back off and try again, counts as an attempt
	VerdictThrottled                // the number is too fast: the whole number slows down, costs no attempt
	VerdictPair                     // this phone was written to too often: it alone waits, costs no attempt
	VerdictAccount                  // the number can't send at all until somebody acts: costs no attempt
	VerdictMedia                    // the media id is not known any more: refresh it and try again
	VerdictTemplate                 // the template can't be sent for now: its task waits, costs no attempt
)

// Reply is the answer to one attempt.
type Reply struct {
	Verdict Verdict
	Code    int           // Meta's code; 0 where it gave none
	Detail  string        // Meta's details, cleaned and cut; may be empty
	WAMID   string        // message id, with VerdictSent
	After   time.Duration // how long Meta, or who answered in its place, asked to wait; 0 where nobody did
	Foreign bool          // with VerdictLost: a complete answer that is not the Cloud API's, nor one of an outage
}

// ContentError says that a task's content can't be sent, and what the person who asked reads of it.
type ContentError struct {
	Why es.Sentence
}

func (e *ContentError) Error() string { return e.Why.Spanish() }

// ErrContent is what every ContentError is.
var ErrContent = errors.New("content refused")

// Is makes errors.Is(err, ErrContent) hold.
func (e *ContentError) Is(target error) bool { return target == ErrContent }

// Secret is text that must not be seen: it prints as "[redacted]" everywhere. Reveal returns it.
type Secret string

// Reveal returns the secret itself.
func (s Secret) Reveal() string { return string(s) }

func (s Secret) String() string { return "[redacted]" }

// GoString keeps %#v from showing it.
func (s Secret) GoString() string { return "[redacted]" }

// MarshalText keeps encoders, slog's among them, from showing it.
func (s Secret) MarshalText() ([]byte, error) { return []byte("[redacted]"), nil }
