package redis

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/rueidis"

	"altavoz/schemas"
	"altavoz/schemas/refused"
)

const (
	// callTimeout is the longest that a caller waits for Redis, whatever happens to the network.
	callTimeout = 100 * time.Millisecond
	// restTime is how long a Redis that failed is left alone. A hung one so costs one callTimeout in 5 s: 2 %.
	restTime = 5 * time.Second
	// watchEvery is how often Redis is asked while nobody needs it: a scrape's interval, and longer than restTime.
	watchEvery = 10 * time.Second
	// sayAgain is how long the same refusal is not logged again.
	sayAgain = time.Minute
	// connectTimeout bounds one connection with its handshake, which no caller waits for.
	connectTimeout = 2 * time.Second
	// stuckTimeout ends the calls of a connection that gives no answer; their callers left long before.
	stuckTimeout = 3 * time.Second

	// Buffers: a key and an id have 160 bytes, and a call a second is a busy day. rueidis would take half a MiB each.
	bufferBytes = 4 << 10
	ringScale   = 8 // 2^8 calls under way a connection

	// keyPrefix keeps our keys apart from those of others in the same database.
	keyPrefix = "altavoz:media:"
)

// Dial opens a connection, as [net.Dialer.DialContext] does.
type Dial func(ctx context.Context, network, addr string) (net.Conn, error)

// Config says where Redis is. Only Addrs is required.
type Config struct {
	Addrs    []string // several: a cluster
	Username string
	Password func() schemas.Secret // asked with each connection; nil: none
	DB       int
	TLS      *tls.Config // nil: none
	Dial     Dial        // nil: a net.Dialer

	Logger     *slog.Logger
	Registerer prometheus.Registerer
}

var (
	errResting = errors.New("redis failed a moment ago and is left alone")
	errClosed  = errors.New("the cache is closed")
)

// Cache remembers media ids. It is safe for concurrent use.
type Cache struct {
	option  rueidis.ClientOption
	log     *slog.Logger
	metrics *metrics
	running sync.WaitGroup // calls, those that nobody waits for any more included

	mu      sync.Mutex
	client  rueidis.Client // nil until the first connection
	up      bool
	since   time.Time // of the last change of up
	retryAt time.Time // while not up: when a call may try again
	closed  bool
	said    time.Time // when a refusal was logged last
}

// New returns a cache that is not connected yet: Redis may come up later, or never.
func New(cfg Config) (*Cache, error) {
	if len(cfg.Addrs) == 0 {
		return nil, errors.New("redis: no address")
	}
	if cfg.Dial == nil {
		cfg.Dial = (&net.Dialer{}).DialContext
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Registerer == nil {
		cfg.Registerer = prometheus.NewRegistry()
	}
	return &Cache{
		since: time.Now(), log: cfg.Logger, metrics: newMetrics(cfg.Registerer),
		option: rueidis.ClientOption{
			InitAddress: cfg.Addrs, ForceSingleClient: len(cfg.Addrs) == 1, SelectDB: cfg.DB,
			AuthCredentialsFn: credentials(cfg), ClientName: "altavoz",
			TLSConfig: cfg.TLS, DialCtxFn: dialer(cfg.Dial), Dialer: net.Dialer{Timeout: connectTimeout},
			ConnWriteTimeout: stuckTimeout, DisableRetry: true, DisableCache: true, ClientSetInfo: rueidis.DisableClientSetInfo, // one right less
			PipelineMultiplex: -1, RingScaleEachConn: ringScale, ReadBufferEachConn: bufferBytes, WriteBufferEachConn: bufferBytes,
		},
	}, nil
}

// credentials returns what each connection shows.
func credentials(cfg Config) func(rueidis.AuthCredentialsContext) (rueidis.AuthCredentials, error) {
	return func(rueidis.AuthCredentialsContext) (rueidis.AuthCredentials, error) {
		shown := rueidis.AuthCredentials{Username: cfg.Username}
		if cfg.Password != nil {
			shown.Password = cfg.Password().Reveal()
		}
		return shown, nil
	}
}

// dialer opens connections with dial and wraps them in TLS where that is asked for.
func dialer(dial Dial) func(context.Context, string, *net.Dialer, *tls.Config) (net.Conn, error) {
	return func(ctx context.Context, addr string, _ *net.Dialer, cfg *tls.Config) (net.Conn, error) {
		ctx, cancel := context.WithTimeout(ctx, connectTimeout)
		defer cancel()
		conn, err := dial(ctx, "tcp", addr)
		if err != nil || cfg == nil {
			return conn, err
		}
		if cfg.ServerName == "" {
			cfg = cfg.Clone()
			cfg.ServerName, _, _ = net.SplitHostPort(addr)
		}
		secure := tls.Client(conn, cfg)
		if err := secure.HandshakeContext(ctx); err != nil {
			_ = conn.Close()
			return nil, fmt.Errorf("%w %s: %w", errGreeting, addr, err)
		}
		return secure, nil
	}
}

// Connect tries Redis once, for as long as a connection may take, so that the first Get finds it connected. An error is only
// news: the cache works, and misses, without.
func (c *Cache) Connect(ctx context.Context) error {
	_, err := c.call(ctx, callPing, connectTimeout, func(cl rueidis.Client) rueidis.Completed { return cl.B().Ping().Build() })
	return err
}

// Watch asks whether Redis answers until ctx ends, so that it is known while no file is sent.
func (c *Cache) Watch(ctx context.Context) {
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			_ = c.Connect(ctx) // judge keeps what came of it
		}
	}
}

