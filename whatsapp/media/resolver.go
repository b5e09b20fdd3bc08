package media

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/url"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/singleflight"

	"altavoz/schemas"
	"altavoz/schemas/es"
)

const (
	// mediaLife is how long an uploaded id is used: five days less than Meta keeps it, which is as long as a send may wait.
	mediaLife = 25 * 24 * time.Hour
	// Files on their way at once, and how many of them for one number, or from one host: whatever hangs keeps only its own waiting.
	// An upload holds one part of 512 KiB, a fetch up to spoolMemory: 24 MiB in all.
	maxUploads  = 16
	maxFetches  = 16
	uploadsEach = 4
	fetchesEach = 4
)

// Dial opens a connection, as [net.Dialer.DialContext] does.
type Dial = func(ctx context.Context, network, addr string) (net.Conn, error)

// Uploader puts files on sender numbers.
type Uploader interface {
	// Upload returns the media id of the file on the number. A *schemas.ContentError says that the file is refused; any
	// other error may pass.
	Upload(ctx context.Context, sender, mimeType, filename string, size int64, body io.Reader) (string, error)
}

// Parts reads files that were stored in parts.
type Parts interface {
	// Part returns the n-th part, from 0, of the file that ref points at. A *schemas.ContentError says that it is gone.
	Part(ctx context.Context, ref *schemas.BlobRef, n int) ([]byte, error)
}

// Cache remembers media ids. It may forget: then a file is uploaded again.
type Cache interface {
	Get(ctx context.Context, key string) (string, bool)
	Put(ctx context.Context, key, id string, ttl time.Duration)
}

// URLMode is what becomes of a media header given as a URL.
type URLMode string

// The modes.
const (
	URLAuto URLMode = "auto" // fetch and upload it; pass it on where it can't be reached from here
	URLLink URLMode = "link" // pass it on: Meta fetches it, once per recipient and after having accepted the message
)

// Config is what a Resolver needs. Uploader and Parts are required.
type Config struct {
	Uploader Uploader
	Parts    Parts
	Cache    Cache // nil: nothing is remembered
	// Token returns a number's access token, from which the key of what the cache holds is derived; false where it has none, and then
	// nothing of it is remembered. Required with Cache.
	Token func(sender string) (schemas.Secret, bool)

	URLMode URLMode // empty: auto
	// FetchAllow opens what is closed by default to our fetches: "host:port" (plain HTTP too) and networks such as "10.1.0.0/16".
	FetchAllow []string
	// FetchDial replaces the guarded dialer in a simulated network. Where it is set, only addresses that are literal are
	// checked here: resolving a name safely is then its own business.
	FetchDial Dial
	TempDir   string // for fetched files of more than 1 MiB; empty: the system's

	Logger     *slog.Logger
	Registerer prometheus.Registerer
}

// Resolver turns a file as it was given into what a message can carry: a media id, or a link. A file is uploaded once per sender
// number, however many ask for it at the same time.
type Resolver struct {
	uploader Uploader
	parts    Parts
	cache    remembered
	mode     URLMode
	fetcher  *fetcher
	metrics  *metrics
	log      *slog.Logger

	// What is under way goes on when a caller leaves, since others may wait for it; Close ends it.
	ctx     context.Context // the lifetime of work that no single caller owns
	cancel  context.CancelFunc
	mu      sync.Mutex // guards adding to running
	running sync.WaitGroup
	flights singleflight.Group
	uploads *places // by number
}

