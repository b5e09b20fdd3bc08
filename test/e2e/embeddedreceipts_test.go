package e2e

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"altavoz/test/harness"
)

// TestReceiptsOfTheEmbeddedSimulator: where a process brings its simulator along, task-status says who has read a message and
// who did not get it after all, nothing is configured for it, and webhooks come to an end.
func TestReceiptsOfTheEmbeddedSimulator(t *testing.T) {
	t.Parallel()
	a := harness.Start(t, harness.Config(t))
	h := &deployment{API: harness.API{URL: a.URL()}, simulator: a.SimulatorURL()}
	const good = 20 // that none of them reads it happens once in ninety million times
	phones := append(harness.Phones(5, good), "573991230026")
	task := h.Queued(t, `{"phones":`+harness.Quoted(phones)+`,"body_text":"Hola","use_queue":true}`)
	var told struct {
		Webhooks struct{ Sent, Delivered, Read, Failed, Pending int }
	}
	var knows struct {
		Result struct {
			Successful, Failed, Undelivered, Delivered, Read int
			Errors                                           []string
		}
	}
	look := func(url string, into any) string {
		_, body := h.Get(t, url)
		if err := json.Unmarshal([]byte(body), into); err != nil {
			t.Fatalf("%v in %s", err, body)
		}
		return body
	}
	for end := time.Now().Add(harness.SettleTime); ; time.Sleep(50 * time.Millisecond) {
		look(h.simulator+"/_simulator/summary", &told)
		body := look(h.URL+harness.StatusPath+task, &knows)
		got, want := knows.Result, told.Webhooks
		// A task counts as delivered what was not read.
		if want.Delivered == good && want.Pending == 0 && want.Failed == 1 && got.Read > 0 && got.Read == want.Read && got.Delivered+got.Read == good &&
			fmt.Sprint(got.Successful, got.Failed, got.Undelivered, len(got.Errors)) == fmt.Sprint(good, " 1 1 1") {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("told %+v, known %s", want, body)
		}
		knows.Result.Read, knows.Result.Delivered = 0, 0 // absent where they are none
	}
}
