package http1

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"
	"time"
)

const (
	readSize   = 4 << 10  // bytes a connection reads at once; real answers have 1 to 2 KiB
	maxHead    = 64 << 10 // bytes of an answer's status line and headers, and of a trailer
	keptBuffer = 16 << 10 // bytes of a buffer that is kept with an idle connection
)

var (
	errHead = fmt.Errorf("the answer's headers have more than %d bytes", maxHead)
	errEnd  = errors.New("the connection ended before the end of the answer")
)

// past makes a connection stop waiting.
var past = time.Unix(1, 0)

// countedConn counts the writes that may have put bytes on the wire.
type countedConn struct {
	net.Conn

	writes int
}

func (c *countedConn) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	if n > 0 || err == nil {
		c.writes++
	}
	return n, err
}

func (c *countedConn) abort() { _ = c.SetDeadline(past) }

// socket is a connection of the system's.
type socket interface {
	net.Conn
	syscall.Conn
}

// conn is a connection, used by one call at a time.
type conn struct {
	net.Conn // to read and write: raw, or TLS over it

	raw       *countedConn
	probe     probe
	watched   <-chan struct{} // Done of the last call's context, whose end aborts what is under way; nil: none does
	unwatch   func() bool     // has it abort nothing more; false: it has ended, and may abort at any time
	idleSince time.Time
	in        []byte // read; what begins at next is not used yet
	next      int
	out       []byte // the request
}

func newConn(raw *countedConn) *conn {
	cn := &conn{Conn: raw, raw: raw}
	if s, ok := raw.Conn.(socket); ok {
		cn.probe.open(s)
	}
	return cn
}

// watch has the end of a context abort what is under way, once the deadline is set. It is not taken back when a call is over, because the
// next one mostly has the same context. It reports false if a context has ended meanwhile: the connection is of no use.
func (cn *conn) watch(ctx context.Context) bool {
	if cn.watched == ctx.Done() {
		return ctx.Err() == nil // the deadline may have been set over an abort
	}
	if cn.unwatch != nil && !cn.unwatch() { //mutant:an-earlier-context-aborts-no-call
		return false
	}
	cn.watched, cn.unwatch = ctx.Done(), context.AfterFunc(ctx, cn.raw.abort)
	return true
}

// close says no goodbye in TLS, which could wait.
func (cn *conn) close() {
	if cn.unwatch != nil {
		cn.unwatch()
	}
	_ = cn.raw.Close()
}

// unused is what was read beyond what was used.
func (cn *conn) unused() []byte { return cn.in[cn.next:] }

// shrink gives large buffers back.
func (cn *conn) shrink() {
	if cap(cn.in) > keptBuffer {
		cn.in, cn.next = nil, 0
	}
	if cap(cn.out) > keptBuffer {
		cn.out = nil
	}
}

// ready prepares an idle connection for a call. It reports false if the server has closed it, or has sent anything since its last answer: a
// request could be written and never read, or take another one's answer for its own.
func (cn *conn) ready(deadline time.Time) bool {
	return (cn.plain() || cn.nothingBuffered()) && cn.SetDeadline(deadline) == nil && cn.probe.silent(deadline)
}

// plain reports whether all that can come is seen at the socket.
func (cn *conn) plain() bool { return cn.Conn == net.Conn(cn.raw) && cn.probe.socket != nil }

// nothingBuffered reports whether TLS has read nothing that it did not hand out. A connection without a socket, as tests have, shows its
// end in this way.
func (cn *conn) nothingBuffered() bool {
	if cn.SetReadDeadline(past) != nil {
		return false
	}
	var b [1]byte
	n, err := cn.Read(b[:])
	return n == 0 && errors.Is(err, os.ErrDeadlineExceeded)
}

// fill reads more.
func (cn *conn) fill() error {
	if cn.next > 0 {
		cn.in = cn.in[:copy(cn.in, cn.unused())]
		cn.next = 0
	}
	n := len(cn.in)
	if cap(cn.in)-n < readSize/2 {
		cn.in = append(make([]byte, 0, max(readSize, 2*n)), cn.in...)
	}
	read, err := cn.Read(cn.in[n:cap(cn.in)])
	cn.in = cn.in[:n+read]
	if read > 0 {
		return nil
	}
	return ended(err)
}

// ended is err of a connection that ends while more has to come.
func ended(err error) error {
	if errors.Is(err, io.EOF) {
		return errEnd
	}
	return err
}

// until reads to the next end, and returns what is before it and the end itself. It is valid until the next reading.
func (cn *conn) until(end string, limit int, tooLong error) ([]byte, error) {
	for seen := 0; ; {
		have := cn.unused()
		if i := bytes.Index(have[seen:], []byte(end)); i >= 0 {
			n := seen + i + len(end)
			if n > limit {
				return nil, tooLong
			}
			cn.next += n
			return have[:n], nil
		}
		if len(have) > limit {
			return nil, tooLong
		}
		seen = max(0, len(have)-len(end)+1)
		if err := cn.fill(); err != nil {
			return nil, err
		}
	}
}

// encrypt puts TLS over the connection.
func (cn *conn) encrypt(ctx context.Context, cfg *tls.Config, host string) error {
	if cfg == nil {
		cfg = &tls.Config{}
	}
	cfg = cfg.Clone()
	if cfg.ServerName == "" {
		cfg.ServerName = host
	}
	cfg.NextProtos = []string{"http/1.1"}
	t := tls.Client(cn.Conn, cfg)
	cn.Conn = t
	return t.HandshakeContext(ctx)
}

// tunnel has the proxy connect us to a host.
func (cn *conn) tunnel(host, auth string) error {
	if _, err := cn.Write([]byte("CONNECT " + host + " HTTP/1.1\r\nHost: " + host + "\r\n" + auth + "\r\n")); err != nil {
		return fmt.Errorf("asking the proxy: %w", err)
	}
	h, _, err := cn.head()
	switch {
	case err != nil:
		return fmt.Errorf("asking the proxy: %w", err)
	case h.status < 200 || h.status > 299:
		return fmt.Errorf("the proxy refuses a tunnel to %s with HTTP %d", host, h.status)
	case len(cn.unused()) > 0:
		return fmt.Errorf("asking the proxy: %w", errMalformed)
	}
	return nil
}