// New returns a resolver; Close ends what it has under way.
func New(cfg Config) (*Resolver, error) {
	if cfg.Uploader == nil || cfg.Parts == nil {
		return nil, errors.New("media: no uploader or no parts")
	}
	if cfg.Cache != nil && cfg.Token == nil {
		return nil, errors.New("media: a cache and no tokens")
	}
	switch cfg.URLMode {
	case "":
		cfg.URLMode = URLAuto
	case URLAuto, URLLink:
	default:
		return nil, fmt.Errorf("media: URL mode %q is neither %q nor %q", cfg.URLMode, URLAuto, URLLink)
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	guard, err := NewGuard(cfg.FetchAllow)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	m := newMetrics(cfg.Registerer)
	return &Resolver{
		uploader: cfg.Uploader, parts: cfg.Parts, cache: remembered{cfg.Cache, cfg.Token, m}, mode: cfg.URLMode,
		fetcher: newFetcher(guard, cfg.FetchDial, cfg.TempDir),
		metrics: m, log: cfg.Logger,
		ctx: ctx, cancel: cancel, uploads: newPlaces(maxUploads, uploadsEach),
	}, nil
}

// Close ends what is under way and waits for it.
func (r *Resolver) Close() {
	r.mu.Lock()
	r.cancel()
	r.mu.Unlock()
	r.running.Wait()
}

// Resolve returns m with a media id of the sender number, or with a link. It keeps where the file came from, except for an inline
// file, so that Refresh can go back there. A *schemas.ContentError says that the file can't be used; any other error may
// pass.
func (r *Resolver) Resolve(ctx context.Context, sender string, kind schemas.HeaderKind, m *schemas.MediaRef) (*schemas.MediaRef, error) {
	if m.GetMediaId() != "" || m.GetLink() != "" {
		return m, nil
	}
	return r.resolve(ctx, sender, kind, m, "")
}

// Refresh returns m, which Resolve made, with another media id than the one it has: that one is no longer known to Meta.
func (r *Resolver) Refresh(ctx context.Context, sender string, kind schemas.HeaderKind, m *schemas.MediaRef) (*schemas.MediaRef, error) {
	if m.GetMediaId() == "" {
		return m, nil // a link does not grow old
	}
	if digest, ok := digestOf(m); ok { // somebody else may have refreshed it already
		if id, ok := r.cache.get(ctx, sender, schemas.MediaKey(sender, digest)); ok && id != m.GetMediaId() {
			return resolved(m, file{digest: digest, mimeType: m.GetMimeType(), size: int64(m.GetSize()), name: m.GetFilename()}, id), nil
		}
	}
	if m.GetUrl() == "" && m.GetParts() == nil && len(m.GetInline()) == 0 {
		return nil, &schemas.ContentError{Why: es.Say(es.FileForgotten)}
	}
	return r.resolve(ctx, sender, kind, m, m.GetMediaId())
}

// resolve finds the file and uploads it, unless an id other than stale is known.
func (r *Resolver) resolve(ctx context.Context, sender string, kind schemas.HeaderKind, m *schemas.MediaRef, stale string) (*schemas.MediaRef, error) {
	if kind.MaxBytes() == 0 {
		return nil, &schemas.ContentError{Why: es.Say(es.FileWithoutHeader)}
	}
	switch {
	case m.GetUrl() != "":
		return r.resolveURL(ctx, sender, kind, m, stale)
	case m.GetParts() != nil, len(m.GetInline()) > 0:
		f, err := r.stored(ctx, kind, m)
		if err != nil {
			return nil, err
		}
		id, err := r.mediaID(ctx, sender, f, stale)
		if err != nil {
			return nil, err
		}
		return resolved(m, f, id), nil
	default:
		return nil, &schemas.ContentError{Why: es.Say(es.FileMissing)}
	}
}

func (r *Resolver) resolveURL(ctx context.Context, sender string, kind schemas.HeaderKind, m *schemas.MediaRef, stale string) (*schemas.MediaRef, error) {
	return r.fromURL(kind, m, func(u *url.URL) (uploaded, error) {
		v, err := r.once(ctx, "url\x00"+sender+"\x00"+kind.String()+"\x00"+m.GetUrl()+"\x00"+stale, func(ctx context.Context) (any, error) {
			return r.fetchAndUpload(ctx, sender, kind, u, stale)
		})
		up, _ := v.(uploaded) // it is one: fetchAndUpload returned it
		return up, err
	})
}

// Check says what Resolve would make of a URL, and uploads nothing: m with the type, the size and the name of its file, or with a link.
// Its errors are those of Resolve.
func (r *Resolver) Check(ctx context.Context, kind schemas.HeaderKind, m *schemas.MediaRef) (*schemas.MediaRef, error) {
	if err := r.begin(); err != nil {
		return nil, err
	}
	defer r.running.Done()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(r.ctx, cancel)() //nolint:contextcheck // it ends with its caller and with Close
	return r.fromURL(kind, m, func(u *url.URL) (uploaded, error) {
		f, done, err := r.fetch(ctx, kind, u)
		if err == nil {
			done()
		}
		return uploaded{file: f}, err
	})
}

// fromURL returns m with the file that is fetched from its URL, or with a link.
func (r *Resolver) fromURL(kind schemas.HeaderKind, m *schemas.MediaRef, fetch func(*url.URL) (uploaded, error)) (*schemas.MediaRef, error) {
	u, err := r.fetcher.guard.CheckURL(m.GetUrl())
	if err != nil {
		return nil, err
	}
	link := &schemas.MediaRef{Url: m.GetUrl(), Link: m.GetUrl(), Filename: nameOf(m.GetFilename(), u, kind, "")}
	passable := r.fetcher.guard.passable(u)
	if r.mode == URLLink && passable {
		return link, nil
	}
	up, err := fetch(u)
	switch {
	case errors.Is(err, errPort) && !passable:
		return nil, badURL(es.LinkPort)
	case errors.Is(err, errUnreachable) && !passable:
		return nil, fmt.Errorf("fetching from %s, whose links are not passed on: %w", u.Hostname(), err)
	case errors.Is(err, errUnreachable):
		r.log.Warn("media URL not reachable from here, passed on as a link", "host", u.Hostname(), "error", err)
		return link, nil
	case err != nil:
		return nil, err
	}
	up.file.name = nameOf(cmp.Or(m.GetFilename(), up.file.name), u, kind, up.file.mimeType)
	return resolved(m, up.file, up.id), nil
}

// uploaded is a file that has an id.
type uploaded struct {
	file file
	id   string
}

func (r *Resolver) fetchAndUpload(ctx context.Context, sender string, kind schemas.HeaderKind, u *url.URL, stale string) (uploaded, error) {
	f, done, err := r.fetch(ctx, kind, u)
	if err != nil {
		return uploaded{}, err
	}
	defer done()
	f.name = nameOf(f.name, u, kind, f.mimeType)
	id, err := r.mediaID(ctx, sender, f, stale)
	return uploaded{f, id}, err
}

func (r *Resolver) fetch(ctx context.Context, kind schemas.HeaderKind, u *url.URL) (got file, done func(), err error) {
	got, done, err = r.fetcher.fetch(ctx, u, kind)
	r.metrics.fetches[resultOf(err)].Inc()
	if err == nil {
		r.log.Info("media fetched", "host", u.Hostname(), "mime_type", got.mimeType, "bytes", got.size)
	}
	return got, done, err
}

func resultOf(err error) fetchResult {
	switch {
	case err == nil:
		return fetchDone
	case errors.Is(err, schemas.ErrContent):
		return fetchRefused
	case errors.Is(err, errUnreachable):
		return fetchLinked
	default:
		return fetchFailed
	}
}

// unread is the error of a file that could not be read while it was uploaded. Who shares the upload may have the same file elsewhere.
type unread struct {
	of    *schemas.BlobRef
	cause error
}

func (e *unread) Error() string { return "reading the file to upload: " + e.cause.Error() }
func (e *unread) Unwrap() error { return e.cause }

// mediaID returns an id of the file on the sender number: from the cache, or by uploading it. One who names a digest and has not got
// the file fails alone: whoever shared the upload reads its own, in an upload that nobody shares.
func (r *Resolver) mediaID(ctx context.Context, sender string, f file, stale string) (string, error) {
	id, err := r.upload(ctx, sender, f, stale, "")
	if other, ok := errors.AsType[*unread](err); ok && other.of != f.parts { //mutant:shared-upload-fails-for-its-own-file-only
		return r.upload(ctx, sender, f, stale, fmt.Sprintf("%p", f.parts))
	}
	return id, err
}

func (r *Resolver) upload(ctx context.Context, sender string, f file, stale, alone string) (string, error) {
	key := schemas.MediaKey(sender, f.digest)
	v, err := r.once(ctx, "file\x00"+key+"\x00"+stale+"\x00"+alone, func(ctx context.Context) (any, error) {
		if id, ok := r.cache.look(ctx, sender, key, stale); ok {
			return id, nil
		}
		release, err := r.uploads.take(ctx, sender)
		if err != nil {
			return nil, fmt.Errorf("waiting to upload: %w", err)
		}
		defer release()
		body := &checkedReader{r: f.open(ctx), hash: sha256.New(), want: f.digest, left: f.size}
		id, err := r.uploader.Upload(ctx, sender, f.mimeType, f.name, f.size, body)
		if cause := body.failed.Load(); err != nil && cause != nil {
			return nil, &unread{f.parts, *cause} // not the upload's fault
		}
		if err != nil {
			return nil, err
		}
		r.cache.put(ctx, sender, key, id)
		return id, nil
	})
	if err != nil {
		return "", err
	}
	id, _ := v.(string) // it is one, as above
	return id, nil
}

// begin counts work that Close waits for, unless it was called.
func (r *Resolver) begin() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ctx.Err() != nil {
		return fmt.Errorf("resolving media: %w", context.Canceled)
	}
	r.running.Add(1)
	return nil
}

