package e2e

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"altavoz/app"
	"altavoz/internal/testio"
	"altavoz/kafka/group"
	"altavoz/test/harness"
)

// A start that fails half way must leave nothing behind: the same configuration starts once the obstacle is gone.
func TestFailedStartGivesEverythingBack(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	for name, set := range map[string]func(c *app.Config, addr string){
		"ALTAVOZ_HTTP_ADDR":           func(c *app.Config, addr string) { c.HTTP.Addr = addr },
		"ALTAVOZ_ADMIN_ADDR":          func(c *app.Config, addr string) { c.HTTP.AdminAddr = addr },
		"ALTAVOZ_EMBEDDED_KAFKA_ADDR": func(c *app.Config, addr string) { c.Embedded.KafkaAddr = addr },
		"ALTAVOZ_SIMULATOR_ADDR":      func(c *app.Config, addr string) { c.Embedded.SimulatorAddr = addr },
	} {
		t.Run(name, func(t *testing.T) {
			cfg := harness.Config(t)
			broken := cfg
			set(&broken, taken.Addr().String())
			a, err := app.New(broken, app.Options{})
			if err != nil {
				t.Fatal(err)
			}
			if err := a.Start(t.Context()); err == nil || !strings.Contains(app.Hint(err), name) {
				t.Fatalf("started on a taken address: %v, hint %q; want an error, %q in it", err, app.Hint(err), name)
			}
			harness.Start(t, cfg)
		})
	}
	if err := taken.Close(); err != nil {
		t.Error(err)
	}
}

func TestStopsAndStartsAreIdempotent(t *testing.T) {
	t.Parallel()
	never, err := app.New(harness.Config(t), app.Options{})
	if err != nil {
		t.Fatal(err)
	}
	harness.Stop(t, never)
	a := harness.Start(t, harness.Config(t))
	if err := a.Start(t.Context()); err != nil {
		t.Errorf("a second start: %v", err)
	}
	harness.Stop(t, a)
	harness.Stop(t, a)
	if err := a.AwaitReady(t.Context()); err == nil {
		t.Error("ready after it was stopped")
	}
}

// A stop does not let those hang who wait for the end of a broadcast: it goes on after the restart, and so they are told.
func TestStopAnswersThoseWhoWait(t *testing.T) {
	t.Parallel()
	sim := harness.StartSimulator(t)
	post(t, sim.URL()+"/_simulator/faults", "latency=3s")
	cfg := harness.ConfigOf(t, sim.URL())
	a := harness.Start(t, cfg)
	h := &deployment{API: harness.API{URL: a.URL()}, simulator: sim.URL()}
	type reply struct {
		code int
		body string
		took time.Duration
	}
	replies := make(chan reply, 1)
	began := time.Now()
	go func() {
		code, body := h.Post(t, `{"phones":["573001234577"],"body_text":"b"}`)
		replies <- reply{code, body, time.Since(began)}
	}()
	for !strings.Contains(h.Metrics(t), `altavoz_http_slots_in_use{slot="answer"} 1`) {
		if time.Since(began) > harness.SettleTime {
			t.Fatal("nobody waits for an answer")
		}
		time.Sleep(10 * time.Millisecond)
	}
	harness.Stop(t, a)
	r := <-replies
	if r.code != http.StatusAccepted || !strings.Contains(r.body, "task_id") {
		t.Errorf("after %v: %d %s; want %v, %q in it", r.took, r.code, r.body, http.StatusAccepted, "task_id")
	}
	again := harness.Start(t, cfg)
	h.URL = again.URL()
	task := r.body[strings.Index(r.body, `"task_id":"`)+11:][:36]
	if s := h.Finished(t, task); s.Result.Total != 1 || s.Result.Successful != 1 {
		t.Errorf("the drain cut the call off: %+v", s)
	}
}

func post(t *testing.T, url, body string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if code, text := new(harness.API).Do(t, req); code >= http.StatusBadRequest {
		t.Fatalf("%s: %d %s; want less than %v", url, code, text, http.StatusBadRequest)
	}
}

