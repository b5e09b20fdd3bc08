package http1_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"altavoz/internal/testio"
	"altavoz/whatsapp/http1"
)

// open makes a client of a server and the head of its requests.
func open(t *testing.T, cfg http1.Config) (*http1.Client, http1.Head) {
	t.Helper()
	if cfg.Dial == nil {
		cfg.Dial = (&net.Dialer{}).DialContext
	}
	cfg.MaxConns, cfg.MaxAnswer = max(cfg.MaxConns, 1), 1<<16
	c, err := http1.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	h, err := c.Head(http.MethodPost, &url.URL{Path: "/messages"}, http.Header{"Accept": {"x"}})
	if err != nil {
		t.Fatal(err)
	}
	return c, h
}

func parse(t *testing.T, s string) *url.URL {
	t.Helper()
	u, err := url.Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// tunneling is a proxy that lets a user in and connects it to one address, whatever it asks for.
func tunneling(t *testing.T, to string, asked *atomic.Value) http.HandlerFunc {
	t.Helper()
	return func(w http.ResponseWriter, r *http.Request) {
		asked.Store(r.Method + " " + r.RequestURI + " " + r.Host)
		if user, password, ok := (&http.Request{Header: http.Header{"Authorization": r.Header["Proxy-Authorization"]}}).BasicAuth(); !ok || user != "u" || password != "p" {
			w.WriteHeader(http.StatusProxyAuthRequired)
			return
		}
		if r.Method != http.MethodConnect {
			fmt.Fprint(w, "from the proxy")
			return
		}
		server, err := net.Dial("tcp", to)
		if err != nil {
			t.Error(err)
			return
		}
		defer server.Close()
		client, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer client.Close()
		fmt.Fprint(client, "HTTP/1.1 200 Connection established\r\n\r\n")
		go func() {
			_, _ = io.Copy(server, client)
			_ = server.Close()
		}()
		_, _ = io.Copy(client, server)
	}
}

// TestProxy: HTTPS goes through a tunnel that the proxy sees nothing of, HTTP to the proxy itself; a proxy that refuses leaves the call unsent.
func TestProxy(t *testing.T) {
	t.Parallel()
	srv := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Proxy-Authorization") != "" {
			t.Error("the server is shown what is the proxy's")
		}
		_, _ = io.Copy(io.Discard, r.Body)
		fmt.Fprint(w, "from the server")
	}))
	defer srv.Close()
	roots := x509.NewCertPool()
	roots.AddCert(srv.Certificate())
	var asked atomic.Value
	proxies := map[string]*httptest.Server{"http": httptest.NewServer(tunneling(t, srv.Listener.Addr().String(), &asked)), "https": httptest.NewUnstartedServer(tunneling(t, srv.Listener.Addr().String(), &asked))}
	proxies["https"].StartTLS()
	for scheme, proxy := range proxies {
		defer proxy.Close()
		for name, tt := range map[string]struct {
			server, user, answer, asked string
			unsent                      bool
		}{
			"tunnel":  {"https://example.com", "u:p@", "from the server", "CONNECT example.com:443 example.com:443", false},
			"port":    {"https://example.com:8443", "u:p@", "from the server", "CONNECT example.com:8443 example.com:8443", false},
			"plain":   {"http://example.com", "u:p@", "from the proxy", "POST http://example.com/messages example.com", false},
			"refused": {"https://example.com", "u:x@", "", "CONNECT example.com:443 example.com:443", true},
		} {
			t.Run(scheme+" "+name, func(t *testing.T) {
				u := parse(t, proxy.URL)
				c, h := open(t, http1.Config{
					Server: parse(t, tt.server), Proxy: parse(t, u.Scheme+"://"+tt.user+u.Host), TLS: &tls.Config{RootCAs: roots},
				})
				for range 2 { // the second one over the same connection
					var a http1.Answer
					c.Do(t.Context(), 5*time.Second, h, []byte("{}"), &a)
					if string(a.Body) != tt.answer || a.Unsent != tt.unsent || (a.Err != nil) != tt.unsent || asked.Load() != tt.asked {
						t.Errorf("answer %d %q, %v, unsent %v; the proxy was asked %q", a.Status, a.Body, a.Err, a.Unsent, asked.Load())
					}
					if tt.unsent && !strings.Contains(a.Err.Error(), "407") {
						t.Errorf("error %v", a.Err)
					}
				}
			})
		}
	}
}

