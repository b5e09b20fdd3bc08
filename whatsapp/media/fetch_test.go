package media_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"code.dny.dev/ssrf"
	"google.golang.org/protobuf/proto"

	"altavoz/internal/testio"
	"altavoz/schemas"
	"altavoz/whatsapp/media"
)

const pdf = "%PDF-1.7\n"

// web is a host of files, and says what it was asked.
type web struct {
	*httptest.Server
	hits atomic.Int64
	last atomic.Pointer[http.Request]
}

func newWeb(t *testing.T, handler http.HandlerFunc) *web {
	t.Helper()
	w := &web{}
	w.Server = httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		w.hits.Add(1)
		w.last.Store(r)
		handler(rw, r)
	}))
	t.Cleanup(w.Close)
	return w
}

// allow opens the web's address, which is a loopback one.
func (w *web) allow(c *media.Config) { c.FetchAllow = append(c.FetchAllow, w.Listener.Addr().String()) }

func files(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/a.png":
		_, _ = io.WriteString(w, png)
	case "/large.pdf": // larger than what is kept in memory
		_, _ = io.WriteString(w, pdf+strings.Repeat("x", 3<<20))
	case "/12":
		w.Header().Set("Content-Disposition", "attachment; filename=\"Factura 12.pdf\"; filename*=UTF-8''A%C3%B1o%2F12")
		_, _ = io.WriteString(w, pdf+"12")
	case "/report.docx":
		w.Header().Set("Content-Type", "application/octet-stream")
		_, _ = io.WriteString(w, "PK\x03\x04\x14\x00\x00\x00\x08\x00"+strings.Repeat("z", 100))
	case "/endless":
		for range 6_000 {
			_, _ = w.Write(append([]byte(png), make([]byte, 1000)...))
		}
	case "/declared":
		w.Header().Set("Content-Length", "5000001")
		_, _ = io.WriteString(w, png)
	case "/page":
		_, _ = io.WriteString(w, "<!DOCTYPE html><html><body>Inicie sesión</body></html>")
	case "/busy":
		w.WriteHeader(http.StatusServiceUnavailable)
	case "/cut":
		w.Header().Set("Content-Length", "100000")
		_, _ = io.WriteString(w, png)
	case "/empty":
	case "/to-a":
		http.Redirect(w, r, "/a.png", http.StatusFound)
	case "/to-inside":
		http.Redirect(w, r, "http://169.254.169.254/latest/meta-data/", http.StatusFound)
	case "/to-name":
		http.Redirect(w, r, "https://intranet/a.png", http.StatusFound)
	case "/to-file":
		http.Redirect(w, r, "file:///etc/passwd", http.StatusFound)
	case "/round":
		http.Redirect(w, r, "/round", http.StatusFound)
	case "/forbidden":
		w.WriteHeader(http.StatusForbidden)
	default:
		http.NotFound(w, r)
	}
}

func TestURL(t *testing.T) {
	t.Parallel()
	site := newWeb(t, files)
	h := setup(t, "", site.allow)
	tests := map[string]struct {
		path     string
		kind     schemas.HeaderKind
		mimeType string
		size     int
		filename string
	}{
		"image":    {"/a.png", image, "image/png", len(png), ""},
		"redirect": {"/to-a", image, "image/png", len(png), ""},
		"on disk":  {"/large.pdf", document, "application/pdf", len(pdf) + 3<<20, "large.pdf"},
		"named":    {"/12", document, "application/pdf", len(pdf) + 2, "Año12.pdf"},
		"office":   {"/report.docx", document, "application/vnd.openxmlformats-officedocument.wordprocessingml.document", 110, "report.docx"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := &schemas.MediaRef{Url: site.URL + tt.path}
			got, err := h.Resolve(t.Context(), sender, tt.kind, in)
			if err != nil {
				t.Fatal(err)
			}
			looked, err := h.Check(t.Context(), tt.kind, in)
			if want := cloneWithout(got); err != nil || !proto.Equal(want, looked) {
				t.Errorf("looked at, it is %v, %v; want %v", looked, err, want)
			}
			if got.GetMimeType() != tt.mimeType || got.GetSize() != uint64(tt.size) || got.GetFilename() != tt.filename || got.GetUrl() != in.GetUrl() || len(got.GetSha256()) != 32 {
				t.Errorf("got %v, want MimeType %v, Size %v, Filename %v", got, tt.mimeType, uint64(tt.size), tt.filename)
			}
			if v := h.sends(t, sender, tt.kind, got); v != schemas.VerdictSent {
				t.Errorf("verdict %d, want %v", v, schemas.VerdictSent)
			}
			if again, err := h.Resolve(t.Context(), sender, tt.kind, in); err != nil || again.GetMediaId() != got.GetMediaId() {
				t.Errorf("again: %v, %v", again, err)
			}
		})
	}
	t.Cleanup(func() { // after the parallel ones
		if h.uploads() != 4 { // the redirect leads to the same file
			t.Errorf("%d uploads, want 4", h.uploads())
		}
		for _, name := range []string{"Cookie", "Authorization", "Referer", "Accept-Encoding"} {
			if v := site.last.Load().Header.Get(name); v != "" {
				t.Errorf("%s: %s; want %q", name, v, "")
			}
		}
	})
}

