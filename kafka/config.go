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
	Brokers []string
	Prefix  string     // of topic and group names
	Topics  TopicTable // nil: altavoz' own (schemas.Topics)
	// InstanceID makes the process a static member of its groups: restarted with the same id, it resumes at once. Empty: dynamic.
	InstanceID string
	TLS        *tls.Config
	SASL       sasl.Mechanism
	Dial       func(ctx context.Context, network, addr string) (net.Conn, error)
	// RequestTimeout is how long a broker may take to answer; 0: 10 s. A JoinGroup may take a rebalance longer.
	RequestTimeout time.Duration
	Logger         *slog.Logger
	Registerer     prometheus.Registerer
	Health         *health.Health // observes all clients; may be nil
}

const (
	clientID = "altavoz"

	// DefaultRequestTimeout and dialTimeout bound what a dead broker costs.
	DefaultRequestTimeout = 10 * time.Second
	dialTimeout           = 5 * time.Second
	// maxRetryPause is the longest pause between two tries of a request, and between two requests for metadata. The library's 5 s would be lost
	// after every restart of a broker.
	maxRetryPause = time.Second
	// requestRetries with these pauses fill the 30 s for which the library retries a request.
	requestRetries = 30
)

// retryPause is the pause before the next try: 100 ms, doubled up to maxRetryPause, with jitter.
func retryPause(fails int) time.Duration {
	return backoff.Equal(100*time.Millisecond, maxRetryPause, fails-1)
}

// WithDefaults fills in what may be left out.
func (c Config) WithDefaults() Config {
	c.Topics = c.Topics.OrDefault()
	if c.RequestTimeout == 0 {
		c.RequestTimeout = DefaultRequestTimeout
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

// NewClient returns a client with the options that all clients have in common, and more.
func (c Config) NewClient(extra ...kgo.Opt) (*kgo.Client, error) {
	opts := []kgo.Opt{
		kgo.SeedBrokers(c.Brokers...),
		kgo.ClientID(clientID),
		kgo.Dialer(overTLS(c.Dial, c.TLS)),
		kgo.RequestTimeoutOverhead(c.RequestTimeout),
		kgo.MetadataMinAge(maxRetryPause), kgo.RetryBackoffFn(retryPause), kgo.RequestRetries(requestRetries),
		kgo.WithDecompressor(Decompressor{}),
		kgo.WithLogger(newClientLog(c.Logger)), kgo.WithHooks(c.Health),
		kgo.DisableClientMetrics(), // ours are at /metrics; pushing the library's to the broker is not free
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
