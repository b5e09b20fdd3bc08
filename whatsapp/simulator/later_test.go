package simulator_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"altavoz/internal/testio"
	"altavoz/whatsapp/simulator"
	"altavoz/whatsapp/simulator/ledger"
	"altavoz/whatsapp/simulator/users"
)

// business is who sends messages and gets webhooks, without a network: each dial is a connection of its own to its server.
type business struct {
	mu   sync.Mutex
	told []string // "callback status code", as they came
	raw  []string
}

func (b *business) ServeHTTP(_ http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	var envelope struct {
		Entry []struct {
			Changes []struct {
				Value struct {
					Statuses []struct {
						Callback string `json:"biz_opaque_callback_data"`
						Status   string `json:"status"`
						Errors   []struct {
							Code int `json:"code"`
						} `json:"errors"`
					} `json:"statuses"`
				} `json:"value"`
			} `json:"changes"`
		} `json:"entry"`
	}
	_ = json.Unmarshal(body, &envelope)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.raw = append(b.raw, string(body))
	for _, e := range envelope.Entry {
		for _, c := range e.Changes {
			for _, s := range c.Value.Statuses {
				word := s.Callback + " " + s.Status
				if len(s.Errors) > 0 {
					word += fmt.Sprint(" ", s.Errors[0].Code)
				}
				b.told = append(b.told, word)
			}
		}
	}
}

func (b *business) heard() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return strings.Join(b.told, ", ")
}

// bodies returns what came, as it came.
func (b *business) bodies() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]string(nil), b.raw...)
}

// hooked returns a simulator that sends webhooks to a business, until the test ends.
func hooked(t *testing.T, cfg simulator.Config) (*simulator.Simulator, *business) {
	t.Helper()
	b := &business{}
	l := testio.NewPipes()
	cfg.Webhooks.URL, cfg.Webhooks.Dial = "http://business.test/", l.Dial
	s := simulator.New(cfg)
	srv := &http.Server{Handler: b}
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { srv.Serve(l) })
	running.Go(func() { s.SendWebhooks(ctx) })
	t.Cleanup(func() {
		cancel()
		srv.Close()
		running.Wait()
	})
	return s, b
}

func send(s *simulator.Simulator, replace ...string) *httptest.ResponseRecorder {
	return call(s, http.MethodPost, "/v25.0/"+number+"/messages", message(replace...))
}

// TestMessageIsSentDeliveredAndRead: a message is sent, delivered and read, and the ledger knows how far it got.
func TestMessageIsSentDeliveredAndRead(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, b := hooked(t, simulator.Config{Faults: "read=100%"})
		if w := send(s); w.Code != http.StatusOK {
			t.Fatalf("got %s, want it accepted", w.Body)
		}
		if s.Summary().Webhooks.Pending != 3 || s.Ledger("")[0].Status != ledger.Accepted {
			t.Errorf("got %+v, want Pending 3", s.Summary().Webhooks)
		}
		time.Sleep(5 * time.Second)
		if got := b.heard(); got != "c1 sent, c1 delivered, c1 read" {
			t.Errorf("got %q, want %q", got, "c1 sent, c1 delivered, c1 read")
		}
		if diff := cmp.Diff(ledger.Webhooks{Sent: 1, Delivered: 1, Read: 1, Posts: 3}, s.Summary().Webhooks); diff != "" {
			t.Error(diff)
		}
		if w := call(s, http.MethodGet, "/_simulator/ledger", ""); !strings.Contains(w.Body.String(), `"answered":true,"status":"read"}`) {
			t.Errorf("got %s, want an answered message with status read", w.Body)
		}
		if w := call(s, http.MethodGet, "/_simulator/summary", ""); !strings.Contains(w.Body.String(), `"webhooks":{"sent":1,"delivered":1,"read":1,`) {
			t.Errorf("got %s, want 1 sent, 1 delivered, 1 read", w.Body)
		}
		s.SetFaults("read=100% webhook_drop=100%")
		send(s, "c1", "silent")
		if h := s.Summary().Webhooks; h.Dropped != 3 || h.Pending != 0 {
			t.Errorf("got %+v, want Dropped 3, Pending 0", h)
		}
		for name, effect := range map[string]string{"lost": "drop_after=100%", "half": "truncate=100%"} {
			s.SetFaults(effect)
			func() {
				defer func() { _ = recover() }() // how a connection is broken
				send(s, "c1", name)
			}()
			time.Sleep(5 * time.Second)
			if got := b.heard(); !strings.Contains(got, name+" sent, "+name+" delivered") {
				t.Errorf("got %s, want %q in it", got, name+" sent, "+name+" delivered")
			}
		}
	})
}

