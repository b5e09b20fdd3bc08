package producer

import (
	"errors"
	"fmt"
	"net/http"
	"time"

	"altavoz/producer/bodies"
	"altavoz/producer/codes"
	"altavoz/producer/ratelimit"
	"altavoz/producer/slots"
	"altavoz/producer/upload"
	"altavoz/schemas"
	"altavoz/schemas/es"
	"altavoz/schemas/request"
)

// answer is what a handler has to say.
type answer struct {
	status   int
	body     any
	text     string        // instead of a body, as it is
	kind     string        // media type of text; "": plain text
	hint     es.Sentence   // what to do about a refusal, in the caller's language; the rest is the contract's Spanish
	warnings []es.Sentence // of an accepted broadcast, in the caller's language too
	code     string        // of a refusal, for the metrics
	location string        // of the task
	etag     string        // of what the body shows; it may be asked for again
	replayed bool          // the request had been made before
	lenient  bool          // what the caller preferred was done
	retry    bool          // it may be made again
	wait     time.Duration // and when, where that is known
	close    bool          // its body was not read to the end
	budget   ratelimit.Budget
	// stream takes the place of a body: it writes one that has no end of its own.
	stream func(w http.ResponseWriter)
}

// Bodies of the answers.
type (
	errorBody     = bodies.Error
	queuedBody    = bodies.Queued
	processedBody = bodies.Processed
	controlBody   = bodies.Control
	healthBody    = bodies.Health
)

func refusal(status int, code string, says es.Sentence) answer {
	return answer{status: status, code: code, body: errorBody{Error: says.Spanish(), Code: code}}
}

// refusedBy is the refusal of a part of the ingress.
func refusedBy(r *codes.RefusedError) answer {
	a := refusal(r.Status, r.Code, r.Says).hinted(r.Hint)
	a.wait, a.retry, a.close = r.Wait, r.Again, r.Close
	return a
}

// hinted adds what to do about it.
func (a answer) hinted(hint es.Sentence) answer {
	a.hint = hint
	return a
}

// closing says that the body was not read to the end.
func (a answer) closing() answer {
	a.close = true
	return a
}

// of names the task that a refusal is about, where that is an id and it does not name it yet. It says nothing of whether there is such a task.
func (a answer) of(task string) answer {
	id, err := schemas.ParseTaskID(task)
	if body, ok := a.body.(errorBody); ok && body.TaskID == "" && err == nil {
		body.TaskID = id.String()
		a.body = body
	}
	return a
}

// in gives the answer its hint and its warnings, in the language of its caller.
func (a answer) in(l es.Language) answer {
	switch body := a.body.(type) {
	case errorBody:
		if a.hint.None() {
			a.hint = codes.Hint(body.Code)
		}
		body.Hint = a.hint.In(l)
		a.body = body
	case queuedBody:
		body.Warnings = es.All(a.warnings, l)
		a.body = body
	case processedBody:
		body.Warnings = es.All(a.warnings, l)
		a.body = body
	}
	return a
}

func internalError() answer {
	return refusal(http.StatusInternalServerError, codes.Internal, es.Say(es.InternalError))
}

// later is the refusal of what may be tried again.
func later(code string, says es.Code) answer {
	a := refusal(http.StatusServiceUnavailable, code, es.Say(says))
	a.retry = true
	return a
}

// fieldError answers what is wrong with a request.
func fieldError(e *request.FieldError) answer {
	a := answer{status: http.StatusBadRequest, code: e.Code, hint: e.Hint, body: errorBody{Error: e.Error(), Code: e.Code, Field: e.Field}}
	if e.Code == request.CodeBodyTooBig {
		a.status, a.close = http.StatusRequestEntityTooLarge, true
	}
	return a
}

// bodyError answers what kept a body from being read and stored.
func bodyError(err error) answer {
	var field *request.FieldError
	var no *codes.RefusedError
	var a answer
	switch {
	case errors.As(err, &field):
		return fieldError(field)
	case errors.As(err, &no):
		return refusedBy(no)
	case errors.Is(err, slots.ErrNone):
		a = later(codes.Busy, es.BusyBodies)
	case errors.Is(err, slots.ErrShare):
		a = overShare(es.ShareBodies)
	case errors.Is(err, slots.ErrSlow):
		a = refusal(http.StatusRequestTimeout, codes.Slow, es.Say(es.BodySlow))
	case errors.Is(err, upload.ErrPublish):
		a = later(codes.Unavailable, es.BroadcastNotTaken)
	default: // the client hung up; nobody reads this
		a = refusal(http.StatusBadRequest, codes.Gone, es.Say(es.BodyCut))
	}
	a.close = true
	return a
}

// send writes the answer out whole, in its time. The deadline is taken back then: the connection may serve others.
func (a answer) send(w http.ResponseWriter) error {
	conn := http.NewResponseController(w)
	_ = conn.SetWriteDeadline(time.Now().Add(answerTimeout)) // not there in tests without a connection
	if err := a.write(w); err != nil {
		return fmt.Errorf("writing an answer: %w", err)
	}
	_ = conn.Flush()
	_ = conn.SetWriteDeadline(time.Time{})
	return nil
}

func (a answer) write(w http.ResponseWriter) error {
	a.headers(w.Header())
	err := bodies.Write(w, a.status, a.body, a.text, a.kind)
	if errors.Is(err, bodies.ErrNone) {
		return errors.Join(err, internalError().in(es.Spanish).write(w))
	}
	return err
}

func (a answer) headers(h http.Header) {
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	h.Set("Vary", "Accept-Language")
	if a.etag != "" {
		h.Set("ETag", a.etag)
		h.Set("Cache-Control", "no-cache") // kept by whom it was made for, and asked about each time
	}
	switch {
	case a.location == "":
	case a.status == http.StatusAccepted:
		h.Set("Location", a.location)
	default:
		h.Set("Content-Location", a.location)
	}
	if a.replayed {
		h.Set("Idempotent-Replayed", "true")
	}
	if a.lenient {
		h.Set("Preference-Applied", request.PreferLenient)
	}
	switch {
	case a.wait > 0:
		h.Set("Retry-After", ratelimit.RetryAfter(a.wait))
	case a.retry:
		h.Set("Retry-After", ratelimit.RetryAfter(retryAfter))
	}
	ratelimit.Add(h, a.budget)
	if a.close {
		h.Set("Connection", "close")
	}
	if a.code == codes.Unauthorized {
		h.Set("WWW-Authenticate", "Bearer")
	}
}
