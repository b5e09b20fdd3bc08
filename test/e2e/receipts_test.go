package e2e

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"altavoz/app"
	"altavoz/internal/testio"
	"altavoz/schemas"
	"altavoz/test/harness"
)

// receive posts a webhook that is taken.
func (h *deployment) receive(t *testing.T, body string) {
	t.Helper()
	if code, got := h.Do(t, harness.WebhookRequest(t, h.URL, h.secret, body)); code != http.StatusOK {
		t.Fatalf("a webhook: %d %s; want %v", code, got, http.StatusOK)
	}
}

// corrected waits until the task's counts are these, and returns its status and version.
func (h *deployment) corrected(t *testing.T, task schemas.TaskID, counts map[schemas.RecipientState]uint32) (harness.TaskStatus, uint64) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), harness.SettleTime)
	defer cancel()
	view := harness.Statuses(t, h.kafka())
	changes, stop := view.Watch(task)
	defer stop()
	for {
		s, _ := view.Get(task)
		got := make(map[schemas.RecipientState]uint32)
		for _, c := range s.GetCounts() {
			got[schemas.RecipientState(c.GetMark())] = c.GetCount()
		}
		if cmp.Equal(got, counts) {
			return h.caughtUp(t, task, counts), s.GetVersion()
		}
		select {
		case <-changes:
		case <-ctx.Done():
			t.Fatalf("the task has %v, want %v", got, counts)
		}
	}
}

// caughtUp returns the task's status once it has these counts: what answers over HTTP has a view of its own, which may be behind.
func (h *deployment) caughtUp(t *testing.T, task schemas.TaskID, counts map[schemas.RecipientState]uint32) harness.TaskStatus {
	t.Helper()
	of := make(map[schemas.OutcomeClass]int)
	for state, n := range counts {
		of[state.Outcome()] += int(n)
	}
	for end := time.Now().Add(harness.SettleTime); ; time.Sleep(20 * time.Millisecond) {
		s := h.Status(t, task.String())
		r := s.Result
		if r.Unknown == of[schemas.OutcomeUnknown] && r.Undelivered == of[schemas.OutcomeUndelivered] && r.Read == of[schemas.OutcomeRead] {
			return s
		}
		if time.Now().After(end) {
			t.Fatalf("task-status says %+v, want %v", s, counts)
		}
	}
}

// Receipts settle what is unknown and correct the numbers of a task that is at its end, which it stays.
func testReceipts(t *testing.T, h *deployment) {
	const sent, lost = "573008880001", "573998880502" // accepted, and the answer is lost
	name := h.Queued(t, `{"phones":["`+sent+`","`+lost+`"],"body_text":"b","use_queue":true}`)
	s := h.Finished(t, name)
	if s.Status != "SUCCESS" || s.Result.Successful != 1 || s.Result.Failed != 1 || s.Result.Unknown != 1 {
		t.Fatalf("before any receipt: %+v, want Status %q", s, "SUCCESS")
	}
	task, err := schemas.ParseTaskID(name)
	if err != nil {
		t.Fatal(err)
	}
	_, first := h.corrected(t, task, map[schemas.RecipientState]uint32{schemas.StateSent: 1, schemas.StateUnknown: 1})

	window := `,"errors":[{"code":131047,"title":"Re-engagement message","message":"Re-engagement message","error_data":{"details":"Message failed to send because more than 24 hours have passed"}}]`
	both := harness.Webhook(harness.Receipt(task, 1, lost, "sent", ""), harness.Receipt(task, 0, sent, "failed", window))
	h.receive(t, both)
	corrected := map[schemas.RecipientState]uint32{schemas.StateConfirmed: 1, schemas.Undelivered(131047): 1}
	s, second := h.corrected(t, task, corrected)
	if s.Status != "SUCCESS" || s.Result.Successful != 1 || s.Result.Failed != 1 || s.Result.Unknown != 0 || s.Result.Undelivered != 1 || second <= first {
		t.Errorf("version %d after %d: %+v; want more than %v, Status %q", second, first, s, first, "SUCCESS")
	}
	want := []string{"Error para " + sent + ": (131047) Pasaron más de 24 horas desde la última respuesta del destinatario"}
	if diff := cmp.Diff(want, s.Result.Errors); diff != "" {
		t.Errorf("errors (-want +got):\n%s", diff)
	}

	h.receive(t, both) // once more, and then what came before it
	h.receive(t, harness.Webhook(harness.Receipt(task, 1, lost, "read", ""), harness.Receipt(task, 1, lost, "delivered", ""), harness.Receipt(task, 0, sent, "sent", "")))
	s, third := h.corrected(t, task, map[schemas.RecipientState]uint32{schemas.StateRead: 1, schemas.Undelivered(131047): 1})
	if s.Status != "SUCCESS" || s.Result.Read != 1 || s.Result.Successful != 1 || len(s.Result.Errors) != 1 || third <= second {
		t.Errorf("version %d after %d: %+v; want more than %v, Status %q", third, second, s, second, "SUCCESS")
	}
	before := h.secret
	h.secret = "guessed"
	if code, got := h.Do(t, harness.WebhookRequest(t, h.URL, h.secret, both)); (before != "") != (code == http.StatusUnauthorized) {
		t.Errorf("signed by somebody else: %d %s", code, got)
	}
	h.secret = before
}

