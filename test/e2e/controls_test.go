package e2e

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"altavoz/test/contract"
	"altavoz/test/harness"
)

const tasksPath = "/api/messages/tasks/"

// detail is what altavoz tells of a task beyond its task-status.
type detail struct {
	harness.TaskStatus
	Cursor int `json:"cursor"`
	InPipe int `json:"in_pipe"`
	Speed  int `json:"speed"`
}

// control makes a request about a task: POST what, or PATCH with a speed. Where it is only recorded, because the machine is
// slow, it is made again: that is harmless.
func (h *deployment) control(t testing.TB, task, what, body string) (code int, status string, pipe int) {
	t.Helper()
	method, url := http.MethodPost, h.URL+tasksPath+task+"/"+what
	if body != "" {
		method, url = http.MethodPatch, h.URL+tasksPath+task
	}
	for end := time.Now().Add(harness.SettleTime); ; {
		req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		code, text := h.Do(t, req)
		var a struct {
			Status string `json:"status"`
			InPipe int    `json:"in_pipe"`
		}
		if err := json.Unmarshal([]byte(text), &a); err != nil || a.Status == "" {
			t.Fatalf("%s%s: %d %s, want a status", what, body, code, text)
		}
		if code != http.StatusAccepted || time.Now().After(end) {
			return code, a.Status, a.InPipe
		}
	}
}

// until waits until the task is as wanted.
func (h *deployment) until(t testing.TB, task, what string, wanted func(detail) bool) {
	t.Helper()
	for end := time.Now().Add(harness.SettleTime); ; time.Sleep(20 * time.Millisecond) {
		code, body := h.Get(t, h.URL+tasksPath+task)
		var d detail
		if err := json.Unmarshal([]byte(body), &d); err != nil || code != http.StatusOK {
			t.Fatalf("task %s: %d %s; want %v", task, code, body, http.StatusOK)
		}
		if wanted(d) {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("task %s was never %s: %s", task, what, body)
		}
	}
}

func slowBroadcast(phones []string, speed int) string {
	return fmt.Sprintf(`{"phones":%s,"body_text":"b","use_queue":true,"speed":%d}`, harness.Quoted(phones), speed)
}

// A paused task really stops: after the answer no more leave than it says, others pass, and it goes on where it stood,
// also after a restart of everything.
func testPauseAndResume(t *testing.T, h *deployment) {
	before := h.ledger(t)
	const total = 1500
	task := h.Queued(t, slowBroadcast(harness.Phones(6, total), 150))
	h.until(t, task, "under way", func(d detail) bool { return d.Result.Successful >= 100 })
	code, status, pipe := h.control(t, task, "pause", "")
	left := h.ledger(t)
	if code != http.StatusOK || status != "PAUSED" {
		t.Fatalf("pause: %d %s; want %v, %q", code, status, http.StatusOK, "PAUSED")
	}
	h.until(t, task, "at rest", func(d detail) bool {
		if d.Status != "PAUSED" || d.Why == "" {
			t.Fatalf("while paused: %+v", d)
		}
		return d.Cursor == d.Result.Successful
	})
	rest := h.ledger(t)
	if n := rest.Accepted - left.Accepted; n > pipe {
		t.Errorf("%d left after the answer, which said %d; want at most %v", n, pipe, pipe)
	}
	h.Finished(t, h.Queued(t, `{"phones":["573006999901","573006999902"],"body_text":"in between","use_queue":true}`))
	h.restart(t)
	h.Finished(t, h.Queued(t, `{"phones":["573006999903"],"body_text":"in between","use_queue":true}`))
	if s := h.Status(t, task); s.Status != "PAUSED" {
		t.Errorf("after the restart: %+v, want Status %q", s, "PAUSED")
	}
	if n := h.ledger(t).Accepted - rest.Accepted; n != 3 {
		t.Errorf("%d went out while the task was paused, of others 3, want 3", n)
	}
	if code, status, _ := h.control(t, task, "", `{"speed":400}`); code != http.StatusOK || status != "PAUSED" { // without a limit it may be over before the answer
		t.Errorf("speed: %d %s; want %v, %q", code, status, http.StatusOK, "PAUSED")
	}
	if code, status, _ := h.control(t, task, "resume", ""); code != http.StatusOK || status != "STARTED" {
		t.Errorf("resume: %d %s; want %v, %q", code, status, http.StatusOK, "STARTED")
	}
	if s := h.Finished(t, task); s.Status != "SUCCESS" || s.Result.Successful != total {
		t.Errorf("got %+v, want Status %q", s, "SUCCESS")
	}
	after := h.ledger(t)
	if n := after.Accepted - before.Accepted; n != total+3 || after.Duplicates != before.Duplicates {
		t.Errorf("the simulator accepted %d, doubled %d; want %v", n, after.Duplicates-before.Duplicates, total+3)
	}
	if code, status, _ := h.control(t, task, "pause", ""); code != http.StatusConflict || status != "SUCCESS" {
		t.Errorf("pause after the end: %d %s; want %v, %q", code, status, http.StatusConflict, "SUCCESS")
	}
}

