package topics

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"altavoz/kafka"
	"altavoz/kafka/records"
	"altavoz/kafka/registry"
	"altavoz/schemas"
	"altavoz/stream"
)

var errTopicsCreated = errors.New("topics were just created")

// ErrMismatch is the error of topics that are not what the table says (schemas.Topics).
var ErrMismatch = errors.New("topics are not as they must be")

const (
	retryPause  = time.Second
	settlePause = 100 * time.Millisecond
)

// Ensure creates the topics that are missing, checks the others against the table and returns their partitions. A
// cluster that is not up yet is waited for until ctx ends.
func Ensure(ctx context.Context, c kafka.Config, embedded bool) (kafka.Layout, error) {
	c = c.WithDefaults()
	cl, err := c.NewClient(kgo.MetadataMinAge(settlePause), kgo.DisableIdempotentWrite()) // it writes to the registry, where repeats do no harm
	if err != nil {
		return nil, err
	}
	defer cl.Close()
	t := newChecker(c, cl)
	t.embedded = embedded
	warned := false
	for {
		layout, err := kafka.Within(ctx, func() (kafka.Layout, error) { return t.ensure(ctx) })
		c.Health.ObserveError(err)
		pause := retryPause
		switch {
		case err == nil || errors.Is(err, ErrMismatch):
			return layout, err
		case errors.Is(err, errTopicsCreated):
			pause = settlePause
		case !warned:
			warned = true
			c.Logger.Warn("waiting for kafka", "brokers", strings.Join(c.Brokers, ","), "error", err)
		}
		if !kafka.Sleep(ctx, pause) {
			return nil, fmt.Errorf("waiting for Kafka at %s: %w", strings.Join(c.Brokers, ","), err)
		}
	}
}

// Check is Ensure that creates nothing: a missing topic is an error.
func Check(ctx context.Context, c kafka.Config) (kafka.Layout, error) {
	c = c.WithDefaults()
	cl, err := c.NewClient(kgo.MetadataMinAge(settlePause))
	if err != nil {
		return nil, err
	}
	defer cl.Close()
	return kafka.Within(ctx, func() (kafka.Layout, error) { return newChecker(c, cl).check(ctx) })
}

type checker struct {
	kafka.Config
	adm      *kadm.Client
	cl       *kgo.Client
	reader   *records.Reader
	embedded bool
}

func newChecker(c kafka.Config, cl *kgo.Client) checker {
	adm := kadm.NewClient(cl)
	return checker{Config: c, adm: adm, cl: cl, reader: records.ReaderOver(c, cl)}
}

// list describes every topic of the table, also those that do not exist.
func (t checker) list(ctx context.Context) (kadm.TopicDetails, error) {
	have, err := t.adm.ListTopics(ctx, t.Topics.Names(t.TopicName)...)
	if err != nil {
		return nil, fmt.Errorf("listing topics: %w", err)
	}
	return have, nil
}

func (t checker) ensure(ctx context.Context) (kafka.Layout, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, kafka.DefaultRequestTimeout, errors.New("the broker does not answer"))
	defer cancel()
	have, err := t.list(ctx)
	if err != nil {
		return nil, err
	}
	created := false
	for _, s := range resultsFirst(t.Topics) {
		if have.Has(t.TopicName(s.Topic)) {
			continue
		}
		partitions := s.Partitions
		if t.embedded {
			partitions = s.Embedded
		}
		if results := have[t.TopicName(schemas.TopicResults)]; results.Err == nil && len(results.Partitions) > 0 && slices.Contains(likeResults, s.Topic) {
			partitions = int32(len(results.Partitions)) // a topic that is new in this version, beside those that an operator made
		}
		if err := t.create(ctx, s, partitions); err != nil {
			return nil, err
		}
		created = true
	}
	if created {
		return nil, errTopicsCreated // brokers, and what the client remembers of them, take a moment to agree that it exists
	}
	layout, err := t.check(ctx)
	if err != nil {
		return nil, err
	}
	known, err := registry.Read(ctx, t.reader)
	if err != nil {
		return nil, err
	}
	return layout, registry.Write(ctx, t.Config, t.cl, known.Missing(layout)...)
}

func (t checker) create(ctx context.Context, s schemas.TopicSpec, partitions int32) error {
	configs := make(map[string]*string)
	for k, v := range Settings(s) {
		configs[k] = &v
	}
	resp, err := t.adm.CreateTopic(ctx, partitions, -1, configs, t.TopicName(s.Topic))
	if err == nil {
		err = resp.Err
	}
	switch {
	case errors.Is(err, kerr.TopicAlreadyExists):
		return errTopicsCreated // another process was faster, or the list is older than the topic: what else it says is not relied on
	case err != nil:
		return fmt.Errorf("creating topic %s: %w", t.TopicName(s.Topic), err)
	}
	return nil
}

// resultsFirst has results before the topics that take its number of partitions: a list that is older than results is
// noticed before a topic is created by it.
func resultsFirst(all []schemas.TopicSpec) []schemas.TopicSpec {
	i := slices.IndexFunc(all, func(s schemas.TopicSpec) bool { return s.Topic == schemas.TopicResults })
	return slices.Concat(all[i:i+1], all[:i], all[i+1:])
}

// check compares every topic, and the brokers, with what promises rest on.
func (t checker) check(ctx context.Context) (kafka.Layout, error) {
	have, err := t.list(ctx)
	if err != nil {
		return nil, err
	}
	var had map[stream.Topic]int32
	if d := have[t.TopicName(schemas.TopicRegistry)]; d.Err == nil && len(d.Partitions) > 0 {
		known, err := registry.Read(ctx, t.reader)
		if err != nil {
			return nil, err
		}
		had = known.Partitions
	}
	layout, found, err := inspect(ctx, t.adm, t.Topics, have, t.TopicName, had)
	if err != nil {
		return nil, err //nolint:wrapcheck // it says what it was about
	}
	for _, weak := range found.Weak {
		t.Logger.Warn("kafka is set so that a promise is weak", "setting", weak)
	}
	if len(found.Wrong) > 0 {
		return nil, fmt.Errorf("%w: %s; a topic's settings are changed with kafka-configs.sh --alter --topic NAME --add-config 'KEY=[VALUE]'",
			ErrMismatch, strings.Join(found.Wrong, "; "))
	}
	return layout, nil
}
