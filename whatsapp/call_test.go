package whatsapp_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"altavoz/internal/testio"
	"altavoz/schemas"
	"altavoz/whatsapp"
	"altavoz/whatsapp/simulator"
)

var errCut = errors.New("connection reset by peer")

// cutConn breaks after limit bytes were written to it.
type cutConn struct {
	net.Conn

	limit int
}

func (c *cutConn) Write(p []byte) (int, error) {
	if len(p) <= c.limit {
		n, err := c.Conn.Write(p)
		c.limit -= n
		return n, err
	}
	n := 0
	if c.limit > 0 {
		n, _ = c.Conn.Write(p[:c.limit])
		c.limit = 0
	}
	_ = c.Close()
	return n, errCut
}

// TestConnectionCutAtAnyByteIsNeverTakenForSent cuts the connection after every number of bytes, on a new connection and on a reused one. Unsent is said
// exactly where nothing left; and whatever is said, nobody who was not sent to is called sent, and nothing is sent twice.
func TestConnectionCutAtAnyByteIsNeverTakenForSent(t *testing.T) {
	t.Parallel()
	const longest = 700 // bytes; the request has about 560
	for _, reused := range []bool{false, true} {
		t.Run(fmt.Sprintf("reused %v", reused), func(t *testing.T) {
			t.Parallel()
			whole := 0
			for limit := range longest {
				synctest.Test(t, func(t *testing.T) {
					h := setup(t, simulator.Config{PlainPhones: true})
					var cut *cutConn
					h.net.Wrap = func(n int, c net.Conn) net.Conn {
						if n > 0 {
							return c
						}
						cut = &cutConn{Conn: c, limit: limit}
						if reused {
							cut.limit = 1 << 20
						}
						return cut
					}
					if reused {
						if r := h.send(t, phone, "first"); r.Verdict != schemas.VerdictSent {
							t.Fatalf("first: %+v, want Verdict %v", r, schemas.VerdictSent)
						}
						synctest.Wait()
						cut.limit = limit
					}
					if h.sendCut(t, limit) {
						whole++
					}
					h.Close()
				})
			}
			if whole == 0 || whole == longest {
				t.Errorf("%d of %d were whole; want other than 0, other than %v", whole, longest, longest)
			}
		})
	}
}

// sendCut sends over a connection that ends after so many bytes, and reports whether the message was sent. Its verdict is held to what the
// simulator accepted, and unsent to what was not begun.
func (h *harness) sendCut(t *testing.T, limit int) (sent bool) {
	t.Helper()
	r := h.send(t, phone, "c")
	_, _, accepted := h.sim.Calls("c")
	sent = r.Verdict == schemas.VerdictSent
	if sent != (accepted == 1) || (r.Verdict == schemas.VerdictUnsent) != (limit == 0) {
		t.Errorf("cut after %d bytes: %+v, %d accepted", limit, r, accepted)
	}
	return sent
}

// TestCallsThatReachNobodyAreUnsent: everything that can go wrong before the first byte.
func TestCallsThatReachNobodyAreUnsent(t *testing.T) {
	t.Parallel()
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	hang := func(ctx context.Context, _, _ string) (net.Conn, error) {
		<-ctx.Done()
		return nil, context.Cause(ctx)
	}
	tests := map[string]struct {
		ctx    context.Context
		change func(*whatsapp.Config)
	}{
		"refused": {t.Context(), func(c *whatsapp.Config) {
			c.Dial = func(context.Context, string, string) (net.Conn, error) { return nil, errCut }
		}},
		"no answer": {t.Context(), func(c *whatsapp.Config) { c.Dial = hang }},
		"no answer, short call": {t.Context(), func(c *whatsapp.Config) {
			c.Dial, c.CallTimeout = hang, time.Second
		}},
		"cancelled before": {cancelled, func(*whatsapp.Config) {}},
		"no TLS there": {t.Context(), func(c *whatsapp.Config) {
			c.BaseURL = "https://graph.test"
		}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				h := setup(t, simulator.Config{}, tt.change)
				ctx, stop := context.WithCancel(t.Context())
				defer stop()
				if tt.ctx.Err() != nil {
					stop()
				}
				m, err := h.Prepare(content())
				if err != nil {
					t.Fatal(err)
				}
				r := h.Send(ctx, sender, m, phone, "c")
				if r.Verdict != schemas.VerdictUnsent || r.Detail == "" {
					t.Errorf("reply %+v, want Verdict %v, one", r, schemas.VerdictUnsent)
				}
				if s := h.sim.Summary(); s.Accepted != 0 {
					t.Errorf("ledger %+v, want Accepted 0", s)
				}
				h.Close()
			})
		})
	}
}

// TestCallsWithoutAnAnswerAreLost: cancelled or out of time with the request on its way.
func TestCallsWithoutAnAnswerAreLost(t *testing.T) {
	t.Parallel()
	for name, wait := range map[string]time.Duration{"timed out": time.Hour, "cancelled": time.Second} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				h := setup(t, simulator.Config{Faults: "latency=20s"})
				m, err := h.Prepare(content())
				if err != nil {
					t.Fatal(err)
				}
				ctx, cancel := context.WithTimeout(t.Context(), wait)
				defer cancel()
				if r := h.Send(ctx, sender, m, phone, "c"); r.Verdict != schemas.VerdictLost {
					t.Errorf("reply %+v, want Verdict %v", r, schemas.VerdictLost)
				}
				time.Sleep(time.Minute)
				if got := h.sim.Ledger(phone.Digits()); len(got) != 1 || got[0].Answered {
					t.Errorf("ledger %+v, want 1 of them", got) // it was sent all the same: this is why Lost is not Unsent
				}
				h.Close()
			})
		})
	}
}

