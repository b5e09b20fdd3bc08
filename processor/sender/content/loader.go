package content

import (
	"context"
	"errors"
	"log/slog"
	"net/url"
	"time"

	"altavoz/internal/backoff"
	"altavoz/schemas"
)

const (
	// maxLoads is how many messages are read and rendered at a time; loadBase and loadMax bound the wait for another try.
	maxLoads = 16
	loadBase = 500 * time.Millisecond
	loadMax  = 30 * time.Second
	// loadTimeout bounds one try: a message is one record of some KiB.
	loadTimeout = 30 * time.Second
	// MaxRenewals is how many files are uploaded again at a time, and renewalsEach how many of them for one number, or from one
	// host: at 16 connections that hang three other numbers still have theirs. renewTimeout bounds one try: 100 MB at 0.4 MB/s.
	MaxRenewals  = 16
	renewalsEach = 4
	renewTimeout = 4 * time.Minute
)

var errLoadTimeout = errors.New("reading a message took too long")

// Contents reads the message of a task. An error that is schemas.ErrContent says that there is none to be had; any other may pass and
// is tried again.
type Contents interface {
	Content(ctx context.Context, t schemas.TaskID, ref *schemas.BlobRef) (*schemas.Content, error)
}

// Media renews the media id of a file that Meta does not know any more, once for all who ask at the same time. An error that is
// schemas.ErrContent is definite; any other may pass.
type Media interface {
	Refresh(ctx context.Context, sender string, kind schemas.HeaderKind, m *schemas.MediaRef) (*schemas.MediaRef, error)
}

// Renderer renders a content for all sends of its task. It does not wait; an error means that the content can't be sent.
type Renderer interface {
	Prepare(c *schemas.Content) (schemas.Message, error)
}

// Ports is what a loader is plugged into.
type Ports struct {
	Contents Contents
	Media    Media
	Renderer Renderer
	// Background runs work without the caller's lock and then done under it; neither once the stage ends.
	Background func(work func(ctx context.Context), done func(now time.Time))
}

// Loader reads, renders and renews messages.
type Loader struct {
	ports           Ports
	log             *slog.Logger
	loads, renewals Pool[*Message]
	waiting         map[*Message]Done
}

// Done is called when a load ended: the message is rendered, or failed for good, or is to be loaded again after a wait (not 0).
type Done func(now time.Time, wait time.Duration)

// NewLoader returns a loader that loads nothing.
func NewLoader(ports Ports, log *slog.Logger) *Loader {
	return &Loader{
		ports: ports, log: log, waiting: make(map[*Message]Done),
		loads: NewPool[*Message](maxLoads, maxLoads), renewals: NewPool[*Message](MaxRenewals, renewalsEach),
	}
}

// Load has a message read and rendered, unless it is being loaded.
func (l *Loader) Load(m *Message, bulk bool, done Done) {
	if m.loading {
		return
	}
	m.loading = true
	l.waiting[m] = done
	pool, shares := &l.loads, []string(nil)
	if m.stale {
		pool, shares = &l.renewals, append(shares, "number "+m.sender)
		_, f := file(m.source, m.staleFile)
		if u, err := url.Parse(f.GetUrl()); err == nil && u.Host != "" {
			shares = append(shares, "host "+u.Host)
		}
	}
	pool.Enqueue(m, bulk, shares...)
	l.next(pool)
}

// next begins what there is a place for.
func (l *Loader) next(pool *Pool[*Message]) {
	for {
		m, ok := pool.Acquire()
		if !ok {
			return
		}
		source, stale, number := m.source, m.stale, m.staleFile
		var rendered schemas.Message
		var err error
		l.ports.Background(func(ctx context.Context) { source, rendered, err = l.render(ctx, m, source, stale, number) }, func(now time.Time) {
			pool.Release(m)
			l.loaded(m, source, rendered, err, now)
			l.next(pool)
		})
	}
}

// render makes one try. It runs without the lock, and reads of the message only what never changes.
func (l *Loader) render(ctx context.Context, m *Message, c *schemas.Content, stale bool, number uint32) (*schemas.Content, schemas.Message, error) {
	most := loadTimeout
	if stale {
		most = renewTimeout
	}
	ctx, cancel := context.WithTimeoutCause(ctx, most, errLoadTimeout)
	defer cancel()
	var err error
	if c == nil {
		if len(m.ref.GetOffsetDeltas()) == 0 {
			return nil, nil, schemas.ErrContent
		}
		if c, err = l.ports.Contents.Content(ctx, m.task, m.ref); err != nil {
			return nil, nil, err
		}
	}
	if stale {
		kind, f := file(c, number)
		renewed, err := l.ports.Media.Refresh(ctx, m.sender, kind, f)
		if number > 0 && errors.Is(err, schemas.ErrContent) { //mutant:own-file-that-is-gone-costs-only-who-has-it
			renewed, err = &schemas.MediaRef{}, nil
		}
		if err != nil {
			return c, nil, err
		}
		if number > 0 {
			c = c.WithOwnFile(number, renewed)
		} else {
			c = c.WithMedia(renewed)
		}
	}
	rendered, err := prepare(c, m.own, l.ports.Renderer)
	if err != nil {
		return c, nil, errors.Join(schemas.ErrContent, err)
	}
	return c, rendered, nil
}

// loaded applies the result of a try.
func (l *Loader) loaded(m *Message, c *schemas.Content, rendered schemas.Message, err error, now time.Time) {
	done := l.waiting[m]
	delete(l.waiting, m)
	m.loading = false
	m.source, m.template, m.prompted = c, c.GetTemplate(), !c.Unprompted()
	var wait time.Duration
	switch {
	case err == nil:
		m.version++
		if m.stale {
			if m.renewedAt == nil {
				m.renewedAt = make(map[uint32]int)
			}
			m.renewedAt[m.staleFile] = m.version
		}
		m.rendered, m.stale, m.tries, m.answers = rendered, false, 0, c.Answerable()
		if len(c.AllFiles()) == 0 {
			m.source = nil
		}
	case errors.Is(err, schemas.ErrContent), errors.Is(err, schemas.ErrDecode) && !errors.Is(err, schemas.ErrNewer):
		m.failed = schemas.Failed(schemas.CodeContent).Spanish()
		if refused := (*schemas.ContentError)(nil); errors.As(err, &refused) {
			m.failed = refused.Why.Spanish()
		}
		l.log.Error("message can't be sent", "task", m.task, "sender", m.sender, "error", err)
	default:
		l.log.Warn("message could not be read and will be tried again", "task", m.task, "try", m.tries, "error", err)
		wait = backoff.Equal(loadBase, loadMax, m.tries)
		m.tries++
	}
	done(now, wait)
}