// Two processes under one instance id would take each other's partitions for ever; one of them must say so and go.
func TestSecondProcessOfAnInstanceIDEndsWithAReason(t *testing.T) {
	t.Parallel()
	cfg := harness.Config(t)
	cfg.Process.InstanceID = "one"
	first, err := app.New(cfg, app.Options{Logger: harness.Logger(t)})
	if err != nil {
		t.Fatal(err)
	}
	start := func(a *app.App) {
		t.Helper()
		if err := a.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), app.StopTimeout)
			defer cancel()
			_ = a.Stop(ctx) // the one that was fenced can't leave in good order
		})
	}
	start(first)
	other := harness.Config(t)
	other.Process.InstanceID, other.Kafka.Brokers = "one", first.Brokers()
	second, err := app.New(other, app.Options{Logger: harness.Logger(t)})
	if err != nil {
		t.Fatal(err)
	}
	start(second)
	select {
	case err = <-first.Failed():
	case err = <-second.Failed():
	case <-time.After(harness.SettleTime):
		t.Fatal("both go on")
	}
	if !errors.Is(err, group.ErrInstanceIDInUse) {
		t.Errorf("ended with %v, want %v", err, group.ErrInstanceIDInUse)
	}
}

func TestAdminAddressTakesTheMetrics(t *testing.T) {
	t.Parallel()
	cfg := harness.Config(t)
	cfg.HTTP.AdminAddr = "127.0.0.1:0"
	cfg.Process.Roles = app.Roles{app.RoleSender, app.RoleAggregator}
	var at harness.Listeners
	a := harness.StartOn(t, cfg, app.Network{Listen: at.Listen})
	h, admin := &harness.API{}, at.URL(1)
	for url, want := range map[string]int{
		a.URL() + "/metrics": http.StatusNotFound, a.URL() + "/healthz": http.StatusOK, a.URL() + "/readyz": http.StatusOK,
		a.URL() + harness.StatusPath + "x": http.StatusNotFound,
		admin + "/metrics":                 http.StatusOK, admin + "/healthz": http.StatusOK, admin + "/readyz": http.StatusOK, admin + "/": http.StatusNotFound,
	} {
		if code, body := h.Get(t, url); code != want {
			t.Errorf("%s: %d %.100s; want %v", url, code, body, want)
		}
	}
	if _, body := h.Get(t, admin+"/metrics"); !strings.Contains(body, "altavoz_tasks_open") || !strings.Contains(body, "go_goroutines") {
		t.Errorf("the metrics lack something: %.200s, want %q in it, %q in it", body, "altavoz_tasks_open", "go_goroutines")
	}
}

// No token and no message text may be seen in what a process logs, and no phone whole.
func TestThreatS15LogsKeepSecrets(t *testing.T) {
	t.Parallel()
	var log testio.Buffer
	sim := harness.StartSimulatorWith(t, "token-canary")
	cfg := harness.ConfigOf(t, sim.URL())
	cfg.WhatsApp.AccessToken = "token-canary"
	cfg.Process.LogLevel = -4
	cfg.HTTP.APIKeys = "crm:key-canary"
	a, err := app.New(cfg, app.Options{Logger: app.NewLogger(cfg.Process, &log, false)})
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	h := &deployment{API: harness.API{URL: a.URL()}, simulator: sim.URL()}
	body := fmt.Sprintf(`{"phones":["573009876577","573999870030","phone-canary"],"body_text":"body-canary","header_type":"image",`+
		`"header_content":"data:image/png;base64,%s","button_url":"https://example.com/button-canary","footer_text":"footer-canary"}`, harness.OnePixel)
	code, answer := h.Post(t, body, "Authorization", "Bearer key-canary")
	if code != http.StatusOK || !strings.Contains(answer, `"successful":1`) {
		t.Fatalf("%d %s; want %v, %q in it", code, answer, http.StatusOK, `"successful":1`)
	}
	h.Post(t, body, "Authorization", "Bearer wrong-key-canary")
	harness.Stop(t, a)
	text := log.String()
	if !strings.Contains(text, "0030") || !strings.Contains(text, "broadcast finished") {
		t.Errorf("the log says too little:\n%s", text)
	}
	for _, secret := range []string{"canary", "573009876577", "573999870030", harness.OnePixel} {
		if i := strings.Index(text, secret); i >= 0 {
			t.Errorf("the log shows %q: ...%s...", secret, text[max(0, i-200):min(len(text), i+100)])
		}
	}
}
