package nethttp

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"regexp"
	"sync/atomic"
	"time"

	"altavoz/whatsapp/http1"
)

// Do makes one request, with no retry of any kind.
//
// net/http itself sends a POST again in two cases: over HTTP/1.1 when it wrote nothing on a reused connection, over HTTP/2 after some
// resets (one of which, PROTOCOL_ERROR, proves nothing). Both need Request.GetBody, which is not set here; so what was
// written once is never written twice. For the same reason no Idempotency-Key header may be added: it makes net/http treat a
// POST as repeatable. (Read in Go 1.26: shouldRetryRequest, http2shouldRetryRequest.)
//
// A failed call was certainly not sent if one of these holds; wire keeps track of them.
//
//   - It never got a connection.
//   - Over HTTP/1.1, where a connection carries one request at a time: not one byte was handed to the connection since the
//     request got it. A message is buffered until it is complete, so this covers the idle connection that the peer had closed before we
//     wrote. RoundTrip returns an error only after its writer has ended.
//   - Over HTTP/2, where the connection's bytes may be anybody's: the request's headers were not written. Its body comes after
//     them, and not at all once RoundTrip has given the stream up.
//   - Over HTTP/2, the peer declared it: see untouched.
func (c *Client) Do(ctx context.Context, timeout time.Duration, r Request) Answer {
	ctx, cancel := context.WithTimeoutCause(ctx, timeout, http1.ErrTimeout)
	defer cancel()
	var w wire
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: w.gotConn, WroteHeaders: w.wroteHeaders})
	req := (&http.Request{
		Method: r.Method, URL: r.URL, Host: r.URL.Host, Header: r.Header, Body: r.Body, ContentLength: r.Size,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
	}).WithContext(ctx)

	resp, err := c.transport.RoundTrip(req) // not http.Client: no redirects, no cookies
	if err != nil {
		return Answer{Err: cause(ctx, err), Unsent: w.nothingWritten() || untouched(err)}
	}
	defer func() { _ = resp.Body.Close() }() // what was to be read is read
	a := Answer{Status: resp.StatusCode, Header: resp.Header}
	if a.Body, a.Err = c.read(resp); a.Err != nil {
		a.Err = cause(ctx, a.Err)
	}
	return a
}

// untouched reports whether the peer has declared, by HTTP/2, that it did not process the request: with REFUSED_STREAM for its stream, or with a
// GOAWAY whose last stream id is below it (RFC 9113, 8.7 and 6.8). A stream at or below that id may have been carried out, also if the
// connection ends without an answer to it, and so may one that was reset with any other code.
//
// net/http has no types for these errors where a request has a body without GetBody: it puts their words into another error's. So words are
// what there is to go by (read in Go 1.26: http2shouldRetryRequest, setGoAway; TestHTTP2SaysNothingWasDone has real frames). Should they
// change, the call is lost instead of unsent.
func untouched(err error) bool { return untouchedWords.MatchString(err.Error()) }

var untouchedWords = regexp.MustCompile(`^http2: Transport: cannot retry err \[` +
	`(stream error: stream ID \d+; REFUSED_STREAM; received from peer|http2: Transport received Server's graceful shutdown GOAWAY)\] after ` +
	`|^http2: Transport received GOAWAY from server ErrCode:`) // the second: of the first stream of a connection, with an error's code

func (c *Client) read(resp *http.Response) ([]byte, error) {
	if resp.ContentLength > int64(c.maxAnswer) {
		return nil, http1.ErrTooLarge
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, int64(c.maxAnswer)+1))
	if err == nil && len(body) > c.maxAnswer {
		return nil, http1.ErrTooLarge
	}
	return body, err
}

// cause prefers why the context ended over what the transport made of it.
func cause(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// wire remembers which connection a request got, and what had been written to it by then.
type wire struct {
	got     bool
	conn    *countedConn // nil over HTTP/2
	writes  int64
	headers atomic.Bool // written, or about to be; set by the writer from its own goroutine
}

func (w *wire) gotConn(info httptrace.GotConnInfo) {
	w.got = true
	c := info.Conn
	if t, ok := c.(*tls.Conn); ok {
		if t.ConnectionState().NegotiatedProtocol == "h2" {
			return // shared with other requests: its count is not ours alone
		}
		c = t.NetConn()
	}
	if cc, ok := c.(*countedConn); ok {
		w.conn, w.writes = cc, cc.writes.Load()
	}
}

func (w *wire) wroteHeaders() { w.headers.Store(true) }

func (w *wire) nothingWritten() bool {
	if w.conn != nil {
		return w.conn.writes.Load() == w.writes
	}
	return !w.got || !w.headers.Load()
}

// countedConn counts the writes that may have put bytes on the wire.
type countedConn struct {
	net.Conn

	writes atomic.Int64
}

func (c *countedConn) Write(p []byte) (int, error) {
	c.writes.Add(1) // before writing: a write under way counts
	n, err := c.Conn.Write(p)
	if n == 0 && err != nil {
		c.writes.Add(-1)
	}
	return n, err
}
