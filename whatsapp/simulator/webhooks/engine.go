package webhooks

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"

	"altavoz/whatsapp/simulator/faults"
	"altavoz/whatsapp/simulator/ledger"
)

const (
	// MaxBatch is how many statuses one request tells at most (Meta, "Webhooks").
	MaxBatch = 1000
	// MaxBody is the largest request (Meta: 3 MB).
	MaxBody = 3_000_000
	// DefaultLinger is how long a status waits for others to go with it.
	DefaultLinger = 50 * time.Millisecond
	// DefaultPending is how many statuses may be pending, at some 150 bytes each: at 3,000 messages a second with three
	// statuses each, what a receiver misses in 55 s.
	DefaultPending = 500_000

	maxBatchBytes = MaxBody - 4096 // what is around the statuses, and around those of another number, has room in the rest
	maxPosts      = 8              // requests at once
	postTimeout   = 10 * time.Second
	maxAnswer     = 64 << 10 // bytes of an answer that are read so that its connection can be used again
	maxRaw        = 32       // bodies handed in as they are that may be pending, of up to MaxBody each
	maxAnswers    = 20_000   // what phones do by themselves that may be pending, at some 1.5 KB each

	// A request that is not answered with 200 is repeated soon, then less and less often. Meta gives up after 7 days; who looks at
	// a simulator does so before.
	firstPause = 100 * time.Millisecond
	mostPause  = 10 * time.Second
	maxTries   = 370 // about an hour
)

// Config says where webhooks go.
type Config struct {
	URL    string // empty: there are none
	Secret string // the app secret that signs them; empty: they are not signed
	// Dial connects to it; nil: as usual.
	Dial func(ctx context.Context, network, addr string) (net.Conn, error)
	// Linger is how long a status that is due waits for others; 0: DefaultLinger, negative: not at all.
	Linger time.Duration
	// Pending bounds how many statuses may be pending; 0: DefaultPending.
	Pending int
	Logger  *slog.Logger
}

// Validate reports what cannot be.
func (c Config) Validate() error {
	u, err := url.Parse(c.URL)
	if c.URL != "" && (err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "") {
		return fmt.Errorf("webhooks go to a URL of http or https, not to %q", c.URL)
	}
	return nil
}

// Message is an accepted message that statuses are about.
type Message struct {
	Number   string
	Phone    string // wa_id, or the user id
	User     bool
	WAMID    string
	Callback string
	Category string // empty: service
	Price    ledger.Price
	// PricedWithRead says that the price comes with read and not with delivered.
	PricedWithRead bool
	Old            bool // the shape of before 2026
	Username       bool // the recipient has one: webhooks leave the phone out
	Linked         bool // the portfolio is linked with others, which have an id of the recipient in common
	Failure        Failure
	Place          int // what the ledger knows it by
}

// Failure is why a message failed.
type Failure struct {
	Code           int
	Title, Details string
}

// Engine sends webhooks. It is safe for concurrent use; it sends nothing until it runs.
type Engine struct {
	cfg    Config
	client *http.Client
	told   func(m *Message, s ledger.Status)
	wake   chan struct{} // there is something that is due before all that was known

	mu      sync.Mutex
	queue   queue
	counts  ledger.Webhooks
	raw     int  // bodies among what is pending
	answers int  // of phones by themselves that are pending
	refused bool // the last post was not taken
}

// New returns an engine. It calls told for each status that was taken, before it counts it.
func New(cfg Config, told func(m *Message, s ledger.Status)) (*Engine, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if cfg.Linger == 0 {
		cfg.Linger = DefaultLinger
	}
	if cfg.Pending == 0 {
		cfg.Pending = DefaultPending
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	return &Engine{cfg: cfg, told: told, wake: make(chan struct{}, 1), client: &http.Client{
		Transport: &http.Transport{
			DialContext: cfg.Dial, MaxConnsPerHost: maxPosts, MaxIdleConnsPerHost: maxPosts, IdleConnTimeout: time.Minute, DisableCompression: true,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }, // it is not 200
	}}, nil
}

// Accepted plans what is told of a message. early, if it is not nil, is closed once the first of it was posted.
func (e *Engine) Accepted(m *Message, now time.Time, later faults.Later) (early <-chan struct{}) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.counts.Dropped += later.Lost
	if len(later.Steps)+e.counts.Pending > e.cfg.Pending {
		e.counts.Dropped += len(later.Steps)
		return nil
	}
	e.counts.Pending += len(later.Steps)
	for i, s := range later.Steps {
		ev := &event{Message: m, status: s.Status, happened: now.Add(s.Happens), again: s.Again}
		if i == 0 && later.Early {
			ev.posted = make(chan struct{})
			early = ev.posted
		}
		e.add(job{due: now.Add(s.Told), event: ev})
	}
	return early
}

// ErrFull is the error of a body for which there is no room.
var ErrFull = errors.New("too many webhooks are pending")

// Raw sends a body as it is, signed.
func (e *Engine) Raw(body []byte, now time.Time) error {
	return e.keep(body, now, &e.raw, maxRaw)
}

// Answer sends a body, signed, at a time, for a phone that does something by itself. One for which there is no room is not sent.
func (e *Engine) Answer(body []byte, at time.Time) { _ = e.keep(body, at, &e.answers, maxAnswers) }

func (e *Engine) keep(body []byte, due time.Time, held *int, most int) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if *held >= most {
		return ErrFull
	}
	*held++
	e.counts.Pending++
	e.add(job{due: due, batch: &batch{raw: body, held: held}})
	return nil
}

// add queues a job. The caller holds e.mu.
func (e *Engine) add(j job) {
	if !e.queue.add(j) {
		return
	}
	select {
	case e.wake <- struct{}{}:
	default: // it is told already
	}
}

// Counts returns what was told so far.
func (e *Engine) Counts() ledger.Webhooks {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.counts
}

// Run sends until ctx ends. What is pending then is dropped; nothing runs any more when it returns.
func (e *Engine) Run(ctx context.Context) {
	var posting sync.WaitGroup
	slots := make(chan struct{}, maxPosts)
	for e.await(ctx) {
		select { // a slot first: what becomes due while all are taken goes together
		case slots <- struct{}{}:
		case <-ctx.Done():
			continue
		}
		e.mu.Lock()
		b := e.queue.take(time.Now())
		e.mu.Unlock()
		if b == nil {
			<-slots
			continue
		}
		posting.Go(func() {
			defer func() { <-slots }()
			e.post(ctx, b)
		})
	}
	posting.Wait()
	e.client.CloseIdleConnections()
	e.dropAll()
}

// await waits until something is due; false at the end of ctx.
func (e *Engine) await(ctx context.Context) bool {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for ctx.Err() == nil {
		e.mu.Lock()
		wait := time.Hour
		if len(e.queue) > 0 {
			wait = time.Until(e.queue[0].due.Add(max(e.cfg.Linger, 0)))
		}
		e.mu.Unlock()
		if wait <= 0 {
			return true
		}
		timer.Reset(wait)
		select {
		case <-timer.C:
		case <-e.wake:
		case <-ctx.Done():
		}
	}
	return false
}

func (e *Engine) dropAll() {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, j := range e.queue {
		if j.event != nil {
			e.drop(&batch{events: []*event{j.event}})
		} else {
			e.drop(j.batch)
		}
	}
	e.queue = nil
}

// drop gives a batch up. The caller holds e.mu.
func (e *Engine) drop(b *batch) {
	e.counts.Pending -= b.weight()
	e.counts.Dropped += b.weight()
	if b.held != nil {
		*b.held--
	}
	b.release()
}
