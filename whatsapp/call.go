package whatsapp

import (
	"bytes"
	"context"
	"io"
	"time"

	"altavoz/whatsapp/http1"
	"altavoz/whatsapp/nethttp"
)

// maxAnswer bounds the body of an answer. Real ones have some 300 bytes, errors up to 2 KiB.
const maxAnswer = 64 << 10

// headers are those of an answer.
type headers interface{ Get(name string) string }

// answer is what came back from one call: a whole HTTP response, or err. unsent says, with err, that no server can have seen
// the request.
type answer struct {
	status int
	header headers
	body   []byte
	err    error
	unsent bool
}

// exchange is what one call over HTTP/1.1 writes and reads. Another call uses it again.
type exchange struct {
	body   []byte
	answer http1.Answer
}

// call makes one call of a number: of a message, which x has, or of a probe. What it returns is valid until x is used again.
func (c *Client) call(ctx context.Context, n *number, r nethttp.Request, h http1.Head, x *exchange) answer {
	if c.sends == nil {
		r.Header, r.Size = n.header, int64(len(x.body))
		if len(x.body) > 0 { // in one piece, so that net/http writes headers and message with one write; it may read when the call is over
			r.Body = io.NopCloser(bytes.NewReader(bytes.Clone(x.body)))
		}
		return c.callShared(ctx, c.cfg.CallTimeout, r)
	}
	if n.err != nil {
		return answer{err: n.err, unsent: true}
	}
	a := &x.answer
	c.sends.Do(ctx, c.cfg.CallTimeout, h, x.body, a)
	return answer{status: a.Status, header: a, body: a.Body, err: a.Err, unsent: a.Unsent}
}

// callShared makes one call over net/http.
func (c *Client) callShared(ctx context.Context, timeout time.Duration, r nethttp.Request) answer {
	a := c.shared.Do(ctx, timeout, r)
	return answer{status: a.Status, header: a.Header, body: a.Body, err: a.Err, unsent: a.Unsent}
}
