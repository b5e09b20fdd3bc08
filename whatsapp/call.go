package whatsapp

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"sync/atomic"
	"time"
)

// maxAnswer bounds the body of an answer. Real ones have some 300 bytes, errors up to 2 KiB.
const maxAnswer = 64 << 10

var (
	errCallTimeout = errors.New("the call took too long")
	errSealed      = errors.New("the call is over")
	errTooLarge    = errors.New("the answer is larger than any answer of the Cloud API")
)

// answer is what came back from one call: a whole HTTP response, or err. unsent says, with err, that no server can have seen
// the request.
type answer struct {
	status int
	header http.Header
	body   []byte
	err    error
	unsent bool
}

// call makes one POST, with no retry of any kind.
//
// net/http itself sends a POST again in two cases: over HTTP/1.1 when it wrote nothing on a reused connection, over HTTP/2 after some
// resets (one of which, PROTOCOL_ERROR, proves nothing). Both need Request.GetBody, which is not set here, and a body can be read only
// once; so what was written once is never written twice. For the same reason no Idempotency-Key header may be added: it makes
// net/http treat a POST as repeatable. (Read in Go 1.26: shouldRetryRequest, http2shouldRetryRequest.)
//
// Whether a failed call was sent is decided by two facts, either of which proves that it was not:
//
//   - net/http never read from the body. Sealing the body makes this a lasting truth: a late writer gets an error and
//     not the message, and a message without its body is none.
//   - Over HTTP/1.1, where a connection carries one request at a time: not one byte was handed to the connection since
//     the request got it. Small requests sit in a buffer until they are complete, so this covers the idle connection that the peer had
//     closed before we wrote.
func (c *Client) call(ctx context.Context, u *url.URL, header http.Header, body io.Reader, size int64, timeout time.Duration) answer {
	ctx, cancel := context.WithTimeoutCause(ctx, timeout, errCallTimeout)
	defer cancel()
	var w wire
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: w.gotConn})
	b := &onceBody{r: body}
	req := (&http.Request{
		Method: http.MethodPost, URL: u, Host: u.Host, Header: header, Body: b, ContentLength: size,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
	}).WithContext(ctx)

	resp, err := c.transport.RoundTrip(req) // not http.Client: no redirects, no cookies
	if err != nil {
		untouched := b.seal()
		return answer{err: cause(ctx, err), unsent: untouched || w.nothingWritten()}
	}
	defer resp.Body.Close()
	a := answer{status: resp.StatusCode, header: resp.Header}
	a.body, a.err = readAnswer(resp)
	if a.err != nil {
		a.err = cause(ctx, a.err)
	}
	return a
}

func readAnswer(resp *http.Response) ([]byte, error) {
	if resp.ContentLength > maxAnswer {
		return nil, errTooLarge
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	if err == nil && len(body) > maxAnswer {
		return nil, errTooLarge
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

// onceBody is a request body that can be read once and sealed for good. Unread and sealed, it was never sent.
type onceBody struct {
	r     io.Reader
	state atomic.Uint32
}

const (
	bodyFresh = iota
	bodyRead
	bodySealed
)

func (b *onceBody) Read(p []byte) (int, error) {
	if !b.state.CompareAndSwap(bodyFresh, bodyRead) && b.state.Load() == bodySealed {
		return 0, errSealed
	}
	return b.r.Read(p)
}

// Close leaves the reader alone: it belongs to the caller.
func (b *onceBody) Close() error { return nil }

// seal ends all reading and reports whether nothing was ever read.
func (b *onceBody) seal() (untouched bool) { return b.state.Swap(bodySealed) == bodyFresh }

// wire remembers which connection a request got, and what had been written to it by then.
type wire struct {
	conn   *countedConn
	writes int64
}

func (w *wire) gotConn(info httptrace.GotConnInfo) {
	c := info.Conn
	if t, ok := c.(*tls.Conn); ok {
		if t.ConnectionState().NegotiatedProtocol == "h2" {
			return // shared with other requests: its count says nothing about ours
		}
		c = t.NetConn()
	}
	if cc, ok := c.(*countedConn); ok {
		w.conn, w.writes = cc, cc.writes.Load()
	}
}

func (w *wire) nothingWritten() bool { return w.conn != nil && w.conn.writes.Load() == w.writes }

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
