package app

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"altavoz/producer/access"
	"altavoz/schemas"
	"altavoz/schemas/request"
)

// TestKeyIsTheSameTaskAcrossAnUpgradeAndRestarts: a broadcast as the version before owners wrote it, under the id that its key had
// there. The same request with the same key, asked for as soon as a new process listens and again after each restart, is that task: one call.
func TestKeyIsTheSameTaskAcrossAnUpgradeAndRestarts(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("starts the whole program")
	}
	sim := startTestSimulator(t)
	cfg := houseConfig(t)
	cfg.WhatsApp.BaseURL, cfg.WhatsApp.PhoneNumberID, cfg.WhatsApp.AccessToken = sim.url(), simulatedNumber, simulatedToken
	a := startApp(t, cfg)
	const body = `{"phones":["573991234567"],"body_text":"Hola","use_queue":true}`
	req, err := request.Read(strings.NewReader(body), nil, request.Limits{MaxPhones: 1, MaxBody: 1 << 20, Now: time.Now()})
	if err != nil {
		t.Fatal(err)
	}
	old := schemas.TaskIDFromKey(access.Local().Named, "k")
	b := req.Broadcast(old, simulatedNumber, time.Now().UnixMilli(), nil, nil)
	b.Chosen = true
	publishRecord(t, a.kafka, a.layout, schemas.EncodeBroadcast(b))
	known := ""
	for restart := range 3 {
		if restart > 0 {
			stopApp(t, a)
			a = startApp(t, cfg)
		}
		h := &house{api: a.URL(), simulator: sim.url()}
		for deadline := time.Now().Add(settleTime); ; time.Sleep(time.Millisecond) {
			code, answer := h.post(t, body, "Idempotency-Key", "k")
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
		for deadline := time.Now().Add(settleTime); h.ledger(t).Accepted == 0 && time.Now().Before(deadline); {
			time.Sleep(10 * time.Millisecond)
		}
		time.Sleep(500 * time.Millisecond) // what is wrong would be sent
		if n := h.ledger(t).Accepted; n != 1 {
			t.Errorf("restart %d: %d calls", restart, n)
		}
	}
}
