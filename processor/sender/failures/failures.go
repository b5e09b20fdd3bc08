// Package failures is how sends that the Cloud API refused for good are named and logged.
package failures

import (
	"fmt"
	"log/slog"
	"time"

	"altavoz/schemas"
	"altavoz/schemas/es"
)

// Lines is how many failed phones are logged in a second; all are counted, and in the results.
const Lines = 20

// Log writes a bounded number of lines. The zero value is ready.
type Log struct {
	n     int // of this second
	since time.Time
}

// Write writes a line for a refused send, which the attributes name.
func (l *Log) Write(log *slog.Logger, attributes ...any) {
	if now := time.Now(); now.Sub(l.since) >= time.Second {
		if l.n > Lines {
			log.Warn("more sends failed", "sends", l.n-Lines, "within_seconds", 1)
		}
		l.n, l.since = 0, now
	}
	if l.n++; l.n <= Lines {
		log.Warn("send failed", attributes...)
	}
}

// Of returns the outcome of a send that was refused for good, and the words for it.
func Of(r *schemas.Reply) (schemas.RecipientState, string) {
	code := r.Code
	if r.Verdict == schemas.VerdictContent && code == 0 {
		code = schemas.CodeContent
	}
	m := schemas.Failed(code)
	known, _ := m.Code()
	words := m.Spanish()
	if known != code { // not in the table: the number goes into the words
		words = fmt.Sprintf("(%d) %s", code, words)
	}
	if r.Detail != "" && (known != code || r.Verdict == schemas.VerdictContent) {
		words += ": " + r.Detail
	}
	return m, words
}

// Exhausted returns the outcome of a send whose attempts are used up, and the words for it. Doubtful: an earlier call may have reached somebody.
func Exhausted(r *schemas.Reply, doubtful bool) (schemas.RecipientState, string) {
	m := schemas.Failed(schemas.CodeExhausted)
	if doubtful {
		m = schemas.StateUnknown
	}
	if r.Code != 0 {
		return m, es.Say(es.LastError, m.Spanish(), r.Code).Spanish()
	}
	return m, m.Spanish()
}

// Alone returns why a task ends whose sends are refused while others of its number get through.
func Alone(r *schemas.Reply) string {
	words := es.Say(es.RefusedAlone).Spanish()
	if r.Detail != "" {
		words += ": " + r.Detail
	}
	return words
}
