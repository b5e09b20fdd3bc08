package h2

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// Proto is what a listener offers in ALPN for it.
const Proto = http2.NextProtoTLS

const (
	maxStreams     = 250       // at once; the least that net/http's own server allows is 100
	maxHeaderBytes = 16 << 10  // of a request, unpacked; as in the simulator's HTTP/1.1
	tableBytes     = 4 << 10   // of header compression: the protocol's default
	windowBytes    = 1<<16 - 1 // that either side may send ahead: the protocol's default
	frameBytes     = 16 << 10  // of one DATA frame: the protocol's default
	idleTime       = 5 * time.Minute
	writeTime      = 10 * time.Second // for a client to take what is written
	maxPending     = 1 << 20          // bytes that wait for that: 250 answers, each with its window full, are 16 times as many, so who reads nothing is left
	lingerTime     = time.Second      // for the client to read what was written last, and to hang up
)

// Conn is one connection.
type Conn struct {
	handler http.Handler
	net     net.Conn
	state   tls.ConnectionState
	log     func(format string, args ...any)
	closed  context.Context
	close   context.CancelFunc
	running sync.WaitGroup

	reader *http2.Framer

	mu      sync.Mutex    // guards what follows
	framer  *http2.Framer // writes to out
	out     bytes.Buffer
	queued  int64 // bytes that were ever put into out
	written int64 // bytes of them that the client was sent
	headers bytes.Buffer
	packer  *hpack.Encoder
	streams map[uint32]*stream
	newest  uint32 // the highest stream that was begun
	last    uint32 // streams above it are not begun any more, once leaving
	leaving bool
	window  int        // bytes of DATA that the client takes, over all streams
	initial int        // the same for a new stream
	changed *sync.Cond // a window, what is to be written or was, or the connection is over
}

// stream is one request.
type stream struct {
	id     uint32
	window int
	body   *io.PipeWriter
	cancel context.CancelFunc
}

// Serve answers the requests of a connection on which HTTP/2 was agreed on, until it ends. It is for http.Server.TLSNextProto.
func Serve(srv *http.Server, conn *tls.Conn, handler http.Handler) {
	base := context.Background()
	if h, ok := handler.(interface{ BaseContext() context.Context }); ok {
		base = h.BaseContext()
	}
	c := &Conn{handler: handler, net: conn, state: conn.ConnectionState(), streams: map[uint32]*stream{}, window: windowBytes, initial: windowBytes}
	c.log = func(string, ...any) {}
	if srv.ErrorLog != nil {
		c.log = srv.ErrorLog.Printf
	}
	c.closed, c.close = context.WithCancel(base)
	c.changed = sync.NewCond(&c.mu)
	c.framer = http2.NewFramer(&c.out, nil)
	c.reader = http2.NewFramer(nil, conn)
	c.reader.ReadMetaHeaders = hpack.NewDecoder(tableBytes, nil)
	c.reader.MaxHeaderListSize = maxHeaderBytes
	c.packer = hpack.NewEncoder(&c.headers)
	c.running.Go(c.writeOut)
	if err := c.serve(); !errors.Is(err, io.EOF) && !errors.Is(err, net.ErrClosed) {
		c.log("a connection of HTTP/2 ends: %v", err)
	}
	c.end()
	c.running.Wait()
}

// end closes the connection; who reads or writes finds out.
func (c *Conn) end() {
	c.close()
	_ = c.net.Close()
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range c.streams {
		_ = s.body.CloseWithError(net.ErrClosed)
	}
	c.changed.Broadcast()
}

func (c *Conn) serve() error {
	preface := make([]byte, len(http2.ClientPreface))
	if _, err := io.ReadFull(c.net, preface); err != nil {
		return fmt.Errorf("reading the preface: %w", err)
	}
	if string(preface) != http2.ClientPreface {
		return errors.New("no HTTP/2")
	}
	err := c.write(func() error {
		return c.framer.WriteSettings(
			http2.Setting{ID: http2.SettingMaxConcurrentStreams, Val: maxStreams},
			http2.Setting{ID: http2.SettingMaxHeaderListSize, Val: maxHeaderBytes},
		)
	})
	for err == nil {
		c.mu.Lock()
		c.limitWait()
		c.mu.Unlock()
		var f http2.Frame
		if f, err = c.reader.ReadFrame(); err == nil {
			err = c.take(f)
		}
		if bad := (http2.StreamError{}); errors.As(err, &bad) {
			err = c.write(func() error { return c.framer.WriteRSTStream(bad.StreamID, bad.Code) })
		}
	}
	return err
}

// limitWait bounds how long the next frame may take to come. The caller holds c.mu.
func (c *Conn) limitWait() {
	var until time.Time
	switch {
	case len(c.streams) > 0: // they take as long as they take
	case c.leaving:
		until = time.Now().Add(lingerTime)
	default:
		until = time.Now().Add(idleTime)
	}
	_ = c.net.SetReadDeadline(until)
}

// write queues frames. Nobody who reads waits for who writes: two ends that did would wait for each other.
func (c *Conn) write(frames func() error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.queue(frames)
}