// cloneWithout is what was resolved, but for the id that it got.
func cloneWithout(m *schemas.MediaRef) *schemas.MediaRef {
	m = proto.CloneOf(m)
	m.MediaId = ""
	return m
}

func TestThreatS07URLsThatAreRefused(t *testing.T) {
	t.Parallel()
	site := newWeb(t, files)
	h := setup(t, "", site.allow)
	for url, want := range map[string]string{
		site.URL + "/nothing":                              "respondió 404",
		site.URL + "/forbidden":                            "respondió 403",
		site.URL + "/page":                                 "no es una imagen",
		site.URL + "/empty":                                "no es una imagen",
		site.URL + "/endless":                              "hasta 5 MB",
		site.URL + "/declared":                             "hasta 5 MB",
		site.URL + "/to-inside":                            "red privada",
		site.URL + "/to-name":                              "red privada",
		site.URL + "/to-file":                              "no se entiende",
		"http://127.0.0.1:1/a.png":                         "red privada",
		"https://10.0.0.1/a.png":                           "red privada",
		"https://[::1]/a.png":                              "red privada",
		"https://[::ffff:169.254.169.254]/":                "red privada",
		"https://localhost/a.png":                          "red privada",
		"https://localhost./a.png":                         "red privada",
		"https://printer.local/a.png":                      "red privada",
		"https://metadata.google.internal/":                "red privada",
		"https://user:secret@example.com/a.png":            "usuario",
		"ftp://example.com/a.png":                          "https://",
		"https:///a.png":                                   "no se entiende",
		"https://exa mple.com/":                            "no se entiende",
		"https://example.com/" + strings.Repeat("x", 2048): "2048",
	} {
		t.Run(url, func(t *testing.T) {
			got, err := h.Resolve(t.Context(), sender, image, &schemas.MediaRef{Url: url})
			if !errors.Is(err, schemas.ErrContent) || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "del encabezado") {
				t.Errorf("%.80s: %v, %v; want %v", url, got, err, schemas.ErrContent)
			}
			if _, looked := h.Check(t.Context(), image, &schemas.MediaRef{Url: url}); fmt.Sprint(looked) != fmt.Sprint(err) {
				t.Errorf("looked at, it is %v; want %v", looked, err)
			}
			if err != nil && strings.Contains(err.Error(), "secret") {
				t.Errorf("the error repeats a password: %v", err)
			}
		})
	}
	if h.uploads() != 0 {
		t.Errorf("%d uploads, want 0", h.uploads())
	}
}

// TestURLPassedOn: where we can't tell, Meta is given the link.
func TestURLPassedOn(t *testing.T) {
	t.Parallel()
	secure := httptest.NewTLSServer(http.HandlerFunc(files)) // of a name and an authority that nobody knows
	t.Cleanup(secure.Close)
	h := setup(t, "", func(c *media.Config) {
		c.FetchDial = func(ctx context.Context, network, addr string) (net.Conn, error) {
			switch addr {
			case "stranger.example.com:443":
				return (&net.Dialer{}).DialContext(ctx, network, secure.Listener.Addr().String())
			case "nobody.example.com:443", "cdn.example.invalid:443":
				return nil, &net.DNSError{Err: "no such host", Name: addr, IsNotFound: true}
			default:
				return nil, fmt.Errorf("%w: %s", ssrf.ErrProhibitedPort, addr)
			}
		}
	})
	urls := []string{
		"http://cdn.example.com/a.png",       // not over TLS
		"https://nobody.example.com/a.png",   // no such name
		"https://cdn.example.invalid/a.png",  // nor will there be
		"https://stranger.example.com/a.png", // a certificate that is none of its name
		"https://cdn.example.com:8443/a.png", // a port that we don't go to
	}
	for _, u := range urls {
		got, err := h.Resolve(t.Context(), sender, image, &schemas.MediaRef{Url: u})
		if looked, lerr := h.Check(t.Context(), image, &schemas.MediaRef{Url: u}); lerr != nil || !proto.Equal(looked, got) {
			t.Errorf("%s: looked at, it is %v, %v; want %v", u, looked, lerr, got)
		}
		if err != nil || got.GetLink() != u || got.GetMediaId() != "" {
			t.Errorf("%s: %v, %v; want Link %v, MediaId %q", u, got, err, u, "")
			continue
		}
		if v := h.sends(t, sender, image, got); v != schemas.VerdictSent {
			t.Errorf("%s: verdict %d; want %v", u, v, schemas.VerdictSent)
		}
	}
	if n := h.count(t, "altavoz_media_fetches_total", "linked"); n != float64(2*len(urls)) {
		t.Errorf("%v links for %d URLs; want %v", n, len(urls), float64(2*len(urls)))
	}
}

