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
				t.Errorf("got %+v, want it to be of this hour, and kept until later", r)
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
		t.Errorf("nobody's phone is in %v, want none", found)
	}
}

// TestThreatS16EraseSaysWhatRemainsAndUntilWhen: by topic, with the time at which the last record is gone as the topics are set now, and the tasks
// that may write to the phone still. It changes nothing.
func TestThreatS16EraseSaysWhatRemainsAndUntilWhen(t *testing.T) {
	t.Parallel()
	h := embeddedDeployment(t)
	const phone, failing = "573001230041", "573991000030"
	task := h.Queued(t, `{"phones":["`+phone+`"],"body_text":"Hola","use_queue":true}`)
	h.Finished(t, task)
	h.Finished(t, h.Queued(t, `{"phones":["`+failing+`"],"body_text":"Hola","use_queue":true}`))
	remaining := func(phone schemas.Phone) (operator.Remains, map[string]operator.Remainder) {
		t.Helper()
		left, err := operator.Remaining(t.Context(), h.kafka(), phone, "CO", time.Now())
		if err != nil {
			t.Fatal(err)
		}
		by := make(map[string]operator.Remainder)
		for _, r := range left.Topics {
			by[r.Topic] = r
		}
		return left, by
	}
	left, by := remaining(phone)
	last := time.Time{}
	for topic, days := range map[string]int{"broadcasts": 14, "sends.express": 6} {
		r := by[topic]
		least := r.Last.AddDate(0, 0, days)
		if r.Records != 1 || r.GoneBy == nil || r.GoneBy.Before(least) || r.GoneBy.After(least.AddDate(0, 0, 7)) || r.Compacted {
			t.Errorf("%s: %+v, until %v; want Records 1, one", topic, r, r.GoneBy)
		}
		if r.GoneBy != nil && r.GoneBy.After(last) {
			last = *r.GoneBy
		}
	}
	if len(by) != 2 || left.GoneBy == nil || !left.GoneBy.Equal(last) || len(left.Tasks) != 1 || left.Tasks[0] != task {
		t.Errorf("got %+v, want GoneBy %v", left, last)
	}
	if _, by := remaining(failing); by["statuses"].Records == 0 || !by["statuses"].Compacted || by["statuses"].GoneBy.Before(time.Now().AddDate(0, 0, 34)) {
		t.Errorf("of one who failed: %+v", by)
	}
	if left, _ := remaining("573001239999"); len(left.Topics) != 0 || left.GoneBy != nil || len(left.Tasks) != 0 {
		t.Errorf("of nobody: %+v", left)
	}
	if again, _ := remaining(phone); len(again.Topics) != 2 {
		t.Errorf("%+v is left of %+v", again, left)
	}
}
