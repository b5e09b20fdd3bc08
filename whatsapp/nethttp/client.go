// Package nethttp makes calls over net/http: those that carry files, and all where calls share connections of HTTP/2. It costs several times
// what package http1 does, and knows the same of each failed call: whether any of it can have been sent.
package nethttp

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"
)

const (
	dialTimeout      = 5 * time.Second  // half of a call, so that a host that does not answer is known as unsent
	handshakeTimeout = 5 * time.Second  // as above, for TLS
	idleTimeout      = 50 * time.Second // below the minute after which common load balancers drop a silent connection
	maxHeaderBytes   = 64 << 10
	pingAfter        = 15 * time.Second // HTTP/2: a connection this silent is asked whether it lives ...
	pingTimeout      = 5 * time.Second  // ... and given up after this
)

// Config says how calls are made.
type Config struct {
	Dial  func(ctx context.Context, network, addr string) (net.Conn, error)
	TLS   *tls.Config
	Proxy func(*http.Request) (*url.URL, error)
	HTTP2 bool // where the server speaks it

	MaxConns  int
	MaxAnswer int // bytes of an answer's body
}

// Client makes calls. It is safe for concurrent use.
type Client struct {
	transport *http.Transport
	maxAnswer int
}

// Request is one call. Whoever calls must not touch Body before it is closed: it may be read when the call is over.
type Request struct {
	Method string
	URL    *url.URL
	Header http.Header
	Body   io.ReadCloser
	Size   int64 // of Body; -1: not known
}

// Answer is what came back from one call: a whole answer, or Err. Unsent says, with Err, that no server can have seen the request.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
	Err    error
	Unsent bool
}

// New returns a client. It opens no connection yet, never unpacks an answer (a cap on its size must mean bytes on the wire) and keeps as many
// connections as there may be calls.
func New(cfg Config) *Client {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetHTTP2(cfg.HTTP2)
	return &Client{maxAnswer: cfg.MaxAnswer, transport: &http.Transport{
		Proxy: cfg.Proxy,
		DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			ctx, cancel := context.WithTimeout(ctx, dialTimeout)
			defer cancel()
			c, err := cfg.Dial(ctx, network, addr)
			if err != nil {
				return nil, err
			}
			return &countedConn{Conn: c}, nil
		},
		TLSClientConfig:        cfg.TLS,
		TLSHandshakeTimeout:    handshakeTimeout,
		Protocols:              protocols,
		HTTP2:                  &http.HTTP2Config{SendPingTimeout: pingAfter, PingTimeout: pingTimeout},
		DisableCompression:     true,
		MaxConnsPerHost:        cfg.MaxConns,
		MaxIdleConnsPerHost:    cfg.MaxConns,
		MaxIdleConns:           cfg.MaxConns,
		IdleConnTimeout:        idleTimeout,
		MaxResponseHeaderBytes: maxHeaderBytes,
	}}
}

// Close drops the idle connections. Calls under way end by themselves.
func (c *Client) Close() { c.transport.CloseIdleConnections() }
