package http1

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"sync"
	"time"
)

const (
	dialTimeout      = 5 * time.Second  // half of a call, so that a host that does not answer is known as unsent
	handshakeTimeout = 5 * time.Second  // as above, for the proxy and TLS
	idleTimeout      = 50 * time.Second // below the minute after which common load balancers drop a silent connection
)

// Why a call ended early.
var (
	ErrTimeout = errors.New("the call took too long")
	errDial    = errors.New("the server did not accept a connection in time")
	errSecure  = errors.New("the proxy or TLS took too long")
)

// Config says which server is called, and how.
type Config struct {
	Server *url.URL // scheme and host count
	Proxy  *url.URL // http or https; nil: none
	TLS    *tls.Config
	Dial   func(ctx context.Context, network, addr string) (net.Conn, error)

	MaxConns  int // calls at once; others wait for their turn
	MaxAnswer int // bytes of an answer's body
}

// Client calls a server. It is safe for concurrent use.
type Client struct {
	cfg    Config
	host   string // of the server, with its port
	dialed string // the proxy's or the server's address
	tunnel bool   // through the proxy
	calls  chan struct{}

	mu      sync.Mutex
	idle    []*conn // the last used one last
	sweeper *time.Timer
	closed  bool
}

// New returns a client. It opens no connection yet.
func New(cfg Config) (*Client, error) {
	secure := cfg.Server.Scheme == "https"
	host, err := address(cfg.Server)
	if err != nil {
		return nil, fmt.Errorf("the server: %w", err)
	}
	c := &Client{cfg: cfg, host: host, dialed: host, calls: make(chan struct{}, cfg.MaxConns)}
	if cfg.Proxy != nil {
		if c.dialed, err = address(cfg.Proxy); err != nil {
			return nil, fmt.Errorf("the proxy: %w", err)
		}
		c.tunnel = secure
	}
	return c, nil
}

// address is where a URL's host listens.
func address(u *url.URL) (string, error) {
	port := map[string]string{"http": "80", "https": "443"}[u.Scheme]
	if port == "" {
		return "", fmt.Errorf("%q: want http:// or https://", u.Redacted())
	}
	for _, r := range u.Host {
		if r <= ' ' || r >= 0x7f || strings.ContainsRune(`"<>\^`+"`{|}/?#@%", r) {
			return "", fmt.Errorf("host %q: want letters, digits, dots and hyphens; other alphabets as xn--", u.Host)
		}
	}
	if u.Hostname() == "" {
		return "", fmt.Errorf("%q has no host", u.Redacted())
	}
	if u.Port() != "" {
		port = u.Port()
	}
	return net.JoinHostPort(u.Hostname(), port), nil
}

// Close closes the idle connections; those of calls under way are closed when these end.
func (c *Client) Close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	if c.sweeper != nil {
		c.sweeper.Stop()
	}
	c.closeIdle(len(c.idle))
}

// closeIdle closes the first n idle connections.
func (c *Client) closeIdle(n int) {
	for _, cn := range c.idle[:n] {
		cn.close()
	}
	c.idle = append(c.idle[:0], c.idle[n:]...)
	clear(c.idle[len(c.idle):cap(c.idle)])
}

// sweep closes what has been idle for too long.
func (c *Client) sweep() {
	c.mu.Lock()
	defer c.mu.Unlock()
	old := 0
	for old < len(c.idle) && time.Since(c.idle[old].idleSince) >= idleTimeout {
		old++
	}
	c.closeIdle(old)
	c.sweeper = nil
	c.armSweeper()
}

func (c *Client) armSweeper() {
	if c.sweeper == nil && len(c.idle) > 0 && !c.closed {
		c.sweeper = time.AfterFunc(idleTimeout-time.Since(c.idle[0].idleSince), c.sweep)
	}
}

// put keeps a connection for the next call.
func (c *Client) put(cn *conn) {
	cn.idleSince = time.Now()
	cn.shrink()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		cn.close()
		return
	}
	c.idle = append(c.idle, cn)
	c.armSweeper()
}

// take returns the idle connection that was used last, nil if there is none.
func (c *Client) take() *conn {
	c.mu.Lock()
	defer c.mu.Unlock()
	last := len(c.idle) - 1
	if last < 0 {
		return nil
	}
	cn := c.idle[last]
	c.idle[last] = nil
	c.idle = c.idle[:last]
	return cn
}

// await takes a place among the calls.
func (c *Client) await(ctx context.Context, timeout time.Duration) error {
	select {
	case c.calls <- struct{}{}:
		return nil
	default:
	}
	t := time.NewTimer(timeout)
	defer t.Stop()
	select {
	case c.calls <- struct{}{}:
		return nil
	case <-t.C:
		return ErrTimeout
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// connect opens a connection, through the proxy if there is one.
func (c *Client) connect(ctx context.Context, deadline time.Time) (*conn, error) {
	raw, err := c.dial(ctx, deadline)
	if err != nil {
		return nil, err
	}
	cn := newConn(raw)
	ctx, cancel := earliest(ctx, deadline, handshakeTimeout, errSecure)
	defer cancel()
	stop := context.AfterFunc(ctx, raw.abort)
	err = c.secure(ctx, cn)
	if !stop() && err == nil {
		err = ctx.Err()
	}
	if err != nil {
		cn.close()
		return nil, because(ctx, err)
	}
	return cn, nil
}

func (c *Client) dial(ctx context.Context, deadline time.Time) (*countedConn, error) {
	ctx, cancel := earliest(ctx, deadline, dialTimeout, errDial)
	defer cancel()
	raw, err := c.cfg.Dial(ctx, "tcp", c.dialed)
	if err != nil {
		return nil, because(ctx, err)
	}
	return &countedConn{Conn: raw}, nil
}

// secure does what comes before the first request: TLS to the proxy, a tunnel through it, TLS to the server.
func (c *Client) secure(ctx context.Context, cn *conn) error {
	if c.cfg.Proxy != nil && c.cfg.Proxy.Scheme == "https" {
		if err := cn.encrypt(ctx, c.cfg.TLS, c.cfg.Proxy.Hostname()); err != nil {
			return fmt.Errorf("TLS to the proxy: %w", err)
		}
	}
	if c.tunnel {
		if err := cn.tunnel(c.host, c.proxyAuth()); err != nil {
			return err
		}
	}
	if c.cfg.Server.Scheme == "https" {
		if err := cn.encrypt(ctx, c.cfg.TLS, c.cfg.Server.Hostname()); err != nil {
			return fmt.Errorf("TLS: %w", err)
		}
	}
	return nil
}

// proxyAuth is the header with which the proxy lets us in.
func (c *Client) proxyAuth() string {
	if c.cfg.Proxy == nil || c.cfg.Proxy.User == nil {
		return ""
	}
	password, _ := c.cfg.Proxy.User.Password()
	return "Proxy-Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte(c.cfg.Proxy.User.Username()+":"+password)) + "\r\n"
}

// earliest ends ctx at a call's deadline, or after a time that is over before.
func earliest(ctx context.Context, deadline time.Time, within time.Duration, cause error) (context.Context, context.CancelFunc) {
	if at := time.Now().Add(within); at.Before(deadline) {
		return context.WithDeadlineCause(ctx, at, cause)
	}
	return context.WithDeadlineCause(ctx, deadline, ErrTimeout)
}

// because prefers why the context ended over what came of it.
func because(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}
