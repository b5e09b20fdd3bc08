// Package connections bounds how many connections of an HTTP server are open, so that clients use up neither the memory nor the
// descriptors of the process, and how many of them one owner of keys has. It serves no request and knows no key: who has seen one
// calls TrustOwner, or Trust for a signature.
//
//	accepted ── nothing known of it: a stranger ── Trust, by a request with a valid key or signature ── trusted, counted for its owner
//
// When all are taken and one more is accepted, the stranger that was accepted first is closed: a client needs a moment to show its
// key, and whoever opens connections and shows none only pushes out his own. So nobody needs a share by address, which behind a
// proxy would be one share for everybody. Where there is no stranger, an idle connection is closed, of the owner that holds the most;
// where none is idle, the new one.
//
// Trusted connections never take the reserve: those places are for strangers, which a health check is, and whoever comes with a key
// and has not shown it yet. An owner that has its share, or finds the rest taken, gives up an idle connection of its own or of the
// largest owner; where none is idle its request is refused.
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

	"altavoz/producer/loglimit"
)

// Limits of a process.
const (
	// Most is the default bound: times 30 KiB (a goroutine or two and their buffers) it is 120 MiB. Feeds take 1,024 of them at most.
	Most = 4096
	// MostAdmin is the bound of the address for metrics and health checks.
	MostAdmin = 64

	// A sixteenth of the places, and 16 at most, is in reserve for connections that are not trusted: 8 of the 128 of a process with 256
	// descriptors. A health check needs one for some milliseconds.
	reservePart = 16
	maxReserve  = 16

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
	idle      prometheus.Counter // closed to make room, of an owner and without a request
	refused   prometheus.Counter // closed since there was none
	failures  prometheus.Counter
	full      loglimit.Line
	broken    loglimit.Line

	mu      sync.Mutex
	open    map[net.Conn]*conn
	unknown list.List // of the *conn that are not trusted, in the order of their acceptance
	trusted int
	owners  map[string]*holder // of trusted connections; "" holds those of valid signatures
}

// holder is an owner's connections.
type holder struct {
	open int
	idle list.List // of the *conn without a request, the one that is idle the longest first
}

// conn is one connection. What it is changes under its set's lock.
type conn struct {
	set      *Set
	net      net.Conn
	stranger *list.Element // nil: it is trusted, or closed
	of       *holder       // nil: it is not trusted
	owner    string
	waits    bool          // it has no request
	idle     *list.Element // among its holder's
}

type contextKey struct{}

// New returns a set without connections.
func New(cfg Config) *Set {
	s := &Set{cfg: cfg, open: make(map[net.Conn]*conn), owners: make(map[string]*holder), full: loglimit.Line{Every: logEvery}, broken: loglimit.Line{Every: logEvery}}
	label := prometheus.Labels{"server": cfg.Server}
	closed := func(why string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{
			Name: "altavoz_http_connections_closed_total", Help: "Connections closed since all were taken: strangers make room, then who is idle, and without one the new one goes (full).",
			ConstLabels: prometheus.Labels{"server": cfg.Server, "reason": why},
		})
	}
	s.strangers, s.idle, s.refused = closed("stranger"), closed("idle"), closed("full")
	s.failures = prometheus.NewCounter(prometheus.CounterOpts{
		Name: "altavoz_http_accept_errors_total", Help: "Connections that the operating system did not hand over, as without free descriptors.", ConstLabels: label,
	})
	cfg.Registerer.MustRegister(s.strangers, s.idle, s.refused, s.failures,
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
		switch state {
		case http.StateClosed, http.StateHijacked:
			s.remove(c)
		case http.StateActive, http.StateIdle:
			s.waits(c, state == http.StateIdle)
		case http.StateNew:
		}
	}
}

// Open returns how many are open.
func (s *Set) Open() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.open)
}

// Trust says that the client of the request's connection has shown who it is, and is no owner of keys. Where there is no room for
// it among the trusted it stays a stranger.
func Trust(ctx context.Context) { TrustOwner(ctx, "", func(int) int { return 0 }) }