// The simulator's own receipts, of all kinds, find their recipients: two strangers agree on what a webhook is.
func TestEndToEndReceipts(t *testing.T) {
	t.Parallel()
	cfg := harness.Config(t)
	cfg.HTTP.APIKeys = "crm:key"
	a := harness.Start(t, cfg)
	h := &deployment{API: harness.API{URL: a.URL(), Key: "key"}, simulator: a.SimulatorURL()}
	phones := append(harness.Phones(9, 40), "573999990026", "573999990047", "573999990502", "573999990030")
	name := h.Queued(t, `{"phones":`+harness.Quoted(phones)+`,"body_text":"b","use_queue":true}`)
	h.Finished(t, name)
	task, err := schemas.ParseTaskID(name)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), harness.SettleTime)
	defer cancel()
	view := harness.Statuses(t, harness.Kafka(a, cfg))
	changes, stop := view.Watch(task)
	defer stop()
	last := []schemas.RecipientState{schemas.StateDelivered, schemas.StateRead, schemas.Undelivered(131026), schemas.Undelivered(131047), schemas.Failed(131030)}
	more := func(c *schemas.StateCount) bool { return !slices.Contains(last, schemas.RecipientState(c.GetMark())) } // sent or unknown
	counts := make(map[schemas.RecipientState]uint32)
	for {
		s, _ := view.Get(task)
		if !slices.ContainsFunc(s.GetCounts(), more) {
			for _, c := range s.GetCounts() {
				counts[schemas.RecipientState(c.GetMark())] = c.GetCount()
			}
			break
		}
		select {
		case <-changes:
		case <-ctx.Done():
			t.Fatalf("still %v", s.GetCounts())
		}
	}
	s := h.caughtUp(t, task, counts)
	if r := s.Result; s.Status != "SUCCESS" || r.Successful != 41 || r.Delivered+r.Read != 41 || r.Undelivered != 2 || r.Failed != 3 || r.Unknown != 0 {
		t.Errorf("got %+v, want Status %q", s, "SUCCESS")
	}
	want := []string{
		"Error para 573999990026: (131026) No se puede entregar: el número no usa WhatsApp o no puede recibirlo",
		"Error para 573999990047: (131047) Pasaron más de 24 horas desde la última respuesta del destinatario",
		"Error para 573999990030: (131030) El destinatario no está en la lista de números permitidos",
	}
	if diff := cmp.Diff(want, s.Result.Errors); diff != "" {
		t.Errorf("errors (-want +got):\n%s", diff)
	}
	if code, got := h.Do(t, harness.WebhookRequest(t, h.URL, "guessed", harness.Webhook(harness.Receipt(task, 0, phones[0], "read", "")))); code != http.StatusUnauthorized {
		t.Errorf("signed by somebody else: %d %s; want %v", code, got, http.StatusUnauthorized)
	}
}

// A deployment that asks for keys takes no receipts of whoever comes: it needs the secret that tells Meta from others.
func TestReceiptsNeedASecretUnlessNoKeysAreAskedFor(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, keys, secret string
		want               int
	}{{"open", "", "", http.StatusOK}, {"keys", "crm:key", "", http.StatusForbidden}, {"keys and a secret", "crm:key", "app-secret", http.StatusOK}} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			cfg := harness.Config(t)
			cfg.Process.Roles, cfg.HTTP.APIKeys, cfg.WhatsApp.AppSecret = app.Roles{app.RoleProducer}, schemas.Secret(c.keys), schemas.Secret(c.secret)
			var log testio.Buffer
			a, err := app.New(cfg, app.Options{Logger: app.NewLogger(cfg.Process, &log, false)})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { harness.Stop(t, a) })
			if err := a.Start(t.Context()); err != nil {
				t.Fatal(err)
			}
			h := &deployment{API: harness.API{URL: a.URL()}}
			body := harness.Webhook(harness.Receipt(schemas.NewTaskID(), 0, "573001234567", "sent", ""))
			if code, got := h.Do(t, harness.WebhookRequest(t, h.URL, c.secret, body)); code != c.want {
				t.Errorf("%d %s, want %d", code, got, c.want)
			}
			if said := strings.Contains(log.String(), "ALTAVOZ_WHATSAPP_APP_SECRET is empty"); said != (c.want == http.StatusForbidden) {
				t.Errorf("the log says why: %v\n%s", said, log.String())
			}
		})
	}
}
