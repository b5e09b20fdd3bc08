package kafka

import (
	"strings"

	"altavoz/stream"

	"github.com/twmb/franz-go/pkg/kgo"
)

// TopicName returns the name a topic has in the cluster.
func (c Config) TopicName(t stream.Topic) string { return c.Prefix + string(t) }

// Topic returns the topic with this name in the cluster.
func (c Config) Topic(name string) stream.Topic {
	return stream.Topic(strings.TrimPrefix(name, c.Prefix))
}

// KgoRecord returns a record as the client library has it.
func (c Config) KgoRecord(r stream.Record) *kgo.Record {
	k := &kgo.Record{Topic: c.TopicName(r.Topic), Partition: r.Partition, Key: r.Key, Value: r.Value}
	if len(r.Headers) > 0 {
		k.Headers = make([]kgo.RecordHeader, len(r.Headers))
		for i, h := range r.Headers {
			k.Headers[i] = kgo.RecordHeader{Key: h.Key, Value: h.Value}
		}
	}
	return k
}

// Record returns a record of the client library.
func (c Config) Record(k *kgo.Record) stream.Record {
	r := stream.Record{
		Topic: c.Topic(k.Topic), Partition: k.Partition, Offset: k.Offset, Key: k.Key, Value: k.Value, Time: k.Timestamp,
	}
	if len(k.Headers) > 0 {
		r.Headers = make([]stream.Header, len(k.Headers))
		for i, h := range k.Headers {
			r.Headers[i] = stream.Header{Key: h.Key, Value: h.Value}
		}
	}
	return r
}

// Records returns records of the client library.
func (c Config) Records(ks []*kgo.Record) []stream.Record {
	out := make([]stream.Record, len(ks))
	for i, k := range ks {
		out[i] = c.Record(k)
	}
	return out
}

// TopicPartitions turns the library's map of partitions into partitions.
func (c Config) TopicPartitions(m map[string][]int32) []stream.TopicPartition {
	var out []stream.TopicPartition
	for name, partitions := range m {
		for _, p := range partitions {
			out = append(out, stream.TopicPartition{Topic: c.Topic(name), Partition: p})
		}
	}
	return out
}

// byName is the way back.
func (c Config) byName(tps []stream.TopicPartition) map[string][]int32 {
	out := make(map[string][]int32)
	for _, s := range tps {
		name := c.TopicName(s.Topic)
		out[name] = append(out[name], s.Partition)
	}
	return out
}
