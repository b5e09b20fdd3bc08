// Package connections bounds how many connections of an HTTP server are open, so that clients use up neither the memory nor the
// descriptors of the process. It serves no request and knows no key: who has seen one calls Trust.
//
//	accepted ── nothing known of it: a stranger ── Trust, by a request with a valid key or signature ── trusted
//
// When all are taken and one more is accepted, the stranger that was accepted first is closed: a client needs a moment to show its
// key, and whoever opens connections and shows none only pushes out his own. So nobody needs a share by address, which behind a
// proxy would be one share for everybody. Where all are trusted the new one is closed.
package connections

import (
	"container/list"
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"altavoz/producer/seldom"
)

// Limits of a process.
const (
	// Most is the default bound: times 30 KiB (a goroutine or two and their buffers) it is 120 MiB. Feeds take 1,024 of them at most.
	Most = 4096
	// MostAdmin is the bound of the address for metrics and health checks.
	MostAdmin = 64

	logEvery = 10 * time.Second // at most, each line
)

// Bound returns how many of most connections a process may have that may have so many descriptors: half of them. The other half is for
// what it opens itself: a connection for each call under way at the Cloud API (256 by default), those to Kafka and Redis (some
// tens), and files.
func Bound(most int, descriptors uint64) int {
	if half := descriptors / 2; half < uint64(most) { //nolint:gosec // most is above zero
		return max(int(half), 1) //nolint:gosec // below most
	}
	return most
}

// Config says which server's connections these are.
type Config struct {
	Server     string // api or admin, for metrics and the log
	Most       int
	Logger     *slog.Logger
	Registerer prometheus.Registerer
}

// Set is the open connections of one server.
type Set struct {
	cfg       Config
	strangers prometheus.Counter // closed to make room
	refused   prometheus.Counter // closed since there was none
	failures  prometheus.Counter
	full      seldom.Line
	broken    seldom.Line

	mu      sync.Mutex
	open    map[net.Conn]*conn
	unknown list.List // of the *conn that are not trusted, in the order of their acceptance
}

type conn struct {
	set      *Set
	net      net.Conn
	stranger *list.Element // nil: it is trusted
}

type contextKey struct{}

// New returns a set without connections.
func New(cfg Config) *Set {
	s := &Set{cfg: cfg, open: make(map[net.Conn]*conn), full: seldom.Line{Every: logEvery}, broken: seldom.Line{Every: logEvery}}
	label := prometheus.Labels{"server": cfg.Server}
	closed := func(why string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{
			Name: "altavoz_http_connections_closed_total", Help: "Connections closed since all were taken: strangers make room, and without one the new one goes (full).",
			ConstLabels: prometheus.Labels{"server": cfg.Server, "reason": why},
		})
	}
	s.strangers, s.refused = closed("stranger"), closed("full")
	s.failures = prometheus.NewCounter(prometheus.CounterOpts{
		Name: "altavoz_http_accept_errors_total", Help: "Connections that the operating system did not hand over, as without free descriptors.", ConstLabels: label,
	})
	cfg.Registerer.MustRegister(s.strangers, s.refused, s.failures,
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "altavoz_http_open_connections", Help: "Connections of HTTP clients that are open.", ConstLabels: label,
		}, func() float64 { return float64(s.Open()) }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "altavoz_http_max_connections", Help: "Connections of HTTP clients that may be open at once.", ConstLabels: label,
		}, func() float64 { return float64(cfg.Most) }))
	return s
}

// Attach has the server's connections counted, before it serves.
func (s *Set) Attach(srv *http.Server) {
	srv.ConnContext = func(ctx context.Context, c net.Conn) context.Context {
		return context.WithValue(ctx, contextKey{}, s.add(c))
	}
	srv.ConnState = func(c net.Conn, state http.ConnState) {
		if state == http.StateClosed || state == http.StateHijacked {
			s.remove(c)
		}
	}
}

// Open returns how many are open.
func (s *Set) Open() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.open)
}

// Trust says that the client of the request's connection has shown who it is.
func Trust(ctx context.Context) {
	c, ok := ctx.Value(contextKey{}).(*conn)
	if !ok { // no server of ours
		return
	}
	c.set.mu.Lock()
	defer c.set.mu.Unlock()
	c.forgetStranger()
}

func (c *conn) forgetStranger() {
	if c.stranger != nil {
		c.set.unknown.Remove(c.stranger)
		c.stranger = nil
	}
}

// add takes a connection in, and closes one if that is one too many. A closed one is not counted any more, though its handler may still run.
func (s *Set) add(n net.Conn) *conn {
	c := &conn{set: s, net: n}
	s.mu.Lock()
	var out *conn
	if len(s.open) >= s.cfg.Most {
		out = c
		if oldest := s.unknown.Front(); oldest != nil {
			out = oldest.Value.(*conn)
			out.forgetStranger()
			delete(s.open, out.net)
		}
	}
	if out != c {
		s.open[n], c.stranger = c, s.unknown.PushBack(c)
	}
	s.mu.Unlock()
	if out != nil {
		s.shut(out, out == c)
	}
	return c
}

func (s *Set) shut(c *conn, newest bool) {
	what := "the connection of a client without a valid key is closed: all are taken"
	counter := s.strangers
	if newest {
		what, counter = "a connection is not taken: clients with valid keys hold all", s.refused
	}
	counter.Inc()
	_ = c.net.Close() // its client learns no more than that
	if unsaid, ok := s.full.Turn(time.Now()); ok {
		s.cfg.Logger.Warn("HTTP connections are at their limit", "server", s.cfg.Server, "limit", s.cfg.Most, "what", what, "from", c.net.RemoteAddr().String(), "not_logged", unsaid)
	}
}

func (s *Set) remove(n net.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.open[n]; c != nil {
		c.forgetStranger()
		delete(s.open, n)
	}
}

// Listener returns l with its errors in the log: net/http tries again and says so only to its ErrorLog, among the mistakes of clients.
func (s *Set) Listener(l net.Listener) net.Listener { return &listener{l, s} }

type listener struct {
	net.Listener

	set *Set
}

// Accept waits for the next connection.
func (l *listener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err == nil || errors.Is(err, net.ErrClosed) {
		return c, err
	}
	l.set.failures.Inc()
	if unsaid, ok := l.set.broken.Turn(time.Now()); ok {
		l.set.cfg.Logger.Warn("connections can't be accepted", "server", l.set.cfg.Server, "open", l.set.Open(), "error", err, "not_logged", unsaid)
	}
	return nil, err
}
