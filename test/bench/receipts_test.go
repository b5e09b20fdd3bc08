package bench

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"altavoz/producer"
	"altavoz/schemas"
	"altavoz/stream"
	"altavoz/test/harness"
	"altavoz/whatsapp"
)

// BenchmarkReceipts is how many receipts come in a second of one core: through the endpoint alone, and through a whole embedded
// deployment with its Kafka and its aggregator, and with the client that signs and posts. Three are needed for each send.
func BenchmarkReceipts(b *testing.B) {
	const secret = "app-secret"
	cfg := harness.Config(b)
	cfg.WhatsApp.AppSecret = secret
	a := harness.Start(b, cfg)
	view := harness.Statuses(b, harness.Kafka(a, cfg))
	alone := producer.New(producer.Config{}, producer.Ports{
		Log: swallow{}, Statuses: view, Webhooks: whatsapp.NewWebhooks(whatsapp.WebhookConfig{AppSecret: secret}),
	}).Handler()
	task := schemas.NewTaskID()
	for _, size := range []int{1, 1000} {
		statuses := make([]string, size)
		for i := range statuses {
			statuses[i] = harness.Receipt(task, uint32(i), "573001234567", "delivered",
				`,"recipient_user_id":"CO.9645549950458622","pricing":{"billable":true,"pricing_model":"PMP","type":"regular","category":"marketing"}`)
		}
		body := harness.Webhook(statuses...)
		measured := func(b *testing.B, run func()) {
			b.Helper()
			cpu := cpuSeconds(b, os.Getpid())
			run()
			b.ReportMetric(float64(b.N*size)/(cpuSeconds(b, os.Getpid())-cpu), "receipts/cpu-s")
		}
		b.Run(fmt.Sprintf("endpoint/statuses=%d", size), func(b *testing.B) {
			header := harness.WebhookRequest(b, "", secret, body).Header
			measured(b, func() {
				for b.Loop() {
					req := httptest.NewRequestWithContext(b.Context(), http.MethodPost, producer.PathWebhook, strings.NewReader(body))
					req.Header = header
					w := httptest.NewRecorder()
					if alone.ServeHTTP(w, req); w.Code != http.StatusOK {
						b.Fatal(w.Code, w.Body.String())
					}
				}
			})
		})
		b.Run(fmt.Sprintf("all/statuses=%d", size), func(b *testing.B) {
			client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 256}, Timeout: harness.SettleTime}
			defer client.CloseIdleConnections()
			b.SetParallelism(max(2, 64/size)) // of large bodies few are taken at once
			measured(b, func() {
				b.RunParallel(func(pb *testing.PB) {
					for pb.Next() {
						resp, err := client.Do(harness.WebhookRequest(b, a.URL(), secret, body))
						if err != nil {
							b.Error(err)
							return
						}
						_, _ = io.Copy(io.Discard, resp.Body) // so that the connection is used again
						_ = resp.Body.Close()
						if resp.StatusCode != http.StatusOK {
							b.Errorf("got %s, want 200", resp.Status)
							return
						}
					}
				})
			})
		})
	}
}

// swallow is a log that takes everything and keeps nothing.
type swallow struct{}

func (swallow) Publish(_ context.Context, recs ...stream.Record) ([]stream.Record, error) {
	return recs, nil
}
