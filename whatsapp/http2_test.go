package whatsapp_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"altavoz/internal/testio"
	"altavoz/schemas"
	"altavoz/whatsapp"
	"altavoz/whatsapp/simulator"
)

// certificate makes one for graph.test, and a pool that trusts it.
func certificate(t *testing.T) (server, client *tls.Config) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: []string{"graph.test"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Unix(0, 0), NotAfter: time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC),
	}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(signed)
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}, NextProtos: []string{"h2"}}, &tls.Config{RootCAs: roots}
}

// setupHTTP2 is setup over TLS, so that calls share connections.
func setupHTTP2(t *testing.T, sim simulator.Config, change ...func(*whatsapp.Config)) *harness {
	t.Helper()
	server, client := certificate(t)
	sim.TLS = server
	return setup(t, sim, append([]func(*whatsapp.Config){func(c *whatsapp.Config) { c.BaseURL, c.TLS, c.HTTP2 = "https://graph.test", client, true }}, change...)...)
}

// TestHTTP2SaysNothingWasDone: what HTTP/2 says about a stream is believed, of the simulator's real frames; everything else stays open.
func TestHTTP2SaysNothingWasDone(t *testing.T) {
	t.Parallel()
	for faults, want := range map[string]struct {
		verdict  schemas.Verdict
		accepted int
	}{
		"":                       {schemas.VerdictSent, 1},
		"refused_stream=100%":    {schemas.VerdictUnsent, 0},
		"goaway=100%":            {schemas.VerdictUnsent, 0},
		"goaway_after=100%":      {schemas.VerdictLost, 1},
		"drop_before=100%":       {schemas.VerdictLost, 0},
		"drop_after=100%":        {schemas.VerdictLost, 1},
		"stall=100%":             {schemas.VerdictLost, 1},
		"html_after=100%":        {schemas.VerdictLost, 1},
		"unavailable_after=100%": {schemas.VerdictLost, 1},
		"131026=100%":            {schemas.VerdictFailed, 0},
	} {
		t.Run(faults, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				h := setupHTTP2(t, simulator.Config{})
				if r := h.send(t, phone, "first"); r.Verdict != schemas.VerdictSent { // so that the next one is not the connection's first stream
					t.Fatalf("first: %+v, want Verdict %v", r, schemas.VerdictSent)
				}
				if err := h.sim.SetFaults(faults); err != nil {
					t.Fatal(err)
				}
				r := h.send(t, phone, "c")
				calls, _, accepted := h.sim.Calls("c")
				if r.Verdict != want.verdict || accepted != want.accepted || calls != 1 {
					t.Errorf("reply %+v; %d calls, %d accepted; want Verdict %v, 1, %v", r, calls, accepted, want.verdict, want.accepted)
				}
				if err := h.sim.SetFaults(""); err != nil {
					t.Fatal(err)
				}
				again := h.send(t, phone, "c")
				repeated := 1
				if want.verdict == schemas.VerdictUnsent || want.verdict == schemas.VerdictFailed {
					repeated = 0
				}
				if sum := h.sim.Summary(); again.Verdict != schemas.VerdictSent || sum.Repeated != repeated || (sum.Untouched == 1) != (want.verdict == schemas.VerdictUnsent) {
					t.Errorf("again %+v; ledger %+v; want Verdict %v, Repeated %v", again, sum, schemas.VerdictSent, repeated)
				}
				h.Close()
			})
		})
	}
}

// TestHTTP2UnderFaults: many calls share connections that are refused, left and cut. Unsent is called again, and nobody gets two messages;
// Sent is what the ledger says.
func TestHTTP2UnderFaults(t *testing.T) {
	t.Parallel()
	for seed := range uint64(20) {
		synctest.Test(t, func(t *testing.T) {
			h := setupHTTP2(t, simulator.Config{Seed: seed, PlainPhones: true, Faults: "latency=1ms..300ms refused_stream=8% goaway=3% goaway_after=2% drop_after=2% drop_before=2%"})
			const n = 150
			var mu sync.Mutex
			var calls sync.WaitGroup
			count := map[schemas.Verdict]int{}
			for i := range n {
				calls.Go(func() {
					time.Sleep(time.Duration(i) * 5 * time.Millisecond)
					callback := fmt.Sprint(i)
					for {
						r := h.send(t, schemas.Phone(fmt.Sprintf("57300%07d", i)), callback)
						_, _, accepted := h.sim.Calls(callback)
						if (r.Verdict == schemas.VerdictSent && accepted != 1) || (r.Verdict == schemas.VerdictUnsent && accepted != 0) || accepted > 1 {
							t.Errorf("%s: %+v, %d accepted; want at most 1", callback, r, accepted)
						}
						mu.Lock()
						count[r.Verdict]++
						mu.Unlock()
						if r.Verdict != schemas.VerdictUnsent {
							return
						}
						time.Sleep(time.Second)
					}
				})
			}
			calls.Wait()
			sum := h.sim.Summary()
			if sum.Repeated+sum.Duplicates != 0 || count[schemas.VerdictSent] != sum.Accepted-sum.Unanswered || count[schemas.VerdictSent]+count[schemas.VerdictLost] != n {
				t.Errorf("seed %d: verdicts %v, ledger %+v", seed, count, sum)
			}
			if count[schemas.VerdictUnsent] == 0 || count[schemas.VerdictLost] == 0 {
				t.Errorf("seed %d tests nothing: %v", seed, count)
			}
			h.Close()
		})
	}
}