// Up reports whether the last call to Redis was answered, and since when that is so.
func (c *Cache) Up() (up bool, since time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.up, c.since
}

// Get returns the id that was put under key, and false where there is none or Redis does not say.
func (c *Cache) Get(ctx context.Context, key string) (string, bool) {
	id, err := c.call(ctx, callGet, callTimeout, func(cl rueidis.Client) rueidis.Completed {
		return cl.B().Get().Key(keyPrefix + key).Build()
	})
	return id, err == nil && id != ""
}

// Put remembers an id for the time given, if Redis takes it.
func (c *Cache) Put(ctx context.Context, key, id string, ttl time.Duration) {
	_, _ = c.call(ctx, callPut, callTimeout, func(cl rueidis.Client) rueidis.Completed {
		return cl.B().Set().Key(keyPrefix + key).Value(id).Ex(ttl).Build()
	})
}

// Close ends the connections and what runs on them.
func (c *Cache) Close() {
	c.mu.Lock()
	client := c.client
	c.closed = true
	c.mu.Unlock()
	if client != nil {
		client.Close()
	}
	c.running.Wait()
}

type answer struct {
	text string
	err  error
}

// call makes one call and waits for its answer for the time given. It runs on by itself where that was not enough.
func (c *Cache) call(ctx context.Context, name string, wait time.Duration, build func(rueidis.Client) rueidis.Completed) (string, error) {
	if err := c.begin(time.Now()); err != nil {
		c.metrics.calls[name][resultSkipped].Inc()
		return "", err
	}
	// Not the caller's context: that a caller left says nothing about Redis.
	bound, cancel := context.WithTimeout(context.WithoutCancel(ctx), wait)
	answers := make(chan answer, 1)
	go func() {
		defer c.running.Done()
		defer cancel()
		a := c.do(bound, build)
		c.judge(a.err)
		answers <- a
	}()
	patience := time.NewTimer(wait)
	defer patience.Stop()
	var a answer
	select {
	case a = <-answers:
	case <-patience.C: // connecting takes longer than a caller waits
		a.err = fmt.Errorf("no answer from redis: %w", context.DeadlineExceeded)
		c.judge(a.err)
	case <-ctx.Done():
		a.err = fmt.Errorf("waiting for redis: %w", context.Cause(ctx))
	}
	switch {
	case a.err == nil:
		c.metrics.calls[name][resultDone].Inc()
	case errors.Is(a.err, context.DeadlineExceeded):
		c.metrics.calls[name][resultTimeout].Inc()
	default:
		c.metrics.calls[name][resultError].Inc()
	}
	return a.text, a.err
}

// begin lets a call through unless Redis is left alone. Of those that come when restTime is over, the first goes alone.
func (c *Cache) begin(now time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.closed:
		return errClosed
	case !c.up && now.Before(c.retryAt):
		return errResting
	case !c.up:
		c.retryAt = now.Add(restTime)
	}
	c.running.Add(1)
	return nil
}

// do makes the call on the client, which the first one has to make.
func (c *Cache) do(ctx context.Context, build func(rueidis.Client) rueidis.Completed) answer {
	c.mu.Lock()
	client := c.client
	c.mu.Unlock()
	if client == nil { // and nobody else is here: Redis was never up
		made, err := rueidis.NewClient(c.option)
		if err != nil {
			return answer{err: fmt.Errorf("connecting to redis: %w", err)}
		}
		c.mu.Lock()
		closed, first := c.closed, c.client == nil
		if first && !closed {
			c.client = made
		}
		client = c.client
		c.mu.Unlock()
		if closed || !first {
			made.Close()
		}
		if closed {
			return answer{err: errClosed}
		}
	}
	text, err := client.Do(ctx, build(client)).ToString()
	if rueidis.IsRedisNil(err) {
		return answer{}
	}
	if err != nil {
		err = fmt.Errorf("calling redis: %w", err)
	}
	return answer{text: text, err: err}
}

// judge keeps whether Redis works; only changes are told.
func (c *Cache) judge(err error) {
	c.mu.Lock()
	changed := c.up != (err == nil)
	if c.up = err == nil; changed {
		c.since = time.Now()
	}
	if err != nil {
		c.retryAt = time.Now().Add(restTime)
	}
	closed := c.closed
	reason, words := explain(err)
	refusal := reason != refused.None && (changed || time.Since(c.said) >= sayAgain)
	if refusal {
		c.said = time.Now()
	}
	c.mu.Unlock()
	if reason != refused.None {
		c.metrics.refusals[reason].Inc()
	}
	switch {
	case closed:
	case err != nil:
		c.metrics.up.Set(0)
		if refusal {
			c.log.Error("redis refuses this process: files may be uploaded again", "reason", string(reason), "what", words, "error", err)
		} else if changed {
			c.log.Warn("redis does not answer: files may be uploaded again", "error", err, "again_in", restTime)
		}
	default:
		c.metrics.up.Set(1)
		if changed {
			c.log.Info("redis answers")
		}
	}
}
