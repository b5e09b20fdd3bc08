package whatsapp_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"altavoz/schemas"
	"altavoz/whatsapp"
	"altavoz/whatsapp/simulator"
)

const (
	sender = "106540352242922"
	token  = "EAAGm0PX4ZCpsBA-secret"
	phone  = schemas.Phone("573001234567")
)

// pipes is a network in memory: it works in a bubble, and its connections can be told to break.
type pipes struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
	dials int
	// wrap, where set, gets the client's end of every connection, numbered from 0.
	wrap func(n int, c net.Conn) net.Conn
	mu   sync.Mutex
}

func newPipes() *pipes {
	return &pipes{conns: make(chan net.Conn), done: make(chan struct{})}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	p.once.Do(func() { close(p.done) })
	return nil
}

func (p *pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipes", Net: "unix"} }

func (p *pipes) Dial(ctx context.Context, _, _ string) (net.Conn, error) {
	client, server := net.Pipe()
	select {
	case p.conns <- server:
	case <-p.done:
		return nil, errors.New("connection refused")
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	p.mu.Lock()
	n := p.dials
	p.dials++
	p.mu.Unlock()
	if p.wrap != nil {
		return p.wrap(n, client), nil
	}
	return client, nil
}

// house is a client, and what it talks to.
type house struct {
	*whatsapp.Client
	sim     *simulator.Simulator
	net     *pipes
	metrics *prometheus.Registry
}

func setup(t *testing.T, sim simulator.Config, change ...func(*whatsapp.Config)) *house {
	t.Helper()
	sim.Addr = "graph.test"
	h := &house{sim: simulator.New(sim), net: newPipes(), metrics: prometheus.NewRegistry()}
	ctx, stop := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- h.sim.Serve(ctx, h.net) }()
	h.Client = newClient(t, h.net, append([]func(*whatsapp.Config){func(c *whatsapp.Config) { c.Registerer = h.metrics }}, change...)...)
	t.Cleanup(func() {
		stop()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	return h
}

// against sets up a client and a server of any making.
func against(t *testing.T, handler http.HandlerFunc) *house {
	t.Helper()
	h := &house{net: newPipes()}
	srv := &http.Server{Handler: handler}
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = srv.Serve(h.net)
	}()
	h.Client = newClient(t, h.net)
	t.Cleanup(func() {
		_ = srv.Close()
		<-served
	})
	return h
}

func newClient(t *testing.T, n *pipes, change ...func(*whatsapp.Config)) *whatsapp.Client {
	t.Helper()
	cfg := whatsapp.Config{
		BaseURL: "http://graph.test", Dial: n.Dial, CallTimeout: 5 * time.Second,
		Token: func(s string) (schemas.Secret, bool) { return token, s != "unknown" },
	}
	for _, f := range change {
		f(&cfg)
	}
	c, err := whatsapp.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func content() *schemas.Content {
	return &schemas.Content{Body: "hola", ButtonText: "Ver más", ButtonUrl: "https://example.com"}
}

func (h *house) send(t *testing.T, to schemas.Phone, callback string) schemas.Reply {
	t.Helper()
	m, err := h.Prepare(content())
	if err != nil {
		t.Fatal(err)
	}
	return h.Send(t.Context(), sender, m, to, callback)
}
