package h2

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// ResponseWriter is a http.ResponseWriter with the two answers that HTTP/2 adds. A handler that gave one of them returns.
type ResponseWriter struct {
	conn   *Conn
	stream *stream
	header http.Header
	status int
	body   []byte
	sent   bool // the headers
	over   bool // nothing more may be written
}

// streamStep is how far the ids of a client's streams lie apart.
const streamStep = 2

var errOver = errors.New("the stream is over")

// run has the handler answer a request.
func (c *Conn) run(s *stream, r *http.Request) {
	w := &ResponseWriter{conn: c, stream: s, header: http.Header{}}
	defer func() {
		if p := recover(); p != nil {
			if err, ok := p.(error); !ok || !errors.Is(err, http.ErrAbortHandler) {
				c.log("a handler panics: %v", p)
			}
			w.reset(http2.ErrCodeInternal) // as net/http's server does
		}
		s.cancel()
		_ = r.Body.Close() // what is still to come is dropped
		c.mu.Lock()
		delete(c.streams, s.id)
		if len(c.streams) == 0 && c.leaving {
			c.limitWait()
		}
		c.mu.Unlock()
	}()
	c.handler.ServeHTTP(w, r)
	_ = w.flush(true)
}

// Header is part of http.ResponseWriter.
func (w *ResponseWriter) Header() http.Header { return w.header }

// WriteHeader is part of http.ResponseWriter.
func (w *ResponseWriter) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
}

// Write is part of http.ResponseWriter. It keeps what it gets until the end or the next flush.
func (w *ResponseWriter) Write(p []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	w.body = append(w.body, p...)
	return len(p), nil
}

// FlushError sends what was written, and waits for the client to have room for it.
func (w *ResponseWriter) FlushError() error { return w.flush(false) }

func (w *ResponseWriter) flush(last bool) error {
	if w.over {
		return errOver
	}
	w.WriteHeader(http.StatusOK)
	c := w.conn
	c.mu.Lock()
	defer c.mu.Unlock()
	if !w.sent {
		w.sent = true
		if err := w.writeHeaders(); err != nil {
			return err
		}
	}
	for {
		n := min(len(w.body), frameBytes, c.window, w.stream.window)
		switch {
		case c.closed.Err() != nil:
			return net.ErrClosed
		case len(w.body) > 0 && n <= 0:
			c.changed.Wait()
			continue
		case n == 0 && !last:
			if !c.sent() {
				return net.ErrClosed
			}
			return nil
		}
		end := last && n == len(w.body)
		c.window, w.stream.window = c.window-n, w.stream.window-n
		if err := c.queue(func() error { return c.framer.WriteData(w.stream.id, end, w.body[:n]) }); err != nil {
			return err
		}
		w.body = w.body[n:]
		if end {
			w.over = true
			return nil
		}
	}
}

// writeHeaders writes them. The caller holds the connection's lock.
func (w *ResponseWriter) writeHeaders() error {
	c := w.conn
	c.headers.Reset()
	fields := []hpack.HeaderField{{Name: ":status", Value: strconv.Itoa(w.status)}}
	for name, values := range w.header {
		for _, v := range values {
			fields = append(fields, hpack.HeaderField{Name: strings.ToLower(name), Value: v})
		}
	}
	for _, f := range fields {
		if err := c.packer.WriteField(f); err != nil {
			return fmt.Errorf("packing headers: %w", err)
		}
	}
	return c.queue(func() error {
		return c.framer.WriteHeaders(http2.HeadersFrameParam{StreamID: w.stream.id, BlockFragment: c.headers.Bytes(), EndHeaders: true})
	})
}

// reset ends the stream with a code.
func (w *ResponseWriter) reset(code http2.ErrCode) {
	if w.over {
		return
	}
	w.over = true
	_ = w.conn.write(func() error { return w.conn.framer.WriteRSTStream(w.stream.id, code) })
}

// RefuseStream says that nothing was done about the request.
func (w *ResponseWriter) RefuseStream() { w.reset(http2.ErrCodeRefusedStream) }

// GoAway takes the connection out of service. Where nothing was done about this request (untouched), it is refused: by naming the stream
// before it as the last one that was looked at; or, where a younger one was begun meanwhile, with REFUSED_STREAM. All others are answered
// before the connection ends. Where the request was carried out, the connection ends at once, and no stream of it is answered any more.
func (w *ResponseWriter) GoAway(untouched bool) {
	c := w.conn
	if !untouched {
		c.mu.Lock()
		c.leaving, c.last = true, c.newest
		_ = c.queue(func() error { return c.framer.WriteGoAway(c.last, http2.ErrCodeInternal, nil) })
		_ = c.sent()
		c.mu.Unlock()
		w.over = true
		c.end()
		return
	}
	named := false
	_ = c.write(func() error {
		if !c.leaving {
			c.leaving, c.last = true, c.newest
		}
		if named = w.stream.id == c.last; named {
			c.last = max(w.stream.id, streamStep) - streamStep
		}
		return c.framer.WriteGoAway(c.last, http2.ErrCodeNo, nil)
	})
	if !named {
		w.RefuseStream()
	}
	w.over = true
}
