package harness

import (
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"altavoz/app"
	"altavoz/app/embedded"
	"altavoz/kafka"
	"altavoz/kafka/records"
	"altavoz/kafka/table"
	"altavoz/kafka/topics"
	"altavoz/stream"
	"altavoz/whatsapp/simulator"
)

// Number and Token are the sender number of the simulators that tests start.
const (
	Number = "1065"
	Token  = "token"
)

// Binary is the program that tests run as processes: one that is there, which the setting of the environment names, as of another commit,
// or the tree's, which it builds.
func Binary(t testing.TB, setting string) string {
	t.Helper()
	if ready := os.Getenv(setting); ready != "" {
		return ready
	}
	out := filepath.Join(t.TempDir(), "altavoz")
	if text, err := exec.CommandContext(t.Context(), "go", "build", "-o", out, "altavoz/cmd/altavoz").CombinedOutput(); err != nil {
		t.Fatalf("building altavoz: %v\n%s", err, text)
	}
	return out
}

// Config is a whole altavoz on free loopback ports, with a folder of its own and without the number's rate limit.
func Config(t testing.TB) app.Config {
	t.Helper()
	const free = "127.0.0.1:0"
	cfg := app.Default()
	cfg.HTTP.Addr = free
	cfg.Embedded = app.EmbeddedConfig{DataDir: t.TempDir(), KafkaAddr: free, SimulatorAddr: free}
	cfg.WhatsApp.Rate = 0
	return cfg
}

// ConfigOf is the same with a Cloud API that was started before.
func ConfigOf(t testing.TB, api string) app.Config {
	t.Helper()
	cfg := Config(t)
	cfg.WhatsApp.BaseURL, cfg.WhatsApp.PhoneNumberID, cfg.WhatsApp.AccessToken = api, Number, Token
	return cfg
}

// Start starts a process that the test's end stops, and waits until it is ready.
func Start(t testing.TB, cfg app.Config) *app.App {
	t.Helper()
	return StartOn(t, cfg, app.Network{})
}

// StartOn is the same on a network of the test's own.
func StartOn(t testing.TB, cfg app.Config, network app.Network) *app.App {
	t.Helper()
	a, err := app.New(cfg, app.Options{Logger: Logger(t), Network: network})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { Stop(t, a) })
	ctx, cancel := context.WithTimeout(t.Context(), SettleTime)
	defer cancel()
	if err := a.Start(ctx); err != nil {
		t.Fatal(err)
	}
	if err := a.AwaitReady(ctx); err != nil {
		t.Fatal(err)
	}
	return a
}

// Stop stops a process in good order; stopping it again does nothing.
func Stop(t testing.TB, a *app.App) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), app.StopTimeout)
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

// Listeners listens as net.Listen does, and keeps where: the address of the API first, then that of the metrics. It is safe for
// concurrent use.
type Listeners struct {
	mu    sync.Mutex
	addrs []string
}

// Listen is that of app.Network.
func (l *Listeners) Listen(network, addr string) (net.Listener, error) {
	opened, err := new(net.ListenConfig).Listen(context.Background(), network, addr)
	if err == nil {
		l.mu.Lock()
		l.addrs = append(l.addrs, opened.Addr().String())
		l.mu.Unlock()
	}
	return opened, err
}

// URL returns the n-th address as a base URL, or "" where it has not been opened.
func (l *Listeners) URL(n int) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	if n >= len(l.addrs) {
		return ""
	}
	return "http://" + l.addrs[n]
}

// StartSimulator starts a Cloud API that lives as long as the test, however often altavoz is started again.
func StartSimulator(t testing.TB) *embedded.Simulator {
	t.Helper()
	return StartSimulatorWith(t, Token)
}

// StartSimulatorWith is the same with another token.
func StartSimulatorWith(t testing.TB, token string) *embedded.Simulator {
	t.Helper()
	sim, err := embedded.StartSimulator(t.Context(), "127.0.0.1:0", simulator.Config{
		Numbers: []simulator.Number{{ID: Number, Token: token}}, Logger: Logger(t),
	}, "", net.Listen)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := sim.Stop(); err != nil {
			t.Error(err)
		}
	})
	return sim
}

// publishTime is what writing some records may take.
const publishTime = 10 * time.Second

// Kafka is the way into the Kafka of a process, for what a test reads and writes there itself.
func Kafka(a *app.App, cfg app.Config) kafka.Config {
	return kafka.Config{Brokers: a.Brokers(), Prefix: cfg.Kafka.TopicPrefix}
}

// Layout returns the partitions of the topics.
func Layout(t testing.TB, cfg kafka.Config) kafka.Layout {
	t.Helper()
	l, err := topics.Ensure(t.Context(), cfg, true)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// Publish writes records as they are.
func Publish(t testing.TB, cfg kafka.Config, recs ...stream.Record) []stream.Record {
	t.Helper()
	pub, err := records.NewPublisher(cfg, Layout(t, cfg), 0)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), publishTime)
	defer cancel()
	acked, err := pub.Publish(ctx, recs...)
	if err != nil {
		t.Fatal(err)
	}
	if err := pub.Close(ctx); err != nil {
		t.Error(err)
	}
	return acked
}

// Statuses returns a view of all tasks that has caught up, until the end of the test.
func Statuses(t testing.TB, cfg kafka.Config) *table.Statuses {
	t.Helper()
	view, err := table.NewStatuses(cfg, Layout(t, cfg))
	if err != nil {
		t.Fatal(err)
	}
	if err := view.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(view.Stop)
	select {
	case <-view.CaughtUp():
	case <-time.After(SettleTime):
		t.Fatal("the view of statuses has not caught up")
	}
	return view
}
