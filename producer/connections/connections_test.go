package connections_test

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"altavoz/producer/connections"
)

func TestBoundLeavesHalfOfTheDescriptors(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		most        int
		descriptors uint64
		want        int
	}{{4096, 1 << 20, 4096}, {4096, 1024, 512}, {4096, 256, 128}, {100, 256, 100}, {4096, 1, 1}, {4096, 1<<63 - 1, 4096}} {
		if got := connections.Bound(c.most, c.descriptors); got != c.want {
			t.Errorf("%d descriptors, at most %d: %d, not %d", c.descriptors, c.most, got, c.want)
		}
	}
	if connections.Descriptors() < 16 {
		t.Errorf("this process may have %d descriptors", connections.Descriptors())
	}
}

// metric returns the value of a series: its name, and a label where there are several.
func metric(t *testing.T, reg *prometheus.Registry, series string) float64 {
	t.Helper()
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	name, label, _ := strings.Cut(series, " ")
	for _, f := range families {
		for _, m := range f.GetMetric() {
			labels := ""
			for _, l := range m.GetLabel() {
				labels += fmt.Sprintf("%s=%q ", l.GetName(), l.GetValue())
			}
			if f.GetName() == name && strings.Contains(labels, label) {
				return m.GetCounter().GetValue() + m.GetGauge().GetValue()
			}
		}
	}
	t.Fatalf("there is no %s", series)
	return 0
}

// pipe is a connection that says whether it was closed.
type pipe struct {
	net.Conn

	mu     sync.Mutex
	closed bool
}

func newPipe(t *testing.T) *pipe {
	t.Helper()
	a, b := net.Pipe()
	t.Cleanup(func() { _ = errors.Join(a.Close(), b.Close()) })
	return &pipe{Conn: a}
}

func (p *pipe) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	return p.Conn.Close()
}

func (p *pipe) isClosed() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.closed
}

// The oldest stranger goes first, a trusted one never, and the new one where there is no stranger.
func TestThreatS06TheOldestStrangerMakesRoom(t *testing.T) {
	t.Parallel()
	var log strings.Builder
	reg := prometheus.NewRegistry()
	set := connections.New(connections.Config{Server: "api", Most: 3, Logger: slog.New(slog.NewTextHandler(&log, nil)), Registerer: reg})
	srv := &http.Server{}
	set.Attach(srv)
	open := func(trusted bool) *pipe {
		p := newPipe(t)
		ctx := srv.ConnContext(t.Context(), p)
		if trusted {
			connections.Trust(ctx)
			connections.Trust(ctx)
		}
		return p
	}
	first, second, third := open(true), open(false), open(false)
	fourth := open(true)
	if first.isClosed() || !second.isClosed() || third.isClosed() || fourth.isClosed() {
		t.Errorf("the second one should be closed alone: %v %v %v %v", first.isClosed(), second.isClosed(), third.isClosed(), fourth.isClosed())
	}
	fifth := open(true)
	if !third.isClosed() || fifth.isClosed() {
		t.Error("the third one should make room")
	}
	if sixth := open(false); !sixth.isClosed() {
		t.Error("a connection too many was taken")
	}
	srv.ConnState(second, http.StateClosed) // late, and counted already
	srv.ConnState(fifth, http.StateActive)
	if set.Open() != 3 {
		t.Errorf("%d are open", set.Open())
	}
	srv.ConnState(fourth, http.StateClosed)
	if seventh := open(false); seventh.isClosed() || set.Open() != 3 {
		t.Error("who leaves makes no room")
	}
	for name, want := range map[string]float64{
		`altavoz_http_connections_closed_total reason="full"`: 1, `altavoz_http_connections_closed_total reason="stranger"`: 2,
		"altavoz_http_open_connections": 3, "altavoz_http_max_connections": 3,
	} {
		if got := metric(t, reg, name); got != want {
			t.Errorf("%s is %v, not %v", name, got, want)
		}
	}
	if n := strings.Count(log.String(), "level=WARN"); n != 1 {
		t.Errorf("%d lines in the log, not one:\n%s", n, log.String())
	}
	connections.Trust(t.Context()) // of no server of ours
}

// broken is a listener that fails as one without free descriptors does.
type broken struct{ net.Listener }

func (broken) Accept() (net.Conn, error) { return nil, &net.OpError{Op: "accept", Err: syscall.EMFILE} }

func TestThreatS06AcceptErrorsAreWarnings(t *testing.T) {
	t.Parallel()
	var log strings.Builder
	reg := prometheus.NewRegistry()
	set := connections.New(connections.Config{Server: "api", Most: 3, Logger: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelWarn})), Registerer: reg})
	l := set.Listener(broken{})
	for range 5 {
		if _, err := l.Accept(); !errors.Is(err, syscall.EMFILE) {
			t.Fatal(err)
		}
	}
	if n := strings.Count(log.String(), "connections can't be accepted"); n != 1 {
		t.Errorf("%d lines in the log, not one:\n%s", n, log.String())
	}
	if n := metric(t, reg, "altavoz_http_accept_errors_total"); n != 5 {
		t.Errorf("%v errors are counted", n)
	}
}
