package producer_test

import (
	"bufio"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"altavoz/producer"
	"altavoz/producer/connections"
	"altavoz/producer/guard"
	"altavoz/producer/webhooks"
	"altavoz/schemas/request"
)

const goodKey = "a-key-of-thirty-two-bytes-or-more"

// served is an ingress behind real sockets, of which it takes a few.
type served struct {
	*harness
	addr string
	set  *connections.Set
}

func serveFew(t *testing.T, most int) *served {
	t.Helper()
	h := setup(t, producer.Config{Keys: keys(t, "crm:"+goodKey+",tienda:"+shopKey)})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	set := connections.New(connections.Config{Server: "api", Most: most, Logger: slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry()})
	srv := connections.NewServer(h.handler, slog.New(slog.DiscardHandler))
	set.Attach(srv)
	go func() { _ = srv.Serve(set.Listener(l)) }()
	t.Cleanup(func() { _ = srv.Close() })
	return &served{h, l.Addr().String(), set}
}

// dial opens a connection and sends text.
func (s *served) dial(t *testing.T, text string) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", s.addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if _, err := io.WriteString(c, text); err != nil {
		t.Fatal(err)
	}
	return c
}

// bodiless are requests whose handlers read no body, with a body announced that never comes.
func bodiless() map[string]string {
	announced := func(method, path, header string) string {
		return fmt.Sprintf("%s %s HTTP/1.1\r\nHost: x\r\n%sContent-Length: 1000\r\n\r\n", method, path, header)
	}
	key := "Authorization: Bearer " + goodKey + "\r\n"
	return map[string]string{
		"401":                announced("POST", request.PathSend, ""),
		"404":                announced("POST", "/nothing", ""),
		"405":                announced("PUT", request.PathSend, ""),
		"healthz":            announced("GET", "/healthz", ""),
		"readyz":             announced("GET", "/readyz", ""),
		"webhook challenge":  announced("GET", producer.PathWebhook, ""),
		"webhook of a page":  announced("POST", producer.PathWebhook, "Origin: http://evil.example\r\nSec-Fetch-Site: cross-site\r\n"),
		"chunked":            "POST /nothing HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n",
		"status with a key":  announced("GET", request.PathStatus+"x", key),
		"tasks with a key":   announced("GET", request.PathTasks, key),
		"control with a key": announced("POST", request.PathTasks+"/x/pause", key),
		"header only":        "POST " + request.PathSend + " HTTP/1.1\r\nHost: x\r\n",
		"nothing":            "",
	}
}

// Each of them is over after the time for a header, or that for a body which nobody reads, whatever was asked for.
func TestThreatS06NobodyIsWaitedForWithoutADeadline(t *testing.T) {
	t.Parallel()
	const within = 15 * time.Second // 5 s, and what a busy machine adds
	s := serveFew(t, 100)
	open := make(map[string]net.Conn)
	for name, text := range bodiless() {
		open[name] = s.dial(t, text)
	}
	until := time.Now().Add(within)
	for name, c := range open {
		_ = c.SetReadDeadline(until)
		if answer, err := io.ReadAll(c); err != nil {
			t.Errorf("%s: still open after %v: %v, %q", name, within, err, answer)
		}
	}
}

// Strangers that hold every connection there is do not keep out who has a key.
func TestThreatS06SlowStrangersDoNotEndTheService(t *testing.T) {
	t.Parallel()
	const most = 8
	for name, text := range bodiless() {
		if strings.HasSuffix(name, "with a key") {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := serveFew(t, most)
			for range 5 * most {
				s.dial(t, text)
				if open := s.set.Open(); open > most {
					t.Fatalf("%d connections are open, more than %d; want at most %v", open, most, most)
				}
			}
			began := time.Now()
			c := s.dial(t, fmt.Sprintf("GET %s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n\r\n", request.PathTasks, goodKey))
			r, err := http.ReadResponse(bufio.NewReader(c), nil)
			if err != nil {
				t.Fatal(err)
			}
			defer r.Body.Close()
			if took := time.Since(began); r.StatusCode != http.StatusOK || took > 4*time.Second {
				t.Errorf("%d after %v; want %v, at most %v", r.StatusCode, took, http.StatusOK, 4*time.Second)
			}
		})
	}
}

