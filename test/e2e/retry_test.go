package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"altavoz/test/harness"
)

// testRetry cancels a broadcast half way and retries it: first who failed with a code, then whoever was left. All are reached, and nobody twice
// but the one who failed.
func testRetry(t *testing.T, h *deployment) {
	const total, failing, repeated = 3000, 5, 2990
	phones := harness.Phones(4, total)
	phones[failing], phones[repeated] = "573994440030", phones[3]
	task := h.Queued(t, slowBroadcast(phones, 400))
	path := h.URL + "/api/messages/tasks/" + task
	post := func(path, body string) (int, string, string) {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		code, answer := h.Do(t, req)
		var made struct {
			TaskID  string `json:"task_id"`
			RetryOf string `json:"retry_of"`
		}
		if err := json.Unmarshal([]byte(answer), &made); err != nil || code == http.StatusAccepted && made.RetryOf != path[len(h.URL+"/api/messages/tasks/"):len(path)-len("/retry")] {
			t.Errorf("%s %s: %d %s, %v", path, body, code, answer, err)
		}
		return code, made.TaskID, answer
	}
	h.started(t, task, 300)
	if code, _, answer := post(path+"/retry", ""); code != http.StatusConflict || !strings.Contains(answer, `"task_running"`) {
		t.Errorf("while it goes on: %d %s, want %d", code, answer, http.StatusConflict)
	}
	if code, status, _ := h.control(t, task, "cancel", ""); code != http.StatusOK {
		t.Fatalf("cancel: %d %s", code, status)
	}
	h.Finished(t, task)
	if left := h.outcomes(t, task, "outcome=cancelled"); len(left) < 1200 || slices.Contains(left, phones[failing]) {
		t.Fatalf("%d are left, want more than a slice, without the one who failed", len(left))
	}
	left := slices.DeleteFunc(h.outcomes(t, task, "outcome=cancelled"), func(p string) bool { return p == phones[3] }) // who comes earlier too
	for _, of := range []struct {
		body string
		want []string
	}{{`{"codes":[131030]}`, phones[failing : failing+1]}, {"", left}} {
		code, retry, answer := post(path+"/retry", of.body)
		if code != http.StatusAccepted || !strings.Contains(answer, fmt.Sprintf(`"total":%d`, len(of.want))) {
			t.Fatalf("%s: %d %s; want it for %d", of.body, code, answer, len(of.want))
		}
		if again, same, answer := post(path+"/retry", of.body); again != http.StatusAccepted || same != retry {
			t.Errorf("%s, twice: %d %s; want %s", of.body, again, answer, retry)
		}
		h.Finished(t, retry)
		if again, same, answer := post(path+"/retry", of.body); again != http.StatusAccepted || same != retry {
			t.Errorf("%s, after its end: %d %s; want %s", of.body, again, answer, retry)
		}
		if got := h.outcomes(t, retry, ""); !slices.Equal(got, of.want) {
			t.Errorf("%s: it went to %d, want %d: %.200q", of.body, len(got), len(of.want), got)
		}
		if code, detail := h.Get(t, h.URL+"/api/messages/tasks/"+retry); code != http.StatusOK || !strings.Contains(detail, `"retry_of":"`+task+`"`) {
			t.Errorf("%d %s, want what it retries", code, detail)
		}
	}
	if code, _, answer := post(path+"/retry", `{"codes":[131026]}`); code != http.StatusConflict || !strings.Contains(answer, `"nothing_to_retry"`) {
		t.Errorf("nobody: %d %s, want %d", code, answer, http.StatusConflict)
	}
	calls := make(map[string]int)
	for _, phone := range h.accepted(t) {
		calls[phone]++
	}
	for i, phone := range phones {
		if i != failing && calls[phone] != 1 {
			t.Errorf("%s was sent to %d times, want once", phone, calls[phone])
		}
	}
}

// started waits until so many recipients of a task are decided.
func (h *deployment) started(t *testing.T, task string, n int) {
	t.Helper()
	for end := time.Now().Add(harness.SettleTime); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if s := h.Status(t, task); s.Result.Successful+s.Result.Failed >= n {
			return
		}
	}
	t.Fatalf("%s does not start", task)
}

// outcomes are the phones of a task's recipients whom a query wants, in the order of the list.
func (h *deployment) outcomes(t *testing.T, task, query string) (phones []string) {
	t.Helper()
	code, body := h.Get(t, h.URL+"/api/messages/tasks/"+task+"/recipients?format=ndjson&"+query)
	if code != http.StatusOK {
		t.Fatalf("%s: %d %s", query, code, body)
	}
	for line := range strings.Lines(body) {
		var row struct {
			Phone string `json:"phone"`
		}
		if err := json.Unmarshal([]byte(line), &row); err != nil {
			t.Fatal(err)
		}
		phones = append(phones, row.Phone)
	}
	return phones
}

// accepted are the phones of all messages that the simulator accepted.
func (h *deployment) accepted(t *testing.T) (phones []string) {
	t.Helper()
	var entries []struct {
		Phone string `json:"phone"`
	}
	code, body := h.Get(t, h.simulator+"/_simulator/ledger")
	if err := json.Unmarshal([]byte(body), &entries); err != nil || code != http.StatusOK {
		t.Fatalf("the simulator's ledger: %d, %v", code, err)
	}
	for _, e := range entries {
		phones = append(phones, e.Phone)
	}
	return phones
}
