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
		t.Errorf("this process may have %d descriptors, want at least 16", connections.Descriptors())
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
		t.Errorf("%d are open, want 3", set.Open())
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

// owned are connections of a set with 32 places, of which 2 are in reserve.
type owned struct {
	t   *testing.T
	set *connections.Set
	srv *http.Server
	reg *prometheus.Registry
}

func newOwned(t *testing.T) *owned {
	t.Helper()
	reg := prometheus.NewRegistry()
	o := &owned{t, connections.New(connections.Config{Server: "api", Most: 32, Logger: slog.New(slog.DiscardHandler), Registerer: reg}), &http.Server{}, reg}
	o.set.Attach(o.srv)
	return o
}

// open opens a connection for an owner, "" for a stranger, with a share of so many, and reports whether there was one.
func (o *owned) open(owner string, share int) (*pipe, bool) {
	o.t.Helper()
	p := newPipe(o.t)
	ctx := o.srv.ConnContext(o.t.Context(), p)
	o.srv.ConnState(p, http.StateActive)
	if owner == "" {
		return p, !p.isClosed()
	}
	return p, connections.TrustOwner(ctx, owner, func(int) int { return share })
}

// Idle connections of one owner make room for others, the one that is idle the longest first, and those in use never do.
func TestThreatS04IdleConnectionsOfOneKeyMakeRoom(t *testing.T) {
	t.Parallel()
	o := newOwned(t)
	var of []*pipe
	for i := range 29 {
		p, ok := o.open("a", 0)
		if of = append(of, p); !ok || p.isClosed() {
			t.Fatal("a connection within the bound is refused")
		}
		if i != 3 {
			o.srv.ConnState(p, http.StateIdle)
		}
	}
	o.srv.ConnState(of[0], http.StateActive) // so the second one is idle the longest
	small, _ := o.open("c", 0)
	o.srv.ConnState(small, http.StateIdle)
	for i := range 40 {
		p, ok := o.open("b", 0)
		if !ok || p.isClosed() {
			t.Fatalf("connection %d of another owner is refused", i+1)
		}
		if i == 0 && (of[0].isClosed() || !of[1].isClosed() || of[2].isClosed()) {
			t.Errorf("the one that is idle the longest should be closed: %v %v %v", of[0].isClosed(), of[1].isClosed(), of[2].isClosed())
		}
		o.srv.ConnState(p, http.StateClosed)
	}
	if small.isClosed() || of[3].isClosed() {
		t.Error("not the owner with the most lost a connection, or one that was in use")
	}
	if n := metric(t, o.reg, `altavoz_http_connections_closed_total reason="idle"`); n != 1 {
		t.Errorf("%v idle ones were closed, not one for a place that comes back", n)
	}
}

// An owner has its share. Over it an idle one of its own makes room, and where none is idle the request is refused.
func TestThreatS04ConnectionsOfAKeyAreBoundedToItsShare(t *testing.T) {
	t.Parallel()
	o := newOwned(t)
	others, _ := o.open("b", 15)
	o.srv.ConnState(others, http.StateIdle)
	var first *pipe
	for i := range 15 {
		p, ok := o.open("a", 15)
		if !ok {
			t.Fatalf("connection %d is refused", i+1)
		}
		if i == 0 {
			first = p
		}
	}
	refused, ok := o.open("a", 15)
	if ok {
		t.Error("one over the share is trusted")
	}
	o.srv.ConnState(refused, http.StateClosed)
	o.srv.ConnState(first, http.StateIdle)
	if _, ok := o.open("a", 15); !ok || !first.isClosed() || others.isClosed() {
		t.Error("its own idle one should make room")
	}
	if _, ok := o.open("b", 15); !ok {
		t.Error("another's share is not free")
	}
}

// A connection that a proxy shares between owners counts for the last one.
func TestConnectionCountsForTheOwnerOfItsLastRequest(t *testing.T) {
	t.Parallel()
	o := newOwned(t)
	p := newPipe(t)
	ctx := o.srv.ConnContext(t.Context(), p)
	one := func(int) int { return 1 }
	for range 3 {
		if !connections.TrustOwner(ctx, "a", one) || !connections.TrustOwner(ctx, "b", one) {
			t.Fatal("a proxy's connection is refused")
		}
	}
	if _, ok := o.open("a", 1); !ok {
		t.Error("the share of the owner that it was before is not free")
	}
	if _, ok := o.open("b", 1); ok {
		t.Error("the share of the owner that it is now is free")
	}
	o.srv.ConnState(p, http.StateClosed)
	if _, ok := o.open("b", 1); !ok {
		t.Error("what was closed is not free")
	}
}

// Where connections in use hold all that they may, some are left for health checks and for who has not shown a key yet.
func TestThreatS04HealthChecksHaveConnectionsInReserve(t *testing.T) {
	t.Parallel()
	o := newOwned(t)
	for range 30 {
		if _, ok := o.open("a", 0); !ok {
			t.Fatal("a connection within the bound is refused")
		}
	}
	for range 10 {
		if p, ok := o.open("a", 0); ok || p.isClosed() {
			t.Fatal("a connection of the reserve is trusted, or closed without an answer")
		}
		if probe, ok := o.open("", 0); !ok || probe.isClosed() {
			t.Fatal("a health check is refused")
		}
	}
	if n := o.set.Open(); n != 32 {
		t.Errorf("%d are open, want 32", n)
	}
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
			t.Fatalf("got %v, want %v", err, syscall.EMFILE)
		}
	}
	if n := strings.Count(log.String(), "connections can't be accepted"); n != 1 {
		t.Errorf("%d lines in the log, not one:\n%s", n, log.String())
	}
	if n := metric(t, reg, "altavoz_http_accept_errors_total"); n != 5 {
		t.Errorf("%v errors are counted, want 5", n)
	}
}
