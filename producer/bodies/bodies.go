// Package bodies has the bodies of answers, and writes them. The members of the public contract come first, in its order; the others only
// where they say something.
package bodies

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"altavoz/producer/tasks"
)

// JSON is the media type of a body, and kindPlain that of a text of which nothing else is said.
const (
	JSON      = "application/json; charset=utf-8"
	kindPlain = "text/plain; charset=utf-8"
)

// ErrNone is the error of a body that can't be written as JSON: nothing of the answer is out.
var ErrNone = errors.New("the body of an answer is none")

// Error is the body of a refusal.
type Error struct {
	Error  string        `json:"error"`
	Code   string        `json:"code"`
	Field  string        `json:"field,omitzero"`
	Hint   string        `json:"hint"`
	TaskID string        `json:"task_id,omitzero"`
	Status tasks.State   `json:"status,omitzero"`
	Result *tasks.Result `json:"result,omitzero"`
}

// Queued is that of a broadcast that is accepted.
type Queued struct {
	Success  bool     `json:"success"`
	Message  string   `json:"message"`
	TaskID   string   `json:"task_id"`
	ETA      string   `json:"eta,omitzero"`
	Warnings []string `json:"warnings,omitempty"`
}

// Processed is that of one that is carried out.
type Processed struct {
	Success  bool          `json:"success"`
	Message  string        `json:"message"`
	Result   *tasks.Result `json:"result"`
	TaskID   string        `json:"task_id"`
	Warnings []string      `json:"warnings,omitempty"`
}

// Control is that of a control.
type Control struct {
	Success bool        `json:"success"`
	TaskID  string      `json:"task_id"`
	Status  tasks.State `json:"status"`
	InPipe  uint32      `json:"in_pipe"`
	Message string      `json:"message"`
}

// Retry is that of a task that is retried.
type Retry struct {
	Success bool   `json:"success"`
	Message string `json:"message"`
	TaskID  string `json:"task_id"` // of the retry
	RetryOf string `json:"retry_of"`
	Total   uint32 `json:"total"` // recipients of the retry
}

// Health is that of a check.
type Health struct {
	Status string `json:"status"`
}

// Write writes an answer whose headers are set: its body as JSON, or a text of a media type instead; kind "": plain text. With neither it
// is a status that has none. ErrNone: nothing was written.
func Write(w http.ResponseWriter, status int, body any, text, kind string) error {
	if body == nil && text == "" {
		w.WriteHeader(status)
		return nil
	}
	kind = cmp.Or(kind, kindPlain)
	if text == "" {
		b, err := json.Marshal(body, jsontext.AllowInvalidUTF8(true)) // it may repeat what a query says
		if err != nil {
			return fmt.Errorf("%w: %w", ErrNone, err)
		}
		text, kind = string(b), JSON
	}
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Content-Length", strconv.Itoa(len(text)))
	w.WriteHeader(status)
	_, err := io.WriteString(w, text) // the document is copied for nobody
	return err                        //nolint:wrapcheck // the connection's own words
}
