package embedded

import (
	"context"
	"fmt"
	"net"

	"altavoz/whatsapp/simulator"
)

// Simulator is a Cloud API that sends nothing, on a listener of its own.
type Simulator struct {
	scheme   string
	listener net.Listener
	cancel   context.CancelFunc
	served   chan error
}

// StartSimulator serves a simulator. Its faults and its webhooks may be an operator's words, so they are checked here. It runs
// until Stop, beyond the end of ctx.
func StartSimulator(ctx context.Context, addr string, cfg simulator.Config, faults string, listen Listen) (*Simulator, error) {
	if err := cfg.Webhooks.Validate(); err != nil {
		return nil, fmt.Errorf("starting the simulator: %w", err)
	}
	cfg.Listen, cfg.Addr = listen, addr
	sim := simulator.New(cfg)
	if err := sim.SetFaults(faults); err != nil {
		return nil, fmt.Errorf("reading the faults: %w", err)
	}
	l, err := listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("starting the simulator: %w", err)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	scheme := "http"
	if cfg.TLS != nil {
		scheme = "https"
	}
	s := &Simulator{scheme: scheme, listener: l, cancel: cancel, served: make(chan error, 1)}
	go func() { s.served <- sim.Serve(ctx, l) }()
	return s, nil
}

// URL returns where it answers.
func (s *Simulator) URL() string { return s.scheme + "://" + s.listener.Addr().String() }

// Stop ends it; it returns when nothing of it runs any more.
func (s *Simulator) Stop() error {
	s.cancel()
	return <-s.served
}
