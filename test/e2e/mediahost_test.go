package e2e

import (
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"altavoz/test/harness"
)

// TestEndToEndSlowMediaHostIsSaidInWhy: a task whose file is fetched for the first time from a host that takes its time says what it waits
// for, goes on by itself when the file is there, and then says nothing of it any more.
func TestEndToEndSlowMediaHostIsSaidInWhy(t *testing.T) {
	t.Parallel()
	picture, err := base64.StdEncoding.DecodeString(harness.OnePixel)
	if err != nil {
		t.Fatal(err)
	}
	release := make(chan struct{})
	host := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "image/png")
		select {
		case <-release:
			_, _ = w.Write(picture)
		case <-r.Context().Done():
		}
	}))
	t.Cleanup(host.Close)
	sim := harness.StartSimulator(t)
	cfg := harness.ConfigOf(t, sim.URL())
	cfg.Media.FetchAllow = []string{strings.TrimPrefix(host.URL, "http://")}
	a := harness.Start(t, cfg)
	h := &deployment{API: harness.API{URL: a.URL()}, simulator: sim.URL()}

	task := h.Queued(t, `{"phones":["573991239001","573991239002"],"body_text":"Hola","use_queue":true,"header_type":"image","header_content":"`+host.URL+`/a.png"}`)
	h.until(t, task, "waiting for its file", func(d detail) bool {
		if d.Result.Successful > 0 {
			t.Fatalf("sent without its file: %+v", d)
		}
		return strings.Contains(d.Why, "preparar el archivo")
	})
	close(release)
	h.Finished(t, task)
	h.until(t, task, "over", func(d detail) bool { return d.Why == "" && d.Result.Successful == 2 })
}
