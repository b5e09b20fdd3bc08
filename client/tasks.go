package client

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"

	"altavoz/schemas"
	"altavoz/schemas/request"
)

// answer is what a request is answered with.
type answer interface {
	// keep takes the answer as it came, and returns false if altavoz does not answer so.
	keep(raw []byte) bool
}

// Raw is an answer as it came, with members that this version does not know.
type Raw struct {
	JSON json.RawMessage `json:"-"`
}

// Result counts recipients: Successful + Failed + Pending = Total. Unknown, Skipped, Expired, Cancelled and Undelivered are counted in
// Failed. How many were delivered and read is in Task.Outcomes and in the JSON.
type Result struct {
	Total       uint32   `json:"total"`
	Successful  uint32   `json:"successful"`
	Failed      uint32   `json:"failed"`
	Unknown     uint32   `json:"unknown"`
	Skipped     uint32   `json:"skipped"`
	Expired     uint32   `json:"expired"`
	Cancelled   uint32   `json:"cancelled"`
	Undelivered uint32   `json:"undelivered"` // accepted, and a receipt says that it failed
	ByTemplate  uint32   `json:"by_template"` // of the successful of a broadcast with route auto: who got the template
	Pending     uint32   `json:"pending"`
	Errors      []string `json:"errors"` // Spanish, of the first failures
	Priced      []Priced `json:"priced"` // delivered messages of which Meta told the price
}

// Priced is how many delivered messages Meta prices alike, in its words.
type Priced struct {
	Category string `json:"category"`
	Type     string `json:"type"`
	Billable bool   `json:"billable"`
	Messages uint32 `json:"messages"`
}

// String says it for people.
func (p Priced) String() string {
	billed := "not billed"
	if p.Billable {
		billed = "billed"
	}
	return fmt.Sprintf("%d %s as %s (%s)", p.Messages, billed, p.Category, p.Type)
}

// Task is what the server says of a task. Status returns the first part, Client.Task all. Times are RFC 3339, empty where there is none.
type Task struct {
	Raw
	TaskID    string  `json:"task_id"`
	Reference string  `json:"reference"` // what it was sent as; empty: nothing
	Status    string  `json:"status"`    // PENDING, STARTED, PAUSED, SUCCESS, FAILURE or REVOKED
	Why       string  `json:"why"`       // Spanish: why it waits or failed; empty: nothing to say
	ETA       string  `json:"eta"`       // when it starts
	Result    *Result `json:"result"`    // nil while it is PENDING

	Since        string    `json:"since"` // of Why
	Sender       string    `json:"sender"`
	InFlight     uint32    `json:"in_pipe"` // dispatched and without an outcome
	Rate         float64   `json:"rate"`    // sends a second now
	Speed        uint32    `json:"speed"`   // most sends a second; 0: no limit of its own
	EstimatedEnd string    `json:"estimated_end"`
	AcceptedAt   string    `json:"accepted_at"`
	ScheduleAt   string    `json:"schedule_at"`
	ExpireAt     string    `json:"expire_at"`
	FinishedAt   string    `json:"finished_at"`
	RetryOf      string    `json:"retry_of"` // the task that it retries
	Outcomes     []Outcome `json:"outcomes"`
}

// Outcome is how many recipients ended in one way.
type Outcome struct {
	Outcome string `json:"outcome"` // sent, failed, unknown, cancelled, expired, skipped, undelivered, delivered or read
	Count   uint32 `json:"count"`
	Reason  string `json:"reason"` // Spanish; may be empty
}

func (t *Task) keep(raw []byte) bool {
	t.JSON = raw
	return t.Status != ""
}

// Over reports whether the task has ended: nothing more will be sent.
func (t *Task) Over() bool {
	return t.Status == "SUCCESS" || t.Status == "FAILURE" || t.Status == "REVOKED"
}

// Status asks how far a task is. A task that does not exist, or is another owner's, is a *RefusedError with status 404.
func (c *Client) Status(ctx context.Context, task schemas.TaskID) (*Task, error) {
	s := new(Task)
	return s, c.ask(ctx, http.MethodGet, request.PathStatus+task.String(), nil, s)
}

// Task asks for everything that is known of a task.
func (c *Client) Task(ctx context.Context, task schemas.TaskID) (*Task, error) {
	t := new(Task)
	return t, c.ask(ctx, http.MethodGet, request.PathTasks+"/"+task.String(), nil, t)
}

// Row is a task in a list.
type Row struct {
	Raw
	TaskID     string `json:"task_id"`
	Status     string `json:"status"`
	Total      uint32 `json:"total"`
	Successful uint32 `json:"successful"`
	Failed     uint32 `json:"failed"`
	Pending    uint32 `json:"pending"`
	Sender     string `json:"sender"`
	AcceptedAt string `json:"accepted_at"`
	ETA        string `json:"eta"`
	Why        string `json:"why"`
}

// UnmarshalJSON keeps the row as it came.
func (r *Row) UnmarshalJSON(text []byte) error {
	type plain Row
	err := json.Unmarshal(text, (*plain)(r))
	r.JSON = append(json.RawMessage(nil), text...)
	return err
}

// page is one answer of a list.
type page struct {
	Tasks      []Row  `json:"tasks"`
	NextCursor string `json:"next_cursor"`
}

func (p *page) keep([]byte) bool { return p.Tasks != nil }

// List asks for a page of tasks, the newest first, and returns the cursor of the next page; "" after the last. The query may have status
// (states separated by commas), sender, since, until (RFC 3339), limit (500 at most) and cursor.
func (c *Client) List(ctx context.Context, query url.Values) ([]Row, string, error) {
	p := new(page)
	err := c.ask(ctx, http.MethodGet, request.PathTasks+"?"+query.Encode(), nil, p)
	return p.Tasks, p.NextCursor, err
}

// Controlled is how a control was answered.
type Controlled struct {
	Raw
	Status   string `json:"status"`  // of the task, with the control in force, or as it was when the control was recorded
	InFlight uint32 `json:"in_pipe"` // how many messages may still leave
	Message  string `json:"message"` // Spanish
}

func (t *Controlled) keep(raw []byte) bool {
	t.JSON = raw
	return t.Status != ""
}

// Pause lets nothing more of a task be dispatched until it is resumed. A task that is over, or ending, is a *RefusedError with status 409,
// here and in Resume and SetSpeed.
func (c *Client) Pause(ctx context.Context, task schemas.TaskID) (*Controlled, error) {
	return c.control(ctx, task, "pause")
}

// Resume lets a paused task go on exactly where it was.
func (c *Client) Resume(ctx context.Context, task schemas.TaskID) (*Controlled, error) {
	return c.control(ctx, task, "resume")
}

// Cancel ends a task: recipients without a send get none. It cannot be taken back.
func (c *Client) Cancel(ctx context.Context, task schemas.TaskID) (*Controlled, error) {
	return c.control(ctx, task, "cancel")
}

func (c *Client) control(ctx context.Context, task schemas.TaskID, verb string) (*Controlled, error) {
	a := new(Controlled)
	return a, c.ask(ctx, http.MethodPost, request.PathTasks+"/"+task.String()+"/"+verb, nil, a)
}

// SetSpeed sets how many messages a second the task sends at most; 0: as many as its number may.
func (c *Client) SetSpeed(ctx context.Context, task schemas.TaskID, speed uint32) (*Controlled, error) {
	body, err := json.Marshal(map[string]uint32{"speed": speed})
	if err != nil {
		return nil, err
	}
	a := new(Controlled)
	return a, c.ask(ctx, http.MethodPatch, request.PathTasks+"/"+task.String(), body, a)
}
