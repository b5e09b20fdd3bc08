package app

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"altavoz/kafka"
	"altavoz/producer"
	"altavoz/schemas"
	"altavoz/stream"
	"altavoz/whatsapp"
)

// receipt is one status of a webhook, as Meta writes it.
func receipt(task schemas.TaskID, index uint32, phone, status, more string) string {
	return fmt.Sprintf(`{"id":"wamid.HBgLN%d","status":%q,"timestamp":"1750030073","recipient_id":%q,"biz_opaque_callback_data":%q%s}`,
		index, status, phone, schemas.Callback(task, index), more)
}

// webhook is a body of Meta's with these statuses.
func webhook(statuses ...string) string {
	return `{"object":"whatsapp_business_account","entry":[{"id":"104996122399160","changes":[{"value":{"messaging_product":"whatsapp",` +
		`"metadata":{"display_phone_number":"15550783881","phone_number_id":"106540352242922"},"statuses":[` + strings.Join(statuses, ",") + `]},"field":"messages"}]}]}`
}

func webhookRequest(tb testing.TB, url, secret, body string) *http.Request {
	tb.Helper()
	req, err := http.NewRequestWithContext(tb.Context(), http.MethodPost, url+producer.PathWebhook, strings.NewReader(body))
	if err != nil {
		tb.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(body))
	req.Header.Set("X-Hub-Signature-256", "sha256="+hex.EncodeToString(mac.Sum(nil)))
	return req
}

// receive posts a webhook that is taken.
func (h *house) receive(t *testing.T, body string) {
	t.Helper()
	if code, got := h.do(t, webhookRequest(t, h.api, h.secret, body)); code != http.StatusOK {
		t.Fatalf("a webhook: %d %s", code, got)
	}
}

// corrected waits until the task's counts are these, and returns its status and version.
func (h *house) corrected(t *testing.T, task schemas.TaskID, counts map[schemas.RecipientState]uint32) (taskStatus, uint64) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), settleTime)
	defer cancel()
	changes, stop := h.statuses().Watch(task)
	defer stop()
	for {
		s, _ := h.statuses().Get(task)
		got := make(map[schemas.RecipientState]uint32)
		for _, c := range s.GetCounts() {
			got[schemas.RecipientState(c.GetMark())] = c.GetCount()
		}
		if cmp.Equal(got, counts) {
			return h.status(t, task.String()), s.GetVersion()
		}
		select {
		case <-changes:
		case <-ctx.Done():
			t.Fatalf("the task has %v, want %v", got, counts)
		}
	}
}

// Receipts settle what is unknown and correct the numbers of a task that is at its end, which it stays.
func testReceipts(t *testing.T, h *house) {
	const sent, lost = "573008880001", "573998880502" // accepted, and the answer is lost
	name := h.queued(t, `{"phones":["`+sent+`","`+lost+`"],"body_text":"b","use_queue":true}`)
	s := h.finished(t, name)
	if s.Status != "SUCCESS" || s.Result.Successful != 1 || s.Result.Failed != 1 || s.Result.Unknown != 1 {
		t.Fatalf("before any receipt: %+v", s)
	}
	task, err := schemas.ParseTaskID(name)
	if err != nil {
		t.Fatal(err)
	}
	_, first := h.corrected(t, task, map[schemas.RecipientState]uint32{schemas.StateSent: 1, schemas.StateUnknown: 1})

	window := `,"errors":[{"code":131047,"title":"Re-engagement message","message":"Re-engagement message","error_data":{"details":"Message failed to send because more than 24 hours have passed"}}]`
	both := webhook(receipt(task, 1, lost, "sent", ""), receipt(task, 0, sent, "failed", window))
	h.receive(t, both)
	corrected := map[schemas.RecipientState]uint32{schemas.StateConfirmed: 1, schemas.Undelivered(131047): 1}
	s, second := h.corrected(t, task, corrected)
	if s.Status != "SUCCESS" || s.Result.Successful != 1 || s.Result.Failed != 1 || s.Result.Unknown != 0 || s.Result.Undelivered != 1 || second <= first {
		t.Errorf("version %d after %d: %+v", second, first, s)
	}
	want := []string{"Error para " + sent + ": (131047) Pasaron más de 24 horas desde la última respuesta del destinatario"}
	if diff := cmp.Diff(want, s.Result.Errors); diff != "" {
		t.Errorf("errors (-want +got):\n%s", diff)
	}

	h.receive(t, both) // once more, and then what came before it
	h.receive(t, webhook(receipt(task, 1, lost, "read", ""), receipt(task, 1, lost, "delivered", ""), receipt(task, 0, sent, "sent", "")))
	s, third := h.corrected(t, task, map[schemas.RecipientState]uint32{schemas.StateRead: 1, schemas.Undelivered(131047): 1})
	if s.Status != "SUCCESS" || s.Result.Read != 1 || s.Result.Successful != 1 || len(s.Result.Errors) != 1 || third <= second {
		t.Errorf("version %d after %d: %+v", third, second, s)
	}
	before := h.secret
	h.secret = "guessed"
	if code, got := h.do(t, webhookRequest(t, h.api, h.secret, both)); (before != "") != (code == http.StatusUnauthorized) {
		t.Errorf("signed by somebody else: %d %s", code, got)
	}
	h.secret = before
}

