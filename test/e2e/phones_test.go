package e2e

import (
	"strings"
	"testing"
	"time"

	"altavoz/app/operator"
	"altavoz/schemas"
)

// TestThreatS16ExportFindsAllThatIsKeptOfAPhoneAndNobodyElse: in every topic that holds it, and no other phone is told with it.
func TestThreatS16ExportFindsAllThatIsKeptOfAPhoneAndNobodyElse(t *testing.T) {
	t.Parallel()
	h := embeddedDeployment(t)
	const phone, other, invalid = "573001230001", "573001230002", "573991230003"
	task := h.Queued(t, `{"phones":["`+phone+`","`+other+`","`+invalid+`"],"body_text":"Hola","use_queue":true}`)
	h.Finished(t, task)
	export := func(phone schemas.Phone) map[string]int {
		t.Helper()
		found := make(map[string]int)
		err := operator.Traces(t.Context(), h.kafka(), phone, "CO", func(r operator.Trace) error {
			found[r.Topic]++
			if r.At.IsZero() || time.Since(r.At) > time.Hour || r.KeptUntil != nil && r.KeptUntil.Before(r.At) {
				t.Errorf("%+v", r)
			}
			if text := string(r.Event); strings.Contains(text, other) != (phone == other && text != "") {
				t.Errorf("it tells of somebody else: %s", text)
			}
			if r.Event != nil && (r.Task != task || !strings.Contains(string(r.Event), "Hola")) {
				t.Errorf("%s of %s, not %s", r.Event, r.Task, task)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return found
	}
	if found := export(phone); found["broadcasts"]+found["blobs"] == 0 || found["sends.express"]+found["sends.bulk"] != 1 {
		t.Errorf("found in %v", found)
	}
	if found := export("573001239999"); len(found) != 0 {
		t.Errorf("nobody's phone is in %v", found)
	}
}
