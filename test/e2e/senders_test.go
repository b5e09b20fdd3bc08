package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	"altavoz/producer/senders"
	"altavoz/test/harness"
)

// testSenders: the process that answers learns from Kafka that those that send get no answer, and that they do again.
func testSenders(t *testing.T, h *deployment) {
	await := func(states ...senders.State) senders.Row {
		t.Helper()
		var list senders.List
		for end := time.Now().Add(harness.SettleTime); ; time.Sleep(50 * time.Millisecond) {
			code, got := h.Get(t, h.URL+"/api/messages/senders")
			if code == http.StatusServiceUnavailable && time.Now().Before(end) { // until all that was said of numbers is read
				continue
			}
			if err := json.Unmarshal([]byte(got), &list); err != nil || code != http.StatusOK || len(list.Senders) == 0 {
				t.Fatalf("senders: %d %s, %v", code, got, err)
			}
			if slices.Contains(states, list.Senders[0].State) {
				return list.Senders[0]
			}
			if time.Now().After(end) {
				t.Fatalf("want one of %v, and the number is %s", states, got)
			}
		}
	}
	if s := await(senders.Sending); s.ID != harness.Number || !s.Default || s.Since != "" || s.Why != "" {
		t.Errorf("before: %+v", s)
	}
	post(t, h.simulator+"/_simulator/faults", fmt.Sprintf("number=%s outage for=12s", harness.Number))
	task := h.Queued(t, `{"body_text":"b","phones":`+harness.Quoted(harness.Phones(8, 200))+`,"use_queue":true}`)
	if s := await(senders.Outage, senders.Misconfigured); s.Why == "" || s.Since == "" || s.Rate != nil && s.Rate.Now >= s.Rate.Share {
		t.Errorf("without answers: %+v; want why, since when, and less of its rate", s)
	}
	if s := await(senders.Sending); s.Rate != nil && s.Rate.Now != s.Rate.Share {
		t.Errorf("after it: %+v; want all of its rate", s)
	}
	h.Finished(t, task)
}
