package whatsapp_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"altavoz/internal/testio"
	"altavoz/schemas"
	"altavoz/whatsapp"
	"altavoz/whatsapp/simulator"
)

const wholeBody = `{"messages":[{"id":"wamid.X"}]}`

// answering sets up a client and a server that answers each request with what act writes. The connection is closed once act returns false.
func answering(t *testing.T, act func(n int, c net.Conn) bool) *harness {
	t.Helper()
	h := &harness{net: testio.NewPipes()}
	h.Client = newClient(t, h.net)
	var serving sync.WaitGroup
	serving.Go(func() {
		n := 0
		for {
			c, err := h.net.Accept()
			if err != nil {
				return
			}
			for in, open := bufio.NewReader(c), true; open; {
				req, err := http.ReadRequest(in)
				if err == nil {
					_, err = io.Copy(io.Discard, req.Body)
				}
				if open = err == nil; open {
					open = act(n, c)
					n++
				}
			}
			_ = c.Close()
		}
	})
	t.Cleanup(func() {
		h.Close()
		_ = h.net.Close()
		serving.Wait()
	})
	return h
}

// TestAnswersOnTheWire: what is not exactly an answer of HTTP/1.1 leaves the call open, whatever its bytes say; of one that is whole, the
// message counts. After what says that no more comes, or might, the connection is not used again.
func TestAnswersOnTheWire(t *testing.T) {
	t.Parallel()
	length := fmt.Sprintf("Content-Length: %d\r\n", len(wholeBody))
	chunked := "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
	chunk := fmt.Sprintf("%x\r\n%s\r\n", len(wholeBody), wholeBody)
	const sent, lost = schemas.VerdictSent, schemas.VerdictLost
	for name, tt := range map[string]struct {
		answer  string
		verdict schemas.Verdict
		reused  bool
	}{
		"length":                      {"HTTP/1.1 200 OK\r\n" + length + "\r\n" + wholeBody, sent, true},
		"length, no reason":           {"HTTP/1.1 200\r\n" + length + "\r\n" + wholeBody, sent, true},
		"the same length twice":       {"HTTP/1.1 200 OK\r\n" + length + length + "\r\n" + wholeBody, sent, true},
		"headers in any case":         {"HTTP/1.1 200 OK\r\n" + strings.ToUpper(length) + "\r\n" + wholeBody, sent, true},
		"header without value":        {"HTTP/1.1 200 OK\r\nX:\r\n" + length + "\r\n" + wholeBody, sent, true},
		"large headers":               {"HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", 60<<10) + "\r\n" + length + "\r\n" + wholeBody, sent, true},
		"close":                       {"HTTP/1.1 200 OK\r\nConnection: keep-alive, Close\r\n" + length + "\r\n" + wholeBody, sent, false},
		"HTTP/1.0":                    {"HTTP/1.0 200 OK\r\n" + length + "\r\n" + wholeBody, sent, false},
		"interim answers":             {strings.Repeat("HTTP/1.1 103 Early Hints\r\nLink: </>\r\n\r\n", 3) + "HTTP/1.1 200 OK\r\n" + length + "\r\n" + wholeBody, sent, true},
		"chunked":                     {chunked + chunk + "0\r\n\r\n", sent, true},
		"chunked, pieces, trailer":    {chunked + "4;x=y\r\n{\"me\r\n001b \r\n" + wholeBody[4:31] + "\r\n0\r\nX: y\r\n\r\n", sent, true},
		"a second answer behind it":   {"HTTP/1.1 200 OK\r\n" + length + "\r\n" + wholeBody + "HTTP/1.1 200 OK\r\n" + length + "\r\n" + wholeBody, sent, false},
		"a byte behind it":            {"HTTP/1.1 200 OK\r\n" + length + "\r\n" + wholeBody + "x", sent, false},
		"refused":                     {"HTTP/1.1 400 Bad\r\nContent-Length: 42\r\n\r\n" + `{"error":{"code":131026,"message":"gone"}}`, schemas.VerdictFailed, true},
		"no body":                     {"HTTP/1.1 204 No\r\n\r\n", lost, true},
		"interim only":                {strings.Repeat("HTTP/1.1 100 Continue\r\n\r\n", 8) + "HTTP/1.1 200 OK\r\n" + length + "\r\n" + wholeBody, lost, false},
		"switched":                    {"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n", lost, false},
		"two lengths":                 {"HTTP/1.1 200 OK\r\n" + length + "Content-Length: 3\r\n\r\n" + wholeBody, lost, false},
		"a list of lengths":           {"HTTP/1.1 200 OK\r\nContent-Length: 31, 31\r\n\r\n" + wholeBody, lost, false},
		"signed length":               {"HTTP/1.1 200 OK\r\nContent-Length: +31\r\n\r\n" + wholeBody, lost, false},
		"negative length":             {"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n" + wholeBody, lost, false},
		"length without end":          {"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n" + wholeBody, lost, false},
		"empty length":                {"HTTP/1.1 200 OK\r\nContent-Length:\r\n\r\n" + wholeBody, lost, false},
		"length too large":            {"HTTP/1.1 200 OK\r\nContent-Length: 65537\r\n\r\n" + wholeBody, lost, false},
		"length and chunks":           {"HTTP/1.1 200 OK\r\n" + length + "Transfer-Encoding: chunked\r\n\r\n" + chunk + "0\r\n\r\n", lost, false},
		"chunks of HTTP/1.0":          {"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk + "0\r\n\r\n", lost, false},
		"another encoding":            {"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n" + chunk + "0\r\n\r\n", lost, false},
		"encoded twice":               {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk + "0\r\n\r\n", lost, false},
		"chunk without its end":       {chunked + strings.TrimSuffix(chunk, "\r\n") + "0\r\n\r\n", lost, false},
		"chunk, size signed":          {chunked + "+" + chunk + "0\r\n\r\n", lost, false},
		"chunk, size in C":            {chunked + "0x" + chunk + "0\r\n\r\n", lost, false},
		"chunk, no size":              {chunked + "\r\n" + chunk + "0\r\n\r\n", lost, false},
		"chunk, size without end":     {chunked + strings.Repeat("0", 300) + chunk + "0\r\n\r\n", lost, false},
		"chunk, size above 32 bits":   {chunked + "100000000" + "\r\n" + wholeBody, lost, false},
		"chunks, too many":            {chunked + strings.Repeat("1000\r\n"+strings.Repeat(" ", 0x1000)+"\r\n", 17) + chunk + "0\r\n\r\n", lost, false},
		"chunk, broken extension":     {chunked + "1f;\x00\r\n" + wholeBody + "\r\n0\r\n\r\n", lost, false},
		"trailer is none":             {chunked + chunk + "0\r\nnonsense\r\n\r\n", lost, false},
		"trailer without end":         {chunked + chunk + "0\r\n" + strings.Repeat("X: "+strings.Repeat("x", 1000)+"\r\n", 70) + "\r\n", lost, false},
		"bare line feeds":             {"HTTP/1.1 200 OK\n" + strings.ReplaceAll(length, "\r", "") + "\n" + wholeBody + "\r\n\r\n", lost, false},
		"a bare line feed":            {"HTTP/1.1 200 OK\r\nX: y\nZ: z\r\n" + length + "\r\n" + wholeBody, lost, false},
		"a bare carriage return":      {"HTTP/1.1 200 OK\r\nX: y\rZ: z\r\n" + length + "\r\n" + wholeBody, lost, false},
		"a folded header":             {"HTTP/1.1 200 OK\r\nX: y\r\n z\r\n" + length + "\r\n" + wholeBody, lost, false},
		"a blank before the colon":    {"HTTP/1.1 200 OK\r\nContent-Length : 31\r\n\r\n" + wholeBody, lost, false},
		"a header without colon":      {"HTTP/1.1 200 OK\r\nnonsense\r\n" + length + "\r\n" + wholeBody, lost, false},
		"a header without name":       {"HTTP/1.1 200 OK\r\n: x\r\n" + length + "\r\n" + wholeBody, lost, false},
		"a zero":                      {"HTTP/1.1 200 OK\r\nX: \x00\r\n" + length + "\r\n" + wholeBody, lost, false},
		"HTTP/2.0":                    {"HTTP/2.0 200 OK\r\n" + length + "\r\n" + wholeBody, lost, false},
		"HTTP/1.2":                    {"HTTP/1.2 200 OK\r\n" + length + "\r\n" + wholeBody, lost, false},
		"status of two digits":        {"HTTP/1.1 20 OK\r\n" + length + "\r\n" + wholeBody, lost, false},
		"status of four digits":       {"HTTP/1.1 2000 OK\r\n" + length + "\r\n" + wholeBody, lost, false},
		"status 099":                  {"HTTP/1.1 099 OK\r\n" + length + "\r\n" + wholeBody, lost, false},
		"no status":                   {"HTTP/1.1  OK\r\n" + length + "\r\n" + wholeBody, lost, false},
		"a line before":               {"\r\nHTTP/1.1 200 OK\r\n" + length + "\r\n" + wholeBody, lost, false},
		"headers larger than allowed": {"HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", 65<<10) + "\r\n" + length + "\r\n" + wholeBody, lost, false},
		"another protocol":            {"220 mail.example.com ESMTP\r\n", lost, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				h := answering(t, func(n int, c net.Conn) bool {
					if n == 0 {
						_, err := io.WriteString(c, tt.answer)
						return err == nil
					}
					_, err := io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 31\r\n\r\n"+strings.Replace(wholeBody, "X", "Y", 1))
					return err == nil
				})
				if r := h.send(t, phone, "c"); r.Verdict != tt.verdict || r.Verdict == sent && r.WAMID != "wamid.X" {
					t.Errorf("reply %+v", r)
				}
				synctest.Wait()
				if r := h.send(t, phone, "d"); r.Verdict != sent || r.WAMID != "wamid.Y" {
					t.Errorf("the next call: %+v", r)
				}
				if reused := h.net.Dials() == 1; reused != tt.reused {
					t.Errorf("the connection was used again: %v", reused)
				}
			})
		})
	}
}

