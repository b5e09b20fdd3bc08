package e2e

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"altavoz/producer/access"
	"altavoz/schemas"
	"altavoz/schemas/request"
	"altavoz/test/harness"
)

// TestKeyIsTheSameTaskAcrossAnUpgradeAndRestarts: a broadcast as the version before owners wrote it, under the id that its key had
// there. The same request with the same key, asked for as soon as a new process listens and again after each restart, is that task: one call.
func TestKeyIsTheSameTaskAcrossAnUpgradeAndRestarts(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("starts the whole program")
	}
	sim := harness.StartSimulator(t)
	cfg := harness.ConfigOf(t, sim.URL())
	a := harness.Start(t, cfg)
	const body = `{"phones":["573991234567"],"body_text":"Hola","use_queue":true}`
	req, err := request.Read(strings.NewReader(body), nil, request.Limits{MaxPhones: 1, MaxBody: 1 << 20, Now: time.Now()})
	if err != nil {
		t.Fatal(err)
	}
	old := schemas.TaskIDFromKey(access.Local().Named, "k")
	b := req.Broadcast(old, harness.Number, time.Now().UnixMilli(), nil, nil)
	b.Chosen = true
	harness.Publish(t, harness.Kafka(a, cfg), schemas.EncodeBroadcast(b))
	known := ""
	for restart := range 3 {
		if restart > 0 {
			harness.Stop(t, a)
			a = harness.Start(t, cfg)
		}
		h := &deployment{API: harness.API{URL: a.URL()}, simulator: sim.URL()}
		for deadline := time.Now().Add(harness.SettleTime); ; time.Sleep(time.Millisecond) {
			code, answer := h.Post(t, body, "Idempotency-Key", "k")
			if code == http.StatusServiceUnavailable && time.Now().Before(deadline) {
				continue
			}
			if code != http.StatusAccepted {
				t.Fatal(code, answer)
			}
			if got := taskOf(t, answer); restart == 2 && got != known {
				t.Errorf("after a restart %s, not %s", got, known)
			} else {
				known = got
			}
			break
		}
		for deadline := time.Now().Add(harness.SettleTime); h.ledger(t).Accepted == 0 && time.Now().Before(deadline); {
			time.Sleep(10 * time.Millisecond)
		}
		time.Sleep(500 * time.Millisecond) // what is wrong would be sent
		if n := h.ledger(t).Accepted; n != 1 {
			t.Errorf("restart %d: %d calls; want 1", restart, n)
		}
	}
}