// TestPeerClosedIdle: a connection that the peer closed while it was idle costs nothing but another attempt.
func TestPeerClosedIdle(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		calls := 0
		h := against(t, func(w http.ResponseWriter, r *http.Request) {
			calls++
			_, _ = io.Copy(io.Discard, r.Body)
			_, _ = io.WriteString(w, `{"messages":[{"id":"wamid.X"}]}`)
		})
		var broken *cutConn
		h.net.Wrap = func(n int, c net.Conn) net.Conn {
			if n == 0 {
				broken = &cutConn{Conn: c, limit: 1 << 20}
				return broken
			}
			return c
		}
		for i, want := range []schemas.Verdict{schemas.VerdictSent, schemas.VerdictUnsent, schemas.VerdictSent} {
			if i == 1 {
				broken.limit = 0
			}
			if r := h.send(t, phone, "c"); r.Verdict != want {
				t.Errorf("attempt %d: %+v; want Verdict %v", i, r, want)
			}
			synctest.Wait()
		}
		if calls != 2 || h.net.Dials() != 2 {
			t.Errorf("%d calls over %d connections; want 2, 2", calls, h.net.Dials())
		}
		h.Close()
	})
}

// TestResetWhileAnswering: the status line came, the rest did not.
func TestResetWhileAnswering(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		answer  string
		verdict schemas.Verdict
	}{
		"200":         {"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"messages\":[{\"id\":\"wa", schemas.VerdictLost},
		"headers":     {"HTTP/1.1 200 OK\r\nContent-Le", schemas.VerdictLost},
		"garbage":     {"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", schemas.VerdictLost},
		"500":         {"HTTP/1.1 500 Oops\r\nContent-Length: 100\r\n\r\n{\"err", schemas.VerdictLost},
		"429":         {"HTTP/1.1 429 Slow\r\nContent-Length: 100\r\n\r\n", schemas.VerdictLost},
		"no headers":  {"", schemas.VerdictLost},
		"long header": {"HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", 1<<20) + "\r\n\r\n", schemas.VerdictLost},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := &harness{net: testio.NewPipes()}
			h.Client = newClient(t, h.net)
			go func() {
				c, err := h.net.Accept()
				if err != nil {
					return
				}
				defer c.Close()
				req, err := http.ReadRequest(bufio.NewReader(c))
				if err != nil {
					return
				}
				_, _ = io.Copy(io.Discard, req.Body)
				_, _ = io.WriteString(c, tt.answer)
			}()
			if r := h.send(t, phone, "c"); r.Verdict != tt.verdict {
				t.Errorf("reply %+v, want Verdict %v", r, tt.verdict)
			}
		})
	}
}

// TestHTTP2: the same verdicts where calls share a connection.
func TestHTTP2(t *testing.T) {
	t.Parallel()
	sim := simulator.New(simulator.Config{})
	var protos [3]atomic.Int64
	handler := sim.Handler()
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		protos[r.ProtoMajor].Add(1)
		handler.ServeHTTP(w, r)
	}))
	srv.EnableHTTP2 = true
	srv.StartTLS()
	defer srv.Close()
	roots := x509.NewCertPool()
	roots.AddCert(srv.Certificate())
	h := &harness{sim: sim}
	h.Client = newClient(t, testio.NewPipes(), func(c *whatsapp.Config) {
		c.BaseURL, c.Dial, c.TLS, c.CallTimeout, c.HTTP2 = srv.URL, nil, &tls.Config{RootCAs: roots}, 2*time.Second, true
	})
	done := make(chan struct{})
	for i := range 30 {
		go func() {
			defer func() { done <- struct{}{} }()
			if r := h.send(t, schemas.Phone(fmt.Sprintf("57300124%04d", 1000+i)), fmt.Sprint(i)); r.Verdict != schemas.VerdictSent {
				t.Errorf("reply %+v, want Verdict %v", r, schemas.VerdictSent)
			}
		}()
	}
	for range 30 {
		<-done
	}
	for ending, want := range map[string]schemas.Verdict{
		"0501": schemas.VerdictLost, "0502": schemas.VerdictLost, "0503": schemas.VerdictLost, "0504": schemas.VerdictLost, "0026": schemas.VerdictFailed,
	} {
		if r := h.send(t, schemas.Phone("57399125"+ending), ending); r.Verdict != want {
			t.Errorf("%s: %+v; want Verdict %v", ending, r, want)
		}
	}
	if protos[2].Load() != 35 {
		t.Errorf("%d calls over HTTP/2, %d over HTTP/1; want 35", protos[2].Load(), protos[1].Load())
	}
	if s := sim.Summary(); s.Repeated != 0 || s.Duplicates != 0 {
		t.Errorf("ledger %+v, want Repeated 0, Duplicates 0", s)
	}
	srv.CloseClientConnections()
	srv.Close()
	if r := h.send(t, phone, "late"); r.Verdict != schemas.VerdictUnsent && r.Verdict != schemas.VerdictLost {
		t.Errorf("server gone: %+v", r)
	}
	if r := h.send(t, phone, "later"); r.Verdict != schemas.VerdictUnsent {
		t.Errorf("server gone: %+v, want Verdict %v", r, schemas.VerdictUnsent)
	}
}
