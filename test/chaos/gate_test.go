//go:build linux

package chaos

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
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

// numbers are the sender numbers of the deployment: several, so that several fanouts have work.
var numbers = []string{"5550001", "5550002", "5550003", "5550004"}

// Webhooks go by the gate too: to whichever process takes requests just then, as a load balancer would.
const (
	appSecret   = "secret"
	hooks       = "hooks" // the first segment of their path here
	hookPath    = "/api/webhooks/whatsapp"
	hookTimeout = 10 * time.Second
	maxHook     = 4 << 20
)

// gate is the Cloud API in the test's own process, which survives everything, and beside it who is calling right now: each
// process has a path of its own there.
type gate struct {
	sim    *simulator.Simulator
	url    string
	target func() string // where webhooks go; "": nobody is there
	client *http.Client

	mu       sync.Mutex
	inFlight map[string]int     // calls under way, by process
	calls    int                // begun
	made     map[string][]*call // by callback data
}

func openGate(t *testing.T, seed uint64, target func() string) *gate {
	t.Helper()
	var cfg simulator.Config
	for _, n := range numbers {
		cfg.Numbers = append(cfg.Numbers, simulator.Number{ID: n, Token: token})
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	g := &gate{
		url: "http://" + l.Addr().String(), inFlight: map[string]int{}, made: map[string][]*call{},
		target: target, client: &http.Client{Timeout: hookTimeout},
	}
	cfg.Seed, cfg.Records, cfg.PlainPhones, cfg.Faults = seed, keepRecords, true, usualLatency
	cfg.Webhooks = simulator.Webhooks{URL: g.url + "/" + hooks, Secret: appSecret}
	g.sim = simulator.New(cfg)
	srv := &http.Server{Handler: g.handler(g.sim.Handler()), ReadHeaderTimeout: 10 * time.Second}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { _ = srv.Serve(l) })
	running.Go(func() { g.sim.SendWebhooks(ctx) })
	t.Cleanup(func() {
		cancel()
		_ = srv.Close()
		running.Wait()
	})
	return g
}

// deliver hands a webhook on.
func (g *gate) deliver(w http.ResponseWriter, r *http.Request) {
	to := g.target()
	if to == "" {
		http.Error(w, "nobody is there", http.StatusServiceUnavailable)
		return
	}
	req, err := http.NewRequestWithContext(r.Context(), r.Method, to+hookPath, http.MaxBytesReader(w, r.Body, maxHook))
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	req.Header, req.ContentLength = r.Header.Clone(), r.ContentLength
	resp, err := g.client.Do(req)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	_ = resp.Body.Close()
	w.WriteHeader(resp.StatusCode)
}

// through reports whether every webhook was told, or never will be.
func (g *gate) through() bool { return g.sim.Summary().Webhooks.Pending == 0 }

// handler counts the messages under way. The first segment of a path is the name of the process.
func (g *gate) handler(api http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name, rest, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
		if name == hooks {
			g.deliver(w, r)
			return
		}
		r.URL.Path = "/" + rest
		if strings.HasSuffix(rest, "/messages") {
			defer g.leave(g.enter(name, r))
		}
		api.ServeHTTP(w, r)
	})
}

// enter notes that a call begins, and who it is for: what it reads of the request is put back.
func (g *gate) enter(name string, r *http.Request) *call {
	c := &call{process: name, from: time.Now()}
	g.mu.Lock()
	g.inFlight[name]++
	g.calls++
	g.mu.Unlock()
	body, err := io.ReadAll(io.LimitReader(r.Body, maxHook))
	r.Body = readAgain{io.MultiReader(bytes.NewReader(body), r.Body), r.Body}
	var of struct {
		Callback string `json:"biz_opaque_callback_data"`
	}
	if err == nil && json.Unmarshal(body, &of) == nil && of.Callback != "" {
		g.mu.Lock()
		g.made[of.Callback] = append(g.made[of.Callback], c)
		g.mu.Unlock()
	}
	return c
}

// readAgain is a body of which something was read already.
type readAgain struct {
	io.Reader
	io.Closer
}

func (g *gate) leave(c *call) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.inFlight[c.process]--
	c.to = time.Now()
}

// callsOf returns the calls with this callback data. One that is under way ends now.
func (g *gate) callsOf(callback string) (out []call) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, c := range g.made[callback] {
		one := *c
		if one.to.IsZero() {
			one.to = time.Now()
		}
		out = append(out, one)
	}
	return out
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

// begun returns how many calls were begun so far.
func (g *gate) begun() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.calls
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
