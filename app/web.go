package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"altavoz/app/admission"
	"altavoz/app/readiness"
	"altavoz/producer"
	"altavoz/producer/access"
	"altavoz/producer/codes"
	"altavoz/producer/connections"
	"altavoz/producer/guard"
	"altavoz/producer/requestid"
	"altavoz/schemas/es"
)

// httpDrain is how long a request that came before the stop may still take. Answers that wait for a broadcast are given
// at once then; what is left is bodies on their way, and those who wait for Kafka: they are to hear that it does not answer.
const httpDrain = producer.PublishTimeout + 2*time.Second

// metricsTimeout is how long a client may take to read the metrics; net/http takes the deadline back after the answer.
const metricsTimeout = 30 * time.Second

// profileTimeout is how long one profile may take.
const profileTimeout = 2 * time.Minute

// The servers of a process, as metrics name them.
const (
	serverAPI   = "api"
	serverAdmin = "admin"
)

// web is the HTTP side of a process. It answers from its first moment: that it is alive, and that it is not ready yet.
type web struct {
	log   *slog.Logger
	api   atomic.Pointer[http.Handler] // nil until the process is wired
	ready func() *readiness.Report
	keys  func() *access.Table // nil: none are asked for
	wrong *guard.Attempts

	servers   []*http.Server
	listeners []net.Listener
	cancel    context.CancelFunc // ends the waiting of answers
}

// listen opens the addresses and serves them, beyond the end of ctx. Where there is no address for admin, metrics lie beside the API.
func (w *web) listen(ctx context.Context, cfg HTTPConfig, network Network, registry *prometheus.Registry, failed func(error)) error {
	metrics := inTime(metricsTimeout, promhttp.HandlerFor(registry, promhttp.HandlerOpts{ErrorLog: slog.NewLogLogger(w.log.Handler(), slog.LevelWarn)}))
	public, admin := w.health(), w.health()
	public.HandleFunc("/", w.serveAPI)
	admin.Handle("GET /metrics", metrics)
	if cfg.Pprof {
		profiles(admin)
	}
	if cfg.AdminAddr == "" {
		public.Handle("GET /metrics", admission.Metrics{Addr: cfg.Addr, Keys: w.keys, Wrong: w.wrong}.Serve(metrics))
	}
	base, cancel := context.WithCancel(context.WithoutCancel(ctx))
	w.cancel = cancel
	open := func(addr, setting, name string, most int, h http.Handler) error {
		l, err := network.Listen("tcp", addr)
		if err != nil {
			return withHint(fmt.Errorf("listening on %s: %w", addr, err), "stop what uses it, or set "+setting+" to another address")
		}
		if admission.Loopback(addr) && (name == serverAdmin || cfg.keys().None()) {
			h = admission.OnlyLocal(addr, h)
		}
		srv := connections.NewServer(requestid.Wrap(h), w.log)
		srv.BaseContext = func(net.Listener) context.Context { return base }
		set := connections.New(connections.Config{Server: name, Most: most, Logger: w.log, Registerer: registry})
		set.Attach(srv)
		w.servers, w.listeners = append(w.servers, srv), append(w.listeners, l)
		go func() {
			if err := srv.Serve(set.Listener(l)); !errors.Is(err, http.ErrServerClosed) {
				failed(fmt.Errorf("serving HTTP on %s: %w", addr, err))
			}
		}()
		return nil
	}
	descriptors := connections.Descriptors()
	most := connections.Bound(cfg.MaxConnections, descriptors)
	if most < cfg.MaxConnections {
		w.log.Warn("fewer HTTP connections than configured are taken: the process may have few descriptors", "connections", most,
			"configured", cfg.MaxConnections, "descriptors", descriptors)
	}
	if err := open(cfg.Addr, "ALTAVOZ_HTTP_ADDR", serverAPI, most, public); err != nil {
		return err
	}
	if cfg.AdminAddr == "" {
		return nil
	}
	return open(cfg.AdminAddr, "ALTAVOZ_ADMIN_ADDR", serverAdmin, min(connections.MostAdmin, most), admin)
}

// inTime gives a client only so long to take its answer.
func inTime(most time.Duration, h http.Handler) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		_ = http.NewResponseController(rw).SetWriteDeadline(time.Now().Add(most)) // on connections of ours it can be set
		h.ServeHTTP(rw, r)
	})
}

// profiles serves the profiles of the runtime, without the command line and the symbols that net/http/pprof also has. A CPU profile
// or a trace of more than profileTimeout ends then, with what there is; a difference of two profiles (heap?seconds=300) is answered
// with 408 then.
func profiles(mux *http.ServeMux) {
	for path, h := range map[string]http.HandlerFunc{"": pprof.Index, "profile": pprof.Profile, "trace": pprof.Trace} {
		mux.Handle("GET /debug/pprof/"+path, inTime(profileTimeout+metricsTimeout, http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			ctx, cancel := context.WithTimeout(r.Context(), profileTimeout)
			defer cancel()
			h(rw, r.WithContext(ctx))
		})))
	}
}

// addr returns where the API listens.
func (w *web) addr() net.Addr { return w.listeners[0].Addr() }

// adminAddr returns where metrics and profiles listen, "" where they have no address of their own.
func (w *web) adminAddr() string {
	if len(w.listeners) < 2 {
		return ""
	}
	return w.listeners[1].Addr().String()
}

func (w *web) health() *http.ServeMux {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(rw http.ResponseWriter, _ *http.Request) {
		admission.Answer(rw, http.StatusOK, map[string]string{"status": "ok"})
	})
	mux.HandleFunc("GET /readyz", func(rw http.ResponseWriter, _ *http.Request) {
		r, status := w.ready(), http.StatusOK
		if !r.Ready() {
			status = http.StatusServiceUnavailable
		}
		admission.Answer(rw, status, r)
	})
	return mux
}

// serve puts the API behind the address.
func (w *web) serve(api http.Handler) { w.api.Store(&api) }

// noAPI is the API of a process without the role producer.
func noAPI(rw http.ResponseWriter, _ *http.Request) {
	admission.Answer(rw, http.StatusNotFound, map[string]string{"error": es.Say(es.NoAddress).Spanish(), "code": "not_found", "hint": "this process has no role producer"})
}

func (w *web) serveAPI(rw http.ResponseWriter, r *http.Request) {
	if h := w.api.Load(); h != nil {
		(*h).ServeHTTP(rw, r)
		return
	}
	rw.Header().Set("Retry-After", "2")
	admission.Answer(rw, http.StatusServiceUnavailable, map[string]string{"error": es.Say(es.NotReady).Spanish(), "code": codes.Unavailable, "hint": codes.Hint(codes.Unavailable).In(es.Accepted(r.Header.Get("Accept-Language")))})
}

// stop takes no more requests, gives waiting answers, and lets the others end for a while.
func (w *web) stop(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, httpDrain)
	defer cancel()
	done := make(chan error, len(w.servers))
	for _, srv := range w.servers {
		go func() {
			err := srv.Shutdown(ctx)
			if err != nil {
				err = errors.Join(fmt.Errorf("requests were cut off: %w", err), srv.Close())
			}
			done <- err
		}()
	}
	if w.cancel != nil {
		w.cancel()
	}
	var err error
	for range w.servers {
		err = errors.Join(err, <-done)
	}
	return err
}
