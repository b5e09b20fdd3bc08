package kafka

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"altavoz/kafka/balance"
	"altavoz/schemas"
)

var errCreated = errors.New("topics were just created")

// ErrTopics is the error of topics that are not what the table says (schemas.Topics).
var ErrTopics = errors.New("topics are not as they must be")

const (
	// minCompactionLag is how long every record of a compacted topic stays readable: readers fold every record they see
	// instead of trusting the last one, which may be a zombie's.
	minCompactionLag = 10 * time.Minute
	compactedSegment = 16 << 20 // bytes; small, so that compaction gets to work and a reader has little to read
	retryTopics      = time.Second
	settleTopics     = 100 * time.Millisecond
)

// Layout is how many partitions each topic has.
type Layout map[schemas.Topic]int32

// Home returns the partition of a topic that a key belongs to: murmur2, as Java clients hash.
func (l Layout) Home(t schemas.Topic, key []byte) int32 {
	return balance.Home(key, l[t])
}

// EnsureTopics creates the topics that are missing, checks the others against the table and returns their partitions. A
// cluster that is not up yet is waited for until ctx ends.
func EnsureTopics(ctx context.Context, c Config, embedded bool) (Layout, error) {
	c = c.withDefaults()
	cl, err := c.client(kgo.MetadataMinAge(settleTopics))
	if err != nil {
		return nil, err
	}
	defer cl.Close()
	t := topicsAt{Config: c, adm: kadm.NewClient(cl), embedded: embedded}
	warned := false
	for {
		layout, err := within(ctx, func() (Layout, error) { return t.ensure(ctx) })
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
	return within(ctx, func() (Layout, error) { return topicsAt{Config: c, adm: kadm.NewClient(cl)}.check(ctx) })
}

type topicsAt struct {
	Config
	adm      *kadm.Client
	embedded bool
}

// list describes every topic of the table, also those that do not exist.
func (t topicsAt) list(ctx context.Context) (kadm.TopicDetails, error) {
	var names []string
	for _, s := range schemas.Topics() {
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
	for _, s := range schemas.Topics() {
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
	return t.check(ctx)
}

func (t topicsAt) create(ctx context.Context, s schemas.TopicSpec) error {
	partitions := s.Partitions
	if t.embedded {
		partitions = s.Embedded
	}
	configs := make(map[string]*string)
	for k, v := range t.settings(s) {
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

// settings are a topic's settings as it is created.
func (t topicsAt) settings(s schemas.TopicSpec) map[string]string {
	set := map[string]string{"max.message.bytes": strconv.Itoa(maxMessage(s)), "cleanup.policy": policy(s)}
	if s.Compact {
		set["min.compaction.lag.ms"] = strconv.FormatInt(minCompactionLag.Milliseconds(), 10)
		set["segment.bytes"] = strconv.Itoa(compactedSegment)
	}
	if s.Retention == 0 {
		return set
	}
	set["retention.ms"] = strconv.FormatInt(s.Retention.Milliseconds(), 10)
	set["retention.bytes"] = "-1" // accepted work is never thrown away for room
	return set
}

// policy is how a topic's records leave it.
func policy(s schemas.TopicSpec) string {
	switch {
	case s.Compact && s.Retention > 0:
		return "compact,delete"
	case s.Compact:
		return "compact"
	default:
		return "delete"
	}
}

// maxMessage is the largest batch: a record with its key, headers and framing.
func maxMessage(s schemas.TopicSpec) int { return s.MaxRecord + 64<<10 }

// check compares every topic with the table.
func (t topicsAt) check(ctx context.Context) (Layout, error) {
	have, err := t.list(ctx)
	if err != nil {
		return nil, err
	}
	configs, err := t.adm.DescribeTopicConfigs(ctx, have.Names()...)
	if err != nil {
		return nil, fmt.Errorf("reading the settings of topics: %w", err)
	}
	layout := make(Layout)
	var wrong, misset []string
	for _, s := range schemas.Topics() {
		name := t.topic(s.Topic)
		d, ok := have[name]
		if !ok || d.Err != nil {
			if ok && !errors.Is(d.Err, kerr.UnknownTopicOrPartition) {
				return nil, fmt.Errorf("topic %s: %w", name, d.Err)
			}
			wrong = append(wrong, name+" does not exist")
			continue
		}
		layout[s.Topic] = int32(len(d.Partitions))
		settings := make(map[string]string)
		if rc, err := configs.On(name, nil); err == nil && rc.Err == nil {
			for _, kv := range rc.Configs {
				settings[kv.Key] = kv.MaybeValue()
			}
		}
		misset = append(misset, mismatches(name, s, settings)...)
	}
	for _, t2 := range []schemas.Topic{schemas.TopicMarks, schemas.TopicStatuses} {
		if layout[t2] != layout[schemas.TopicResults] {
			wrong = append(wrong, fmt.Sprintf("%s has %d partitions and %s has %d: they must have the same number",
				t.topic(t2), layout[t2], t.topic(schemas.TopicResults), layout[schemas.TopicResults]))
		}
	}
	if n := layout[schemas.TopicControls]; n > 1 {
		wrong = append(wrong, fmt.Sprintf("%s has %d partitions, which must be 1: what is said of a task is one order",
			t.topic(schemas.TopicControls), n))
	}
	wrong = append(wrong, t.offsetRetention(ctx)...)
	if len(misset) > 0 {
		wrong = append(wrong, misset...)
		wrong = append(wrong, "change settings with kafka-configs.sh --alter --topic NAME --add-config 'KEY=[VALUE]'")
	}
	if len(wrong) > 0 {
		return nil, fmt.Errorf("%w: %s", ErrTopics, strings.Join(wrong, "; "))
	}
	return layout, nil
}

// mismatches compares the settings that promises rest on. A setting that the broker does not tell is not judged.
func mismatches(name string, s schemas.TopicSpec, have map[string]string) (wrong []string) {
	bad := func(key, why string) {
		wrong = append(wrong, fmt.Sprintf("%s has %s=%s, %s", name, key, have[key], why))
	}
	compacts, told := have["cleanup.policy"]
	deletes := strings.Contains(compacts, "delete")
	switch {
	case told && strings.Contains(compacts, "compact") != s.Compact:
		bad("cleanup.policy", "which must be "+policy(s))
	case told && s.Compact && s.Retention == 0 && deletes:
		bad("cleanup.policy", "which would forget tasks by age; it must be "+policy(s))
	}
	number := func(key string) (int64, bool) {
		n, err := strconv.ParseInt(have[key], 10, 64)
		return n, err == nil
	}
	if n, ok := number("max.message.bytes"); ok && n < int64(s.MaxRecord) {
		bad("max.message.bytes", fmt.Sprintf("which must be at least %d", maxMessage(s)))
	}
	if s.Retention > 0 && deletes {
		if n, ok := number("retention.ms"); ok && n >= 0 && n < s.Retention.Milliseconds() {
			bad("retention.ms", fmt.Sprintf("which must be at least %d", s.Retention.Milliseconds()))
		}
		if n, ok := number("retention.bytes"); ok && n >= 0 {
			bad("retention.bytes", "which throws accepted work away; it must be -1")
		}
	}
	return wrong
}

// offsetRetention compares how long sends are kept with how long the broker keeps the offsets of a group that stands
// still: a ledger that goes before its sends do would let them be sent again.
func (t topicsAt) offsetRetention(ctx context.Context) []string {
	brokers, err := t.adm.DescribeBrokerConfigs(ctx)
	if err != nil {
		return nil // not everybody may ask for it
	}
	for _, b := range brokers {
		for _, kv := range b.Configs {
			if kv.Key != "offsets.retention.minutes" {
				continue
			}
			minutes, err := strconv.ParseInt(kv.MaybeValue(), 10, 64)
			if err != nil {
				continue
			}
			for _, s := range schemas.Topics() {
				sends := s.Topic == schemas.TopicSendsBulk || s.Topic == schemas.TopicSendsExpress
				if sends && time.Duration(minutes)*time.Minute <= s.Retention {
					return []string{fmt.Sprintf("the broker's offsets.retention.minutes=%d is not above the retention of %s (%v)",
						minutes, t.topic(s.Topic), s.Retention)}
				}
			}
		}
	}
	return nil
}

// byKey partitions like Layout.Home, and honours a partition that the record names.
func byKey(l Layout, c Config) kgo.Partitioner {
	return kgo.BasicConsistentPartitioner(func(name string) func(*kgo.Record, int) int {
		t := c.bare(name)
		return func(r *kgo.Record, n int) int {
			if r.Partition != schemas.NoPartition {
				return int(r.Partition)
			}
			return int(balance.Home(r.Key, min(int32(n), l[t])))
		}
	})
}
