package app

import (
	"context"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"altavoz/app/embedded"
	"altavoz/kafka"
	"altavoz/schemas"
	"altavoz/stream"
	"altavoz/whatsapp/simulator"
)

// houseConfig is a whole house on free loopback ports, with a folder of its own and without the number's rate limit.
func houseConfig(t testing.TB) Config {
	t.Helper()
	const free = "127.0.0.1:0"
	cfg := Default()
	cfg.HTTP.Addr = free
	cfg.Embedded = EmbeddedConfig{DataDir: t.TempDir(), KafkaAddr: free, SimulatorAddr: free}
	cfg.WhatsApp.Rate = 0
	return cfg
}

// startApp starts a process that the test's end stops, and waits until it is ready.
func startApp(t testing.TB, cfg Config) *App {
	t.Helper()
	a, err := New(cfg, Options{Logger: testLogger(t)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stopApp(t, a) })
	ctx, cancel := context.WithTimeout(t.Context(), settleTime)
	defer cancel()
	if err := a.Start(ctx); err != nil {
		t.Fatal(err)
	}
	if err := a.AwaitReady(ctx); err != nil {
		t.Fatal(err)
	}
	return a
}

// stopApp stops a process in good order; stopping it again does nothing.
func stopApp(t testing.TB, a *App) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), StopTimeout)
	defer cancel()
	if err := a.Stop(ctx); err != nil {
		t.Error(err)
	}
	select {
	case err := <-a.Failed():
		t.Error(err)
	default:
	}
}

// testLogger keeps warnings and errors for a test that fails.
func testLogger(t testing.TB) *slog.Logger {
	t.Helper()
	w := &testWriter{t: t}
	t.Cleanup(w.end)
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: slog.LevelWarn}))
}

type testWriter struct {
	mu   sync.Mutex
	t    testing.TB
	over bool // a test must not be logged to after its end
}

func (w *testWriter) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.over {
		w.t.Logf("%s", b)
	}
	return len(b), nil
}

func (w *testWriter) end() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.over = true
}

// embeddedHouse runs everything in this process, as `altavoz up` does. Its simulator is a process of its own, so to say:
// it outlives a restart, as Meta would.
func embeddedHouse(t *testing.T) *house {
	t.Helper()
	sim := startTestSimulator(t)
	cfg := houseConfig(t)
	cfg.WhatsApp.BaseURL, cfg.WhatsApp.PhoneNumberID, cfg.WhatsApp.AccessToken = sim.url(), simulatedNumber, simulatedToken
	a := startApp(t, cfg)
	h := &house{api: a.URL(), simulator: sim.url(), kafka: func() kafka.Config { return a.kafka }}
	h.statuses = func() *kafka.Statuses { return a.doors.statuses }
	h.publish = func(t *testing.T, key string, value []byte) {
		t.Helper()
		publishRaw(t, a.kafka, a.layout, key, value)
	}
	h.restart = func(*testing.T) { // for the whole test, whichever scenario asked for it
		stopApp(t, a)
		a = startApp(t, cfg)
		h.api = a.URL()
	}
	return h
}

// testSimulator is a Cloud API that lives as long as a test.
type testSimulator struct{ *embedded.Simulator }

func (s testSimulator) url() string { return s.URL() }

func startTestSimulator(t *testing.T) testSimulator {
	t.Helper()
	sim, err := embedded.StartSimulator(t.Context(), "127.0.0.1:0", simulator.Config{
		Numbers: []simulator.Number{{ID: simulatedNumber, Token: simulatedToken}}, Logger: testLogger(t),
	}, "", net.Listen)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := sim.Stop(); err != nil {
			t.Error(err)
		}
	})
	return testSimulator{sim}
}

// publishRaw puts a record on the topic broadcasts, as a foreign client does: no version header, any key or none.
func publishRaw(t *testing.T, cfg kafka.Config, layout kafka.Layout, key string, value []byte) {
	t.Helper()
	pub, err := kafka.NewPublisher(cfg, layout, 0)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	rec := stream.Record{Topic: schemas.TopicBroadcasts, Partition: stream.NoPartition, Value: value}
	if key != "" {
		rec.Key = []byte(key)
	}
	if _, err := pub.Publish(ctx, rec); err != nil {
		t.Fatal(err)
	}
	if err := pub.Close(ctx); err != nil {
		t.Error(err)
	}
}

// TestEndToEndEmbedded is every promise of the path on the embedded Kafka, which a restart continues.
func TestEndToEndEmbedded(t *testing.T) {
	t.Parallel()
	h := embeddedHouse(t)
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) { s.run(t, h) })
	}
}

// lockedBuffer is a log that a test reads.
type lockedBuffer struct {
	mu  sync.Mutex
	buf strings.Builder
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}
