package sim

import (
	"context"
	"encoding/binary"
	"fmt"
	"net"
	"sync"
	"time"
)

// A faultNet is one process's view of a network, which a test can freeze, as SIGSTOP does, or cut, as kill -9 does. The
// process itself goes on running behind it, but nothing of what it does gets out, which is all that others can see.
type faultNet struct {
	dial   func(ctx context.Context, network, addr string) (net.Conn, error)
	listen func(network, addr string) (net.Listener, error)
	// delay is how long what is written takes; nil: no time. Before the first connection only.
	delay func(c *faultConn) time.Duration
	// sees is given what is written to connections that were dialled; nil: nobody looks. Before the first connection only.
	sees func(to string, b []byte)
	// hears is given what is read from them; nil: nobody listens. Before the first connection only.
	hears func(from string, b []byte)

	mu    sync.Mutex
	conns map[net.Conn]string // by whom they were dialled to; "" those that were accepted
	lists map[net.Listener]struct{}
	dead  chan struct{} // closed once cut
	thaw  chan struct{} // closed while running
	lose  func(c *faultConn) bool
	aim   *aim // see group_test.go
}

func newFaultNet(dial func(context.Context, string, string) (net.Conn, error), listen func(string, string) (net.Listener, error)) *faultNet {
	running := make(chan struct{})
	close(running)
	return &faultNet{
		dial: dial, listen: listen, conns: map[net.Conn]string{}, lists: map[net.Listener]struct{}{},
		dead: make(chan struct{}), thaw: running,
	}
}

// refusing is how long it takes to reach nobody: what tries again at once would do so for ever where that takes no time
// (franz-go 1.22 does, for the id of a producer).
const refusing = 5 * time.Millisecond

// Dial is the process's way out.
func (n *faultNet) Dial(ctx context.Context, network, addr string) (net.Conn, error) {
	if err := n.pass(); err != nil {
		time.Sleep(refusing)
		return nil, err
	}
	c, err := n.dial(ctx, network, addr)
	if err != nil {
		time.Sleep(refusing)
		return nil, err
	}
	return n.adopt(c, addr)
}

// Listen is the process's way in.
func (n *faultNet) Listen(network, addr string) (net.Listener, error) {
	l, err := n.listen(network, addr)
	if err != nil {
		return nil, err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.lists[l] = struct{}{}
	return &faultListener{Listener: l, net: n}, nil
}

// Cut ends the process as the network sees it: every connection breaks and no new one is made.
func (n *faultNet) Cut() {
	n.mu.Lock()
	defer n.mu.Unlock()
	select {
	case <-n.dead:
		return
	default:
		close(n.dead)
	}
	for c := range n.conns {
		_ = c.Close()
	}
	for l := range n.lists {
		_ = l.Close()
	}
}

// Alive reports whether it was not cut.
func (n *faultNet) Alive() bool {
	select {
	case <-n.dead:
		return false
	default:
		return true
	}
}

// Freeze holds all traffic back until Thaw.
func (n *faultNet) Freeze() {
	n.mu.Lock()
	defer n.mu.Unlock()
	select {
	case <-n.thaw:
		n.thaw = make(chan struct{})
	default:
	}
}

// Thaw lets it go on.
func (n *faultNet) Thaw() {
	n.mu.Lock()
	defer n.mu.Unlock()
	select {
	case <-n.thaw:
	default:
		close(n.thaw)
	}
}

// Lose breaks a connection where it would be written to and lose says so: what is written then never arrives. Nil: none.
func (n *faultNet) Lose(lose func(c *faultConn) bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.lose = lose
}

func (n *faultNet) loses(c *faultConn) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.lose != nil && n.lose(c)
}

// pass waits while the process is frozen; an error means that it is dead.
func (n *faultNet) pass() error {
	for {
		n.mu.Lock()
		thaw := n.thaw
		n.mu.Unlock()
		select {
		case <-n.dead:
			return fmt.Errorf("process is dead: %w", net.ErrClosed)
		case <-thaw:
			n.mu.Lock()
			same := thaw == n.thaw
			n.mu.Unlock()
			if same {
				select {
				case <-n.dead:
					return fmt.Errorf("process is dead: %w", net.ErrClosed)
				default:
					return nil
				}
			}
		}
	}
}

func (n *faultNet) adopt(c net.Conn, addr string) (net.Conn, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	select {
	case <-n.dead:
		_ = c.Close()
		return nil, fmt.Errorf("process is dead: %w", net.ErrClosed)
	default:
	}
	n.conns[c] = addr
	return &faultConn{Conn: c, net: n, to: addr}, nil
}

type faultConn struct {
	net.Conn
	net *faultNet
	to  string // by whom it was dialled to; "": it was accepted

	mu   sync.Mutex
	keys map[int16]bool // kinds of Kafka requests that were read here
	body bool           // what is read next is a request, behind its length
	held [][]byte       // written, and late on its way
	deaf bool           // it breaks in place of the next answer
}

// kafkaLength is how long the length of a Kafka request is; a request begins with its kind.
const kafkaLength = 4

func (c *faultConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if dead := c.net.pass(); dead != nil {
		return 0, dead
	}
	if c.net.hears != nil && c.to != "" {
		c.net.hears(c.to, b[:n])
	}
	c.hear(b[:n], len(b))
	c.mu.Lock()
	deaf := c.deaf
	c.mu.Unlock()
	if deaf {
		_ = c.Conn.Close()
		return 0, fmt.Errorf("answer lost: %w", net.ErrClosed)
	}
	return n, err
}

// hear notes the kind of a request; kfake reads its length and the rest of it one after the other.
func (c *faultConn) hear(b []byte, asked int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case asked == kafkaLength && len(b) == kafkaLength:
		c.body = true
	case c.body && len(b) >= 2:
		c.body = false
		if c.keys == nil {
			c.keys = make(map[int16]bool)
		}
		c.keys[int16(binary.BigEndian.Uint16(b))] = true
	}
}

// spoke reports whether a Kafka request of any of these kinds was read.
func (c *faultConn) spoke(keys ...int16) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, k := range keys {
		if c.keys[k] {
			return true
		}
	}
	return false
}

func (c *faultConn) Write(b []byte) (int, error) {
	if err := c.net.pass(); err != nil {
		return 0, err
	}
	if c.net.loses(c) {
		_ = c.Conn.Close()
		return 0, fmt.Errorf("answer lost: %w", net.ErrClosed)
	}
	if a := c.net.take(b); a != nil {
		if dealt, n, err := c.strike(a, b); dealt {
			return n, err
		}
		if err := c.net.pass(); err != nil {
			return 0, err
		}
	}
	if c.net.sees != nil && c.to != "" {
		c.net.sees(c.to, b)
	}
	if c.behind(b) {
		return len(b), nil
	}
	if c.net.delay != nil {
		time.Sleep(c.net.delay(c))
	}
	return c.Conn.Write(b)
}

func (c *faultConn) Close() error {
	c.net.mu.Lock()
	delete(c.net.conns, c.Conn)
	c.net.mu.Unlock()
	return c.Conn.Close()
}

type faultListener struct {
	net.Listener
	net *faultNet
}

func (l *faultListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return l.net.adopt(c, "")
}

func (l *faultListener) Close() error {
	l.net.mu.Lock()
	delete(l.net.lists, l.Listener)
	l.net.mu.Unlock()
	return l.Listener.Close()
}

var _ net.Conn = (*faultConn)(nil)