// TestAnswerCutAnywhere: an answer that ends early, after any byte, leaves the call open. Only where nothing says how long it is does its
// JSON have to show that it is whole.
func TestAnswerCutAnywhere(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]string{
		"length":  fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(wholeBody), wholeBody),
		"chunked": "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n10\r\n" + wholeBody[:16] + "\r\nf\r\n" + wholeBody[16:] + "\r\n0\r\nX: y\r\n\r\n",
		"neither": "HTTP/1.1 200 OK\r\n\r\n" + wholeBody,
		"interim": "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 31\r\n\r\n" + wholeBody,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for n := range len(answer) + 1 {
				synctest.Test(t, func(t *testing.T) {
					h := answering(t, func(_ int, c net.Conn) bool {
						_, _ = io.WriteString(c, answer[:n])
						return false
					})
					want := schemas.VerdictLost
					if n == len(answer) {
						want = schemas.VerdictSent
					}
					if r := h.send(t, phone, "c"); r.Verdict != want || r.Foreign && n < len(answer)-len(wholeBody) {
						t.Errorf("cut after %q: %+v", answer[:n], r)
					}
				})
			}
		})
	}
}

// TestSlowAnswers: each byte in time is not an answer in time.
func TestSlowAnswers(t *testing.T) {
	t.Parallel()
	answer := "HTTP/1.1 200 OK\r\nContent-Length: 31\r\n\r\n" + wholeBody
	for pause, want := range map[time.Duration]schemas.Verdict{10 * time.Millisecond: schemas.VerdictSent, time.Second: schemas.VerdictLost} {
		synctest.Test(t, func(t *testing.T) {
			h := answering(t, func(_ int, c net.Conn) bool {
				for i := range len(answer) {
					if _, err := c.Write([]byte{answer[i]}); err != nil {
						return false
					}
					time.Sleep(pause)
				}
				return true
			})
			start := time.Now()
			r := h.send(t, phone, "c")
			if r.Verdict != want || want == schemas.VerdictLost && (r.Detail != "the call took too long" || time.Since(start) != 5*time.Second) {
				t.Errorf("a byte each %v: %+v after %v", pause, r, time.Since(start))
			}
		})
	}
}

