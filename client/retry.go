package client

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"

	"altavoz/schemas"
	"altavoz/schemas/request"
)

// Retry is which recipients of a task get its message again: those with any of the outcomes (expired, cancelled, unknown, failed,
// undelivered) and, where there are any, with any of the codes. With neither: those who have not got it and may get it then.
type Retry struct {
	Outcomes []string `json:"outcomes,omitempty"`
	Codes    []int    `json:"codes,omitempty"`
}

// Retried is the task that a retry is.
type Retried struct {
	Raw
	TaskID  string `json:"task_id"`
	RetryOf string `json:"retry_of"`
	Total   uint32 `json:"total"`   // its recipients
	Message string `json:"message"` // Spanish
}

func (r *Retried) keep(raw []byte) bool {
	r.JSON = raw
	return r.TaskID != "" && r.Total > 0
}

// Retry sends the message of a task that is over to some of its recipients again, as a task of its own, and returns once that is accepted: of a
// long list that takes as long as reading it. Asked for twice it is the same task, so an error may be tried again. A task that is not
// over, nobody to retry, and recipients of whom it is too early to know (RetryAfter) are a *RefusedError with status 409, and a list that is not
// kept any more is one with status 410.
func (c *Client) Retry(ctx context.Context, task schemas.TaskID, of Retry) (*Retried, error) {
	body, err := json.Marshal(of)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.base+request.PathTasks+"/"+task.String()+"/retry", bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	r := new(Retried)
	return r, c.do(req, r)
}
