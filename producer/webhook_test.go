package producer_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"altavoz/producer"
	"altavoz/schemas"
	"altavoz/stream"
)

// meta writes webhooks that are easy to read: a list of recipients' indexes, signed with one word.
type meta struct{}

const signature = "right"

func (meta) Challenge(query url.Values) (string, bool) {
	return query.Get("hub.challenge"), query.Get("hub.verify_token") == "token"
}

func (meta) Signed(_ []byte, header http.Header) bool {
	return header.Get("X-Hub-Signature-256") == signature
}

func (meta) Receipts(body []byte, now time.Time) ([]stream.Record, error) {
	var indexes []uint32
	if err := json.Unmarshal(body, &indexes); err != nil {
		return nil, err
	}
	recs := make([]stream.Record, len(indexes))
	for i, index := range indexes {
		recs[i] = schemas.EncodeResult(&schemas.Result{
			Task: make([]byte, 16), AtMs: now.UnixMilli(),
			Event: &schemas.Result_Receipts{Receipts: &schemas.Receipts{Outcomes: []*schemas.Outcome{{Index: index, Mark: uint32(schemas.StateRead)}}}},
		})
	}
	return recs, nil
}

// webhook posts a body as Meta does.
func (h *harness) webhook(body io.Reader, headers ...string) (int, string, http.Header) {
	h.t.Helper()
	return h.do(http.MethodPost, producer.PathWebhook, body, append(headers, "X-Hub-Signature-256", signature)...)
}

// hooked is how many webhooks came to a result.
func (h *harness) hooked(result string) float64 {
	return h.metrics()["altavoz_webhooks_total result="+result]
}

func TestWebhookIsAnsweredOnceItIsWritten(t *testing.T) {
	t.Parallel()
	h := setup(t, producer.Config{Keys: keys(t, "crm:secret")}) // Meta shows none
	code, body, header := h.webhook(strings.NewReader(`[1,2]`))
	if code != http.StatusOK || header.Get("Content-Type") != "application/json; charset=utf-8" {
		t.Errorf("%d %s %v; want %v", code, body, header, http.StatusOK)
	}
	golden(t, "webhook", code, body)
	if n := len(h.log.of(schemas.TopicResults)); n != 2 {
		t.Errorf("%d records, want 2", n)
	}
	if code, body, _ := h.webhook(strings.NewReader(`[]`)); code != http.StatusOK { // nothing for us
		t.Errorf("without receipts: %d %s; want %v", code, body, http.StatusOK)
	}
	code, body, header = h.get(producer.PathWebhook + "?hub.mode=subscribe&hub.challenge=%3Cb%3E1158201444&hub.verify_token=token")
	if code != http.StatusOK || body != "<b>1158201444" || header.Get("Content-Type") != "text/plain; charset=utf-8" || header.Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("challenge: %d %q %v; want %v, %q", code, body, header, http.StatusOK, "<b>1158201444")
	}
	code, body, _ = h.get(producer.PathWebhook + "?hub.mode=subscribe&hub.challenge=1&hub.verify_token=guess")
	golden(t, "webhook_token", code, body)
	code, body, header = h.do(http.MethodPost, producer.PathWebhook, strings.NewReader(`[3]`), "X-Hub-Signature-256", "wrong")
	golden(t, "webhook_forged", code, body)
	if header.Get("WWW-Authenticate") != "" {
		t.Errorf("a signature is asked for as %s, want %q", header.Get("WWW-Authenticate"), "")
	}
	code, body, _ = h.webhook(strings.NewReader(`[3`))
	golden(t, "webhook_malformed", code, body)
	code, body, _ = h.webhook(strings.NewReader(`[3]`), "Sec-Fetch-Site", "cross-site", "Origin", "https://example.com")
	golden(t, "webhook_cross_origin", code, body)
	code, body, header = h.webhook(strings.NewReader(strings.Repeat(" ", 3<<20) + strings.Repeat(" ", 64<<10) + `[3]`))
	golden(t, "webhook_too_large", code, body)
	if header.Get("Connection") != "close" {
		t.Error("the rest of a body that is too large is waited for")
	}
	huge := httptest.NewRequestWithContext(t.Context(), http.MethodPost, producer.PathWebhook, strings.NewReader(`[3]`))
	huge.ContentLength = 1 << 50 // it says, and room for it must not be made
	w := httptest.NewRecorder()
	if h.handler.ServeHTTP(w, huge); w.Code != http.StatusRequestEntityTooLarge {
		t.Errorf("a petabyte is announced: %d, want %v", w.Code, http.StatusRequestEntityTooLarge)
	}
	if code, _, _ := h.webhook(onlyReader{strings.NewReader(strings.Repeat(" ", 3<<20+64<<10) + `[3]`)}); code != http.StatusRequestEntityTooLarge {
		t.Errorf("too large, and it did not say so before: %d, want %v", code, http.StatusRequestEntityTooLarge)
	}
	if code, _, _ := h.webhook(strings.NewReader(strings.Repeat(" ", 3_000_000) + `[3]`)); code != http.StatusOK {
		t.Errorf("the largest of Meta's: %d, want %v", code, http.StatusOK)
	}
	if code, _, _ := h.webhook(io.MultiReader(strings.NewReader(`[4`), iotest.ErrReader(errors.New("reset")))); code != http.StatusBadRequest {
		t.Errorf("half a body: %d, want %v", code, http.StatusBadRequest)
	}
	if code, _, _ := h.do(http.MethodPut, producer.PathWebhook, nil); code != http.StatusMethodNotAllowed {
		t.Errorf("PUT: %d, want %v", code, http.StatusMethodNotAllowed)
	}
	if n := len(h.log.of(schemas.TopicResults)); n != 3 {
		t.Errorf("%d records, want 3: something was written of a refusal", n)
	}
	for result, want := range map[string]float64{"accepted": 3, "verified": 1, "refused": 2, "forged": 1, "malformed": 4, "broken": 1, "busy": 0, "unavailable": 0} {
		if n := h.hooked(result); n != want {
			t.Errorf("%v %s, want %v", n, result, want)
		}
	}
}

