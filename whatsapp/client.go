package whatsapp

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"altavoz/schemas"
)

const (
	// DefaultBaseURL is Meta's own.
	DefaultBaseURL = "https://graph.facebook.com"
	// DefaultVersion is the one that Meta's documentation for WhatsApp uses.
	DefaultVersion = "v25.0"

	// DefaultCallTimeout bounds one call, from waiting for a connection to the last byte of the answer. It is shorter than a
	// stage's drain (15 s), so that a graceful stop leaves no call unfinished.
	DefaultCallTimeout = 10 * time.Second
	// DefaultMaxConns is how many calls run at once over HTTP/1.1: at 200 ms a call they carry 1,280 a second, more than
	// Meta's highest rate for a number (1,000).
	DefaultMaxConns = 256

	dialTimeout      = 5 * time.Second  // half of a call, so that a host that does not answer is known as unsent
	handshakeTimeout = 5 * time.Second  // as above, for TLS
	idleTimeout      = 50 * time.Second // below the minute after which common load balancers drop a silent connection
	keepAlive        = 15 * time.Second
	maxHeaderBytes   = 64 << 10
	pingAfter        = 15 * time.Second // HTTP/2: a connection this silent is asked whether it lives ...
	pingTimeout      = 5 * time.Second  // ... and given up after this
)

// Dial opens a connection, as [net.Dialer.DialContext] does.
type Dial func(ctx context.Context, network, addr string) (net.Conn, error)

// Config is what a Client needs. Token is the only field without a default.
type Config struct {
	// BaseURL has the host and, behind a gateway, a path; Version is a segment of the path, "-" for none.
	BaseURL string
	Version string
	// Token returns the access token of a sender number (its phone_number_id), and false for a number that is not ours. It is
	// asked at every call, so that a renewed token takes effect at once.
	Token func(sender string) (schemas.Secret, bool)
	// Dial replaces a net.Dialer; TLS replaces the default settings (certificates of a private gateway).
	Dial Dial
	TLS  *tls.Config

	CallTimeout time.Duration
	MaxConns    int

	Logger     *slog.Logger
	Registerer prometheus.Registerer
}

// Client calls the Cloud API. It is safe for concurrent use.
type Client struct {
	cfg       Config
	base      *url.URL
	transport *http.Transport
	metrics   *clientMetrics
	log       *slog.Logger
	numbers   sync.Map // sender -> *number
}

// number is what every call of a sender number has in common.
type number struct {
	token    schemas.Secret
	header   http.Header // shared by calls, which don't change it
	self     *url.URL
	messages *url.URL
	media    *url.URL
}

// New returns a client. It opens no connection yet.
func New(cfg Config) (*Client, error) {
	cfg = withDefaults(cfg)
	base, err := url.Parse(cfg.BaseURL)
	if err != nil {
		return nil, fmt.Errorf("reading the base URL of the Cloud API: %w", err)
	}
	if (base.Scheme != "http" && base.Scheme != "https") || base.Host == "" || base.User != nil {
		return nil, fmt.Errorf("base URL %q of the Cloud API: want http(s)://host", base.Redacted())
	}
	if cfg.Token == nil {
		return nil, errors.New("no access tokens for the Cloud API")
	}
	base.Path = "/" + strings.Trim(base.Path, "/") // without it, JoinPath makes a path that no request line may have
	if cfg.Version != "-" {
		base = base.JoinPath(cfg.Version)
	}
	return &Client{
		cfg:       cfg,
		base:      base,
		transport: newTransport(cfg.Dial, cfg.TLS, cfg.MaxConns),
		metrics:   newClientMetrics(cfg.Registerer),
		log:       cfg.Logger,
	}, nil
}

func withDefaults(cfg Config) Config {
	if cfg.BaseURL == "" {
		cfg.BaseURL = DefaultBaseURL
	}
	if cfg.Version == "" {
		cfg.Version = DefaultVersion
	}
	if cfg.CallTimeout <= 0 {
		cfg.CallTimeout = DefaultCallTimeout
	}
	if cfg.MaxConns <= 0 {
		cfg.MaxConns = DefaultMaxConns
	}
	if cfg.Dial == nil {
		cfg.Dial = (&net.Dialer{KeepAlive: keepAlive}).DialContext
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	return cfg
}

// newTransport makes a transport that never follows a proxy of the environment, never unpacks an answer (a cap on its
// size must mean bytes on the wire) and keeps as many connections as there may be calls.
func newTransport(dial Dial, tlsConfig *tls.Config, maxConns int) *http.Transport {
	return &http.Transport{
		DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			ctx, cancel := context.WithTimeout(ctx, dialTimeout)
			defer cancel()
			c, err := dial(ctx, network, addr)
			if err != nil {
				return nil, err
			}
			return &countedConn{Conn: c}, nil
		},
		TLSClientConfig:        tlsConfig,
		TLSHandshakeTimeout:    handshakeTimeout,
		ForceAttemptHTTP2:      true, // a dialer of one's own would switch it off
		HTTP2:                  &http.HTTP2Config{SendPingTimeout: pingAfter, PingTimeout: pingTimeout},
		DisableCompression:     true,
		MaxConnsPerHost:        maxConns,
		MaxIdleConnsPerHost:    maxConns,
		MaxIdleConns:           maxConns,
		IdleConnTimeout:        idleTimeout,
		MaxResponseHeaderBytes: maxHeaderBytes,
	}
}

// Close drops the idle connections. Calls under way end by themselves.
func (c *Client) Close() { c.transport.CloseIdleConnections() }

// number returns what the calls of a sender share, and false for a sender without a token.
func (c *Client) number(sender string) (*number, bool) {
	token, ok := c.cfg.Token(sender)
	if !ok || token == "" {
		return nil, false
	}
	if v, ok := c.numbers.Load(sender); ok {
		if n, ok := v.(*number); ok && n.token == token {
			return n, true
		}
	}
	n := &number{
		token: token,
		header: http.Header{
			"Authorization": {"Bearer " + strings.TrimSpace(token.Reveal())},
			"Content-Type":  {"application/json"},
			"Accept":        {"application/json"},
			"User-Agent":    {"altavoz"},
		},
		self:     c.base.JoinPath(url.PathEscape(sender)),
		messages: c.base.JoinPath(url.PathEscape(sender), "messages"),
		media:    c.base.JoinPath(url.PathEscape(sender), "media"),
	}
	c.numbers.Store(sender, n)
	return n, true
}