// TestCertificates: a server that is not who it should be, or speaks a TLS that is too old, is sent nothing.
func TestCertificates(t *testing.T) {
	t.Parallel()
	var requests atomic.Int64
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { requests.Add(1) }))
	srv.Config.ErrorLog = log.New(io.Discard, "", 0)
	srv.TLS = &tls.Config{MaxVersion: tls.VersionTLS12}
	srv.EnableHTTP2 = true
	srv.StartTLS()
	defer srv.Close()
	old := httptest.NewUnstartedServer(srv.Config.Handler)
	old.Config.ErrorLog = srv.Config.ErrorLog
	old.TLS = &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}
	old.StartTLS()
	defer old.Close()
	roots := x509.NewCertPool()
	roots.AddCert(srv.Certificate())
	for name, tt := range map[string]struct {
		to   *httptest.Server
		url  string
		tls  *tls.Config
		sent bool
	}{
		"known":         {srv, "https://example.com", &tls.Config{RootCAs: roots}, true},
		"unknown":       {srv, "https://example.com", nil, false},
		"another name":  {srv, "https://example.org", &tls.Config{RootCAs: roots}, false},
		"name is given": {srv, "https://example.org", &tls.Config{RootCAs: roots, ServerName: "example.com"}, true},
		"TLS 1.1":       {old, "https://example.com", &tls.Config{RootCAs: roots}, false},
	} {
		before := requests.Load()
		c, h := open(t, http1.Config{Server: parse(t, tt.url), TLS: tt.tls, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, tt.to.Listener.Addr().String())
		}})
		var a http1.Answer
		c.Do(t.Context(), 5*time.Second, h, []byte("{}"), &a)
		if (a.Err == nil) != tt.sent || a.Unsent == tt.sent || (requests.Load() > before) != tt.sent {
			t.Errorf("%s: %v, unsent %v", name, a.Err, a.Unsent)
		}
	}
}

// TestTimesOut: each step before the request has its time, and says that it was too long.
func TestTimesOut(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		url     string
		dial    bool // is accepted
		timeout time.Duration
		want    string
		after   time.Duration
	}{
		"connecting":              {"http://example.com", false, 10 * time.Second, "the server did not accept a connection in time", 5 * time.Second},
		"connecting, short call":  {"http://example.com", false, 2 * time.Second, "the call took too long", 2 * time.Second},
		"TLS":                     {"https://example.com", true, 10 * time.Second, "the proxy or TLS took too long", 5 * time.Second},
		"waiting for an answer":   {"http://example.com", true, 10 * time.Second, "the call took too long", 10 * time.Second},
		"waiting for other calls": {"http://example.com", true, time.Second, "the call took too long", time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				pipes := testio.NewPipes()
				defer pipes.Close()
				dial := pipes.Dial
				if tt.dial {
					go func() {
						for c, err := pipes.Accept(); err == nil; c, err = pipes.Accept() {
							go func() { _, _ = io.Copy(io.Discard, c) }()
						}
					}()
				}
				c, h := open(t, http1.Config{Server: parse(t, tt.url), Dial: dial})
				if name == "waiting for other calls" {
					go func() {
						var a http1.Answer
						c.Do(context.Background(), time.Minute, h, []byte("{}"), &a)
					}()
					synctest.Wait()
				}
				start := time.Now()
				var a http1.Answer
				c.Do(t.Context(), tt.timeout, h, []byte("{}"), &a)
				if a.Err == nil || a.Err.Error() != tt.want || a.Unsent != (name != "waiting for an answer") || time.Since(start) != tt.after {
					t.Errorf("after %v: %v, unsent %v", time.Since(start), a.Err, a.Unsent)
				}
				time.Sleep(2 * time.Minute)
			})
		})
	}
}

