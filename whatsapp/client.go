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
	"altavoz/whatsapp/http1"
	"altavoz/whatsapp/marketing"
	"altavoz/whatsapp/nethttp"
)

const (
	// DefaultBaseURL is Meta's own.
	DefaultBaseURL = "https://graph.facebook.com"
	// DefaultVersion is the one that Meta's documentation for WhatsApp uses.
	DefaultVersion = "v25.0"

	// DefaultCallTimeout bounds one call, from waiting for a connection to the last byte of the answer. It is shorter than a
	// stage's drain (15 s), so that a graceful stop leaves no call unfinished.
	DefaultCallTimeout = 10 * time.Second
	// DefaultMaxConns is how many calls run at once, and how many connections there are at most: at 200 ms a call they carry 1,280 a second, more than
	// Meta's highest rate for a number (1,000).
	DefaultMaxConns = 256

	keepAlive = 15 * time.Second
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
	// Marketing returns how a sender number sends marketing templates, asked as Token is; nil: over /messages.
	Marketing func(sender string) marketing.Setting
	// Dial replaces a net.Dialer; TLS replaces the default settings (certificates of a private gateway). Proxy returns the proxy of a
	// request, as [http.ProxyFromEnvironment] does; nil: none.
	Dial  Dial
	TLS   *tls.Config
	Proxy func(*http.Request) (*url.URL, error)
	// HTTP2 has calls share connections, where the server speaks HTTP/2. A call costs more CPU then.
	HTTP2 bool

	CallTimeout time.Duration
	MaxConns    int

	Logger     *slog.Logger
	Registerer prometheus.Registerer
}

// Client calls the Cloud API. It is safe for concurrent use.
type Client struct {
	cfg       Config
	base      *url.URL
	sends     *http1.Client   // nil: they go over HTTP/2
	shared    *nethttp.Client // for uploads, and for everything over HTTP/2
	exchanges sync.Pool       // of *exchange
	metrics   *clientMetrics
	log       *slog.Logger
	numbers   sync.Map // sender -> *number
}

// number is what every call of a sender number has in common.
type number struct {
	token   schemas.Secret
	setting marketing.Setting
	header  http.Header // shared by calls, which don't change it
	self    *url.URL    // asks for its id
	media   *url.URL
	sends   map[string]target // by path

	probe http1.Head
	err   error // why there are no heads
}

// target is where a call goes.
type target struct {
	url  *url.URL
	head http1.Head
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
	c := &Client{
		cfg:  cfg,
		base: base,
		shared: nethttp.New(nethttp.Config{
			Dial: cfg.Dial, TLS: cfg.TLS, Proxy: cfg.Proxy, HTTP2: cfg.HTTP2, MaxConns: cfg.MaxConns, MaxAnswer: maxAnswer,
		}),
		exchanges: sync.Pool{New: func() any { return &exchange{} }},
		log:       cfg.Logger,
	}
	if !cfg.HTTP2 {
		if c.sends, err = newSends(cfg, base); err != nil {
			return nil, fmt.Errorf("calling the Cloud API at %s: %w", base.Redacted(), err)
		}
	}
	c.metrics = newClientMetrics(cfg.Registerer)
	return c, nil
}

func newSends(cfg Config, base *url.URL) (*http1.Client, error) {
	var proxy *url.URL
	if cfg.Proxy != nil {
		var err error
		if proxy, err = cfg.Proxy(&http.Request{URL: base}); err != nil {
			return nil, fmt.Errorf("reading its proxy: %w", err)
		}
	}
	return http1.New(http1.Config{Server: base, Proxy: proxy, TLS: cfg.TLS, Dial: cfg.Dial, MaxConns: cfg.MaxConns, MaxAnswer: maxAnswer})
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
	if cfg.Marketing == nil {
		cfg.Marketing = func(string) marketing.Setting { return marketing.Setting{} }
	}
	if cfg.Dial == nil {
		cfg.Dial = (&net.Dialer{KeepAlive: keepAlive}).DialContext
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	return cfg
}

// Close drops the idle connections. Calls under way end by themselves.
func (c *Client) Close() {
	c.shared.Close()
	if c.sends != nil {
		c.sends.Close()
	}
}

// number returns what the calls of a sender share, and false for a sender without a token.
func (c *Client) number(sender string) (*number, bool) {
	token, ok := c.cfg.Token(sender)
	if !ok || token == "" {
		return nil, false
	}
	setting := c.cfg.Marketing(sender)
	if v, ok := c.numbers.Load(sender); ok {
		if n, ok := v.(*number); ok && n.token == token && n.setting == setting {
			return n, true
		}
	}
	n := &number{
		token: token, setting: setting, sends: map[string]target{},
		header: http.Header{
			"Authorization": {"Bearer " + strings.TrimSpace(token.Reveal())},
			"Content-Type":  {"application/json"},
			"Accept":        {"application/json"},
			"User-Agent":    {"altavoz"},
		},
		self:  c.base.JoinPath(url.PathEscape(sender)),
		media: c.base.JoinPath(url.PathEscape(sender), "media"),
	}
	n.self.RawQuery = "fields=id"
	for _, path := range []string{marketing.Messages, marketing.Marketing} {
		to := target{url: c.base.JoinPath(url.PathEscape(sender), path)}
		if c.sends != nil && n.err == nil {
			to.head, n.err = c.sends.Head(http.MethodPost, to.url, n.header)
		}
		n.sends[path] = to
	}
	if c.sends != nil && n.err == nil {
		n.probe, n.err = c.sends.Head(http.MethodGet, n.self, n.header)
	}
	c.numbers.Store(sender, n)
	return n, true
}
