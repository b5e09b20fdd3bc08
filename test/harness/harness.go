// Package harness starts altavoz for the tests below test, and speaks to it as its users do: processes in the test's own process
// (process.go), real servers (servers.go), the HTTP API and its metrics (api.go, metrics.go), and the webhooks of Meta
// (webhooks.go). There are no tests here; programs have no use for it.
package harness

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"
)

const (
	// SettleTime is how long a scenario may take to come to rest: generous, since machines are slow and noisy.
	SettleTime = 60 * time.Second
	// OnePixel is a PNG in base64.
	OnePixel = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)

// Phones makes n different phones; each scenario has a block of its own. They end in 77, which is no magic ending.
func Phones(block, n int) []string {
	phones := make([]string, n)
	for i := range phones {
		phones[i] = fmt.Sprintf("573%d%06d77", block, i)
	}
	return phones
}

// Quoted is a list in JSON.
func Quoted(phones []string) string {
	b, _ := json.Marshal(phones) //nolint:errchkjson // strings
	return string(b)
}

// Logger keeps warnings and errors for a test that fails.
func Logger(t testing.TB) *slog.Logger {
	t.Helper()
	w := &testWriter{t: t}
	t.Cleanup(w.end)
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: slog.LevelWarn}))
}

type testWriter struct {
	mu   sync.Mutex
	t    testing.TB
	over bool // a test must not be logged to after its end
}

func (w *testWriter) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.over {
		w.t.Logf("%s", b)
	}
	return len(b), nil
}

func (w *testWriter) end() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.over = true
}
