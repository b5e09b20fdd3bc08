// Package testio is what tests of several packages read from and talk over: a network of one address in memory, which also runs in
// the fake time of testing/synctest, a log that is read while it is written, and histories that are drawn from seeds (seeds.go). Programs
// have no use for it.
package testio

import (
	"context"
	"net"
	"strings"
	"sync"
	"syscall"
)

// Pipes is a net.Listener whose connections are net.Pipes, and the Dial that leads to it whatever the address. The zero value is not
// ready for use.
type Pipes struct {
	// Wrap, where set, gets the client's end of every connection, numbered from 0. It is to be set before the first Dial.
	Wrap func(n int, c net.Conn) net.Conn

	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
	mu    sync.Mutex
	dials int
}

// NewPipes returns a listener that is open.
func NewPipes() *Pipes { return &Pipes{conns: make(chan net.Conn), done: make(chan struct{})} }

// Accept is net.Listener's.
func (p *Pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}

// Close is net.Listener's. After it connections are refused.
func (p *Pipes) Close() error {
	p.once.Do(func() { close(p.done) })
	return nil
}

// Addr is net.Listener's.
func (p *Pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipes", Net: "unix"} }

// Dial connects once the connection is accepted.
func (p *Pipes) Dial(ctx context.Context, _, _ string) (net.Conn, error) {
	client, server := net.Pipe()
	select {
	case p.conns <- server:
	case <-p.done:
		return nil, syscall.ECONNREFUSED
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	p.mu.Lock()
	n := p.dials
	p.dials++
	p.mu.Unlock()
	if p.Wrap != nil {
		return p.Wrap(n, client), nil
	}
	return client, nil
}

// Dials returns how many connections there were.
func (p *Pipes) Dials() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.dials
}

// Buffer is a log that a test reads while it is written. It is safe for concurrent use.
type Buffer struct {
	mu  sync.Mutex
	buf strings.Builder
}

// Write is io.Writer's.
func (b *Buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

// String returns what has been written so far.
func (b *Buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}