// TrustOwner says whose key the client of the request's connection has shown, and how many of so many connections its owner may have; 0:
// all. It reports whether there is one for it, and closes an idle one for that.
func TrustOwner(ctx context.Context, owner string, share func(total int) int) bool {
	c, ok := ctx.Value(contextKey{}).(*conn)
	if !ok { // no server of ours
		return true
	}
	out, ok := c.set.trust(c, owner, share)
	if out != nil {
		c.set.shut(out, c.set.idle, "an idle connection of the owner that holds the most is closed: all are taken, or the owner's share is")
	}
	return ok
}

// room is how many may be trusted.
func (s *Set) room() int { return s.cfg.Most - min(maxReserve, s.cfg.Most/reservePart) }

// trust returns the connection that makes room.
func (s *Set) trust(c *conn, owner string, share func(total int) int) (out *conn, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open[c.net] != c || c.of != nil && c.owner == owner { // closed for another, or known
		return nil, true
	}
	mine := s.owners[owner]
	switch bound := share(s.room()); {
	case mine != nil && bound > 0 && mine.open >= bound:
		if out = mine.longestIdle(); out == nil {
			return nil, false
		}
	case c.of == nil && s.trusted >= s.room():
		if out = s.longestIdle(); out == nil {
			return nil, false
		}
	}
	if out != nil {
		s.forget(out)
	}
	c.untrust()
	if c.stranger != nil {
		s.unknown.Remove(c.stranger)
		c.stranger = nil
	}
	if mine = s.owners[owner]; mine == nil {
		mine = &holder{}
		s.owners[owner] = mine
	}
	c.of, c.owner = mine, owner
	mine.open++
	s.trusted++
	c.list()
	return out, true
}

// longestIdle returns the connection that is idle the longest, nil where none is.
func (h *holder) longestIdle() *conn {
	if e := h.idle.Front(); e != nil {
		return e.Value.(*conn)
	}
	return nil
}

// longestIdle returns that of the owner that holds the most, among those that have an idle one.
func (s *Set) longestIdle() (c *conn) {
	most := 0
	for _, h := range s.owners {
		if idle := h.longestIdle(); idle != nil && h.open > most {
			c, most = idle, h.open
		}
	}
	return c
}

// list puts a trusted connection among the idle ones of its owner, or takes it from there.
func (c *conn) list() {
	switch {
	case c.of == nil || c.waits == (c.idle != nil):
	case c.waits:
		c.idle = c.of.idle.PushBack(c)
	default:
		c.of.idle.Remove(c.idle)
		c.idle = nil
	}
}

// untrust takes a connection from its owner.
func (c *conn) untrust() {
	if c.of == nil {
		return
	}
	if c.idle != nil {
		c.of.idle.Remove(c.idle)
		c.idle = nil
	}
	c.set.trusted--
	if c.of.open--; c.of.open == 0 {
		delete(c.set.owners, c.owner)
	}
	c.of = nil
}

// forget stops counting a connection. Its handler may still run.
func (s *Set) forget(c *conn) {
	c.untrust()
	if c.stranger != nil {
		s.unknown.Remove(c.stranger)
		c.stranger = nil
	}
	delete(s.open, c.net)
}

// waits notes whether a connection is without a request.
func (s *Set) waits(n net.Conn, idle bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.open[n]; c != nil {
		c.waits = idle
		c.list()
	}
}

// add takes a connection in, and closes one if that is one too many. A closed one is not counted any more, though its handler may still run.
func (s *Set) add(n net.Conn) *conn {
	c := &conn{set: s, net: n}
	s.mu.Lock()
	out, counter, what := (*conn)(nil), s.refused, "a connection is not taken: clients with valid keys hold all"
	if len(s.open) >= s.cfg.Most {
		if oldest := s.unknown.Front(); oldest != nil {
			out, counter, what = oldest.Value.(*conn), s.strangers, "the connection of a client without a valid key is closed: all are taken"
		} else if out = s.longestIdle(); out != nil {
			counter, what = s.idle, "an idle connection of the owner that holds the most is closed: all are taken"
		}
		if out == nil {
			out = c
		} else {
			s.forget(out)
		}
	}
	if out != c {
		s.open[n], c.stranger = c, s.unknown.PushBack(c)
	}
	s.mu.Unlock()
	if out != nil {
		s.shut(out, counter, what)
	}
	return c
}

func (s *Set) shut(c *conn, counter prometheus.Counter, what string) {
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
		s.forget(c)
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