// answerAll reads the requests of all connections, and answers those that it is told to.
func answerAll(pipes *testio.Pipes, answers func() bool) {
	for c, err := pipes.Accept(); err == nil; c, err = pipes.Accept() {
		go func() {
			for in := bufio.NewReader(c); ; {
				req, err := http.ReadRequest(in)
				if err != nil {
					_ = c.Close()
					return
				}
				_, _ = io.Copy(io.Discard, req.Body)
				if answers() {
					_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
				}
			}
		}()
	}
}

// TestCancelled: a call ends with its context, at once and with the cause, and its connection is not used again.
func TestCancelled(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		pipes := testio.NewPipes()
		defer pipes.Close()
		var answers atomic.Bool
		go answerAll(pipes, answers.Load)
		c, h := open(t, http1.Config{Server: parse(t, "http://example.com"), Dial: pipes.Dial})
		ctx, cancel := context.WithTimeoutCause(t.Context(), time.Second, errStopped)
		defer cancel()
		start := time.Now()
		var a http1.Answer
		c.Do(ctx, time.Minute, h, []byte("{}"), &a)
		if !errors.Is(a.Err, errStopped) || a.Unsent || time.Since(start) != time.Second {
			t.Errorf("after %v: %v, unsent %v", time.Since(start), a.Err, a.Unsent)
		}
		answers.Store(true)
		for range 2 {
			if c.Do(t.Context(), time.Minute, h, []byte("{}"), &a); a.Err != nil || a.Status != http.StatusOK {
				t.Errorf("%d, %v", a.Status, a.Err)
			}
		}
		if c.Do(ctx, time.Minute, h, []byte("{}"), &a); !errors.Is(a.Err, errStopped) || !a.Unsent {
			t.Errorf("with a context that is over: %v, unsent %v", a.Err, a.Unsent)
		}
		if pipes.Dials() != 2 {
			t.Errorf("%d connections", pipes.Dials())
		}
	})
}

// TestContextsFollowOnOneConnection: a call ends with its own context also where calls of the same one, or of another, came before; and what ends
// between two calls, or after its call, ends no other.
func TestContextsFollowOnOneConnection(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		pipes := testio.NewPipes()
		defer pipes.Close()
		const takes = time.Second
		go answerAll(pipes, func() bool { time.Sleep(takes); return true })
		c, h := open(t, http1.Config{Server: parse(t, "http://example.com"), Dial: pipes.Dial})
		context1, cancel1 := context.WithCancelCause(t.Context())
		context2, cancel2 := context.WithCancelCause(t.Context())
		call := func(what string, ctx context.Context, want error, dials int) {
			t.Helper()
			var a http1.Answer
			c.Do(ctx, time.Minute, h, []byte("{}"), &a)
			if !errors.Is(a.Err, want) || pipes.Dials() != dials {
				t.Errorf("%s: %v, %d connections; want %v, %v", what, a.Err, pipes.Dials(), want, dials)
			}
		}
		call("the first", context1, nil, 1)
		call("again", context1, nil, 1)
		time.AfterFunc(takes/2, func() { cancel1(errStopped) })
		call("of another context, while the earlier one ends", context2, nil, 1)
		call("of the one that has ended", context1, errStopped, 1)
		call("again of the other", context2, nil, 1)
		time.AfterFunc(takes/2, func() { cancel2(errStopped) })
		call("the third of a context", context2, errStopped, 1)
		call("after it", t.Context(), nil, 2)

		context3, cancel3 := context.WithCancelCause(t.Context())
		call("of a context that ends when nothing is called", context3, nil, 2)
		cancel3(errStopped)
		call("after that", t.Context(), nil, 3)
	})
}

