package e2e

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"altavoz/test/harness"
)

// TestEndToEndPeopleADay: a business may write to six people a day, and Meta holds it to that. A list of ten goes out to six of them, to who was written to
// already, and to the others once a webhook says that there may be more; nobody fails, and the task and the number say what they wait for.
func TestEndToEndPeopleADay(t *testing.T) {
	t.Parallel()
	const limit, people = 6, 10
	cfg := harness.Config(t)
	cfg.WhatsApp.People, cfg.WhatsApp.AppSecret = limit, "app-secret"
	a := harness.Start(t, cfg)
	h := &deployment{API: harness.API{URL: a.URL()}, simulator: a.SimulatorURL(), secret: "app-secret"}
	post(t, h.simulator+"/_simulator/account", fmt.Sprintf(`{"messaging_limit":%d}`, limit))
	list := make([]string, people)
	for i := range list {
		list[i] = fmt.Sprintf(`"57399124%04d"`, 5000+i)
	}
	broadcast := func(phones ...string) string {
		return `{"phones":[` + strings.Join(phones, ",") + `],"use_queue":true,"template":{"name":"hello_world","language":"en_US"}}`
	}
	task := h.Queued(t, broadcast(list...))
	await := func(what string, is func() bool) {
		t.Helper()
		for end := time.Now().Add(harness.SettleTime); !is(); time.Sleep(100 * time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("waited in vain: %s", what)
			}
		}
	}
	await("it waits", func() bool {
		s := h.Status(t, task)
		return strings.Contains(s.Why, "6 personas") && s.Result.Successful == limit && s.Result.Pending == people-limit
	})
	await("the number says so", func() bool {
		_, senders := h.Get(t, h.URL+"/api/messages/senders")
		return strings.Contains(senders, `"limited"`)
	})
	first := h.accepted(t)[0]
	if s := h.Finished(t, h.Queued(t, broadcast(`"`+first+`"`))); s.Result.Successful != 1 {
		t.Errorf("%+v: who was written to already waits", s.Result)
	}
	post(t, h.simulator+"/_simulator/account", `{"messaging_limit":250}`)
	body := `{"object":"whatsapp_business_account","entry":[{"id":"104996122399160","changes":[{"field":"business_capability_update","value":{"max_daily_conversations_per_business":250}}]}]}`
	if code, got := h.Do(t, harness.WebhookRequest(t, h.URL, h.secret, body)); code != http.StatusOK {
		t.Fatalf("a webhook: %d %s", code, got)
	}
	if s := h.Finished(t, task); s.Result.Successful != people {
		t.Errorf("%+v, want all %d sent", s.Result, people)
	}
	if _, sum := h.Get(t, h.simulator+"/_simulator/summary"); !strings.Contains(sum, fmt.Sprintf(`"people_a_day":%d,`, people)) || strings.Contains(sum, "131048") {
		t.Errorf("%s; want %d people, and nobody refused", sum, people)
	}
}