func TestPublicLinksArePassedOnAndPrivateOnesUploaded(t *testing.T) {
	t.Parallel()
	site := newWeb(t, files)
	h := setup(t, "", site.allow, func(c *media.Config) { c.URLMode = media.URLLink })
	const public = "https://cdn.example.com/large.pdf"
	got, err := h.Resolve(t.Context(), sender, document, &schemas.MediaRef{Url: public})
	if err != nil || got.GetLink() != public || got.GetFilename() != "large.pdf" || site.hits.Load() != 0 {
		t.Errorf("%v, %v, %d hits; want Link %v, Filename %q, 0", got, err, site.hits.Load(), public, "large.pdf")
	}
	got, err = h.Resolve(t.Context(), sender, document, &schemas.MediaRef{Url: site.URL + "/large.pdf"}) // private, and opened to us
	if err != nil || got.GetLink() != "" || got.GetMediaId() == "" || site.hits.Load() != 1 {
		t.Errorf("%v, %v, %d hits; want Link %q, one, 1", got, err, site.hits.Load(), "")
	}
	if _, err := h.Resolve(t.Context(), sender, image, &schemas.MediaRef{Url: "http://192.168.0.1/a.png"}); !errors.Is(err, schemas.ErrContent) {
		t.Errorf("a name of ours went to Meta: %v, want %v", err, schemas.ErrContent)
	}
}

// A look ends with who asked for it, and with Close, whatever the host does.
func TestALookAtAHostThatHangsEnds(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"caller", "close"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			asked := make(chan struct{})
			site := newWeb(t, func(_ http.ResponseWriter, r *http.Request) {
				close(asked)
				<-r.Context().Done()
			})
			h := setup(t, "", site.allow)
			ctx, leave := context.WithCancel(t.Context())
			defer leave()
			done := make(chan error)
			go func() {
				_, err := h.Check(ctx, image, &schemas.MediaRef{Url: site.URL + "/a.png"})
				done <- err
			}()
			<-asked
			if name == "close" {
				go h.Close()
			} else {
				leave()
			}
			if err := <-done; !errors.Is(err, context.Canceled) || errors.Is(err, schemas.ErrContent) {
				t.Errorf("%v, want %v", err, context.Canceled)
			}
		})
	}
}

// TestURLOnce: tasks that name the same URL at the same time fetch it once.
func TestURLOnce(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	site := newWeb(t, func(w http.ResponseWriter, r *http.Request) {
		<-release
		files(w, r)
	})
	h := setup(t, "", site.allow)
	results := make(chan error)
	for i := range 10 {
		go func() {
			ref, err := h.Resolve(t.Context(), sender, document, &schemas.MediaRef{Url: site.URL + "/large.pdf", Filename: fmt.Sprint(i, ".pdf")})
			if err == nil && ref.GetFilename() != fmt.Sprint(i, ".pdf") {
				err = fmt.Errorf("name %s", ref.GetFilename())
			}
			results <- err
		}()
	}
	close(release)
	for range 10 {
		if err := <-results; err != nil {
			t.Error(err)
		}
	}
	if h.uploads() != 1 {
		t.Errorf("%d uploads, want 1", h.uploads())
	}
}

func TestNothingLeftOnDisk(t *testing.T) {
	t.Parallel()
	site := newWeb(t, files)
	dir := t.TempDir()
	h := setup(t, "uploads 131000=100%", site.allow, func(c *media.Config) { c.TempDir = dir })
	if _, err := h.Resolve(t.Context(), sender, document, &schemas.MediaRef{Url: site.URL + "/large.pdf"}); err == nil {
		t.Error("no error")
	}
	if left, err := filepath.Glob(filepath.Join(dir, "*")); err != nil || len(left) != 0 {
		t.Errorf("%v, %v; want none", left, err)
	}
}

// TestFullDiskIsNoContentError: our own disk is neither the URL's fault nor a reason to bother Meta with it.
func TestFullDiskIsNoContentError(t *testing.T) {
	t.Parallel()
	site := newWeb(t, files)
	h := setup(t, "", site.allow, func(c *media.Config) { c.TempDir = "/nowhere" })
	_, err := h.Resolve(t.Context(), sender, document, &schemas.MediaRef{Url: site.URL + "/large.pdf"})
	if !errors.Is(err, os.ErrNotExist) || errors.Is(err, schemas.ErrContent) {
		t.Errorf("got %v, want %v", err, os.ErrNotExist)
	}
}

