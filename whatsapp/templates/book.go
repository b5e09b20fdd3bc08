// Package templates reads the message templates of an account from the Cloud API, and keeps what it read for a while. It changes nothing there.
package templates

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
	"golang.org/x/sync/singleflight"

	"altavoz/schemas"
	"altavoz/schemas/es"
	"altavoz/schemas/template"
	"altavoz/whatsapp/nethttp"
)

const (
	// Age is for how long what was read of a template counts, where no webhook says that it has changed.
	Age = 5 * time.Minute
	// RefusalAge is for how long it counts where it refuses a broadcast: who has just had a template approved is not to wait.
	RefusalAge = 10 * time.Second

	maxNames = 1000     // kept, and
	maxBytes = 16 << 20 // so much of their texts
	// readsAnHour bounds the questions of a process. Meta takes 5,000 about an account, of all processes together.
	readsAnHour = 600
)

// Config is what a Book needs.
type Config struct {
	BaseURL string // with the path of a gateway, if there is one
	Version string // "-": none
	// Token returns the token of a sender number, Account the id of its WhatsApp Business Account; "": it is not known.
	Token   func(sender string) (schemas.Secret, bool)
	Account func(sender string) string
	// ChangedAt returns when a webhook last said something of a template of a number's account. It must not wait.
	ChangedAt func(sender, name string) time.Time
	Dial      Dial
	Proxy     func(*http.Request) (*url.URL, error)

	Logger     *slog.Logger
	Registerer prometheus.Registerer
}

// Book is the templates of the accounts of our numbers. It is safe for concurrent use.
type Book struct {
	cfg     Config
	base    *url.URL
	client  *nethttp.Client
	metrics *metrics
	flights singleflight.Group

	mu    sync.Mutex
	hour  time.Time // since when reads are counted
	reads int
	kept  map[key]entry
	bytes int
}

type key struct{ account, name string }

type entry struct {
	all []template.Definition
	at  time.Time
	// heard is when something had last been said of it when it was asked for.
	heard time.Time
	bytes int
}

// New returns a book that has read nothing yet.
func New(cfg Config) (*Book, error) {
	base, err := url.Parse(cfg.BaseURL)
	if err != nil {
		return nil, fmt.Errorf("reading the base URL of the Cloud API: %w", err)
	}
	base.Path = "/" + strings.Trim(base.Path, "/")
	if cfg.Version != "-" {
		base = base.JoinPath(cfg.Version)
	}
	return &Book{
		cfg: cfg, base: base, client: nethttp.New(nethttp.Config{Dial: cfg.Dial, Proxy: cfg.Proxy, MaxConns: maxConns, MaxAnswer: maxPage}),
		metrics: newMetrics(cfg.Registerer), kept: make(map[key]entry),
	}, nil
}

// Close drops the idle connections.
func (b *Book) Close() { b.client.Close() }

// Named returns all languages of a template of a sender number's account, not older than age. Its errors are those of Page.
func (b *Book) Named(ctx context.Context, sender, name string, age time.Duration) ([]template.Definition, error) {
	k := key{b.cfg.Account(sender), name}
	if k.account == "" {
		return nil, template.ErrNoAccount
	}
	b.mu.Lock()
	e, known := b.kept[k]
	b.mu.Unlock()
	if known && time.Since(e.at) < age && e.heard.Equal(b.cfg.ChangedAt(sender, name)) { //mutant:an-answer-of-before-a-change-does-not-count
		b.metrics.kept.Inc()
		return e.all, nil
	}
	read := b.flights.DoChan(k.account+"/"+name, func() (any, error) {
		return b.read(context.WithoutCancel(ctx), sender, k) // for all who wait
	})
	select {
	case r := <-read:
		all, _ := r.Val.([]template.Definition)
		return all, r.Err
	case <-ctx.Done():
		return nil, fmt.Errorf("%w: %w", template.ErrUnanswered, context.Cause(ctx))
	}
}