// edge is a server of HTTP/2 that does exactly what a test says.
type edge struct {
	*http2.Framer
	conn net.Conn
}

// headers answers a stream with a status, and leaves it open.
func (e *edge) headers(stream uint32, status string) error {
	var block writer
	_ = hpack.NewEncoder(&block).WriteField(hpack.HeaderField{Name: ":status", Value: status})
	return e.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, BlockFragment: block, EndHeaders: true})
}

type writer []byte

func (w *writer) Write(p []byte) (int, error) {
	*w = append(*w, p...)
	return len(p), nil
}

// serve reads requests and has act see each one that is complete, numbered over all connections from 0.
func (e *edge) serve(seen *atomic.Int64, act func(e *edge, n int, stream uint32) error) error {
	if _, err := io.ReadFull(e.conn, make([]byte, len(http2.ClientPreface))); err != nil {
		return err
	}
	if err := e.WriteSettings(); err != nil {
		return err
	}
	for {
		f, err := e.ReadFrame()
		if err != nil {
			return err
		}
		if s, ok := f.(*http2.SettingsFrame); ok && !s.IsAck() {
			err = e.WriteSettingsAck()
		}
		if d, ok := f.(*http2.DataFrame); ok && d.StreamEnded() {
			err = act(e, int(seen.Add(1)-1), d.StreamID)
		}
		if err != nil {
			return err
		}
	}
}

// TestHTTP2Frames: frame by frame, what proves that nothing was done, and what does not. net/http repeats nothing by itself.
func TestHTTP2Frames(t *testing.T) {
	t.Parallel()
	reset := func(code http2.ErrCode) func(*edge, int, uint32) error {
		return func(e *edge, _ int, stream uint32) error { return e.WriteRSTStream(stream, code) }
	}
	after := func(status string) func(*edge, int, uint32) error {
		return func(e *edge, _ int, stream uint32) error {
			if err := e.headers(stream, status); err != nil {
				return err
			}
			return e.WriteRSTStream(stream, http2.ErrCodeRefusedStream)
		}
	}
	leave := func(last uint32, code http2.ErrCode) func(*edge, int, uint32) error {
		return func(e *edge, _ int, _ uint32) error {
			if err := e.WriteGoAway(last, code, []byte("stream error: stream ID 1; REFUSED_STREAM; received from peer]")); err != nil {
				return err
			}
			return io.EOF
		}
	}
	for name, tt := range map[string]struct {
		act  func(e *edge, n int, stream uint32) error
		want schemas.Verdict
	}{
		"refused":                              {reset(http2.ErrCodeRefusedStream), schemas.VerdictUnsent},
		"reset: protocol":                      {reset(http2.ErrCodeProtocol), schemas.VerdictLost},
		"reset: internal":                      {reset(http2.ErrCodeInternal), schemas.VerdictLost},
		"reset: cancel":                        {reset(http2.ErrCodeCancel), schemas.VerdictLost},
		"reset: calm down":                     {reset(http2.ErrCodeEnhanceYourCalm), schemas.VerdictLost},
		"reset: HTTP/1.1 required":             {reset(http2.ErrCodeHTTP11Required), schemas.VerdictLost},
		"reset: no error":                      {reset(http2.ErrCodeNo), schemas.VerdictLost},
		"refused after a status of 200":        {after("200"), schemas.VerdictLost},
		"refused after a status of 503":        {after("503"), schemas.VerdictLost},
		"connection ends":                      {func(*edge, int, uint32) error { return io.EOF }, schemas.VerdictLost},
		"GOAWAY, above":                        {leave(0, http2.ErrCodeNo), schemas.VerdictUnsent},
		"GOAWAY, above, with an error":         {leave(0, http2.ErrCodeEnhanceYourCalm), schemas.VerdictUnsent},
		"GOAWAY, at":                           {leave(1, http2.ErrCodeNo), schemas.VerdictLost},
		"GOAWAY, at, with an error":            {leave(1, http2.ErrCodeInternal), schemas.VerdictLost},
		"GOAWAY, below, which says not a word": {leave(1<<31-1, http2.ErrCodeNo), schemas.VerdictLost},
		"GOAWAY, in two steps": {func(e *edge, _ int, _ uint32) error {
			if err := e.WriteGoAway(1<<31-1, http2.ErrCodeNo, nil); err != nil {
				return err
			}
			return e.WriteGoAway(0, http2.ErrCodeNo, nil)
		}, schemas.VerdictUnsent},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h, seen := onEdge(t, tt.act)
			if r := h.send(t, phone, "c"); r.Verdict != tt.want {
				t.Errorf("reply %+v, want Verdict %v", r, tt.want)
			}
			if n := seen.Load(); n != 1 {
				t.Errorf("%d requests, want 1", n)
			}
		})
	}
}