// TestLateEndingsComeByWebhook: what Meta says later is said later where there are webhooks, and the rest at once as ever.
func TestLateEndingsComeByWebhook(t *testing.T) {
	t.Parallel()
	codes := map[string]int{"0026": 131026, "0047": 131047, "0049": 131049, "0050": 131050, "0072": 130472, "0053": 131053}
	synctest.Test(t, func(t *testing.T) {
		s, b := hooked(t, simulator.Config{})
		none := simulator.New(simulator.Config{})
		for ending, code := range codes {
			if w := send(s, "573001234567", "57399123"+ending, "c1", ending); w.Code != http.StatusOK {
				t.Errorf("%s: %d %s; want %v", ending, w.Code, w.Body, http.StatusOK)
			}
			if w := send(none, "573001234567", "57399123"+ending); w.Code != http.StatusBadRequest || !strings.Contains(w.Body.String(), fmt.Sprintf(`"code":%d,`, code)) {
				t.Errorf("%s without webhooks: %d %s; want %v", ending, w.Code, w.Body, http.StatusBadRequest)
			}
		}
		for _, ending := range []string{"0030", "0021", "0100"} {
			if w := send(s, "573001234567", "57399123"+ending); w.Code != http.StatusBadRequest {
				t.Errorf("%s: %d %s; want %v", ending, w.Code, w.Body, http.StatusBadRequest)
			}
		}
		time.Sleep(5 * time.Second)
		got := b.heard()
		for ending, code := range codes {
			if !strings.Contains(got, fmt.Sprintf("%s failed %d", ending, code)) || strings.Contains(got, ending+" sent") {
				t.Errorf("%s: %s; want no %q in it", ending, got, ending+" sent")
			}
			if r := s.Ledger("57399123" + ending); len(r) != 1 || r[0].Status != ledger.Failed || r[0].Code != code {
				t.Errorf("%s: %+v; want 1 of them", ending, r)
			}
		}
		if h := s.Summary().Webhooks; h.Failed != len(codes) || h.Pending != 0 {
			t.Errorf("got %+v, want Failed %v, Pending 0", h, len(codes))
		}
	})
}

// TestLateFaultsComeAtOnceWithoutWebhooks: a rule has messages fail later; without webhooks, at once.
func TestLateFaultsComeAtOnceWithoutWebhooks(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const rules = "late_131049=100%"
		s, b := hooked(t, simulator.Config{Faults: rules})
		send(s)
		time.Sleep(5 * time.Second)
		if got := b.heard(); got != "c1 sent, c1 failed 131049" {
			t.Errorf("got %q, want %q", got, "c1 sent, c1 failed 131049")
		}
		if w := send(simulator.New(simulator.Config{Faults: rules})); w.Code != http.StatusBadRequest || !strings.Contains(w.Body.String(), `"code":131049`) {
			t.Errorf("got %s, want 400 with code 131049", w.Body)
		}
	})
}

