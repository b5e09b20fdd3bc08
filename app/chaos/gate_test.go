//go:build linux

package chaos

import (
	"context"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"altavoz/whatsapp/simulator"
)

const (
	token = "chaos"
	// keepRecords is more messages than a run of an hour sends; what is not used takes no memory.
	keepRecords = 4_000_000
	// usualLatency is what the API takes when nothing is wrong: enough for calls to be under way at any moment.
	usualLatency = "latency=60ms..250ms"
)

// numbers are the sender numbers of the house: several, so that several fanouts have work.
var numbers = []string{"5550001", "5550002", "5550003", "5550004"}

// gate is the Cloud API in the test's own process, which survives everything, and beside it who is calling right now: each
// process has a path of its own there.
type gate struct {
	sim *simulator.Simulator
	url string

	mu       sync.Mutex
	inFlight map[string]int       // calls under way, by process
	calls    map[string]int       // calls begun
	begun    map[string]time.Time // when the last one began
}

func openGate(t *testing.T, seed uint64, cfg simulator.Config) *gate {
	t.Helper()
	for _, n := range numbers {
		cfg.Numbers = append(cfg.Numbers, simulator.Number{ID: n, Token: token})
	}
	cfg.Seed, cfg.Records, cfg.PlainPhones, cfg.Faults = seed, keepRecords, true, usualLatency
	g := &gate{sim: simulator.New(cfg), inFlight: map[string]int{}, calls: map[string]int{}, begun: map[string]time.Time{}}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	g.url = "http://" + l.Addr().String()
	srv := &http.Server{Handler: g.handler(g.sim.Handler()), ReadHeaderTimeout: 10 * time.Second}
	served := make(chan error, 1)
	go func() { served <- srv.Serve(l) }()
	t.Cleanup(func() {
		_ = srv.Close()
		<-served
	})
	return g
}

// handler counts the messages under way. The first segment of a path is the name of the process.
func (g *gate) handler(api http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name, rest, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
		r.URL.Path = "/" + rest
		if strings.HasSuffix(rest, "/messages") {
			g.enter(name)
			defer g.leave(name)
		}
		api.ServeHTTP(w, r)
	})
}

func (g *gate) enter(name string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.inFlight[name]++
	g.calls[name]++
	g.begun[name] = time.Now()
}

func (g *gate) leave(name string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.inFlight[name]--
}

// underWay returns how many calls of the process are under way; of all, where the name is empty.
func (g *gate) underWay(name string) int {
	g.mu.Lock()
	defer g.mu.Unlock()
	if name != "" {
		return g.inFlight[name]
	}
	n := 0
	for _, one := range g.inFlight {
		n += one
	}
	return n
}

// callsOf returns how many calls the process has begun; all of them, where the name is empty.
func (g *gate) callsOf(name string) int {
	g.mu.Lock()
	defer g.mu.Unlock()
	if name != "" {
		return g.calls[name]
	}
	n := 0
	for _, one := range g.calls {
		n += one
	}
	return n
}

// await waits until cond holds, and reports whether it did in time.
func await(ctx context.Context, patience time.Duration, cond func() bool) bool {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(patience); ; {
		if cond() {
			return true
		}
		if time.Now().After(end) {
			return false
		}
		select {
		case <-ctx.Done():
			return false
		case <-tick.C:
		}
	}
}
