package app

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"altavoz/kafka"
)

// A start that fails half way must leave nothing behind: the same configuration starts once the obstacle is gone.
func TestFailedStartGivesEverythingBack(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	for name, set := range map[string]func(c *Config, addr string){
		"ALTAVOZ_HTTP_ADDR":           func(c *Config, addr string) { c.HTTP.Addr = addr },
		"ALTAVOZ_ADMIN_ADDR":          func(c *Config, addr string) { c.HTTP.AdminAddr = addr },
		"ALTAVOZ_EMBEDDED_KAFKA_ADDR": func(c *Config, addr string) { c.Embedded.KafkaAddr = addr },
		"ALTAVOZ_SIMULATOR_ADDR":      func(c *Config, addr string) { c.Embedded.SimulatorAddr = addr },
	} {
		t.Run(name, func(t *testing.T) {
			cfg := houseConfig(t)
			broken := cfg
			set(&broken, taken.Addr().String())
			a, err := New(broken, Options{})
			if err != nil {
				t.Fatal(err)
			}
			if err := a.Start(t.Context()); err == nil || !strings.Contains(Hint(err), name) {
				t.Fatalf("started on a taken address: %v, hint %q", err, Hint(err))
			}
			startApp(t, cfg)
		})
	}
	if err := taken.Close(); err != nil {
		t.Error(err)
	}
}

func TestStopsAndStartsAreIdempotent(t *testing.T) {
	t.Parallel()
	never, err := New(houseConfig(t), Options{})
	if err != nil {
		t.Fatal(err)
	}
	stopApp(t, never)
	a := startApp(t, houseConfig(t))
	if err := a.Start(t.Context()); err != nil {
		t.Errorf("a second start: %v", err)
	}
	stopApp(t, a)
	stopApp(t, a)
	if err := a.ready(); err == nil {
		t.Error("ready after it was stopped")
	}
}

// A stop does not let those hang who wait for the end of a broadcast: it goes on after the restart, and so they are told.
func TestStopAnswersThoseWhoWait(t *testing.T) {
	t.Parallel()
	sim := startTestSimulator(t)
	post(t, sim.url()+"/_simulator/faults", "latency=3s")
	cfg := houseConfig(t)
	cfg.WhatsApp.BaseURL, cfg.WhatsApp.PhoneNumberID, cfg.WhatsApp.AccessToken = sim.url(), simulatedNumber, simulatedToken
	a := startApp(t, cfg)
	h := &house{api: a.URL(), simulator: sim.url()}
	type reply struct {
		code int
		body string
		took time.Duration
	}
	replies := make(chan reply, 1)
	began := time.Now()
	go func() {
		code, body := h.post(t, `{"phones":["573001234577"],"body_text":"b"}`)
		replies <- reply{code, body, time.Since(began)}
	}()
	for !strings.Contains(h.metrics(t), `altavoz_http_slots_in_use{slot="answer"} 1`) {
		if time.Since(began) > settleTime {
			t.Fatal("nobody waits for an answer")
		}
		time.Sleep(10 * time.Millisecond)
	}
	stopApp(t, a)
	r := <-replies
	if r.code != http.StatusAccepted || !strings.Contains(r.body, "task_id") {
		t.Errorf("after %v: %d %s", r.took, r.code, r.body)
	}
	again := startApp(t, cfg)
	h.api = again.URL()
	task := r.body[strings.Index(r.body, `"task_id":"`)+11:][:36]
	if s := h.finished(t, task); s.Result.Total != 1 || s.Result.Successful != 1 {
		t.Errorf("the drain cut the call off: %+v", s)
	}
}

func (h *house) metrics(t *testing.T) string {
	t.Helper()
	_, body := h.get(t, h.api+"/metrics")
	return body
}

func post(t *testing.T, url, body string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if code, text := new(house).do(t, req); code >= http.StatusBadRequest {
		t.Fatalf("%s: %d %s", url, code, text)
	}
}