// The simulator's own receipts, of all kinds, find their recipients: two strangers agree on what a webhook is.
func TestEndToEndReceipts(t *testing.T) {
	t.Parallel()
	cfg := houseConfig(t)
	cfg.HTTP.APIKeys = "crm:key"
	a := startApp(t, cfg)
	h := &house{api: a.URL(), simulator: a.SimulatorURL(), key: "key", statuses: func() *kafka.Statuses { return a.doors.statuses }}
	phones := append(phonesFrom(9, 40), "573999990026", "573999990047", "573999990502", "573999990030")
	name := h.queued(t, `{"phones":`+quoted(phones)+`,"body_text":"b","use_queue":true}`)
	h.finished(t, name)
	task, err := schemas.ParseTaskID(name)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), settleTime)
	defer cancel()
	changes, stop := a.doors.statuses.Watch(task)
	defer stop()
	last := []schemas.RecipientState{schemas.StateDelivered, schemas.StateRead, schemas.Undelivered(131026), schemas.Undelivered(131047), schemas.Failed(131030)}
	more := func(c *schemas.StateCount) bool { return !slices.Contains(last, schemas.RecipientState(c.GetMark())) } // sent or unknown
	for {
		s, _ := a.doors.statuses.Get(task)
		if !slices.ContainsFunc(s.GetCounts(), more) {
			break
		}
		select {
		case <-changes:
		case <-ctx.Done():
			t.Fatalf("still %v", s.GetCounts())
		}
	}
	s := h.status(t, name)
	if r := s.Result; s.Status != "SUCCESS" || r.Successful != 41 || r.Delivered+r.Read != 41 || r.Undelivered != 2 || r.Failed != 3 || r.Unknown != 0 {
		t.Errorf("%+v", s)
	}
	want := []string{
		"Error para 573999990026: (131026) No se puede entregar: el número no usa WhatsApp o no puede recibirlo",
		"Error para 573999990047: (131047) Pasaron más de 24 horas desde la última respuesta del destinatario",
		"Error para 573999990030: (131030) El destinatario no está en la lista de números permitidos",
	}
	if diff := cmp.Diff(want, s.Result.Errors); diff != "" {
		t.Errorf("errors (-want +got):\n%s", diff)
	}
	if code, got := h.do(t, webhookRequest(t, h.api, "guessed", webhook(receipt(task, 0, phones[0], "read", "")))); code != http.StatusUnauthorized {
		t.Errorf("signed by somebody else: %d %s", code, got)
	}
}

// A house that asks for keys takes no receipts of whoever comes: it needs the secret that tells Meta from others.
func TestReceiptsNeedASecretOrAnOpenHouse(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, keys, secret string
		want               int
	}{{"open", "", "", http.StatusOK}, {"keys", "crm:key", "", http.StatusForbidden}, {"keys and a secret", "crm:key", "app-secret", http.StatusOK}} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			cfg := houseConfig(t)
			cfg.Process.Roles, cfg.HTTP.APIKeys, cfg.WhatsApp.AppSecret = Roles{RoleProducer}, schemas.Secret(c.keys), schemas.Secret(c.secret)
			var log lockedBuffer
			a, err := New(cfg, Options{Logger: NewLogger(cfg.Process, &log, false)})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { stopApp(t, a) })
			if err := a.Start(t.Context()); err != nil {
				t.Fatal(err)
			}
			h := &house{api: a.URL()}
			body := webhook(receipt(schemas.NewTaskID(), 0, "573001234567", "sent", ""))
			if code, got := h.do(t, webhookRequest(t, h.api, c.secret, body)); code != c.want {
				t.Errorf("%d %s, want %d", code, got, c.want)
			}
			if said := strings.Contains(log.String(), "ALTAVOZ_WHATSAPP_APP_SECRET is empty"); said != (c.want == http.StatusForbidden) {
				t.Errorf("the log says why: %v\n%s", said, log.String())
			}
		})
	}
}

// BenchmarkReceipts is how many receipts come in a second of one core: through the endpoint alone, and through a whole embedded
// house with its Kafka and its aggregator, and with the client that signs and posts. Three are needed for each send.
func BenchmarkReceipts(b *testing.B) {
	const secret = "app-secret"
	cfg := houseConfig(b)
	cfg.WhatsApp.AppSecret = secret
	a := startApp(b, cfg)
	alone := producer.New(producer.Config{}, producer.Ports{
		Log: swallow{}, Statuses: a.doors.statuses, Webhooks: whatsapp.NewWebhooks(whatsapp.WebhookConfig{AppSecret: secret}),
	}).Handler()
	task := schemas.NewTaskID()
	for _, size := range []int{1, 1000} {
		statuses := make([]string, size)
		for i := range statuses {
			statuses[i] = receipt(task, uint32(i), "573001234567", "delivered",
				`,"recipient_user_id":"CO.9645549950458622","pricing":{"billable":true,"pricing_model":"PMP","type":"regular","category":"marketing"}`)
		}
		body := webhook(statuses...)
		measured := func(b *testing.B, run func()) {
			b.Helper()
			cpu := cpuSeconds(b, os.Getpid())
			run()
			b.ReportMetric(float64(b.N*size)/(cpuSeconds(b, os.Getpid())-cpu), "receipts/cpu-s")
		}
		b.Run(fmt.Sprintf("endpoint/statuses=%d", size), func(b *testing.B) {
			header := webhookRequest(b, "", secret, body).Header
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
		b.Run(fmt.Sprintf("house/statuses=%d", size), func(b *testing.B) {
			client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 256}, Timeout: settleTime}
			defer client.CloseIdleConnections()
			b.SetParallelism(max(2, 64/size)) // of large bodies few are taken at once
			measured(b, func() {
				b.RunParallel(func(pb *testing.PB) {
					for pb.Next() {
						resp, err := client.Do(webhookRequest(b, a.URL(), secret, body))
						if err != nil {
							b.Error(err)
							return
						}
						_, _ = io.Copy(io.Discard, resp.Body) // so that the connection is used again
						_ = resp.Body.Close()
						if resp.StatusCode != http.StatusOK {
							b.Errorf("%s", resp.Status)
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