// TestIdleConnectionsEnd: a connection is used again for 50 s, and closed after them.
func TestIdleConnectionsEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var ended time.Time
		h := &harness{net: testio.NewPipes()}
		h.Client = newClient(t, h.net)
		go func() {
			c, err := h.net.Accept()
			if err != nil {
				return
			}
			in := bufio.NewReader(c)
			for {
				req, err := http.ReadRequest(in)
				if err != nil {
					ended = time.Now()
					_ = c.Close()
					return
				}
				_, _ = io.Copy(io.Discard, req.Body)
				_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 31\r\n\r\n"+wholeBody)
			}
		}()
		for range 3 {
			if r := h.send(t, phone, "c"); r.Verdict != schemas.VerdictSent {
				t.Fatalf("reply %+v", r)
			}
			time.Sleep(40 * time.Second)
		}
		last := time.Now().Add(-40 * time.Second)
		time.Sleep(time.Minute)
		synctest.Wait()
		if idle := ended.Sub(last); idle < 50*time.Second || idle > 100*time.Second || h.net.Dials() != 1 {
			t.Errorf("closed after %v, %d connections", idle, h.net.Dials())
		}
	})
}

// TestCutAnywhereOverTLS is TestCutAnywhere for a connection that is encrypted: what is in an incomplete record never reached the API, but
// that is not for us to know.
func TestCutAnywhereOverTLS(t *testing.T) {
	t.Parallel()
	server, client := certificate(t)
	server.NextProtos = nil
	const longest = 800
	whole := 0
	for limit := range longest {
		synctest.Test(t, func(t *testing.T) {
			h := setup(t, simulator.Config{PlainPhones: true, TLS: server}, func(c *whatsapp.Config) { c.BaseURL, c.TLS = "https://graph.test", client })
			var cut *cutConn
			h.net.Wrap = func(_ int, c net.Conn) net.Conn {
				cut = &cutConn{Conn: c, limit: 1 << 20}
				return cut
			}
			if r := h.send(t, phone, "first"); r.Verdict != schemas.VerdictSent {
				t.Fatalf("first: %+v", r)
			}
			synctest.Wait()
			cut.limit = limit
			if h.sendCut(t, limit) {
				whole++
			}
			h.Close()
		})
	}
	if whole == 0 || whole == longest {
		t.Errorf("%d of %d were whole", whole, longest)
	}
}

