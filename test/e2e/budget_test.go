package e2e

import (
	"crypto/sha512"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"altavoz/app/budget"
	"altavoz/schemas"
	"altavoz/test/harness"
)

// What no phone is takes room in the list of a broadcast and makes no send: some 90 KB a broadcast, 45 compressed.
const junkEntries = 700

// awaitRoom posts a request until it is not refused for want of room: results of the last minute are kept.
func (h *evicting) awaitRoom(t *testing.T, order string) {
	t.Helper()
	for end := time.Now().Add(2 * time.Minute); ; time.Sleep(time.Second) {
		code, body := h.Post(t, order)
		if code == http.StatusAccepted {
			return
		}
		if code != http.StatusServiceUnavailable || !strings.Contains(body, `"data_full"`) || time.Now().After(end) {
			t.Fatal(code, body)
		}
	}
}

// Many broadcasts go through a budget that has no room for all of them: the size stays below it, the oldest lists are gone and their numbers
// are not, and a process that starts again sends to nobody twice.
func TestEndToEndFinishedWorkIsTrimmedWithinTheBudget(t *testing.T) {
	sim := harness.StartSimulator(t)
	cfg := harness.ConfigOf(t, sim.URL())
	cfg.Embedded.DataBudget = 16 << 20
	a := harness.Start(t, cfg)
	h := &evicting{deployment: &deployment{API: harness.API{URL: a.URL()}, simulator: sim.URL()}, app: a, cfg: cfg}
	const (
		n    = 180
		most = 24 << 20 // tasks that go on may take more than the budget
	)
	var ids []schemas.TaskID
	for i := range n {
		phones := []string{fmt.Sprintf("57300%04d777", i)}
		for k := range junkEntries {
			phones = append(phones, fmt.Sprintf("x%x", sha512.Sum512(fmt.Append(nil, i, k))))
		}
		order := fmt.Sprintf(`{"phones":%s,"body_text":"hola","use_queue":true,"task_id":%q}`, harness.Quoted(phones), schemas.NewTaskID())
		h.awaitRoom(t, order)
		ids = append(ids, h.ended(t, order))
		if size, err := budget.FolderSize(cfg.Embedded.DataDir); err != nil || size > most {
			t.Fatalf("after %d broadcasts %d bytes (%v), want at most %d", i+1, size, err, most)
		}
	}
	check := func() {
		t.Helper()
		if code, body := h.Get(t, h.URL+harness.StatusPath+ids[0].String()); code != http.StatusOK || !strings.Contains(body, `"SUCCESS"`) {
			t.Errorf("the first task: %d %s", code, body)
		}
		if code, body := h.Get(t, h.URL+"/api/messages/tasks/"+ids[0].String()+"/recipients"); code != http.StatusGone || !strings.Contains(body, "list_expired") {
			t.Errorf("the list of the first task: %d %.200s; want %d", code, body, http.StatusGone)
		}
		if code, _ := h.Get(t, h.URL+"/api/messages/tasks/"+ids[n-1].String()+"/recipients"); code != http.StatusOK {
			t.Errorf("the list of the last task: %d; want %d", code, http.StatusOK)
		}
	}
	check()
	harness.Stop(t, a)
	a = harness.Start(t, cfg)
	h.URL = a.URL()
	check()
	h.ended(t, onePhone(n, "hola"))
	time.Sleep(time.Second) // for calls that should not come
	var s struct{ Accepted, Duplicates int }
	_, body := h.Get(t, sim.URL()+"/_simulator/summary")
	if err := json.Unmarshal([]byte(body), &s); err != nil {
		t.Fatal(err, body)
	}
	if s.Accepted != n+1 || s.Duplicates > 0 {
		t.Errorf("%d messages for %d phones, %d of them twice; want %v, 0", s.Accepted, n+1, s.Duplicates, n+1)
	}
}