// Two processes under one instance id would take each other's partitions for ever; one of them must say so and go.
func TestTwinEndsWithAReason(t *testing.T) {
	t.Parallel()
	cfg := houseConfig(t)
	cfg.Process.InstanceID = "one"
	first, err := New(cfg, Options{Logger: testLogger(t)})
	if err != nil {
		t.Fatal(err)
	}
	start := func(a *App) {
		t.Helper()
		if err := a.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), StopTimeout)
			defer cancel()
			_ = a.Stop(ctx) // the one that was fenced can't leave in good order
		})
	}
	start(first)
	twin := houseConfig(t)
	twin.Process.InstanceID, twin.Kafka.Brokers = "one", first.Brokers()
	second, err := New(twin, Options{Logger: testLogger(t)})
	if err != nil {
		t.Fatal(err)
	}
	start(second)
	select {
	case err = <-first.Failed():
	case err = <-second.Failed():
	case <-time.After(settleTime):
		t.Fatal("both go on")
	}
	if !errors.Is(err, kafka.ErrTwin) {
		t.Errorf("ended with %v", err)
	}
}

func TestAdminAddressTakesTheMetrics(t *testing.T) {
	t.Parallel()
	cfg := houseConfig(t)
	cfg.HTTP.AdminAddr = "127.0.0.1:0"
	cfg.Process.Roles = Roles{RoleSender, RoleAggregator}
	a := startApp(t, cfg)
	h := &house{}
	admin := "http://" + a.web.listeners[1].Addr().String()
	for url, want := range map[string]int{
		a.URL() + "/metrics": http.StatusNotFound, a.URL() + "/healthz": http.StatusOK, a.URL() + "/readyz": http.StatusOK,
		a.URL() + statusPath + "x": http.StatusNotFound,
		admin + "/metrics":         http.StatusOK, admin + "/healthz": http.StatusOK, admin + "/readyz": http.StatusOK, admin + "/": http.StatusNotFound,
	} {
		if code, body := h.get(t, url); code != want {
			t.Errorf("%s: %d %.100s", url, code, body)
		}
	}
	if _, body := h.get(t, admin+"/metrics"); !strings.Contains(body, "altavoz_tasks_open") || !strings.Contains(body, "go_goroutines") {
		t.Errorf("the metrics lack something: %.200s", body)
	}
}

// No token and no message text may be seen in what a process logs, and no phone whole.
func TestThreatS15LogsKeepSecrets(t *testing.T) {
	t.Parallel()
	var log lockedBuffer
	cfg := houseConfig(t)
	cfg.Process.LogLevel = -4
	cfg.HTTP.APIKeys = "crm:key-canary"
	a, err := New(cfg, Options{Logger: NewLogger(cfg.Process, &log, false)})
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	h := &house{api: a.URL(), simulator: a.SimulatorURL()}
	body := fmt.Sprintf(`{"phones":["573009876577","573999870030","phone-canary"],"body_text":"body-canary","header_type":"image",`+
		`"header_content":"data:image/png;base64,%s","button_url":"https://example.com/button-canary","footer_text":"footer-canary"}`, onePixel)
	code, answer := h.post(t, body, "Authorization", "Bearer key-canary")
	if code != http.StatusOK || !strings.Contains(answer, `"successful":1`) {
		t.Fatalf("%d %s", code, answer)
	}
	h.post(t, body, "Authorization", "Bearer wrong-key-canary")
	stopApp(t, a)
	text := log.String()
	if !strings.Contains(text, "0030") || !strings.Contains(text, "broadcast finished") {
		t.Errorf("the log says too little:\n%s", text)
	}
	for _, secret := range []string{"canary", simulatedToken + `"`, "573009876577", "573999870030", onePixel} {
		if i := strings.Index(text, secret); i >= 0 {
			t.Errorf("the log shows %q: ...%s...", secret, text[max(0, i-200):min(len(text), i+100)])
		}
	}
}