// TestWindowOf24Hours: what is no answer fails later, unless its category needs no window.
func TestWindowOf24Hours(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, b := hooked(t, simulator.Config{Faults: "window read=0%", DirectSend: true, Numbers: []simulator.Number{{ID: number, Token: "t"}}})
		sends := func(callback, want string, replace ...string) {
			t.Helper()
			if w := send(s, append(replace, "c1", callback)...); w.Code != http.StatusOK {
				t.Fatalf("got %s, want it accepted", w.Body)
			}
			time.Sleep(3 * time.Second)
			if got := b.heard(); !strings.HasSuffix(got, callback+" "+want) {
				t.Errorf("%s: %s; want %q at its end", callback, got, callback+" "+want)
			}
		}
		inbound := func(body string) int { return call(s, http.MethodPost, "/_simulator/inbound", body).Code }
		sends("closed", "failed 131047")
		sends("utility", "delivered", `"type":"interactive"`, `"category":"utility","type":"interactive"`)
		sends("service", "failed 131047", `"type":"interactive"`, `"category":"service","type":"interactive"`)
		if code := inbound(`{"from":"+573001234567","text":"¿Sí? 🎉"}`); code != http.StatusNoContent {
			t.Fatalf("got %v, want %v", code, http.StatusNoContent)
		}
		sends("open", "delivered")
		if last := b.bodies()[len(b.bodies())-3]; !strings.Contains(last, `"from":"573001234567"`) || !strings.Contains(last, `{"body":"\u00bfS\u00ed? \ud83c\udf89"}`) ||
			!strings.Contains(last, `"phone_number_id":"`+number+`"`) {
			t.Errorf("got %s, want %q in it, %q in it, %q in it", last, `"from":"573001234567"`, `{"body":"\u00bfS\u00ed? \ud83c\udf89"}`, `"phone_number_id":"`+number+`"`)
		}
		if code := inbound(`{"from":"573001234569","number":"9","text":"to another number"}`); code != http.StatusNoContent {
			t.Errorf("%d; want it taken", code)
		}
		sends("open by user id", "delivered", `"to":"+573001234567"`, `"recipient":"`+users.ID("573001234567")+`"`)
		sends("closed by user id", "failed 131047", `"to":"+573001234567"`, `"recipient":"`+users.ID("573001234568")+`"`)
		sends("not this number's", "failed 131047", "+573001234567", "+573001234569")
		sends("another", "failed 131047", "+573001234567", "+573001234568")
		time.Sleep(24*time.Hour - 40*time.Second)
		sends("late", "delivered")
		if code := inbound(`{"from":"573001234567","preference":"stop"}`); code != http.StatusNoContent {
			t.Errorf("stop: %d", code)
		}
		time.Sleep(3 * time.Second)
		if got := b.bodies()[len(b.bodies())-1]; !strings.Contains(got, `"category":"marketing_messages"`) || !strings.Contains(got, `"value":"stop"`) || !strings.Contains(got, `"wa_id":"573001234567"`) {
			t.Errorf("got %s; want that the preference is told", got)
		}
		sends("stopped", "failed 131050")
		sends("stopped, utility", "delivered", `"type":"interactive"`, `"category":"utility","type":"interactive"`)
		if code := inbound(`{"from":"573001234567","preference":"resume"}`); code != http.StatusNoContent {
			t.Errorf("resume: %d", code)
		}
		time.Sleep(3 * time.Second)
		sends("resumed", "delivered")
		time.Sleep(40 * time.Second)
		sends("too late", "failed 131047")
		for _, bad := range []string{"", "{}", `{"from":"Ana"}`, `{"from":"573001234567","number":"x"}`, `{"from":"573001234567","preference":"never"}`} {
			if code := inbound(bad); code != http.StatusBadRequest {
				t.Errorf("%s: %d; want %v", bad, code, http.StatusBadRequest)
			}
		}
		if code := inbound(`{"from":"CO.Ab12","text":"BAJA"}`); code != http.StatusNoContent {
			t.Errorf("got %v, want %v", code, http.StatusNoContent)
		}
		sends("user", "delivered", `"to":"+573001234567"`, `"recipient":"CO.Ab12"`)
	})
	s := simulator.New(simulator.Config{Faults: "window"})
	if w := send(s); w.Code != http.StatusBadRequest || !strings.Contains(w.Body.String(), `"code":131047`) {
		t.Errorf("without webhooks: %s", w.Body)
	}
	call(s, http.MethodPost, "/_simulator/inbound", `{"from":"573001234567"}`)
	if w := send(s); w.Code != http.StatusOK {
		t.Errorf("without webhooks, open: %s", w.Body)
	}
}

// TestUserIDsAreAnsweredAsMetaDoes: without a phone, and messages of logins are for phones alone.
func TestUserIDsAreAnsweredAsMetaDoes(t *testing.T) {
	t.Parallel()
	s := simulator.New(simulator.Config{DirectSend: true})
	id := users.ID("573001234567")
	to := []string{`"to":"+573001234567"`, `"recipient":"` + id + `"`}
	if w := send(s, to...); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), `"contacts":[{"input":"`+id+`","user_id":"`+id+`"}]`) {
		t.Errorf("%s; want the user id and no phone", w.Body)
	}
	if w := send(s, append(to, `"type":"interactive"`, `"category":"authentication","type":"interactive"`)...); w.Code != http.StatusBadRequest || !strings.Contains(w.Body.String(), `"code":131062`) {
		t.Errorf("%s; want 131062", w.Body)
	}
	both := []string{`"to":"+573001234567"`, `"to":"+573001234567","recipient":"` + users.ID("573001234568") + `"`}
	if w := send(s, both...); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), `"wa_id":"573001234567"`) {
		t.Errorf("%s; want the phone, which wins", w.Body)
	}
}

