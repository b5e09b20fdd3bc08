package producer

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"runtime/debug"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"altavoz/producer/access"
	"altavoz/producer/codes"
	"altavoz/producer/connections"
	"altavoz/producer/guard"
	"altavoz/producer/headers"
	"altavoz/producer/identity"
	"altavoz/producer/loglimit"
	"altavoz/producer/meters"
	"altavoz/producer/optouts"
	"altavoz/producer/requestid"
	"altavoz/producer/route"
	"altavoz/producer/senders"
	"altavoz/producer/slots"
	"altavoz/producer/templates"
	"altavoz/producer/webhooks"
	"altavoz/schemas"
	"altavoz/schemas/es"
	"altavoz/schemas/request"
)

// Ingress is the HTTP service.
type Ingress struct {
	cfg       Config
	ports     Ports
	metrics   *meters.Metrics
	local     *access.Caller // who calls where no keys are asked for
	cross     *http.CrossOriginProtection
	bodies    slots.Bodies // of broadcasts and controls
	webhooks  *webhooks.Receiver
	people    *optouts.Service
	templates *templates.Service
	shares    access.Shares // of callers in all of these
	budget    access.Budget
	waiting   slots.Slots // direct answers, and those of controls
	listing   slots.Slots // lists
	feeds     slots.Slots // event feeds
	exports   slots.Slots // recipients of a task
	histories slots.Slots // sends of a person
	dryRuns   slots.Slots
	lookups   slots.Slots   // tasks that are read back
	refused   loglimit.Line // requests that are refused, in the log
}

// New makes the service. It holds nothing that must be closed.
func New(cfg Config, ports Ports) *Ingress {
	cfg.MaxBody, cfg.DirectTimeout = cmp.Or(cfg.MaxBody, request.MaxBodyBytes), cmp.Or(cfg.DirectTimeout, DefaultDirectTimeout)
	cfg.Uploads, cfg.Feeds = cmp.Or(cfg.Uploads, DefaultUploads), cmp.Or(cfg.Feeds, DefaultFeeds)
	if cfg.Rate == nil {
		cfg.Rate = func(string) float64 { return 0 }
	}
	if cfg.Senders == nil {
		cfg.Senders = func() []senders.Number { return nil }
	}
	if cfg.Keys == nil {
		cfg.Keys = func() *access.Table { return nil }
	}
	if cfg.Identity == nil {
		cfg.Identity = identity.Random()
	}
	cfg.Logger = requestid.Logger(cmp.Or(cfg.Logger, slog.New(slog.DiscardHandler)))
	if cfg.Registerer == nil {
		cfg.Registerer = prometheus.NewRegistry()
	}
	if cfg.WrongKeys == nil {
		cfg.WrongKeys = guard.New(guard.Config{Logger: cfg.Logger, Registerer: prometheus.NewRegistry()})
	}
	in := &Ingress{
		cfg: cfg, ports: ports, local: access.Local(), cross: http.NewCrossOriginProtection(),
		bodies:   slots.Bodies{Any: make(slots.Slots, maxReading), Big: make(slots.Slots, cfg.Uploads), From: BigBody},
		webhooks: webhooks.NewReceiver(ports.Webhooks, ports.Log, cfg.Logger),
		waiting:  make(slots.Slots, maxWaiting), listing: make(slots.Slots, maxListing), feeds: make(slots.Slots, cfg.Feeds), exports: make(slots.Slots, maxExports), histories: make(slots.Slots, maxHistories), dryRuns: make(slots.Slots, maxDryRuns), lookups: make(slots.Slots, maxLookups),
		refused: loglimit.Line{Every: time.Second, Most: refusalsLogged},
	}
	in.people = &optouts.Service{Book: ports.OptOuts, Log: ports.Log, Logger: cfg.Logger, Region: ports.Sends.Region, Sender: in.sender}
	in.templates = &templates.Service{Book: ports.Templates, Sender: in.sender}
	in.ports.DryRuns.Templates = in.templates
	in.metrics = meters.New(cfg.Registerer, route.Names, webhooks.Results, map[string]slots.Slots{
		"big": in.bodies.Big, "any": in.bodies.Any, "answer": in.waiting, "webhook": in.webhooks.Bodies.Any, "big_webhook": in.webhooks.Bodies.Big,
		"list": in.listing, "feed": in.feeds, "export": in.exports, "history": in.histories, "dry_run": in.dryRuns,
	})
	return in
}

