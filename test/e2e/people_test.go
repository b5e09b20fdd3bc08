package e2e

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"altavoz/app"
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
	peopleADay(t, &deployment{API: harness.API{URL: a.URL()}, simulator: a.SimulatorURL(), secret: "app-secret"}, limit, people)
}

// TestRealPeopleADay is the same on a real Kafka, where two processes send.
func TestRealPeopleADay(t *testing.T) {
	t.Parallel()
	const limit, people = 60, 150
	brokers, _ := harness.StartReal(t, "kafka-local")
	sim := harness.StartSimulator(t)
	prefix := fmt.Sprintf("people%d.", time.Now().UnixNano())
	start := func(name string, roles ...app.Role) *app.App {
		cfg := harness.ConfigOf(t, sim.URL())
		cfg.Process.Roles, cfg.Process.InstanceID = roles, name
		cfg.Kafka.Brokers, cfg.Kafka.TopicPrefix = []string{brokers}, prefix
		if slices.Contains(roles, app.RoleProducer) { // the senders do not wait for receipts of a simulator that sends none
			cfg.WhatsApp.AppSecret = "app-secret"
		}
		cfg.WhatsApp.People = limit
		return harness.Start(t, cfg)
	}
	api := start("others-0", app.RoleProducer, app.RoleFanout, app.RoleAggregator)
	start("sender-0", app.RoleSender)
	start("sender-1", app.RoleSender)
	peopleADay(t, &deployment{API: harness.API{URL: api.URL()}, simulator: sim.URL(), secret: "app-secret"}, limit, people)
}

// peopleADay sends a list of more people than a deployment's limit, as it is configured.
func peopleADay(t *testing.T, h *deployment, limit, people int) {
	t.Helper()
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
		return strings.Contains(s.Why, fmt.Sprintf("%d personas", limit)) && s.Result.Successful == limit && s.Result.Pending == people-limit
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
