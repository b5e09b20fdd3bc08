package client

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"altavoz/schemas/request"
)

// historyTimeout is longer than the server reads for an answer, 30 s.
const historyTimeout = 40 * time.Second

// History is what a person got lately. Times are RFC 3339.
type History struct {
	Raw
	Phone string `json:"phone"` // its digits
	// Since is from when on all sends are here, of the tasks that the key sees.
	Since string `json:"since"`
	// StoppedBy says why there may be more from before: limit, records, tasks or time. Empty: all that is kept was read.
	StoppedBy string `json:"stopped_by"`
	Sends     []Sent `json:"sends"` // the newest first
}

// Sent is one message to a person.
type Sent struct {
	Raw
	TaskID       string `json:"task_id"`
	Index        uint32 `json:"index"` // its place in the task's list, from 0
	Phone        string `json:"phone"` // the digits that were sent to
	Sender       string `json:"sender"`
	DispatchedAt string `json:"dispatched_at"`
	Outcome      string `json:"outcome"`
	Code         int    `json:"code"`      // Meta's; 0: none
	Reason       string `json:"reason"`    // Spanish; may be empty
	Retryable    bool   `json:"retryable"` // the person has not got the message, and may get it if it is sent again
}

// UnmarshalJSON keeps the send as it came.
func (s *Sent) UnmarshalJSON(text []byte) error {
	type plain Sent
	err := json.Unmarshal(text, (*plain)(s))
	s.JSON = append(json.RawMessage(nil), text...)
	return err
}

func (h *History) keep(raw []byte) bool {
	h.JSON = raw
	return h.Sends != nil && h.Since != ""
}

// History asks what a phone, in any notation, got lately: the newest sends, limit at most (500 at most; 0: as many as the server gives, 50).
// What is no phone is a *RefusedError with status 400.
func (c *Client) History(ctx context.Context, phone string, limit int) (*History, error) {
	path := request.PathRecipients + url.PathEscape(phone)
	if limit > 0 {
		path += "?limit=" + strconv.Itoa(limit)
	}
	h := new(History)
	ctx, cancel := context.WithTimeout(ctx, historyTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.base+path, http.NoBody)
	if err != nil {
		return nil, err
	}
	return h, c.do(req, h)
}