// Handler returns the routes; what is none of them is 404.
func (in *Ingress) Handler() http.Handler {
	return requestid.Wrap(connections.WithoutSlash(in.routes()))
}

// route does what every route needs: an answer whatever happens, and the numbers.
func (in *Ingress) route(name string, h handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		a := in.answer(w, r, h).of(r.PathValue("task_id"))
		in.logRefusal(r, name, a)
		if a.stream != nil {
			in.metrics.Answered(name, a.status, a.code, time.Since(start)) // how long it goes on says nothing
			in.stream(w, r, a)
			return
		}
		if err := a.in(headers.Language(r.Header)).send(w); err != nil {
			in.cfg.Logger.DebugContext(r.Context(), "answer not taken", "route", name, "error", err)
		}
		in.metrics.Answered(name, a.status, a.code, time.Since(start))
	})
}

// logRefusal writes a line of a refusal, so that whoever has its request id finds it. Anybody may be refused: beyond refusalsLogged a second
// they are only counted.
func (in *Ingress) logRefusal(r *http.Request, name string, a answer) {
	if a.status < http.StatusBadRequest || name == route.Ready {
		return
	}
	if unsaid, ok := in.refused.Turn(time.Now()); ok {
		body, _ := a.body.(errorBody)
		in.cfg.Logger.InfoContext(r.Context(), "request refused", "route", name, "status", a.status, "code", a.code, "field", body.Field, "task", body.TaskID, "not_logged", unsaid)
	}
}

func (in *Ingress) answer(w http.ResponseWriter, r *http.Request, h handler) (a answer) {
	defer func() {
		if p := recover(); p != nil {
			a = in.panicked(r, p)
		}
	}()
	return h(w, r, nil)
}

func (in *Ingress) stream(w http.ResponseWriter, r *http.Request, a answer) {
	defer func() {
		if p := recover(); p != nil {
			if err, ok := p.(error); !ok || !errors.Is(err, http.ErrAbortHandler) {
				in.panicked(r, p)
			}
			panic(http.ErrAbortHandler) // part of the answer is out: only a broken connection says that it is not all
		}
	}()
	a.headers(w.Header())
	a.stream(w)
}

func (in *Ingress) panicked(r *http.Request, p any) answer {
	in.cfg.Logger.ErrorContext(r.Context(), "panic while answering", "path", r.Pattern, "panic", p, "stack", string(debug.Stack()))
	return internalError().closing()
}

func health(http.ResponseWriter, *http.Request, *access.Caller) answer {
	return answer{status: http.StatusOK, body: healthBody{Status: "ok"}}
}

func (in *Ingress) ready(http.ResponseWriter, *http.Request, *access.Caller) answer {
	if err := in.Ready(); err != nil {
		return later(codes.Unavailable, es.StillReading)
	}
	return answer{status: http.StatusOK, body: healthBody{Status: "ready"}}
}

// Ready returns nil once the ingress knows every task.
func (in *Ingress) Ready() error {
	if in.caughtUp() {
		return nil
	}
	return errors.New("the view of statuses has not caught up yet")
}

func (in *Ingress) caughtUp() bool { return isClosed(in.ports.Statuses.CaughtUp()) }

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// await returns the task's status once it is as wanted, and nil if ctx ends before.
func (in *Ingress) await(ctx context.Context, task schemas.TaskID, wanted func(*schemas.Status) bool) *schemas.Status {
	changes, stop := in.ports.Statuses.Watch(task)
	defer stop()
	for {
		if s, _ := in.lookup(ctx, task); s != nil && wanted(s) {
			return s
		}
		select {
		case <-changes:
		case <-ctx.Done():
			return nil
		}
	}
}

// errBusy is the error of a lookup that finds no slot.
var errBusy = errors.New("too many tasks are being read back")

// lookup returns the status of any task, nil where there is none. An error says that nobody knows now.
func (in *Ingress) lookup(ctx context.Context, task schemas.TaskID) (*schemas.Status, error) {
	if s, ok := in.ports.Statuses.Get(task); ok {
		return s, nil
	}
	if !in.lookups.Take() {
		return nil, errBusy
	}
	defer in.lookups.Give()
	ctx, cancel := context.WithTimeout(ctx, lookupTimeout)
	defer cancel()
	s, err := in.ports.Statuses.Find(ctx, task)
	if err != nil {
		in.cfg.Logger.WarnContext(ctx, "task not read back", "task", task.String(), "error", err)
	}
	return s, err
}
