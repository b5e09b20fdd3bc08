package simulator

import (
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"altavoz/whatsapp/simulator/codes"
	"altavoz/whatsapp/simulator/content"
	"altavoz/whatsapp/simulator/webhooks"
)

const (
	typeOAuth = "OAuthException"
	typeGraph = "GraphMethodException"
)

// apiError is a refusal in Meta's envelope.
type apiError struct {
	Message   string     `json:"message"`
	Type      string     `json:"type"`
	Code      int        `json:"code"`
	Subcode   int        `json:"error_subcode,omitempty"`
	Transient bool       `json:"is_transient,omitempty"`
	Data      *errorData `json:"error_data,omitempty"`
	Trace     string     `json:"fbtrace_id"`

	status     int
	retryAfter time.Duration
}

type errorData struct {
	Product string `json:"messaging_product"`
	Details string `json:"details"`
}

func (e *apiError) withDetails(details string) *apiError {
	e.Data = &errorData{Product: "whatsapp", Details: details}
	return e
}

// refuse answers with an error, and counts it by its code.
func (s *Simulator) refuse(x *exchange, e *apiError) {
	s.mu.Lock()
	s.ledger.Refused(e.Code)
	s.mu.Unlock()
	e.Trace = s.trace()
	body, err := json.Marshal(map[string]*apiError{"error": e})
	if err != nil {
		panic(fmt.Sprintf("simulator: %v", err)) // strings and numbers: can't happen
	}
	h := x.w.Header()
	if usage, ok := throttles[e.Code]; ok {
		h.Set("X-Business-Use-Case-Usage", usage)
	}
	retryAfter(h, e.retryAfter)
	_ = s.answer(x.w, e.status, body) // a client that has gone has still been refused
}

func retryAfter(h http.Header, d time.Duration) {
	if d > 0 {
		h.Set("Retry-After", fmt.Sprintf("%d", (d+time.Second-1)/time.Second))
	}
}

// throttles are the codes that come with a header on how much is used up. A minute is the smallest wait it can tell, so
// it tells none.
var throttles = func() map[int]string {
	const usage = `{"` + webhooks.AccountID + `":[{"type":"whatsapp","call_count":100,"total_cputime":12,"total_time":15,"estimated_time_to_regain_access":0}]}`
	return map[int]string{4: usage, 80007: usage, 130429: usage}
}()

func required(path string) *apiError {
	return &apiError{status: http.StatusBadRequest, Code: 100, Type: typeOAuth, Message: "(#100) The parameter " + path + " is required."}
}

func invalid(format string, args ...any) *apiError {
	return &apiError{status: http.StatusBadRequest, Code: 100, Type: typeOAuth, Message: "(#100) " + fmt.Sprintf(format, args...)}
}

func badValue(format string, args ...any) *apiError {
	return ofCode(131009).withDetails(fmt.Sprintf(format, args...))
}

// refusalOf is the refusal of a content; nil: nothing is wrong with it.
func refusalOf(f *content.Fault) *apiError {
	switch {
	case f == nil:
		return nil
	case f.Code == content.CodeValue:
		return badValue("%s", f.Text)
	}
	return invalid("%s", f.Text)
}

func noObject(id string) *apiError {
	return &apiError{
		status: http.StatusBadRequest, Code: 100, Subcode: 33, Type: typeGraph,
		Message: fmt.Sprintf("Unsupported post request. Object with ID '%s' does not exist, cannot be loaded due to missing permissions, or does not support this operation", id),
	}
}

func noMedia(path string) *apiError {
	return invalid("Param %s is not a valid whatsapp business account media attachment ID", path)
}

// ofCode makes the refusal of a code; one that is not known comes as a plain 400.
func ofCode(code int) *apiError {
	k := codes.Of(code)
	e := &apiError{status: k.Status, Code: code, Type: typeOAuth, Transient: k.Transient, Message: fmt.Sprintf("(#%d) %s", code, k.Title)}
	if code == 190 {
		e.Message, e.Subcode = k.Title, 463
	}
	if k.Details != "" {
		e.withDetails(k.Details)
	}
	return e
}