// TestRawWebhookIsPostedAsItIs: anything can be told.
func TestRawWebhookIsPostedAsItIs(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, b := hooked(t, simulator.Config{})
		const body = `{"entry":[{"changes":[{"field":"account_update"}]}] no JSON`
		if w := call(s, http.MethodPost, "/_simulator/webhook", body); w.Code != http.StatusNoContent {
			t.Errorf("%d %s; want %v", w.Code, w.Body, http.StatusNoContent)
		}
		time.Sleep(time.Second)
		if got := b.bodies()[0]; got != body || s.Summary().Webhooks.Others != 1 {
			t.Errorf("got %s, want %v", got, body)
		}
		if w := call(s, http.MethodPost, "/_simulator/webhook", strings.Repeat(" ", 3_000_001)); w.Code != http.StatusBadRequest {
			t.Errorf("%d %s; want %v", w.Code, w.Body, http.StatusBadRequest)
		}
		for range 33 {
			call(s, http.MethodPost, "/_simulator/webhook", body)
		}
		if w := call(s, http.MethodPost, "/_simulator/webhook", body); w.Code != http.StatusTooManyRequests {
			t.Errorf("%d %s; want %v", w.Code, w.Body, http.StatusTooManyRequests)
		}
	})
	if w := call(simulator.New(simulator.Config{}), http.MethodPost, "/_simulator/webhook", "{}"); w.Code != http.StatusConflict {
		t.Errorf("%d %s; want %v", w.Code, w.Body, http.StatusConflict)
	}
}

// TestBeforeTheAnswer: an early status has been posted when the answer comes; of a receiver that hangs nobody waits for ever.
func TestBeforeTheAnswer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, b := hooked(t, simulator.Config{Faults: "webhook_early=100%"})
		for i := range 10 {
			name := fmt.Sprint("m", i)
			send(s, "c1", name)
			if got := b.heard(); !strings.Contains(got, name+" sent") {
				t.Errorf("%s: %s; want %q in it", name, got, name+" sent")
			}
		}
		hung := simulator.New(simulator.Config{Faults: "webhook_early=100%", Webhooks: simulator.Webhooks{URL: "http://nobody.test"}})
		began := time.Now()
		if w := send(hung); w.Code != http.StatusOK || time.Since(began) != 2*time.Second {
			t.Errorf("%d after %v; want %v, %v", w.Code, time.Since(began), http.StatusOK, 2*time.Second)
		}
	})
}

// TestNothingRunsAfterTheEndOfServe: with the end of Serve nothing runs any more (else the bubble would not end), and what was pending is dropped.
func TestNothingRunsAfterTheEndOfServe(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		nowhere := func(ctx context.Context, _, _ string) (net.Conn, error) { <-ctx.Done(); return nil, ctx.Err() }
		s := simulator.New(simulator.Config{Faults: "read=100%", Webhooks: simulator.Webhooks{URL: "http://nobody.test", Dial: nowhere}})
		l := testio.NewPipes()
		ctx, cancel := context.WithCancel(t.Context())
		served := make(chan error, 1)
		go func() { served <- s.Serve(ctx, l) }()
		send(s)
		time.Sleep(time.Second)
		cancel()
		if err := <-served; err != nil {
			t.Error(err)
		}
		if h := s.Summary().Webhooks; h.Dropped != 3 || h.Pending != 0 {
			t.Errorf("got %+v, want Dropped 3, Pending 0", h)
		}
	})
}

