package kafka

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"altavoz/kafka/balance"
	"altavoz/kafka/settings"
	"altavoz/schemas"
	"altavoz/stream"
)

var errCreated = errors.New("topics were just created")

// ErrTopics is the error of topics that are not what the table says (schemas.Topics).
var ErrTopics = errors.New("topics are not as they must be")

const (
	retryTopics  = time.Second
	settleTopics = 100 * time.Millisecond
)

// Layout is how many partitions each topic has.
type Layout map[stream.Topic]int32

// Home returns the partition of a topic that a key belongs to: murmur2, as Java clients hash.
func (l Layout) Home(t stream.Topic, key []byte) int32 {
	return balance.Home(key, l[t])
}

// EnsureTopics creates the topics that are missing, checks the others against the table and returns their partitions. A
// cluster that is not up yet is waited for until ctx ends.
func EnsureTopics(ctx context.Context, c Config, embedded bool) (Layout, error) {
	c = c.withDefaults()
	cl, err := c.client(kgo.MetadataMinAge(settleTopics), kgo.DisableIdempotentWrite()) // it writes to the registry, where repeats do no harm
	if err != nil {
		return nil, err
	}
	defer cl.Close()
	t := newTopicsAt(c, cl)
	t.embedded = embedded
	warned := false
	for {
		layout, err := within(ctx, func() (Layout, error) { return t.ensure(ctx) })
		c.Health.Saw(err)
		pause := retryTopics
		switch {
		case err == nil || errors.Is(err, ErrTopics):
			return layout, err
		case errors.Is(err, errCreated):
			pause = settleTopics
		case !warned:
			warned = true
			c.Logger.Warn("waiting for kafka", "brokers", strings.Join(c.Brokers, ","), "error", err)
		}
		if !rest(ctx, pause) {
			return nil, fmt.Errorf("waiting for Kafka at %s: %w", strings.Join(c.Brokers, ","), err)
		}
	}
}

// CheckTopics is EnsureTopics that creates nothing: a missing topic is an error.
func CheckTopics(ctx context.Context, c Config) (Layout, error) {
	c = c.withDefaults()
	cl, err := c.client(kgo.MetadataMinAge(settleTopics))
	if err != nil {
		return nil, err
	}
	defer cl.Close()
	return within(ctx, func() (Layout, error) { return newTopicsAt(c, cl).check(ctx) })
}

type topicsAt struct {
	Config
	adm      *kadm.Client
	reader   *Reader
	embedded bool
}

func newTopicsAt(c Config, cl *kgo.Client) topicsAt {
	adm := kadm.NewClient(cl)
	return topicsAt{Config: c, adm: adm, reader: &Reader{cfg: c, cl: cl, adm: adm}}
}

// list describes every topic of the table, also those that do not exist.
func (t topicsAt) list(ctx context.Context) (kadm.TopicDetails, error) {
	var names []string
	for _, s := range t.Topics {
		names = append(names, t.topic(s.Topic))
	}
	have, err := t.adm.ListTopics(ctx, names...)
	if err != nil {
		return nil, fmt.Errorf("listing topics: %w", err)
	}
	return have, nil
}

func (t topicsAt) ensure(ctx context.Context) (Layout, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, requestTimeout, errors.New("the broker does not answer"))
	defer cancel()
	have, err := t.list(ctx)
	if err != nil {
		return nil, err
	}
	created := false
	for _, s := range t.Topics {
		if have.Has(t.topic(s.Topic)) {
			continue
		}
		if err := t.create(ctx, s); err != nil {
			return nil, err
		}
		created = true
	}
	if created {
		return nil, errCreated // brokers, and what the client remembers of them, take a moment to agree that it exists
	}
	layout, err := t.check(ctx)
	if err != nil {
		return nil, err
	}
	known, err := t.reader.Remembered(ctx)
	if err != nil {
		return nil, err
	}
	return layout, t.reader.remember(ctx, known.Missing(layout)...)
}

func (t topicsAt) create(ctx context.Context, s schemas.TopicSpec) error {
	partitions := s.Partitions
	if t.embedded {
		partitions = s.Embedded
	}
	configs := make(map[string]*string)
	for k, v := range settings.New(s) {
		configs[k] = &v
	}
	resp, err := t.adm.CreateTopic(ctx, partitions, -1, configs, t.topic(s.Topic))
	if err == nil {
		err = resp.Err
	}
	if err != nil && !errors.Is(err, kerr.TopicAlreadyExists) { // another process was faster
		return fmt.Errorf("creating topic %s: %w", t.topic(s.Topic), err)
	}
	return nil
}

// check compares every topic, and the brokers, with what promises rest on.
func (t topicsAt) check(ctx context.Context) (Layout, error) {
	have, err := t.list(ctx)
	if err != nil {
		return nil, err
	}
	var had map[stream.Topic]int32
	if d := have[t.topic(schemas.TopicRegistry)]; d.Err == nil && len(d.Partitions) > 0 {
		known, err := t.reader.Remembered(ctx)
		if err != nil {
			return nil, err
		}
		had = known.Partitions
	}
	layout, found, err := settings.Check(ctx, t.adm, t.Topics, have, t.topic, had)
	if err != nil {
		return nil, err //nolint:wrapcheck // it says what it was about
	}
	for _, weak := range found.Weak {
		t.Logger.Warn("kafka is set so that a promise is weak", "setting", weak)
	}
	if len(found.Wrong) > 0 {
		return nil, fmt.Errorf("%w: %s; a topic's settings are changed with kafka-configs.sh --alter --topic NAME --add-config 'KEY=[VALUE]'",
			ErrTopics, strings.Join(found.Wrong, "; "))
	}
	return layout, nil
}

// byKey partitions like Layout.Home, and honours a partition that the record names.
func byKey(l Layout, c Config) kgo.Partitioner {
	return kgo.BasicConsistentPartitioner(func(name string) func(*kgo.Record, int) int {
		t := c.bare(name)
		return func(r *kgo.Record, n int) int {
			if r.Partition != stream.NoPartition {
				return int(r.Partition)
			}
			return int(balance.Home(r.Key, min(int32(n), l[t])))
		}
	})
}