// TestGoAwayBetweenStreams: of two calls on one connection, GOAWAY names the first as the last that was looked at, and the connection ends.
func TestGoAwayBetweenStreams(t *testing.T) {
	t.Parallel()
	arrived := make(chan struct{})
	h, seen := onEdge(t, func(e *edge, n int, _ uint32) error {
		if n == 0 {
			close(arrived)
			return nil
		}
		if err := e.WriteGoAway(1, http2.ErrCodeNo, nil); err != nil {
			return err
		}
		return io.EOF
	})
	first := make(chan schemas.Reply)
	go func() { first <- h.send(t, phone, "first") }()
	<-arrived
	second := h.send(t, phone, "second")
	if r := <-first; r.Verdict != schemas.VerdictLost || second.Verdict != schemas.VerdictUnsent || seen.Load() != 2 {
		t.Errorf("first %+v, second %+v, %d requests; want Verdict %v, Verdict %v, 2", r, second, seen.Load(), schemas.VerdictLost, schemas.VerdictUnsent)
	}
}

// onEdge is a client whose connections act decides about, and how many requests there were. It has real connections: their buffers keep two
// ends that both write from waiting for each other.
func onEdge(t *testing.T, act func(e *edge, n int, stream uint32) error) (*harness, *atomic.Int64) {
	t.Helper()
	server, client := certificate(t)
	l, err := tls.Listen("tcp", "127.0.0.1:0", server)
	if err != nil {
		t.Fatal(err)
	}
	h := &harness{}
	h.Client = newClient(t, testio.NewPipes(), func(c *whatsapp.Config) {
		c.BaseURL, c.TLS, c.HTTP2 = "https://graph.test", client, true
		c.Dial = func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, l.Addr().String())
		}
	})
	seen := new(atomic.Int64)
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			serving.Go(func() {
				e := &edge{http2.NewFramer(conn, conn), conn}
				_ = e.serve(seen, act)
				_ = conn.Close()
			})
		}
	})
	t.Cleanup(func() {
		h.Close()
		_ = l.Close()
		serving.Wait()
	})
	return h, seen
}

// TestUploadOverHTTP2: a file larger than any window.
func TestUploadOverHTTP2(t *testing.T) {
	t.Parallel()
	h := setupHTTP2(t, simulator.Config{}, func(c *whatsapp.Config) { c.CallTimeout = time.Minute })
	if r := h.send(t, phone, "c"); r.Verdict != schemas.VerdictSent { // opens the connection
		t.Fatalf("reply %+v, want Verdict %v", r, schemas.VerdictSent)
	}
	const size = 4 << 20
	var uploads sync.WaitGroup
	for range 3 { // that share a connection
		uploads.Go(func() {
			body := io.MultiReader(strings.NewReader("%PDF-1.7\n"), io.LimitReader(zeros{}, size-9))
			if id, err := h.Upload(t.Context(), sender, "application/pdf", "a.pdf", size, body); err != nil || id == "" {
				t.Errorf("%q, %v; want one", id, err)
			}
		})
	}
	uploads.Wait()
	if _, err := h.Upload(t.Context(), sender, "image/gif", "a.gif", 6, strings.NewReader("GIF89a")); !errors.Is(err, schemas.ErrContent) {
		t.Errorf("a refused one: %v, want %v", err, schemas.ErrContent)
	}
	if sum := h.sim.Summary(); sum.Uploads.Files != 3 || sum.Uploads.Bytes != 3*size || h.net.Dials() != 1 {
		t.Errorf("%d connections, %+v; want 1", h.net.Dials(), sum)
	}
}
