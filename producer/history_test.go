package producer_test

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"altavoz/producer"
	"altavoz/schemas"
	"altavoz/schemas/request"
)

// maria is somebody who got something.
const maria = "573001234567"

// got writes a send of the owner's task to maria, and what became of it.
func (h *harness) got(name, owner string, state schemas.RecipientState) schemas.TaskID {
	h.t.Helper()
	id := h.owned(name, owner)
	send := schemas.EncodeSend(schemas.LaneBulk, &schemas.Send{Task: id.Bytes(), Phone: maria, Sender: "1065"})
	send.Time = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)
	page := schemas.EncodePage(marksPartition, &schemas.StatePage{Task: id.Bytes(), Marks: []byte{byte(state)}})
	if _, err := h.log.Publish(h.t.Context(), send, page); err != nil {
		h.t.Fatal(err)
	}
	return id
}

func TestWhatAPersonGotLately(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := setup(t, producer.Config{})
		h.got("a", "local", schemas.Undelivered(131049))
		h.got("b", "local", schemas.StateRead)
		for name, path := range map[string]string{
			"some": "+57%20300%20123-4567", "limit": "3001234567?limit=1", "nobody": "573001234568", "phone": "12", "parameter": "573001234567?since=today", "range": "573001234567?limit=501",
		} {
			code, body, _ := h.get(request.PathRecipients + path)
			golden(t, "history_"+name, code, body)
		}
	})
}

// TestThreatS03HistoriesShowOnesOwn: of another owner's tasks, and of those that have none, a person got nothing; an administrator sees all.
func TestThreatS03HistoriesShowOnesOwn(t *testing.T) {
	t.Parallel()
	h := setup(t, producer.Config{Keys: file(t, twoOwners)})
	shops, crms, nobodys := h.got("a", "tienda", schemas.StateSent), h.got("b", "crm", schemas.StateSent), h.got("c", "", schemas.StateSent)
	for secret, tasks := range map[string][]schemas.TaskID{shopKey: {shops}, crmKey: {crms}, bossKey: {shops, crms, nobodys}} {
		code, body, _ := h.do(http.MethodGet, request.PathRecipients+maria, nil, "X-API-Key", secret)
		if n := strings.Count(body, `"task_id"`); code != http.StatusOK || n != len(tasks) {
			t.Errorf("with %s: %d %s; want %d sends", secret, code, body, len(tasks))
		}
		for _, task := range tasks {
			if !strings.Contains(body, task.String()) {
				t.Errorf("with %s: %s lacks %s", secret, body, task)
			}
		}
	}
}

// Kafka that does not answer is no person who got nothing, and the log has no phone.
func TestHistoryThatCannotBeReadIsLater(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		h := setup(t, producer.Config{Logger: slog.New(slog.NewJSONHandler(&log, nil))})
		h.got("a", "local", schemas.StateSent)
		h.log.reads = func(ctx context.Context) { <-ctx.Done() }
		ctx, hangUp := context.WithTimeout(t.Context(), time.Second)
		defer hangUp()
		answer := httptest.NewRecorder()
		h.handler.ServeHTTP(answer, httptest.NewRequestWithContext(ctx, http.MethodGet, request.PathRecipients+"573001234567", http.NoBody))
		golden(t, "history_unreadable", answer.Code, answer.Body.String())
		if answer.Header().Get("Retry-After") == "" || !strings.Contains(log.String(), "sends of a phone not read") {
			t.Errorf("header %v, log %s", answer.Header(), log.String())
		}
		h.log.reads = func(context.Context) { panic("broken") }
		if code, _, _ := h.get(request.PathRecipients + "573001234567"); code != http.StatusInternalServerError {
			t.Errorf("%d, want %d", code, http.StatusInternalServerError)
		}
		if strings.Contains(log.String(), "573001234567") {
			t.Errorf("the log has the phone: %s", log.String())
		}
	})
}

// So many at once, of a caller and of all; the next ones are told to come back.
func TestHistoriesHaveSlots(t *testing.T) {
	t.Parallel()
	for name, keys := range map[string]string{"share": twoOwners, "busy": ""} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg, most := producer.Config{}, 4
			if keys != "" {
				cfg.Keys, most = file(t, keys), 1 // of four, with three keys
			}
			h := setup(t, cfg)
			h.got("a", "tienda", schemas.StateSent)
			h.log.reads = func(ctx context.Context) { <-ctx.Done() }
			ctx, end := context.WithCancel(t.Context())
			for range most {
				go func() {
					req := httptest.NewRequestWithContext(ctx, http.MethodGet, request.PathRecipients+"573001234567", http.NoBody)
					req.Header.Set("X-API-Key", shopKey)
					h.handler.ServeHTTP(httptest.NewRecorder(), req)
				}()
			}
			slots := func() float64 { return h.metrics()["altavoz_http_slots_in_use slot=history"] }
			for slots() < float64(most) {
				time.Sleep(time.Millisecond)
			}
			h.refused(request.PathRecipients+"573001234567", "history_"+name)
			end()
			for slots() > 0 {
				time.Sleep(time.Millisecond)
			}
		})
	}
}