// onlyReader hides how much there is to read.
type onlyReader struct{ io.Reader }

// An ingress that can't tell Meta from others accepts nothing.
func TestWebhookWithoutASecretIsRefused(t *testing.T) {
	t.Parallel()
	reg := prometheus.NewRegistry()
	v := newView()
	h := &harness{t: t, log: &memoryLog{}, view: v, reg: reg}
	h.handler = producer.New(producer.Config{Registerer: reg}, producer.Ports{Log: h.log, Statuses: &h.view}).Handler()
	code, body, _ := h.webhook(strings.NewReader(`[1]`))
	golden(t, "webhook_closed", code, body)
	if code, _, _ := h.get(producer.PathWebhook + "?hub.mode=subscribe&hub.challenge=1&hub.verify_token=token"); code != http.StatusForbidden {
		t.Errorf("a challenge: %d, want %v", code, http.StatusForbidden)
	}
	if n := h.hooked("refused"); n != 2 || len(h.log.recs) != 0 {
		t.Errorf("%v refused, %d records; want 2, 0", n, len(h.log.recs))
	}
}

// What Kafka has not acknowledged, Meta is to post again: an error, no answer, full buffers. The wait is bounded, and it is
// not the request's.
func TestWebhookIsUnavailableUntilKafkaAcknowledges(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := setup(t, producer.Config{})
		h.log.err = map[stream.Topic]error{schemas.TopicResults: errFull}
		code, body, header := h.webhook(strings.NewReader(`[1]`))
		golden(t, "webhook_unavailable", code, body)
		if header.Get("Retry-After") == "" {
			t.Errorf("header %v", header)
		}
		h.log.err = nil
		h.log.before = func(ctx context.Context) { <-ctx.Done() }
		start := time.Now()
		if code, _, _ := h.webhook(strings.NewReader(`[1]`)); code != http.StatusServiceUnavailable {
			t.Errorf("no acknowledgement: %d, want %v", code, http.StatusServiceUnavailable)
		}
		if took := time.Since(start); took != 5*time.Second {
			t.Errorf("waited %v, want %v", took, 5*time.Second)
		}
		h.log.before = func(ctx context.Context) {
			if ctx.Err() != nil {
				t.Error("a client that hung up ends the wait for Kafka")
			}
		}
		gone, hangUp := context.WithCancel(t.Context())
		hangUp()
		req := httptest.NewRequestWithContext(gone, http.MethodPost, producer.PathWebhook, strings.NewReader(`[7]`))
		req.Header.Set("X-Hub-Signature-256", signature)
		h.handler.ServeHTTP(httptest.NewRecorder(), req)
		if n := len(h.log.of(schemas.TopicResults)); n != 1 {
			t.Errorf("%d records, want 1", n)
		}
		if n := h.hooked("unavailable"); n != 2 {
			t.Errorf("%v unavailable, want 2", n)
		}
	})
}

