package whatsapp_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"altavoz/internal/testio"
	"altavoz/schemas"
	"altavoz/whatsapp"
	"altavoz/whatsapp/simulator"
)

const (
	sender = "106540352242922"
	token  = "EAAGm0PX4ZCpsBA-secret"
	phone  = schemas.Phone("573001234567")
)

// harness is a client, and what it talks to.
type harness struct {
	*whatsapp.Client
	sim     *simulator.Simulator
	net     *testio.Pipes
	metrics *prometheus.Registry
}

func setup(t *testing.T, sim simulator.Config, change ...func(*whatsapp.Config)) *harness {
	t.Helper()
	sim.Addr = "graph.test"
	h := &harness{sim: simulator.New(sim), net: testio.NewPipes(), metrics: prometheus.NewRegistry()}
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
func against(t *testing.T, handler http.HandlerFunc) *harness {
	t.Helper()
	h := &harness{net: testio.NewPipes()}
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

func newClient(t *testing.T, n *testio.Pipes, change ...func(*whatsapp.Config)) *whatsapp.Client {
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

func (h *harness) send(t *testing.T, to schemas.Phone, callback string) schemas.Reply {
	t.Helper()
	m, err := h.Prepare(content())
	if err != nil {
		t.Fatal(err)
	}
	return h.Send(t.Context(), sender, m, to, callback)
}
