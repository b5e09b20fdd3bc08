// Package guard slows down who tries API keys: ten wrong ones from an address in a minute, and the next ones are told to wait. It knows no
// keys: a valid one is never refused for it, since whoever asks looks at the key first.
package guard

import (
	"container/list"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"altavoz/producer/loglimit"
	"altavoz/producer/ratelimit"
)

const (
	// MostWrong keys may be shown by an address in a window.
	MostWrong = 10
	// window is for how long they count.
	window = time.Minute
	// maxAddresses are remembered, at some 200 bytes each: 800 KB. Beyond them the oldest window is forgotten, so who has
	// more addresses than that has more attempts; keys of 16 bytes outlast those.
	maxAddresses = 4096
	// networkBits is how much of an IPv6 address counts: the rest is its network's to choose.
	networkBits = 64
	// maxForwarded is how many proxies may stand one behind the other.
	maxForwarded = 16

	logEvery = 10 * time.Second
)

// Config says whom to believe where a request comes from, and where to say what happens.
type Config struct {
	Trusted    []netip.Prefix // proxies whose X-Forwarded-For counts
	Logger     *slog.Logger
	Registerer prometheus.Registerer
}

// ParseTrusted reads addresses and networks.
func ParseTrusted(texts []string) ([]netip.Prefix, error) {
	var out []netip.Prefix
	for _, text := range texts {
		if ip, err := netip.ParseAddr(text); err == nil {
			ip = ip.Unmap().WithZone("")
			out = append(out, netip.PrefixFrom(ip, ip.BitLen()))
			continue
		}
		p, err := netip.ParsePrefix(text)
		if err != nil || p.Addr().Is4In6() {
			return nil, fmt.Errorf("%q is neither an address nor a network", text)
		}
		out = append(out, p.Masked())
	}
	return out, nil
}

// Attempts counts wrong keys. It is safe for concurrent use.
type Attempts struct {
	cfg              Config
	refused, limited prometheus.Counter
	line             loglimit.Line

	mu    sync.Mutex
	byNet map[netip.Prefix]*list.Element // of *attempts
	order list.List                      // by the end of their window, the next one first
}

type attempts struct {
	from  netip.Prefix
	wrong int
	until time.Time
}

// New returns a count that starts at zero.
func New(cfg Config) *Attempts {
	wrong := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "altavoz_http_wrong_keys_total", Help: "Requests with a wrong API key, by answer: refused (401), or limited (429) after too many from an address.",
	}, []string{"answer"})
	cfg.Registerer.MustRegister(wrong)
	return &Attempts{
		cfg: cfg, refused: wrong.WithLabelValues("refused"), limited: wrong.WithLabelValues("limited"),
		line: loglimit.Line{Every: logEvery}, byNet: make(map[netip.Prefix]*list.Element),
	}
}

// Wrong counts the request's key as a wrong one. It returns how long its address has to wait before it may try the next, 0 where it need not.
func (a *Attempts) Wrong(r *http.Request, now time.Time) time.Duration {
	from := Client(r, a.cfg.Trusted)
	wait := a.count(network(from), now)
	counter := a.refused
	if wait > 0 {
		counter = a.limited
	}
	counter.Inc()
	if unsaid, ok := a.line.Turn(now); ok {
		a.cfg.Logger.WarnContext(r.Context(), "a wrong API key was shown", "from", from.String(), "limited", wait > 0, "not_logged", unsaid)
	}
	return wait
}

// Budget is how many wrong keys the address of a request may still show, and until when they count.
func (a *Attempts) Budget(r *http.Request, now time.Time) ratelimit.Budget {
	a.mu.Lock()
	defer a.mu.Unlock()
	b := ratelimit.Budget{Name: "wrong-keys", Quota: MostWrong, Window: window, Left: MostWrong}
	if e := a.byNet[network(Client(r, a.cfg.Trusted))]; e != nil {
		one := e.Value.(*attempts)
		b.Left, b.Reset = uint64(max(0, MostWrong-one.wrong)), max(0, one.until.Sub(now))
	}
	return b
}

func (a *Attempts) count(from netip.Prefix, now time.Time) time.Duration {
	a.mu.Lock()
	defer a.mu.Unlock()
	for e := a.order.Front(); e != nil && !e.Value.(*attempts).until.After(now); e = a.order.Front() {
		a.forget(e)
	}
	e := a.byNet[from]
	if e == nil {
		if a.order.Len() == maxAddresses {
			a.forget(a.order.Front())
		}
		e = a.order.PushBack(&attempts{from: from, until: now.Add(window)})
		a.byNet[from] = e
	}
	one := e.Value.(*attempts)
	if one.wrong == MostWrong {
		return one.until.Sub(now)
	}
	one.wrong++
	return 0
}

func (a *Attempts) forget(e *list.Element) {
	delete(a.byNet, e.Value.(*attempts).from)
	a.order.Remove(e)
}

// network is the part of an address that one client has.
func network(ip netip.Addr) netip.Prefix {
	bits := ip.BitLen()
	if ip.Is6() {
		bits = networkBits
	}
	p, err := ip.Prefix(bits)
	if err != nil { // no address: one for all such
		return netip.Prefix{}
	}
	return p
}

// Client returns where a request comes from: the address of its connection, or, where that is a trusted proxy's, the last one
// in X-Forwarded-For that is not. What stands before it anybody may have written.
func Client(r *http.Request, trusted []netip.Prefix) netip.Addr {
	var at netip.Addr
	if remote, err := netip.ParseAddrPort(r.RemoteAddr); err == nil {
		at = remote.Addr().Unmap().WithZone("")
	}
	forwarded := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for i := len(forwarded) - 1; i >= max(0, len(forwarded)-maxForwarded) && isTrusted(at, trusted); i-- {
		text := strings.TrimSpace(forwarded[i])
		ip, err := netip.ParseAddr(text)
		if err != nil { // with a port, as some write it
			withPort, err := netip.ParseAddrPort(text)
			if err != nil {
				break // whatever it is: the proxy before it is the last that is known
			}
			ip = withPort.Addr()
		}
		at = ip.Unmap().WithZone("")
	}
	return at
}

func isTrusted(ip netip.Addr, trusted []netip.Prefix) bool {
	for _, p := range trusted {
		if p.Contains(ip) {
			return true
		}
	}
	return false
}
