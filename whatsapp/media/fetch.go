package media

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path"
	"strings"
	"time"

	"code.dny.dev/ssrf"

	"altavoz/schemas"
	"altavoz/schemas/es"
)

const (
	fetchTimeout = 15 * time.Second // the whole fetch, redirects and body included
	maxRedirects = 3
	maxFilename  = 120 // bytes

	dialTimeout      = 5 * time.Second // each a third of the fetch
	handshakeTimeout = 5 * time.Second
	maxHeaderBytes   = 64 << 10
)

var (
	// errUnreachable is the error of a URL that says nothing about its file: this process got no answer, or none that is
	// final. Meta may fare better.
	errUnreachable  = errors.New("not reachable from here")
	errFetchTimeout = errors.New("the fetch took too long")
	errPort         = errors.New("a port that is not fetched from")
)

// fetcher gets files that strangers point at. It must be assumed that somebody will point it at our own network: guard.go has what
// keeps it out.
type fetcher struct {
	guard   *Guard
	client  *http.Client
	tempDir string
	places  *places // by host
}

func newFetcher(g *Guard, dial Dial, tempDir string) *fetcher {
	return &fetcher{
		guard: g, tempDir: tempDir, places: newPlaces(maxFetches, fetchesEach),
		client: &http.Client{
			Transport: &http.Transport{
				DialContext:            g.Dialer(dial),
				TLSHandshakeTimeout:    handshakeTimeout,
				DisableCompression:     true, // a cap on bytes must mean the bytes we keep
				DisableKeepAlives:      true,
				MaxResponseHeaderBytes: maxHeaderBytes,
			},
			CheckRedirect: func(req *http.Request, via []*http.Request) error {
				if len(via) > maxRedirects {
					return fmt.Errorf("more than %d redirects", maxRedirects)
				}
				req.Header.Del("Referer")
				if _, err := g.CheckURL(req.URL.String()); err != nil {
					return err
				}
				return g.fetchable(req.URL)
			},
		},
	}
}

// fetch gets a file; done releases what it takes. Errors: *schemas.ContentError where the URL can't give a usable file,
// errUnreachable where it remains open whether it does.
func (f *fetcher) fetch(ctx context.Context, u *url.URL, kind schemas.HeaderKind) (got file, done func(), err error) {
	if err := f.guard.fetchable(u); err != nil {
		return file{}, nil, err
	}
	release, err := f.places.take(ctx, u.Host)
	if err != nil {
		return file{}, nil, fmt.Errorf("waiting to fetch: %w", err)
	}
	defer release()
	fetchCtx, cancel := context.WithTimeoutCause(ctx, fetchTimeout, errFetchTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(fetchCtx, http.MethodGet, u.String(), http.NoBody)
	if err != nil {
		return file{}, nil, badURL(es.LinkUnreadable)
	}
	req.Header.Set("User-Agent", "altavoz")
	resp, err := f.client.Do(req)
	if err != nil {
		return file{}, nil, fetchError(ctx, err)
	}
	defer func() { _ = resp.Body.Close() }() // what was to be read is read
	if err := checkStatus(resp.StatusCode); err != nil {
		return file{}, nil, err
	}
	if resp.ContentLength > kind.MaxBytes() {
		return file{}, nil, tooLarge(kind)
	}
	s := newSpool(f.tempDir)
	keep := false
	defer func() {
		if !keep {
			s.close()
		}
	}()
	_, err = io.Copy(s, io.LimitReader(resp.Body, kind.MaxBytes()+1))
	switch {
	case s.err != nil:
		return file{}, nil, s.err
	case err != nil:
		return file{}, nil, fetchError(ctx, err)
	case s.size > kind.MaxBytes():
		return file{}, nil, tooLarge(kind)
	}
	mimeType, ok := schemas.MediaType(kind, s.head.b, declaredType(resp.Header.Get("Content-Type"), u))
	if !ok {
		return file{}, nil, wrongType(kind)
	}
	keep = true
	return file{digest: s.digest(), mimeType: mimeType, size: s.size, name: schemas.NameIn(resp.Header.Get("Content-Disposition")), open: func(context.Context) io.Reader { return s.open() }}, s.close, nil
}

// fetchError sorts what went wrong: refused by our guard, ended by us, or simply not reached.
func fetchError(ctx context.Context, err error) error {
	refused, ok := errors.AsType[*schemas.ContentError](err)
	switch {
	case ok: // by checkURL, on a redirect
		return refused
	case ctx.Err() != nil: // not the fetch's own time-out: somebody closed us
		return fmt.Errorf("fetching: %w", context.Cause(ctx))
	case errors.Is(err, ssrf.ErrProhibitedIP):
		return badURL(es.LinkPrivateNetwork)
	case errors.Is(err, ssrf.ErrProhibitedPort):
		return fmt.Errorf("%w: %w", errUnreachable, errPort)
	}
	if ue, ok := errors.AsType[*url.Error](err); ok {
		err = ue.Err // without the URL, which may hold secrets
	}
	return fmt.Errorf("%w: %w", errUnreachable, err)
}

// checkStatus takes 200; calls other answers final where the host has plainly no such file for anybody.
func checkStatus(status int) error {
	switch {
	case status == http.StatusOK:
		return nil
	case status == http.StatusRequestTimeout, status == http.StatusTooEarly, status == http.StatusTooManyRequests:
		return fmt.Errorf("%w: HTTP %d", errUnreachable, status)
	case status >= 400 && status <= 499:
		return badURL(es.LinkStatus, status)
	default:
		return fmt.Errorf("%w: HTTP %d", errUnreachable, status)
	}
}

func badURL(code es.Code, args ...any) error {
	return &schemas.ContentError{Why: es.Say(code, args...)}
}

// officeTypes are what hosts label as a mere stream of bytes most often.
var officeTypes = map[string]string{
	".doc": "application/msword", ".xls": "application/vnd.ms-excel", ".ppt": "application/vnd.ms-powerpoint",
	".docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
	".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
	".pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
}

func declaredType(header string, u *url.URL) string {
	if t, ok := officeTypes[strings.ToLower(path.Ext(u.Path))]; ok {
		return t
	}
	return header
}

// nameOf is the file name that a recipient of a document sees: the given one, else the URL's, else a plain one. Its ending decides
// the icon.
func nameOf(given string, u *url.URL, kind schemas.HeaderKind, mimeType string) string {
	if kind != schemas.HeaderKind_HEADER_KIND_DOCUMENT {
		return given
	}
	if given = schemas.FileName(given, mimeType); given != "" {
		return given
	}
	if u != nil {
		if base := path.Base(u.Path); path.Ext(base) != "" && len(base) <= maxFilename {
			return schemas.FileName(base, mimeType)
		}
	}
	return schemas.DocumentName(mimeType)
}