var errStopped = errors.New("stopped")

// TestHeadIsOneRequest: what could end a line, or say where the request ends, is no part of it.
func TestHeadIsOneRequest(t *testing.T) {
	t.Parallel()
	c, _ := open(t, http1.Config{Server: parse(t, "http://example.com")})
	for _, header := range []http.Header{
		{"X": {"a\r\nY: b"}},
		{"X": {"a\nY: b"}},
		{"X": {"a\x00"}},
		{"X\r\nY": {"b"}},
		{"X Y": {"b"}},
		{"": {"b"}},
		{"content-length": {"1"}},
		{"Transfer-Encoding": {"chunked"}},
		{"Connection": {"close"}},
		{"Host": {"example.org"}},
	} {
		if h, err := c.Head(http.MethodPost, parse(t, "http://example.com/"), header); err == nil {
			t.Errorf("%q", h)
		}
	}
	for _, u := range []*url.URL{{Path: "/a b\r\nX: y"}, {Path: "/ñ\x00", RawQuery: "a b"}, {Opaque: "a b"}, {Path: "x"}, {Path: "/", RawQuery: "\r\nX: y"}} {
		h, err := c.Head(http.MethodPost, u, nil)
		if err != nil {
			continue
		}
		req, err := http.ReadRequest(bufio.NewReader(strings.NewReader(string(h) + "\r\n")))
		if err != nil || len(req.Header) != 0 || strings.Count(string(h), "\r\n") != 2 {
			t.Errorf("%q: %v", h, err)
		}
	}
	for _, host := range []string{"exa mple.com", "example.com\r\nX: y", "ñandú.example", ""} {
		if _, err := http1.New(http1.Config{Server: &url.URL{Scheme: "http", Host: host}, MaxConns: 1}); err == nil {
			t.Errorf("host %q", host)
		}
	}
	if _, err := http1.New(http1.Config{Server: parse(t, "https://example.com"), Proxy: parse(t, "socks5://127.0.0.1:1"), MaxConns: 1}); err == nil {
		t.Error("a proxy that is not HTTP's")
	}
}

// FuzzAnswer: whatever comes, a call ends; what is taken for an answer net/http takes for the same.
func FuzzAnswer(f *testing.F) {
	for _, s := range []string{
		"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
		"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.0 404 No\r\nRetry-After: 1\r\n\r\nnone", "HTTP/1.1 204 No\r\n\r\n", "\x16\x03\x01",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		pipes := testio.NewPipes()
		defer pipes.Close()
		go func() {
			c, err := pipes.Accept()
			if err != nil {
				return
			}
			defer c.Close()
			if req, err := http.ReadRequest(bufio.NewReader(c)); err == nil {
				_, _ = io.Copy(io.Discard, req.Body)
				_, _ = io.WriteString(c, s)
			}
		}()
		c, h := open(t, http1.Config{Server: parse(t, "http://example.com"), Dial: pipes.Dial})
		var a http1.Answer
		c.Do(t.Context(), 5*time.Second, h, []byte("{}"), &a)
		if a.Unsent {
			t.Fatalf("unsent: %v", a.Err)
		}
		if a.Err != nil {
			return
		}
		in := bufio.NewReaderSize(strings.NewReader(s), 1<<17)
		for final := false; !final; {
			resp, err := http.ReadResponse(in, &http.Request{Method: http.MethodPost})
			if err != nil {
				t.Fatalf("taken for an answer, %d %q: %q, %v", a.Status, a.Body, s, err)
			}
			body, err := io.ReadAll(resp.Body)
			_ = resp.Body.Close()
			if final = resp.StatusCode >= 200; !final {
				continue
			}
			if err != nil || resp.StatusCode != a.Status || string(body) != string(a.Body) || resp.Header.Get("Retry-After") != a.Get("Retry-After") {
				t.Errorf("%d %q, and by net/http %d %q, %v", a.Status, a.Body, resp.StatusCode, body, err)
			}
		}
	})
}