// flood collects what is written until the first request was answered, so that it arrives at once.
type flood struct {
	net.Conn

	hold bool
	held bytes.Buffer
}

func (f *flood) Write(p []byte) (int, error) {
	if f.hold {
		return f.held.Write(p)
	}
	return f.Conn.Write(p)
}

// TestIdleSockets: on a real connection that the server closed, or answered on twice, after the last call, the next call is not made: what is
// written there nobody may read, and what is read there answers nobody. This holds where TLS has read the second answer already.
func TestIdleSockets(t *testing.T) {
	t.Parallel()
	server, client := certificate(t)
	server.NextProtos = nil
	answer := "HTTP/1.1 200 OK\r\nContent-Length: 31\r\n\r\n" + wholeBody
	other := strings.Replace(answer, "X", "Y", 1)
	type end struct {
		net.Conn
		raw *flood
	}
	for name, after := range map[string]func(c end){
		"closed":   func(c end) { _ = c.Close() },
		"answered": func(c end) { _, _ = io.WriteString(c, answer) },
		"answered at once": func(c end) {
			_, _ = io.WriteString(c, answer)
			c.raw.hold = false
			_, _ = c.raw.Write(c.raw.held.Bytes())
		},
	} {
		for _, secure := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, TLS %v", name, secure), func(t *testing.T) {
				t.Parallel()
				l, err := net.Listen("tcp", "127.0.0.1:0")
				if err != nil {
					t.Fatal(err)
				}
				did := make(chan struct{}, 2)
				var serving sync.WaitGroup
				serving.Go(func() {
					for n := range 2 {
						raw, err := l.Accept()
						if err != nil {
							return
						}
						defer raw.Close()
						c := end{raw, &flood{Conn: raw}}
						if c.Conn = c.raw; secure {
							c.Conn = tls.Server(c.raw, server)
						}
						req, err := http.ReadRequest(bufio.NewReader(c))
						if err != nil {
							t.Error(err)
							return
						}
						_, _ = io.Copy(io.Discard, req.Body)
						if n == 1 {
							_, _ = io.WriteString(c, other)
							return
						}
						c.raw.hold = name == "answered at once"
						_, _ = io.WriteString(c, answer)
						after(c)
						did <- struct{}{}
					}
				})
				h := &harness{}
				h.Client = newClient(t, testio.NewPipes(), func(c *whatsapp.Config) {
					c.TLS = client
					if secure {
						c.BaseURL = "https://graph.test"
					}
					c.Dial = func(ctx context.Context, network, _ string) (net.Conn, error) {
						return (&net.Dialer{}).DialContext(ctx, network, l.Addr().String())
					}
				})
				if r := h.send(t, phone, "c"); r.Verdict != schemas.VerdictSent || r.WAMID != "wamid.X" {
					t.Errorf("reply %+v", r)
				}
				<-did
				if r := h.send(t, phone, "d"); r.Verdict != schemas.VerdictSent || r.WAMID != "wamid.Y" {
					t.Errorf("the next call: %+v", r)
				}
				_ = l.Close()
				serving.Wait()
			})
		}
	}
}

// TestHeadersCannotBeInjected: neither a token nor a number's id can end a line of the request.
func TestThreatS22HeadersCannotBeInjected(t *testing.T) {
	t.Parallel()
	for _, http2 := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			secret := schemas.Secret("EAAG\r\nHost: evil")
			h := setup(t, simulator.Config{}, func(c *whatsapp.Config) {
				c.HTTP2 = http2
				c.Token = func(string) (schemas.Secret, bool) { return secret, true }
			})
			m, err := h.Prepare(content())
			if err != nil {
				t.Fatal(err)
			}
			if r := h.Send(t.Context(), sender, m, phone, "c"); r.Verdict != schemas.VerdictUnsent || strings.Contains(r.Detail, "evil") {
				t.Errorf("reply %+v", r)
			}
			if r := h.Probe(t.Context(), sender); r.Verdict != schemas.VerdictUnsent && r.Verdict != schemas.VerdictLost {
				t.Errorf("probe %+v", r)
			}
			secret = token
			if r := h.Send(t.Context(), "1/../2 HTTP/1.1\r\nHost: evil\r\n\r\n", m, phone, "c"); r.Verdict == schemas.VerdictSent || r.Verdict == schemas.VerdictLost {
				t.Errorf("reply %+v", r)
			}
			h.Close()
		})
	}
}
