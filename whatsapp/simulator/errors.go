package simulator

import (
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"altavoz/whatsapp/simulator/webhooks"
)

const (
	typeOAuth = "OAuthException"
	typeGraph = "GraphMethodException"

	genericTitle = "Generic error" // of a code that is not known
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

func noObject(id string) *apiError {
	return &apiError{
		status: http.StatusBadRequest, Code: 100, Subcode: 33, Type: typeGraph,
		Message: fmt.Sprintf("Unsupported post request. Object with ID '%s' does not exist, cannot be loaded due to missing permissions, or does not support this operation", id),
	}
}

func noMedia(path string) *apiError {
	return invalid("Param %s is not a valid whatsapp business account media attachment ID", path)
}

// knownErrors are the refusals that faults and magic endings ask for by code.
var knownErrors = map[int]struct {
	status    int
	title     string
	details   string
	transient bool
}{
	1:      {http.StatusInternalServerError, "API Unknown", "Invalid request or possible server error.", false},
	2:      {http.StatusServiceUnavailable, "API Service", "Temporary due to downtime or due to being overloaded.", true},
	4:      {http.StatusTooManyRequests, "Application request limit reached", "The app has reached its API call rate limit.", true},
	100:    {http.StatusBadRequest, "Invalid parameter", "The request included one or more unsupported or misspelled parameters.", false},
	190:    {http.StatusUnauthorized, "Error validating access token: Session has expired", "", false},
	368:    {http.StatusForbidden, "Temporarily blocked for policies violations", "The WhatsApp Business Account has been restricted from messaging.", false},
	80007:  {http.StatusTooManyRequests, "Rate limit issues", "The WhatsApp Business Account has reached its rate limit.", true},
	130429: {http.StatusTooManyRequests, "Rate limit hit", "Cloud API message throughput has been reached.", true},
	130472: {http.StatusBadRequest, "User's number is part of an experiment", "Failed to send message because this user's phone number is part of an experiment", false},
	131000: {http.StatusInternalServerError, "Something went wrong", "Message failed to send due to an unknown error.", false},
	131005: {http.StatusForbidden, "Access denied", "Permission is either not granted or has been removed.", false},
	131008: {http.StatusBadRequest, "Required parameter is missing", "The request is missing a required parameter.", false},
	131009: {http.StatusBadRequest, "Parameter value is not valid", "One or more parameter values are invalid.", false},
	131016: {http.StatusServiceUnavailable, "Service unavailable", "A service is temporarily unavailable.", true},
	131021: {http.StatusBadRequest, "Recipient cannot be sender", "Sender and recipient phone number is the same.", false},
	131026: {http.StatusBadRequest, "Message undeliverable", "Message Undeliverable.", false},
	131030: {http.StatusBadRequest, "Recipient phone number not in allowed list", "Recipient phone number not in allowed list: Add recipient phone number to recipient list and try again.", false},
	131031: {http.StatusForbidden, "Account has been locked", "The account has been restricted or disabled.", false},
	131042: {http.StatusBadRequest, "Business eligibility payment issue", "There was an error related to your payment method.", false},
	131047: {http.StatusBadRequest, "Re-engagement message", "More than 24 hours have passed since the recipient last replied to the sender number.", false},
	131048: {http.StatusBadRequest, "Spam rate limit hit", "Message failed to send because there are restrictions on how many messages can be sent from this phone number.", false},
	131049: {http.StatusBadRequest, "Meta chose not to deliver", "In order to maintain a healthy ecosystem engagement, the message failed to be delivered.", false},
	131050: {http.StatusBadRequest, "User has stopped marketing messages", "Unable to deliver the message. This recipient has chosen to stop receiving marketing messages.", false},
	131053: {http.StatusBadRequest, "Media upload error", "Downloading media from weblink failed with http code 404, status message Not Found", false},
	131056: {http.StatusBadRequest, "(Business Account, Consumer Account) pair rate limit hit", "Message failed to send because there were too many messages sent from this phone number to the same phone number in a short period of time.", true},
	131057: {http.StatusInternalServerError, "Account in maintenance mode", "Business Account is in maintenance mode", true},
	132001: {http.StatusNotFound, "Template name does not exist in the translation", "template name does not exist", false},
}

// ofCode makes the refusal of a code; one that is not known comes as a plain 400.
func ofCode(code int) *apiError {
	k, ok := knownErrors[code]
	if !ok {
		k.status, k.title = http.StatusBadRequest, genericTitle
	}
	e := &apiError{status: k.status, Code: code, Type: typeOAuth, Transient: k.transient, Message: fmt.Sprintf("(#%d) %s", code, k.title)}
	if code == 190 {
		e.Message, e.Subcode = k.title, 463
	}
	if k.details != "" {
		e.withDetails(k.details)
	}
	return e
}