// TestPhonesTap: what was sent to them, and nothing else; the webhook is Meta's.
func TestPhonesTap(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, b := hooked(t, simulator.Config{Numbers: []simulator.Number{{ID: number, Token: "t"}}})
		place := strings.NewReplacer(`"header":`+header+`,`, "", `,"footer":{"text":"pie"}`, "").Replace(shaped("location_request_message", `{"name":"send_location"}`))
		for _, body := range []string{
			shaped("button", `{"buttons":[`+replies(2)+`]}`), place, message(), shaped("list", `{"button":"Ver","sections":[{"rows":[{"id":"9am","title":"9:00","description":"Ñuñoa"}]}]}`),
		} {
			if w := call(s, http.MethodPost, "/v25.0/"+number+"/messages", body); w.Code != http.StatusOK {
				t.Fatalf("%d %s", w.Code, w.Body)
			}
		}
		time.Sleep(time.Minute)
		all, before := s.Ledger(""), len(b.bodies())
		for _, tt := range []struct{ tap, of, says string }{
			{`{"from":"+573001234567","id":"1"}`, all[0].WAMID, `"interactive":{"button_reply":{"id":"1","title":"t1"},"type":"button_reply"}`},
			{`{"from":"573001234567","id":"9am"}`, all[3].WAMID, `"list_reply":{"description":"\u00d1u\u00f1oa","id":"9am","title":"9:00"}`},
			{`{"from":"573001234567","latitude":4.5,"longitude":-74.25}`, all[1].WAMID, `"location":{"latitude":4.5,"longitude":-74.25}`},
			{`{"from":"573001234567","wamid":"` + all[2].WAMID + `","payload":"p","text":"Si"}`, all[2].WAMID, `"button":{"payload":"p","text":"Si"}`},
		} {
			if w := call(s, http.MethodPost, "/_simulator/tap", tt.tap); w.Code != http.StatusNoContent {
				t.Fatalf("%s: %d %s", tt.tap, w.Code, w.Body)
			}
			time.Sleep(time.Second)
			got := b.bodies()[before:]
			if before += len(got); len(got) != 1 || !strings.Contains(got[0], tt.says) || !strings.Contains(got[0], `"context":{"from":`) || !strings.Contains(got[0], tt.of) {
				t.Errorf("%s: %s, want %s of %s", tt.tap, got, tt.says, tt.of)
			}
		}
		for _, tap := range []string{`{"from":"573001234567","id":"2"}`, `{"from":"573001234568","id":"1"}`, `{"from":"573001234567"}`, `{"from":"573001234567","wamid":"x","text":"Si"}`, `{"from":"573001234567","latitude":1}`} {
			if w := call(s, http.MethodPost, "/_simulator/tap", tap); w.Code != http.StatusNotFound {
				t.Errorf("%s: %d %s", tap, w.Code, w.Body)
			}
		}
		if w := call(s, http.MethodPost, "/_simulator/tap", "x"); w.Code != http.StatusBadRequest {
			t.Errorf("no JSON: %d", w.Code)
		}
	})
}

// TestPhonesAnswerByThemselves: as often as the rules say, with something of the message that they got, and only if they got it.
func TestPhonesAnswerByThemselves(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, b := hooked(t, simulator.Config{Numbers: []simulator.Number{{ID: number, Token: "t"}}, Faults: "taps=100% stops=100% webhook_drop=100%"})
		place := strings.NewReplacer(`"header":`+header+`,`, "", `,"footer":{"text":"pie"}`, "").Replace(shaped("location_request_message", `{"name":"send_location"}`))
		template := `{"messaging_product":"whatsapp","to":"+573001234567","type":"template","template":{"name":"aviso_corte","language":{"code":"es_CO"},"components":[` +
			`{"type":"header","parameters":[{"type":"text","parameter_name":"nombre","text":"Ana"}]},{"type":"body","parameters":[{"type":"text","parameter_name":"fecha","text":"lunes"},` +
			`{"type":"text","parameter_name":"barrio","text":"Laureles"}]},{"type":"button","sub_type":"url","index":"0","parameters":[{"type":"text","text":"7"}]}]}}`
		for _, tt := range []struct{ body, says string }{
			{shaped("button", `{"buttons":[`+replies(1)+`]}`), `"button_reply":{"id":"0","title":"t0"}`},
			{shaped("list", `{"button":"Ver","sections":[{"rows":[{"id":"9am","title":"9:00"}]}]}`), `"list_reply":{"id":"9am","title":"9:00"}`},
			{place, `"location":{"latitude":4.65,"longitude":-74.05}`},
			{template, `"button":{"payload":"Entendido","text":"Entendido"}`},
			{message(), ""},
		} {
			before := len(b.bodies())
			if w := call(s, http.MethodPost, "/v25.0/"+number+"/messages", tt.body); w.Code != http.StatusOK {
				t.Fatalf("%d %s", w.Code, w.Body)
			}
			time.Sleep(time.Minute)
			got := strings.Join(b.bodies()[before:], "\n")
			if !strings.Contains(got, tt.says) || strings.Count(got, `"body":"STOP"`) != 1 || strings.Count(got, `"context"`) != min(len(tt.says), 1) {
				t.Errorf("%s; want %q and STOP", got, tt.says)
			}
		}
		before := len(b.bodies())
		if err := s.SetFaults("taps=100% stops=100% late_131026=100% webhook_drop=100%"); err != nil {
			t.Fatal(err)
		}
		call(s, http.MethodPost, "/v25.0/"+number+"/messages", message())
		time.Sleep(time.Minute)
		if got := b.bodies()[before:]; len(got) > 0 {
			t.Errorf("who got nothing says %s", got)
		}
		if h := s.Summary().Webhooks; h.Pending != 0 {
			t.Errorf("%+v; want none pending", h)
		}
	})
}