// read asks for all of a name, and keeps it.
func (b *Book) read(ctx context.Context, sender string, k key) ([]template.Definition, error) {
	ctx, cancel := context.WithTimeout(ctx, Timeout)
	defer cancel()
	e := entry{at: time.Now(), heard: b.cfg.ChangedAt(sender, k.name)}
	q := template.Query{Name: k.name, Limit: template.MostOfPage}
	for range maxPages {
		p, err := b.Page(ctx, sender, q)
		if err != nil {
			return nil, err
		}
		for i := range p.Templates {
			if d := &p.Templates[i]; d.Name == k.name { // Meta also finds names that it is a part of
				e.all, e.bytes = append(e.all, *d), e.bytes+len(d.Body)+len(d.Header.Text)+len(d.Footer)
			}
		}
		if q.Cursor = p.Next; q.Cursor == "" {
			break
		}
	}
	b.keep(k, e)
	return e.all, nil
}

// mayAsk counts one question.
func (b *Book) mayAsk(now time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if now.Sub(b.hour) >= time.Hour {
		b.hour, b.reads = now, 0
	}
	b.reads++
	return b.reads <= readsAnHour
}

func (b *Book) keep(k key, e entry) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.bytes += e.bytes - b.kept[k].bytes
	b.kept[k] = e
	for len(b.kept) > maxNames || b.bytes > maxBytes {
		oldest, at := k, e.at
		for other, was := range b.kept {
			if was.at.Before(at) {
				oldest, at = other, was.at
			}
		}
		b.bytes -= b.kept[oldest].bytes
		delete(b.kept, oldest)
	}
}

// Check returns what a template of a sender number's account is billed as, Meta's word, and why Meta would not send a message that uses it. An error
// says that it is not known: that of Page.
func (b *Book) Check(ctx context.Context, sender string, u *template.Use) (category string, problems []template.Problem, err error) {
	for _, age := range []time.Duration{Age, RefusalAge} {
		all, err := b.Named(ctx, sender, u.Name, age)
		if err != nil {
			return "", nil, err
		}
		d, none := template.Find(all, u.Name, u.Language)
		if none == nil {
			if problems = template.Check(d, u); len(problems) == 0 || age == RefusalAge { //mutant:a-refusal-is-not-of-what-was-kept-long
				return d.Category, problems, nil
			}
		} else {
			problems = []template.Problem{*none}
		}
	}
	return "", problems, nil
}

// Judge returns what the template of a content is billed as, and why no message that uses it so can be sent, now or once its pause is over; nothing where
// it can, or nobody knows whose the number is. An error says that it is not known: that of Page.
func (b *Book) Judge(ctx context.Context, sender string, c *schemas.Content) (category string, why es.Sentence, err error) {
	category, problems, err := b.Check(ctx, sender, template.UseOf(c))
	if errors.Is(err, template.ErrNoAccount) {
		return "", es.Sentence{}, nil
	}
	for _, p := range problems {
		if !p.Waits() { //mutant:a-paused-template-ends-no-task
			return category, p.Says, nil
		}
	}
	return category, es.Sentence{}, err
}

type metrics struct{ done, refused, unanswered, limited, kept prometheus.Counter }

func newMetrics(reg prometheus.Registerer) *metrics {
	of := promauto.With(reg).NewCounterVec(prometheus.CounterOpts{
		Name: "altavoz_template_reads_total",
		Help: "Questions about templates, by what became of them: done, refused by Meta, unanswered, limited: not asked because there were too many, kept: answered by what was read before.",
	}, []string{"result"})
	return &metrics{of.WithLabelValues("done"), of.WithLabelValues("refused"), of.WithLabelValues("unanswered"), of.WithLabelValues("limited"), of.WithLabelValues("kept")}
}

func (m *metrics) count(err error) {
	refused := (*template.RefusedError)(nil)
	switch {
	case err == nil:
		m.done.Inc()
	case errors.As(err, &refused):
		m.refused.Inc()
	default:
		m.unanswered.Inc()
	}
}