// TestFetchInBubble: in a simulated network, in fake time; a host that drips is given up after 15 s.
func TestFetchInBubble(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := testio.NewPipes()
		srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/drip" {
				files(w, r)
				return
			}
			for range 60 {
				_, _ = io.WriteString(w, png)
				_ = http.NewResponseController(w).Flush()
				time.Sleep(time.Second)
			}
		})}
		served := make(chan struct{})
		go func() {
			defer close(served)
			_ = srv.Serve(l)
		}()
		dialed := map[string]int{}
		h := setup(t, "", func(c *media.Config) {
			c.FetchAllow = []string{"cdn.test:80"}
			c.FetchDial = func(ctx context.Context, network, addr string) (net.Conn, error) {
				dialed[addr]++
				return l.Dial(ctx, network, addr)
			}
		})
		if got, err := h.Resolve(t.Context(), sender, image, &schemas.MediaRef{Url: "http://cdn.test/a.png"}); err != nil || got.GetMediaId() == "" {
			t.Errorf("%v, %v; want one", got, err)
		}
		start := time.Now()
		got, err := h.Resolve(t.Context(), sender, image, &schemas.MediaRef{Url: "http://cdn.test/drip"})
		if took := time.Since(start); err == nil || errors.Is(err, schemas.ErrContent) || got != nil || took != 15*time.Second {
			t.Errorf("%v, %v after %v; want an error, %v", got, err, took, 15*time.Second)
		}
		if _, err := h.Resolve(t.Context(), sender, image, &schemas.MediaRef{Url: "https://10.0.0.7/a.png"}); !errors.Is(err, schemas.ErrContent) {
			t.Errorf("got %v, want %v", err, schemas.ErrContent)
		}
		if dialed["cdn.test:80"] != 2 || len(dialed) != 1 {
			t.Errorf("dialed %v, want 1 of them", dialed)
		}
		_ = srv.Close()
		<-served
		time.Sleep(time.Minute)
	})
}

// Writings of IPv4 that a resolver, or Meta's, would read as an address, and hosts that only we may reach, are uploaded by us or refused: Meta
// is given no link to them, whatever the mode and whatever goes wrong.
func TestThreatS08NumericAndPrivateHostsAreNotHandedToMeta(t *testing.T) {
	t.Parallel()
	site := newWeb(t, files)
	for _, mode := range []media.URLMode{media.URLAuto, media.URLLink} {
		h := setup(t, "", site.allow, func(c *media.Config) {
			c.URLMode, c.FetchAllow = mode, append(c.FetchAllow, "files.example.com:443", "10.1.0.0/16")
		})
		for _, host := range []string{
			"2130706433", "0x7f000001", "0x7f.0.0.1", "0X7F.0.0.1", "127.1", "127.0.1", "0177.0.0.1", "017700000001", "10.0x1", "192.168.257", "1.2.3.04", "93.184.216.34.",
			"3627734734", "0x5d.0xb8.0xd8.0x22", "printer", "svc.cluster", "127.0.0.1.nip.io", "172.16.0.1", "[::ffff:7f00:1]", "[fd00::1]",
		} {
			for _, scheme := range []string{"http", "https"} {
				got, err := h.Resolve(t.Context(), sender, image, &schemas.MediaRef{Url: scheme + "://" + host + "/a.png"})
				if !errors.Is(err, schemas.ErrContent) || got != nil {
					t.Errorf("%s: %s://%s: %v, %v; want %v", mode, scheme, host, got, err, schemas.ErrContent)
				}
			}
		}
		for name, u := range map[string]string{
			"a public address without TLS": "http://93.184.216.34/a.png", "one with a port that is not fetched from": "https://93.184.216.34:6379/a.png",
		} {
			if got, err := h.Resolve(t.Context(), sender, image, &schemas.MediaRef{Url: u}); !errors.Is(err, schemas.ErrContent) || got != nil {
				t.Errorf("%s: %s: %v, %v; want %v", mode, name, got, err, schemas.ErrContent)
			}
		}
		for _, u := range []string{site.URL + "/busy", site.URL + "/cut", site.URL + "/round"} { // of a host that we alone reach: it may pass
			if got, err := h.Resolve(t.Context(), sender, image, &schemas.MediaRef{Url: u}); err == nil || errors.Is(err, schemas.ErrContent) || got != nil {
				t.Errorf("%s: %s: %v, %v; want an error", mode, u, got, err)
			}
		}
		if got, err := h.Resolve(t.Context(), sender, image, &schemas.MediaRef{Url: site.URL + "/a.png"}); err != nil || got.GetMediaId() == "" || got.GetLink() != "" {
			t.Errorf("%s: a file that we can fetch: %v, %v; want one, Link %q", mode, got, err, "")
		}
	}
}
