package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"altavoz/app"
	"altavoz/producer"
	"altavoz/test/harness"
	"altavoz/whatsapp/simulator"
)

// priceLine is a price without how often.
type priceLine struct {
	Category, Type string
	Billable       bool
}

// prices is how many delivered messages the simulator told each price of, once it has told all.
func (h *deployment) prices(t testing.TB) map[priceLine]int {
	t.Helper()
	for end := time.Now().Add(harness.SettleTime); ; time.Sleep(50 * time.Millisecond) {
		var sum struct {
			Webhooks struct {
				Pending int `json:"pending"`
			} `json:"webhooks"`
			Prices []harness.Priced `json:"prices"`
		}
		code, body := h.Get(t, h.simulator+"/_simulator/summary")
		if err := json.Unmarshal([]byte(body), &sum); err != nil || code != http.StatusOK {
			t.Fatalf("the simulator's summary: %d %s; want %v", code, body, http.StatusOK)
		}
		if sum.Webhooks.Pending == 0 {
			return priceLines(sum.Prices)
		}
		if time.Now().After(end) {
			t.Fatalf("webhooks are still pending: %s", body)
		}
	}
}

func priceLines(all []harness.Priced) map[priceLine]int {
	out := make(map[priceLine]int)
	for _, p := range all {
		out[priceLine{p.Category, p.Type, p.Billable}] += p.Messages
	}
	return out
}

// TestRealPricesAreThoseOfTheSimulator: webhooks come twice, in any order, and some have the price with read, while one of two processes leaves;
// yet what tasks show adds up to what the simulator priced.
func TestRealPricesAreThoseOfTheSimulator(t *testing.T) {
	t.Parallel()
	brokers, _ := harness.StartReal(t, "kafka-local")
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	h := &deployment{simulator: "http://" + l.Addr().String()}
	var apps []*app.App
	prefix := fmt.Sprintf("prices%d.", time.Now().UnixNano())
	for i := range 2 {
		cfg := harness.ConfigOf(t, h.simulator)
		cfg.Process.InstanceID, cfg.WhatsApp.AppSecret = fmt.Sprint("all-", i), "app-secret"
		cfg.Kafka.Brokers, cfg.Kafka.TopicPrefix = []string{brokers}, prefix
		apps = append(apps, harness.Start(t, cfg))
	}
	h.URL = apps[0].URL()
	sim := simulator.New(simulator.Config{
		Numbers: []simulator.Number{{ID: harness.Number, Token: harness.Token}}, PlainPhones: true, Logger: harness.Logger(t), Listen: net.Listen,
		Webhooks: simulator.Webhooks{URL: h.URL + producer.PathWebhook, Secret: "app-secret"},
		Faults:   "webhook_delay=0ms..600ms webhook_dup=50% webhook_shuffle price_with_read=50% free_service=20",
	})
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	served := make(chan error, 1)
	go func() { served <- sim.Serve(ctx, l) }()
	t.Cleanup(func() {
		cancel()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	tasks := []string{
		h.Queued(t, `{"phones":`+harness.Quoted(harness.Phones(7, 200))+`,"body_text":"b","use_queue":true}`),
		h.Queued(t, `{"phones":`+harness.Quoted(harness.Phones(8, 50))+`,"template":{"name":"hello_world","language":"en_US"},"use_queue":true}`),
	}
	for _, task := range tasks {
		h.Finished(t, task)
	}
	harness.Stop(t, apps[1])
	h.pricesAgree(t, tasks)
}

// pricesAgree waits until the results of tasks have the prices that the simulator told, which were of all of them.
func (h *deployment) pricesAgree(t testing.TB, tasks []string) {
	t.Helper()
	want := h.prices(t)
	if diff := cmp.Diff(map[priceLine]int{
		{"service", "free_customer_service", false}: 20, {"service", "regular", true}: 180, {"utility", "regular", true}: 50,
	}, want); diff != "" {
		t.Fatalf("the simulator's prices (-want +got):\n%s", diff)
	}
	for end := time.Now().Add(harness.SettleTime); ; time.Sleep(50 * time.Millisecond) {
		var all []harness.Priced
		for _, task := range tasks {
			all = append(all, h.Status(t, task).Result.Priced...)
		}
		diff := cmp.Diff(want, priceLines(all))
		if diff == "" {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("prices by the simulator (-) and of the tasks (+):\n%s", diff)
		}
	}
}