// The answer comes after the acknowledgement, never before.
func TestWebhookAnswersAfterKafka(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := setup(t, producer.Config{})
		ack := make(chan struct{})
		h.log.before = func(context.Context) { <-ack }
		answered := make(chan int, 1)
		go func() {
			code, _, _ := h.webhook(strings.NewReader(`[1]`))
			answered <- code
		}()
		synctest.Wait()
		select {
		case code := <-answered:
			t.Errorf("%d before Kafka has it", code)
		default:
		}
		close(ack)
		if code := <-answered; code != http.StatusOK {
			t.Errorf("got %v, want %v", code, http.StatusOK)
		}
	})
}

// So many at once and no more: the next is told to come again. Large ones have fewer places, and broadcasts have theirs.
func TestWebhooksBeyondTheSlotsAreRefused(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		body string
		most int
	}{{"any", `[1]`, 256}, {"big", strings.Repeat(" ", 64<<10) + `[1]`, 8}} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				h := setup(t, producer.Config{})
				ack := make(chan struct{})
				h.log.before = func(context.Context) { <-ack }
				codes := make(chan int, c.most)
				for range c.most {
					go func() {
						code, _, _ := h.webhook(strings.NewReader(c.body))
						codes <- code
					}()
				}
				synctest.Wait()
				for _, body := range []io.Reader{strings.NewReader(c.body), onlyReader{strings.NewReader(c.body)}} {
					if code, got, _ := h.webhook(body); code != http.StatusServiceUnavailable {
						t.Errorf("one more: %d %s; want %v", code, got, http.StatusServiceUnavailable)
					}
				}
				if n := h.hooked("busy"); n != 2 {
					t.Errorf("%v busy, want 2", n)
				}
				close(ack)
				for range c.most {
					if code := <-codes; code != http.StatusOK {
						t.Errorf("got %v, want %v", code, http.StatusOK)
					}
				}
				if code, got, _ := h.webhook(strings.NewReader(c.body)); code != http.StatusOK {
					t.Errorf("after they went: %d %s; want %v", code, got, http.StatusOK)
				}
				h.log.before = nil
				if code, got, _ := h.post(one(`,"use_queue":true`)); code != http.StatusAccepted {
					t.Errorf("a broadcast: %d %s; want %v", code, got, http.StatusAccepted)
				}
			})
		})
	}
}

// Who posts forged webhooks by the thousand fills no log: one line a second, which says how many it stands for.
func TestWebhookForgedIsLoggedSeldom(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		h := setup(t, producer.Config{Logger: slog.New(slog.NewTextHandler(&log, nil))})
		for range 3 {
			for range 100 {
				if code, _, _ := h.do(http.MethodPost, producer.PathWebhook, strings.NewReader(`[1]`)); code != http.StatusUnauthorized {
					t.Fatalf("got %v, want %v", code, http.StatusUnauthorized)
				}
			}
			time.Sleep(time.Second)
		}
		if n := strings.Count(log.String(), "not signed"); n != 3 {
			t.Errorf("%d lines:\n%s", n, log.String())
		}
		if n := strings.Count(log.String(), "not_logged=99"); n != 2 {
			t.Errorf("they do not tell what they stand for:\n%s", log.String())
		}
		if n := h.hooked("forged"); n != 300 {
			t.Errorf("%v counted, want 300", n)
		}
	})
}

// What one core takes in: three receipts for each send. Reading them is package whatsapp's, measured there.
func BenchmarkWebhook(b *testing.B) {
	log := &memoryLog{forget: true}
	v := newView()
	h := producer.New(producer.Config{}, producer.Ports{Log: log, Statuses: &v, Webhooks: meta{}}).Handler()
	body := fmt.Sprintf("[%s1]", strings.Repeat(" ", 700)) // one update has some 700 bytes
	b.ReportAllocs()
	for b.Loop() {
		req := httptest.NewRequestWithContext(b.Context(), http.MethodPost, producer.PathWebhook, strings.NewReader(body))
		req.Header.Set("X-Hub-Signature-256", signature)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, req)
		if w.Code != http.StatusOK {
			b.Fatal(w.Code, w.Body.String())
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "receipts/s")
}
