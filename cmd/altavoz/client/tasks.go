package client

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"

	"altavoz/app"
	"altavoz/schemas"
)

// answer is what a request is answered with.
type answer interface {
	// keep takes the answer as it came, and returns false if it is not altavoz's.
	keep(raw []byte) bool
}

// Raw is an answer as it came.
type Raw struct{ JSON json.RawMessage }

// Task is what the server says of a task: task-status, or all there is to say.
type Task struct {
	Raw    `json:"-"`
	TaskID string `json:"task_id"`
	Status string `json:"status"`
	Why    string `json:"why"`
	ETA    string `json:"eta"`
	Result *struct {
		Total      uint32   `json:"total"`
		Successful uint32   `json:"successful"`
		Failed     uint32   `json:"failed"` // the next ones included
		Unknown    uint32   `json:"unknown"`
		Skipped    uint32   `json:"skipped"`
		Expired    uint32   `json:"expired"`
		Cancelled  uint32   `json:"cancelled"`
		Pending    uint32   `json:"pending"`
		Errors     []string `json:"errors"`
	} `json:"result"`

	// What only Show tells.
	Since        string  `json:"since"` // of why
	Sender       string  `json:"sender"`
	InPipe       uint32  `json:"in_pipe"`
	Rate         float64 `json:"rate"`
	Speed        uint32  `json:"speed"`
	EstimatedEnd string  `json:"estimated_end"`
	AcceptedAt   string  `json:"accepted_at"`
	ScheduleAt   string  `json:"schedule_at"`
	ExpireAt     string  `json:"expire_at"`
	FinishedAt   string  `json:"finished_at"`
	Outcomes     []struct {
		Outcome string `json:"outcome"`
		Count   uint32 `json:"count"`
		Reason  string `json:"reason"`
	} `json:"outcomes"`
}

func (t *Task) keep(raw []byte) bool {
	t.JSON = raw
	return t.Status != ""
}

// Over reports whether nothing more will happen.
func (t *Task) Over() bool {
	return t.Status == "SUCCESS" || t.Status == "FAILURE" || t.Status == "REVOKED"
}

// Show asks for everything that is known of a task.
func (c *Client) Show(ctx context.Context, task schemas.TaskID) (*Task, error) {
	t := new(Task)
	return t, c.ask(ctx, http.MethodGet, app.PathTasks+"/"+task.String(), nil, t)
}

// Row is a task in a list, also as it came.
type Row struct {
	Raw        `json:"-"`
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

// List asks for a page of tasks, and returns where the next one begins; "" after the last.
func (c *Client) List(ctx context.Context, query url.Values) ([]Row, string, error) {
	p := new(page)
	err := c.ask(ctx, http.MethodGet, app.PathTasks+"?"+query.Encode(), nil, p)
	return p.Tasks, p.NextCursor, err
}

// Control is how a control was answered.
type Control struct {
	Raw     `json:"-"`
	Status  string `json:"status"`
	Message string `json:"message"`
}

func (t *Control) keep(raw []byte) bool {
	t.JSON = raw
	return t.Status != ""
}

// Steer makes a control of a task: pause, resume or cancel.
func (c *Client) Steer(ctx context.Context, task schemas.TaskID, what string) (*Control, error) {
	a := new(Control)
	return a, c.ask(ctx, http.MethodPost, app.PathTasks+"/"+task.String()+"/"+what, nil, a)
}

// Speed sets how many messages a second the task sends at most; 0: as many as its number may.
func (c *Client) Speed(ctx context.Context, task schemas.TaskID, speed uint32) (*Control, error) {
	body, err := json.Marshal(map[string]uint32{"speed": speed})
	if err != nil {
		return nil, err
	}
	a := new(Control)
	return a, c.ask(ctx, http.MethodPatch, app.PathTasks+"/"+task.String(), body, a)
}