// Who has shown a key stays, however many strangers come.
func TestThreatS06StrangersDoNotPushOutWhoHasAKey(t *testing.T) {
	t.Parallel()
	const most = 8
	s := serveFew(t, most)
	c := s.dial(t, "")
	reader := bufio.NewReader(c)
	ask := func() {
		t.Helper()
		if _, err := fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: x\r\nX-API-Key: %s\r\n\r\n", request.PathTasks, goodKey); err != nil {
			t.Fatal(err)
		}
		r, err := http.ReadResponse(reader, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Body.Close()
		if _, err := io.Copy(io.Discard, r.Body); err != nil || r.StatusCode != http.StatusOK {
			t.Fatal(r.StatusCode, err)
		}
	}
	ask()
	for range 10 * most {
		s.dial(t, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
	}
	ask()
}

// One key leaves as many connections idle as the process takes. Others are answered, health checks too, and it has its share.
func TestThreatS04IdleConnectionsOfOneKeyDoNotKeepOthersOut(t *testing.T) {
	t.Parallel()
	const most = 128 // of a process with 256 descriptors
	s := serveFew(t, most)
	ask := func(path, key string) error {
		c := s.dial(t, fmt.Sprintf("GET %s HTTP/1.1\r\nHost: x\r\nX-API-Key: %s\r\n\r\n", path, key))
		r, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil {
			return err
		}
		defer r.Body.Close()
		if _, err := io.Copy(io.Discard, r.Body); err != nil || r.StatusCode != http.StatusOK {
			return fmt.Errorf("%d %w", r.StatusCode, err)
		}
		return nil
	}
	for i := range 2 * most {
		if err := ask(request.PathTasks, goodKey); err != nil && !strings.HasPrefix(err.Error(), "429 ") {
			t.Fatalf("connection %d of the key: %v", i+1, err)
		}
	}
	if open := s.set.Open(); open > most/2 {
		t.Errorf("%d connections of one of two keys are open, want at most %v", open, most/2)
	}
	for range 10 {
		for _, path := range []string{"/healthz", "/readyz"} {
			if err := ask(path, ""); err != nil {
				t.Errorf("asking for %s: %v", path, err)
			}
		}
		if err := ask(request.PathTasks, shopKey); err != nil {
			t.Errorf("another key: %v", err)
		}
	}
}

// A feed goes on, though its request came with a body, which nobody wants.
func TestUnwantedBodyEndsNoFeed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := setup(t, producer.Config{})
		conn := dial(t, serve(t, h))
		defer conn.Close()
		path := h.version(7, nil)
		go fmt.Fprintf(conn, "GET %s/events HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}", path)
		r, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil || r.StatusCode != http.StatusOK {
			t.Fatal(r, err)
		}
		defer r.Body.Close()
		lines := bufio.NewReader(r.Body)
		for began := time.Now(); time.Since(began) < time.Minute; {
			if _, err := lines.ReadString('\n'); err != nil {
				t.Fatalf("the feed ended after %v: %v", time.Since(began), err)
			}
		}
	})
}

// After ten wrong keys an address has to wait with the next one. No key is no attempt, and a valid one is never refused.
func TestThreatS01WrongKeysWaitAndValidOnesDoNot(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := setup(t, producer.Config{Keys: keys(t, "crm:"+goodKey)})
		ask := func(headers ...string) (int, http.Header) {
			code, _, header := h.do(http.MethodGet, request.PathTasks, nil, headers...)
			return code, header
		}
		for range 30 {
			if code, _ := ask(); code != http.StatusUnauthorized {
				t.Fatalf("without a key: %d, want %v", code, http.StatusUnauthorized)
			}
		}
		for i := range guard.MostWrong {
			if code, _ := ask("X-API-Key", fmt.Sprint("wrong-", i)); code != http.StatusUnauthorized {
				t.Fatalf("wrong key %d: %d; want %v", i+1, code, http.StatusUnauthorized)
			}
		}
		time.Sleep(20*time.Second + time.Millisecond)
		code, header := ask("Authorization", "Bearer wrong")
		if code != http.StatusTooManyRequests || header.Get("Retry-After") != "40" || header.Get("Connection") != "close" {
			t.Errorf("%d %v; want %v", code, header, http.StatusTooManyRequests)
		}
		if code, _ := ask("X-API-Key", goodKey); code != http.StatusOK {
			t.Errorf("a valid key from there: %d, want %v", code, http.StatusOK)
		}
		if code, _ := ask(); code != http.StatusUnauthorized {
			t.Errorf("without a key: %d, want %v", code, http.StatusUnauthorized)
		}
		time.Sleep(40 * time.Second)
		if code, _ := ask("X-API-Key", "wrong"); code != http.StatusUnauthorized {
			t.Errorf("when the wait is over: %d, want %v", code, http.StatusUnauthorized)
		}
	})
}

// Anybody may post a webhook. Bodies that drip hold all slots, the few for big ones too, and Meta's gets one all the same.
func TestThreatS06DrippedWebhooksDoNotKeepMetasOut(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ length, slots int }{"small": {1000, webhooks.AtOnce}, "big": {100 << 10, webhooks.BigAtOnce}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, length := serveFew(t, 2000), tt.length
			head := func(n int) string {
				return fmt.Sprintf("POST %s HTTP/1.1\r\nHost: x\r\nX-Hub-Signature-256: %s\r\nContent-Length: %d\r\n\r\n", producer.PathWebhook, signature, n)
			}
			const drips = 300
			cut := make(chan error, drips)
			for range drips {
				c := s.dial(t, head(length)+"[")
				go func() {
					_, err := c.Read(make([]byte, 1))
					cut <- err
				}()
			}
			for range drips - tt.slots { // all have come: each beyond the slots cut an earlier one off
				if err := <-cut; err != nil {
					t.Fatalf("a webhook that is cut off is not answered: %v", err)
				}
			}
			body := "[]" + strings.Repeat(" ", length-2)
			for range 20 {
				c := s.dial(t, head(length)+body)
				_ = c.SetReadDeadline(time.Now().Add(10 * time.Second))
				r, err := http.ReadResponse(bufio.NewReader(c), nil)
				if err != nil {
					t.Fatal(err)
				}
				if r.StatusCode != http.StatusOK {
					t.Errorf("it gets %d, want %v", r.StatusCode, http.StatusOK)
				}
				r.Body.Close()
				c.Close()
			}
		})
	}
}
