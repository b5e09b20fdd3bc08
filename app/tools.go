package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"

	"altavoz/app/environment"
	"altavoz/app/secure"
	"altavoz/app/upstream"
	"altavoz/client"
	"altavoz/kafka"
	"altavoz/kafka/records"
	"altavoz/kafka/topics"
	"altavoz/schemas/shown"
)

// What operators and upstream systems do without a running process of their own: the commands of the CLI stand on these.

// brokers returns where Kafka is, for a command that brings none along: the embedded one of a process that runs here, if
// nothing is configured.
func (c *Config) brokers() []string {
	if len(c.Kafka.Brokers) == 0 {
		return []string{c.Embedded.KafkaAddr}
	}
	return c.Kafka.Brokers
}

func (c *Config) kafkaConfig(network Network, log *slog.Logger) (kafka.Config, error) {
	if _, err := secure.ClearKafka(c.Kafka.Brokers, c.Kafka.TLS, c.Kafka.SASLMechanism); err != nil {
		return kafka.Config{}, err
	}
	mechanism, err := secure.SASL(c.Kafka.SASLMechanism, c.Kafka.SASLUser, c.Kafka.SASLPassword,
		environment.Live("ALTAVOZ_KAFKA_SASL_PASSWORD", c.Kafka.SASLPassword, log))
	if err != nil {
		return kafka.Config{}, err
	}
	sources, err := c.upstreams()
	if err != nil {
		return kafka.Config{}, err
	}
	encrypted, err := secure.TLS(c.Kafka.TLS, "ALTAVOZ_KAFKA", c.Kafka.CAFile, c.Kafka.CertFile, c.Kafka.KeyFile)
	return kafka.Config{
		Brokers: c.brokers(), Prefix: c.Kafka.TopicPrefix, Topics: upstream.Topics(sources), InstanceID: c.Process.InstanceID,
		TLS: encrypted, SASL: mechanism, Dial: network.Dial, RequestTimeout: c.Kafka.RequestTimeout, Logger: log,
	}, err
}

// upstreams returns the topics that upstream systems have of their own; none for a process that does not read them.
func (c *Config) upstreams() ([]upstream.Source, error) {
	if !c.Process.Roles.Has(RoleFanout) {
		return nil, nil
	}
	sources, err := upstream.Parse(c.Kafka.UpstreamTopics)
	if err != nil {
		return nil, fmt.Errorf("ALTAVOZ_UPSTREAM_TOPICS: %w", err)
	}
	return sources, nil
}

// LoadCluster is Cluster of the configuration in the environment.
func LoadCluster(log *slog.Logger) (kafka.Config, error) {
	cfg, err := Load()
	if err != nil {
		return kafka.Config{}, err
	}
	return cfg.Cluster(log)
}

// Cluster returns how a command reaches Kafka.
func (c *Config) Cluster(log *slog.Logger) (kafka.Config, error) {
	return c.kafkaConfig(Network{}.withDefaults(), log)
}

// NewLogger returns the log of a process: for people on a terminal, for machines elsewhere, unless it is configured. Texts of others in it
// hide and turn nothing.
func NewLogger(c ProcessConfig, w io.Writer, terminal bool) *slog.Logger {
	w = shown.Writer(w)
	opts := &slog.HandlerOptions{Level: c.LogLevel}
	if c.LogFormat == "text" || (c.LogFormat == "" && terminal) {
		return slog.New(slog.NewTextHandler(w, opts))
	}
	return slog.New(slog.NewJSONHandler(w, opts))
}

// Topic is a topic as it was found.
type Topic struct {
	Name       string
	Partitions int32
}

// CreateTopics makes the topics that are missing and checks the others. It waits for Kafka until ctx ends.
func CreateTopics(ctx context.Context, c *Config, log *slog.Logger) ([]Topic, error) {
	cfg, err := c.Cluster(log)
	if err != nil {
		return nil, err
	}
	layout, err := topics.Ensure(ctx, cfg, false)
	if err != nil {
		return nil, topicsError(err)
	}
	return describe(cfg, layout), nil
}

// CheckTopics compares the topics with what they must be, and changes nothing.
func CheckTopics(ctx context.Context, c *Config, log *slog.Logger) ([]Topic, error) {
	cfg, err := c.Cluster(log)
	if err != nil {
		return nil, err
	}
	layout, err := topics.Check(ctx, cfg)
	switch {
	case errors.Is(err, topics.ErrMismatch):
		return nil, withHint(err, "`altavoz topics create` makes those that are missing; settings are changed with Kafka's own tools")
	case err != nil:
		return nil, kafkaError(err)
	}
	return describe(cfg, layout), nil
}

func describe(cfg kafka.Config, layout kafka.Layout) []Topic {
	var out []Topic
	for _, s := range cfg.Topics {
		out = append(out, Topic{cfg.Prefix + string(s.Topic), layout[s.Topic]})
	}
	return out
}

// Publish puts a broadcast straight on Kafka, as an upstream system would. write writes the body of the HTTP request; what
// it fails to write whole is not published.
func Publish(ctx context.Context, c *Config, log *slog.Logger, write func(io.Writer) error) (client.Published, error) {
	cfg, err := c.Cluster(log)
	if err != nil {
		return client.Published{}, err
	}
	layout, err := topics.Check(ctx, cfg)
	if err != nil {
		return client.Published{}, kafkaError(err)
	}
	pub, err := records.NewPublisher(cfg, layout, expressLinger)
	if err != nil {
		return client.Published{}, fmt.Errorf("opening the publisher: %w", err)
	}
	published, err := upstream.Publish(ctx, pub, write)
	return published, errors.Join(err, pub.Close(ctx))
}

// HealthURL returns where a process with this configuration says whether it is ready.
func (c *Config) HealthURL() string {
	return "http://" + dialable(cmp.Or(c.HTTP.AdminAddr, c.HTTP.Addr)) + "/readyz"
}