// A cancelled task ends with everybody decided: those who were in the pipe as they went, the others cancelled. Whoever
// follows it is told so.
func testCancel(t *testing.T, h *deployment) {
	before := h.ledger(t)
	const total = 1200
	task := h.Queued(t, slowBroadcast(harness.Phones(7, total), 150))
	feed := h.feed(t, task)
	h.until(t, task, "under way", func(d detail) bool { return d.Result.Successful >= 100 })
	code, status, pipe := h.control(t, task, "cancel", "")
	left := h.ledger(t)
	if code != http.StatusOK || status != "STARTED" && status != "REVOKED" {
		t.Fatalf("cancel: %d %s; want %v", code, status, http.StatusOK)
	}
	s := h.Finished(t, task)
	after := h.ledger(t)
	r := s.Result
	if s.Status != "REVOKED" || r.Total != total || r.Cancelled == 0 || r.Successful+r.Cancelled != total {
		t.Errorf("got %+v, want Status %q", s, "REVOKED")
	}
	if n := after.Accepted - left.Accepted; n > pipe {
		t.Errorf("%d left after the answer, which said %d; want at most %v", n, pipe, pipe)
	}
	if n := after.Accepted - before.Accepted; n != r.Successful || after.Duplicates != before.Duplicates {
		t.Errorf("the simulator accepted %d, the task says %d; doubled %d; want %v", n, r.Successful, after.Duplicates-before.Duplicates, r.Successful)
	}
	if last := <-feed; last != "end REVOKED" {
		t.Errorf("the feed ended with %q, want %q", last, "end REVOKED")
	}
	for range 2 {
		if code, status, pipe := h.control(t, task, "cancel", ""); code != http.StatusOK || status != "REVOKED" || pipe != 0 {
			t.Errorf("cancel again: %d %s %d; want %v, %q, 0", code, status, pipe, http.StatusOK, "REVOKED")
		}
	}
}

// feed follows a task by its events and gives the last one: its name and the state.
func (h *deployment) feed(t *testing.T, task string) <-chan string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, h.URL+tasksPath+task+"/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Timeout: harness.SettleTime, Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(req) //nolint:bodyclose // closed where it is read
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("feed of %s: %v %v; want StatusCode %v", task, resp, err, http.StatusOK)
	}
	last := make(chan string, 1)
	go func() {
		defer resp.Body.Close()
		name, state := "", ""
		var all bytes.Buffer
		for in := bufio.NewScanner(io.TeeReader(resp.Body, &all)); in.Scan(); {
			field, value, _ := strings.Cut(in.Text(), ": ")
			var s harness.TaskStatus
			switch {
			case field == "event":
				name = value
			case field == "data" && json.Unmarshal([]byte(value), &s) == nil:
				state = s.Status
			}
		}
		if err := contract.Check(req.Method, req.URL.Path, resp.StatusCode, resp.Header, all.Bytes()); err != nil {
			t.Error(err)
		}
		last <- name + " " + state
	}()
	return last
}
