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
			if got.GetMimeType() != tt.mimeType || got.GetSize() != uint64(tt.size) || got.GetFilename() != tt.filename || got.GetUrl() != in.GetUrl() || len(got.GetSha256()) != 32 {
				t.Errorf("%v", got)
			}
			if v := h.sends(t, sender, tt.kind, got); v != schemas.VerdictSent {
				t.Errorf("verdict %d", v)
			}
			if again, err := h.Resolve(t.Context(), sender, tt.kind, in); err != nil || again.GetMediaId() != got.GetMediaId() {
				t.Errorf("again: %v, %v", again, err)
			}
		})
	}
	t.Cleanup(func() { // after the parallel ones
		if h.uploads() != 4 { // the redirect leads to the same file
			t.Errorf("%d uploads", h.uploads())
		}
		for _, name := range []string{"Cookie", "Authorization", "Referer", "Accept-Encoding"} {
			if v := site.last.Load().Header.Get(name); v != "" {
				t.Errorf("%s: %s", name, v)
			}
		}
	})
}

func TestURLRefused(t *testing.T) {
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
		got, err := h.Resolve(t.Context(), sender, image, &schemas.MediaRef{Url: url})
		if !errors.Is(err, schemas.ErrContent) || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "header_content") {
			t.Errorf("%.80s: %v, %v", url, got, err)
		}
		if err != nil && strings.Contains(err.Error(), "secret") {
			t.Errorf("the error repeats a password: %v", err)
		}
	}
	if h.uploads() != 0 {
		t.Errorf("%d uploads", h.uploads())
	}
}

// TestURLPassedOn: where we can't tell, Meta is given the link.
func TestURLPassedOn(t *testing.T) {
	t.Parallel()
	site := newWeb(t, files)
	secure := httptest.NewTLSServer(http.HandlerFunc(files)) // of a name and an authority that nobody knows
	t.Cleanup(secure.Close)
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = closed.Close()
	h := setup(t, "", site.allow, func(c *media.Config) {
		c.FetchAllow = append(c.FetchAllow, secure.Listener.Addr().String(), closed.Addr().String())
	})
	urls := []string{
		site.URL + "/busy", site.URL + "/cut", site.URL + "/round",
		secure.URL + "/a.png",
		"http://" + closed.Addr().String() + "/a.png",
		"http://cdn.example.com/a.png",       // not over TLS
		"https://cdn.example.invalid/a.png",  // no such name
		"https://cdn.example.com:8443/a.png", // a port that we don't go to
	}
	for _, u := range urls {
		got, err := h.Resolve(t.Context(), sender, image, &schemas.MediaRef{Url: u})
		if err != nil || got.GetLink() != u || got.GetMediaId() != "" {
			t.Errorf("%s: %v, %v", u, got, err)
			continue
		}
		if v := h.sends(t, sender, image, got); v != schemas.VerdictSent {
			t.Errorf("%s: verdict %d", u, v)
		}
	}
	if n := h.count(t, "altavoz_media_fetches_total", "linked"); n != float64(len(urls)) {
		t.Errorf("%v links for %d URLs", n, len(urls))
	}
}

func TestLinkMode(t *testing.T) {
	t.Parallel()
	site := newWeb(t, files)
	h := setup(t, "", site.allow, func(c *media.Config) { c.URLMode = media.URLLink })
	got, err := h.Resolve(t.Context(), sender, document, &schemas.MediaRef{Url: site.URL + "/large.pdf"})
	if err != nil || got.GetLink() != site.URL+"/large.pdf" || got.GetFilename() != "large.pdf" || site.hits.Load() != 0 {
		t.Errorf("%v, %v, %d hits", got, err, site.hits.Load())
	}
	if _, err := h.Resolve(t.Context(), sender, image, &schemas.MediaRef{Url: "http://192.168.0.1/a.png"}); !errors.Is(err, schemas.ErrContent) {
		t.Errorf("a name of ours went to Meta: %v", err)
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
		t.Errorf("%d uploads", h.uploads())
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
		t.Errorf("%v, %v", left, err)
	}
}

// TestNoRoom: our own disk is neither the URL's fault nor a reason to bother Meta with it.
func TestNoRoom(t *testing.T) {
	t.Parallel()
	site := newWeb(t, files)
	h := setup(t, "", site.allow, func(c *media.Config) { c.TempDir = "/nowhere" })
	_, err := h.Resolve(t.Context(), sender, document, &schemas.MediaRef{Url: site.URL + "/large.pdf"})
	if !errors.Is(err, os.ErrNotExist) || errors.Is(err, schemas.ErrContent) {
		t.Error(err)
	}
}

// TestFetchInBubble: in a simulated network, in fake time; a host that drips is given up after 15 s.
func TestFetchInBubble(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := &pipes{conns: make(chan net.Conn), done: make(chan struct{})}
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
			t.Errorf("%v, %v", got, err)
		}
		start := time.Now()
		got, err := h.Resolve(t.Context(), sender, image, &schemas.MediaRef{Url: "http://cdn.test/drip"})
		if took := time.Since(start); err != nil || got.GetLink() == "" || took != 15*time.Second {
			t.Errorf("%v, %v after %v", got, err, took)
		}
		if _, err := h.Resolve(t.Context(), sender, image, &schemas.MediaRef{Url: "https://10.0.0.7/a.png"}); !errors.Is(err, schemas.ErrContent) {
			t.Error(err)
		}
		if dialed["cdn.test:80"] != 2 || len(dialed) != 1 {
			t.Errorf("dialed %v", dialed)
		}
		_ = srv.Close()
		<-served
		time.Sleep(time.Minute)
	})
}
