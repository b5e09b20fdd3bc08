package e2e

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"altavoz/test/harness"
)

// Everything stood still for longer than the broker keeps the offsets of a group, and no longer than broadcasts are kept: nobody is
// sent to again, and a new broadcast goes out.
func TestEndToEndOffsetsThatExpiredSendToNobodyTwice(t *testing.T) {
	sim := harness.StartSimulator(t)
	cfg := harness.ConfigOf(t, sim.URL())
	a := harness.Start(t, cfg)
	send := func(h *deployment, phone string) {
		t.Helper()
		code, answer := h.Post(t, fmt.Sprintf(`{"phones":[%q],"body_text":"hola","use_queue":true}`, phone))
		if code != http.StatusAccepted {
			t.Fatal(code, answer)
		}
		var s struct {
			TaskID string `json:"task_id"`
		}
		if err := json.Unmarshal([]byte(answer), &s); err != nil {
			t.Fatal(err)
		}
		for end := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
			if _, s := h.Get(t, h.URL+harness.StatusPath+s.TaskID); strings.Contains(s, `"SUCCESS"`) {
				return
			}
			if time.Now().After(end) {
				t.Fatal("it does not end")
			}
		}
	}
	const n = 20
	h := &deployment{API: harness.API{URL: a.URL()}, simulator: sim.URL()}
	for i := range n {
		send(h, fmt.Sprintf("57300%04d777", i))
	}
	harness.Stop(t, a)
	gone := 0
	_ = filepath.WalkDir(cfg.Embedded.DataDir, func(path string, d fs.DirEntry, _ error) error {
		if d != nil && !d.IsDir() && strings.Contains(d.Name(), "groups") {
			gone++
			return os.Remove(path)
		}
		return nil
	})
	if gone == 0 {
		t.Fatal("found no offsets")
	}
	a = harness.Start(t, cfg)
	send(&deployment{API: harness.API{URL: a.URL()}, simulator: sim.URL()}, "573009999777")
	var s struct {
		Accepted   int `json:"accepted"`
		Duplicates int `json:"duplicates"`
	}
	_, body := h.Get(t, sim.URL()+"/_simulator/summary")
	if err := json.Unmarshal([]byte(body), &s); err != nil {
		t.Fatal(err, body)
	}
	if s.Accepted != n+1 || s.Duplicates > 0 {
		t.Errorf("%d messages for %d phones, %d of them twice; want %v, 0", s.Accepted, n+1, s.Duplicates, n+1)
	}
}
