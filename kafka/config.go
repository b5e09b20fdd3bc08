package kafka

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl"

	"altavoz/internal/backoff"
	"altavoz/kafka/health"
)

// Config is how every client of this process reaches the cluster.
type Config struct {
	Brokers  []string
	Prefix   string     // of topic and group names
	Topics   TopicTable // nil: altavoz' own (schemas.Topics)
	ClientID string
	// InstanceID makes the process a static member of its groups: restarted with the same id, it resumes at once. Empty: dynamic.
	InstanceID string
	TLS        *tls.Config
	SASL       sasl.Mechanism
	Dial       func(ctx context.Context, network, addr string) (net.Conn, error)
	// SessionTimeout is after how long a silent member is given up; 0: 9 s. RebalanceTimeout is how long a member
	// may drain before it gives partitions up; 0: 30 s. It must be longer than a stage's drain.
	SessionTimeout, RebalanceTimeout time.Duration
	// RequestTimeout is how long a broker may take to answer; 0: 10 s. Joining a group may take a rebalance longer.
	RequestTimeout time.Duration
	Logger         *slog.Logger
	Registerer     prometheus.Registerer
	Health         *health.Health // told what every client sees; nil: nobody
}

const (
	// Others take over within 12 s from one that died: its session, the heartbeat by which they hear of it, and the joining.
	defaultSessionTimeout   = 9 * time.Second
	defaultRebalanceTimeout = 30 * time.Second

	// dialTimeout and DefaultRequestTimeout bound what a dead broker costs.
	dialTimeout           = 5 * time.Second
	DefaultRequestTimeout = 10 * time.Second
	// maxRetryPause is the longest pause before a broker that went away is tried again. The library's 5 s, between two tries and
	// between two looks at who leads what, are time that is lost after every restart.
	maxRetryPause = time.Second
	// requestRetries at this pace fill the 30 s for which the library goes on with a request.
	requestRetries = 30
)

// retryPause is the pause before the next try: some 100 ms, doubled up to maxRetryPause, and each a little different.
func retryPause(fails int) time.Duration {
	return backoff.Equal(100*time.Millisecond, maxRetryPause, fails-1)
}

func (c Config) WithDefaults() Config {
	if c.SessionTimeout == 0 {
		c.SessionTimeout = defaultSessionTimeout
	}
	if c.RebalanceTimeout == 0 {
		c.RebalanceTimeout = defaultRebalanceTimeout
	}
	c.Topics = c.Topics.OrDefault()
	if c.RequestTimeout == 0 {
		c.RequestTimeout = DefaultRequestTimeout
	}
	if c.ClientID == "" {
		c.ClientID = "altavoz"
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Registerer == nil {
		c.Registerer = prometheus.NewRegistry()
	}
	if c.Dial == nil {
		c.Dial = (&net.Dialer{Timeout: dialTimeout}).DialContext
	}
	return c
}

// NewClient makes a client with what all of ours have in common.
func (c Config) NewClient(extra ...kgo.Opt) (*kgo.Client, error) {
	opts := []kgo.Opt{
		kgo.SeedBrokers(c.Brokers...),
		kgo.ClientID(c.ClientID),
		kgo.Dialer(overTLS(c.Dial, c.TLS)),
		kgo.RequestTimeoutOverhead(c.RequestTimeout),
		kgo.MetadataMinAge(maxRetryPause), kgo.RetryBackoffFn(retryPause), kgo.RequestRetries(requestRetries),
		kgo.WithDecompressor(Decompressor{}),
		kgo.WithLogger(newClientLog(c.Logger)), kgo.WithHooks(c.Health),
		kgo.DisableClientMetrics(), // ours are at /metrics; packing the library's for the broker is not free
	}
	if c.SASL != nil {
		opts = append(opts, kgo.SASL(c.SASL))
	}
	cl, err := kgo.NewClient(append(opts, extra...)...)
	if err != nil {
		return nil, fmt.Errorf("making a Kafka client: %w", err)
	}
	return cl, nil
}
