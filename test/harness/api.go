package harness

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"altavoz/test/contract"
)

// Paths of the API.
const (
	SendPath   = "/api/messages/send-broadcast-interactive"
	StatusPath = "/api/messages/task-status/"
)

// API is a client of altavoz's HTTP API.
type API struct {
	URL string // base URL
	Key string // empty: none is asked for
}

// Priced is how many messages have one price.
type Priced struct {
	Category string `json:"category"`
	Type     string `json:"type"`
	Billable bool   `json:"billable"`
	Messages int    `json:"messages"`
}

// TaskStatus is the answer of task-status.
type TaskStatus struct {
	TaskID string `json:"task_id"`
	Status string `json:"status"`
	Why    string `json:"why"`
	Result struct {
		Total      int      `json:"total"`
		Successful int      `json:"successful"`
		Failed     int      `json:"failed"`
		Pending    int      `json:"pending"`
		Unknown    int      `json:"unknown"`
		Expired    int      `json:"expired"`
		Skipped    int      `json:"skipped"`
		ByTemplate int      `json:"by_template"`
		Cancelled  int      `json:"cancelled"`
		Errors     []string `json:"errors"`

		Undelivered int `json:"undelivered"`
		Delivered   int `json:"delivered"`
		Read        int `json:"read"`

		Priced []Priced `json:"priced"`
	} `json:"result"`
}

// Post asks for a broadcast; headers are names and values in turn.
func (h *API) Post(t testing.TB, body string, headers ...string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, h.URL+SendPath, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	return h.Do(t, req)
}

// Get reads any URL.
func (h *API) Get(t testing.TB, url string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	return h.Do(t, req)
}

// Do makes a request with the key. An answer of the API has to fit its document.
func (h *API) Do(t testing.TB, req *http.Request) (int, string) {
	t.Helper()
	if h.Key != "" {
		req.Header.Set("X-API-Key", h.Key)
	}
	client := &http.Client{Timeout: SettleTime}
	defer client.CloseIdleConnections()
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if contract.Has(req.URL.Path) {
		if err := contract.Check(req.Method, req.URL.Path, resp.StatusCode, resp.Header, b); err != nil {
			t.Error(err)
		}
	}
	return resp.StatusCode, strings.TrimSpace(string(b))
}

// Status is the task-status of a task that there is.
func (h *API) Status(t testing.TB, task string) TaskStatus {
	t.Helper()
	code, body := h.Get(t, h.URL+StatusPath+task)
	if code != http.StatusOK {
		t.Fatalf("task-status %s: %d %s", task, code, body)
	}
	var s TaskStatus
	if err := json.Unmarshal([]byte(body), &s); err != nil {
		t.Fatalf("task-status %s: %v in %s", task, err, body)
	}
	return s
}

// Finished waits until the task has ended; its numbers must add up all the while.
func (h *API) Finished(t testing.TB, task string) TaskStatus {
	t.Helper()
	for end := time.Now().Add(SettleTime); ; {
		s := h.Status(t, task)
		if r := s.Result; r.Successful+r.Failed+r.Pending != r.Total {
			t.Fatalf("task %s: %d + %d + %d is not %d", task, r.Successful, r.Failed, r.Pending, r.Total)
		}
		if s.Status == "SUCCESS" || s.Status == "FAILURE" || s.Status == "REVOKED" {
			return s
		}
		if time.Now().After(end) {
			t.Fatalf("task %s did not finish: %+v", task, s)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// Queued posts a broadcast that is queued, and returns its task id.
func (h *API) Queued(t testing.TB, body string, headers ...string) string {
	t.Helper()
	code, answer := h.Post(t, body, headers...)
	var a struct {
		TaskID string `json:"task_id"`
	}
	if err := json.Unmarshal([]byte(answer), &a); err != nil || code != http.StatusAccepted || a.TaskID == "" {
		t.Fatalf("not queued: %d %s", code, answer)
	}
	return a.TaskID
}
