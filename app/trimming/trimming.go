// Package trimming removes sends that are done, and older than a setting, from a Kafka of one's own; on the embedded one app/budget does.
// What is done says budget.DoneSends. All other topics keep their retention.
package trimming

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"altavoz/app/budget"
	"altavoz/kafka"
	"altavoz/kafka/trim"
	"altavoz/processor"
	"altavoz/schemas"
	"altavoz/stream"
)

const (
	// Least is how long sends are kept at least: clocks differ, and a search for a phone ends where sends begin.
	Least = time.Hour
	// every is how often sends are trimmed. A pass costs each process with the role sender six requests, however many sends there are.
	every = 5 * time.Minute
	// passTime bounds one pass.
	passTime = 30 * time.Second
)

// Logs is the Kafka that is trimmed.
type Logs interface {
	// Offsets returns the partitions of topics, without their sizes.
	Offsets(ctx context.Context, topics ...stream.Topic) ([]trim.Log, error)
	// Since returns the first offset of each partition that is not older than a moment.
	Since(ctx context.Context, of stream.Topic, moment time.Time) (map[int32]int64, error)
	// Delete removes what lies before the offsets.
	Delete(ctx context.Context, before map[stream.TopicPartition]int64) error
}

// Config is what is trimmed when.
type Config struct {
	After      time.Duration // how long sends are kept; Least at least
	Logs       Logs
	Logger     *slog.Logger
	Registerer prometheus.Registerer
}

// Sends trims the sends.
type Sends struct {
	cfg     Config
	metrics *metrics
}

// New returns what Run trims with.
func New(cfg Config) *Sends { return &Sends{cfg, newMetrics(cfg.Registerer)} }

// Open is New with a client of its own, which cfg.Logs becomes, and what ends it.
func Open(c kafka.Config, cfg Config) (*Sends, func(context.Context) error, error) {
	groups := make(map[stream.Topic]string)
	for _, t := range topics() {
		groups[t] = processor.Sender
	}
	client, err := trim.NewClient(c, groups)
	if err != nil {
		return nil, nil, err //nolint:wrapcheck // says all
	}
	cfg.Logs = client
	return New(cfg), func(context.Context) error { client.Close(); return nil }, nil
}

func topics() []stream.Topic {
	return []stream.Topic{schemas.TopicSendsExpress, schemas.TopicSendsBulk}
}

// Run trims until ctx ends. Several processes may: what one of them has removed the others find removed.
func (s *Sends) Run(ctx context.Context) {
	next := time.NewTicker(every)
	defer next.Stop()
	for {
		select {
		case <-next.C:
		case <-ctx.Done():
			return
		}
		err := s.pass(ctx)
		if ctx.Err() != nil {
			return
		}
		s.metrics.passes[err == nil].Inc()
		if err != nil {
			s.cfg.Logger.Warn("sends are not trimmed for now", "error", err)
		}
	}
}

func (s *Sends) pass(run context.Context) error {
	ctx, cancel := context.WithTimeoutCause(run, passTime, errors.New("trimming takes too long"))
	defer cancel()
	have, err := s.cfg.Logs.Offsets(ctx, topics()...)
	if err != nil {
		return err //nolint:wrapcheck // says all
	}
	young := make(map[stream.TopicPartition]int64)
	for _, t := range topics() {
		since, err := s.cfg.Logs.Since(ctx, t, time.Now().Add(-s.cfg.After))
		if err != nil {
			return err //nolint:wrapcheck // says all
		}
		for p, offset := range since {
			young[stream.TopicPartition{Topic: t, Partition: p}] = offset
		}
	}
	cuts := plan(have, young)
	if len(cuts) == 0 {
		return nil
	}
	if err := s.cfg.Logs.Delete(ctx, cuts); err != nil {
		return err //nolint:wrapcheck // says all
	}
	for _, l := range have {
		if to, ok := cuts[l.Partition]; ok {
			s.metrics.trimmed[l.Partition.Topic].Add(float64(to - l.Begin))
		}
	}
	return nil
}

// plan returns up to where logs are trimmed: what is done and not read back any more, of that what lies before the first young record. Of a
// partition of which that is not known all is kept.
func plan(have []trim.Log, young map[stream.TopicPartition]int64) map[stream.TopicPartition]int64 {
	cuts := make(map[stream.TopicPartition]int64)
	for _, l := range have {
		if to := min(budget.DoneSends(l), young[l.Partition]); to > l.Begin { //mutant:young-sends-are-kept
			cuts[l.Partition] = to
		}
	}
	return cuts
}