// queue is write for who holds c.mu.
func (c *Conn) queue(frames func() error) error {
	before := c.out.Len()
	if err := frames(); err != nil {
		return fmt.Errorf("writing frames: %w", err)
	}
	c.queued += int64(c.out.Len() - before)
	c.changed.Broadcast()
	if c.out.Len() > maxPending {
		return errors.New("the client does not read")
	}
	return nil
}

// writeOut sends what is queued, until the connection is over.
func (c *Conn) writeOut() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for {
		for c.out.Len() == 0 {
			if c.closed.Err() != nil {
				return
			}
			c.changed.Wait()
		}
		frames := bytes.Clone(c.out.Bytes())
		c.out.Reset()
		c.mu.Unlock()
		_ = c.net.SetWriteDeadline(time.Now().Add(writeTime))
		_, err := c.net.Write(frames)
		if err != nil {
			c.end()
		}
		c.mu.Lock()
		if err != nil {
			return
		}
		c.written += int64(len(frames))
		c.changed.Broadcast()
	}
}

// sent waits until all that is queued by now was sent; false where the connection is over before. The caller holds c.mu.
func (c *Conn) sent() bool {
	upTo := c.queued
	for c.written < upTo && c.closed.Err() == nil {
		c.changed.Wait()
	}
	return c.written >= upTo
}

// take deals with a frame.
func (c *Conn) take(f http2.Frame) error {
	switch f := f.(type) {
	case *http2.SettingsFrame:
		return c.settings(f)
	case *http2.PingFrame:
		if f.IsAck() {
			return nil
		}
		return c.write(func() error { return c.framer.WritePing(true, f.Data) })
	case *http2.WindowUpdateFrame:
		c.mu.Lock()
		defer c.mu.Unlock()
		if s := c.streams[f.StreamID]; s != nil {
			s.window += int(f.Increment)
		} else if f.StreamID == 0 {
			c.window += int(f.Increment)
		}
		c.changed.Broadcast()
	case *http2.MetaHeadersFrame:
		return c.begin(f)
	case *http2.DataFrame:
		return c.data(f)
	case *http2.RSTStreamFrame:
		if s := c.stream(f.StreamID); s != nil {
			s.cancel()
			_ = s.body.CloseWithError(context.Canceled)
		}
	}
	return nil
}

func (c *Conn) settings(f *http2.SettingsFrame) error {
	if f.IsAck() {
		return nil
	}
	c.mu.Lock()
	if v, ok := f.Value(http2.SettingInitialWindowSize); ok {
		for _, s := range c.streams {
			s.window += int(v) - c.initial
		}
		c.initial = int(v)
		c.changed.Broadcast()
	}
	c.mu.Unlock()
	return c.write(c.framer.WriteSettingsAck)
}

func (c *Conn) stream(id uint32) *stream {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.streams[id]
}

// begin begins a stream, unless the connection is being left: then nobody looks at it, as GOAWAY has said.
func (c *Conn) begin(f *http2.MetaHeadersFrame) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case f.StreamID%2 == 0 || f.StreamID <= c.newest:
		return fmt.Errorf("headers on stream %d after %d", f.StreamID, c.newest)
	case c.leaving:
		return nil
	case f.Truncated || len(c.streams) >= maxStreams:
		return http2.StreamError{StreamID: f.StreamID, Code: http2.ErrCodeRefusedStream}
	}
	c.newest = f.StreamID
	body, feed := io.Pipe()
	s := &stream{id: f.StreamID, window: c.initial, body: feed}
	ctx, cancel := context.WithCancel(c.closed)
	s.cancel = cancel
	c.streams[s.id] = s
	r := c.request(f, body).WithContext(ctx)
	if f.StreamEnded() {
		_ = feed.Close()
	}
	c.running.Go(func() { c.run(s, r) })
	return nil
}

func (c *Conn) request(f *http2.MetaHeadersFrame, body io.ReadCloser) *http.Request {
	h := http.Header{}
	for _, field := range f.RegularFields() {
		h.Add(field.Name, field.Value)
	}
	path, err := url.ParseRequestURI(f.PseudoValue("path"))
	if err != nil {
		path = &url.URL{Path: "/"}
	}
	length := int64(-1)
	if n := h.Get("Content-Length"); n != "" {
		if _, err := fmt.Sscan(n, &length); err != nil {
			length = -1
		}
	}
	return &http.Request{
		Method: f.PseudoValue("method"), URL: path, Host: f.PseudoValue("authority"), RequestURI: path.RequestURI(), Header: h, Body: body, ContentLength: length,
		Proto: "HTTP/2.0", ProtoMajor: 2, RemoteAddr: c.net.RemoteAddr().String(), TLS: &c.state,
	}
}

// data hands a piece of a body to who reads it, and lets the client send as much again. While nobody reads, the connection waits.
func (c *Conn) data(f *http2.DataFrame) error {
	s := c.stream(f.StreamID)
	n := f.Header().Length
	if s != nil {
		_, _ = s.body.Write(f.Data()) // to nobody, once the handler has ended
		if f.StreamEnded() {
			_ = s.body.Close()
		}
	}
	if n == 0 {
		return nil
	}
	return c.write(func() error {
		err := c.framer.WriteWindowUpdate(0, n)
		if err == nil && s != nil && !f.StreamEnded() {
			err = c.framer.WriteWindowUpdate(s.id, n)
		}
		return err
	})
}
