// Package server serves a handler over HTTP/1.1, or over TLS also over HTTP/2, on an address at which for some time nobody may get a
// connection: then it has no listener, so that clients are refused by the operating system, as by a host that is down.
package server

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"altavoz/whatsapp/simulator/h2"
)

// listenAgain is how long Serve waits for its address to be free again, between two attempts.
const listenAgain = 100 * time.Millisecond

const (
	readHeaderTime = 10 * time.Second
	idleTime       = 5 * time.Minute
	maxHeaderBytes = 16 << 10
)

// Config says what is served, and how.
type Config struct {
	Handler http.Handler
	// TLS, if there is any, has the certificates.
	TLS *tls.Config
	// Listen opens the listener again.
	Listen func(network, addr string) (net.Listener, error)
	// Refused says until when nobody gets a connection, the zero time where everybody does; Changed that it may say something new.
	Refused func(now time.Time) time.Time
	Changed <-chan struct{}
	Logger  *slog.Logger
}

// Serve answers on l until ctx ends. Then it drops what is open, and returns when no handler runs any more.
func Serve(ctx context.Context, l net.Listener, cfg Config) error {
	s := &server{cfg, &crew{}}
	defer s.running.leave()
	for {
		err := s.untilRefused(ctx, l)
		if err != nil || ctx.Err() != nil {
			return err
		}
		if l = s.listenLater(ctx, l.Addr()); l == nil {
			return nil
		}
	}
}

type server struct {
	Config

	running *crew
}

// untilRefused returns without an error when ctx has ended, or nobody is to get a connection.
func (s *server) untilRefused(ctx context.Context, l net.Listener) error {
	srv := &http.Server{
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if !s.running.enter() {
				panic(http.ErrAbortHandler)
			}
			defer s.running.wg.Done()
			s.Handler.ServeHTTP(w, r)
		}),
		ReadHeaderTimeout: readHeaderTime, IdleTimeout: idleTime, MaxHeaderBytes: maxHeaderBytes,
		ErrorLog: slog.NewLogLogger(s.Logger.Handler(), slog.LevelDebug),
	}
	serve := func() error { return srv.Serve(l) }
	if s.TLS != nil {
		srv.TLSConfig = s.TLS.Clone()
		srv.TLSConfig.NextProtos = []string{h2.Proto, "http/1.1"}
		srv.TLSNextProto = map[string]func(*http.Server, *tls.Conn, http.Handler){h2.Proto: h2.Serve}
		serve = func() error { return srv.ServeTLS(l, "", "") }
	}
	ended := make(chan struct{})
	var watch sync.WaitGroup
	defer watch.Wait()
	defer close(ended)
	watch.Go(func() {
		for s.Refused(time.Now()).IsZero() {
			select {
			case <-s.Changed:
			case <-ctx.Done():
				_ = srv.Close()
				return
			case <-ended:
				return
			}
		}
		s.Logger.Info("connections are refused", "addr", l.Addr())
		_ = srv.Close()
	})
	if err := serve(); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serving: %w", err)
	}
	return nil
}

// listenLater waits until connections are taken again and returns a listener for them, or nil if ctx ends before.
func (s *server) listenLater(ctx context.Context, addr net.Addr) net.Listener {
	for {
		wait := max(time.Until(s.Refused(time.Now())), 0)
		if wait == 0 {
			l, err := s.Listen(addr.Network(), addr.String())
			if err == nil {
				s.Logger.Info("connections are taken again", "addr", addr)
				return l
			}
			s.Logger.Warn("address is not free yet", "addr", addr, "error", err)
			wait = listenAgain
		}
		t := time.NewTimer(wait)
		select {
		case <-t.C:
		case <-s.Changed:
		case <-ctx.Done():
			t.Stop()
			return nil
		}
		t.Stop()
	}
}

// crew is who runs; nobody joins once it was told to leave.
type crew struct {
	mu   sync.Mutex
	gone bool
	wg   sync.WaitGroup
}

func (c *crew) enter() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.gone {
		c.wg.Add(1)
	}
	return !c.gone
}

func (c *crew) leave() {
	c.mu.Lock()
	c.gone = true
	c.mu.Unlock()
	c.wg.Wait()
}