// once runs work unless the same is under way, and waits for its result, Close or the end of ctx. Work itself ends with Close alone.
func (r *Resolver) once(ctx context.Context, key string, work func(context.Context) (any, error)) (any, error) {
	if err := r.begin(); err != nil {
		return nil, err
	}
	result := r.flights.DoChan(key, func() (any, error) { return work(r.ctx) })
	// Whether this call runs the work or shares it, its result comes; counting every call is counting all work.
	waiter := make(chan singleflight.Result, 1)
	go func() {
		defer r.running.Done()
		waiter <- <-result
	}()
	select {
	case res := <-waiter:
		return res.Val, res.Err
	case <-ctx.Done():
		return nil, fmt.Errorf("waiting for media: %w", context.Cause(ctx))
	}
}

// resolved returns m with the facts of its file and its id. Inline bytes are left out: they would not fit into a record.
func resolved(m *schemas.MediaRef, f file, id string) *schemas.MediaRef {
	return &schemas.MediaRef{
		Url: m.GetUrl(), Parts: m.GetParts(),
		Sha256: bytes.Clone(f.digest[:]), MimeType: f.mimeType, Size: uint64(f.size), Filename: f.name, MediaId: id,
	}
}

// file is a file that can be read more than once.
type file struct {
	digest   [sha256.Size]byte
	mimeType string
	size     int64
	name     string
	parts    *schemas.BlobRef // where it is read from; nil: elsewhere
	open     func(ctx context.Context) io.Reader
}

func digestOf(m *schemas.MediaRef) (d [sha256.Size]byte, ok bool) {
	return d, copy(d[:], m.GetSha256()) == sha256.Size && len(m.GetSha256()) == sha256.Size
}
