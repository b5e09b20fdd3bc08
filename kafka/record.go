package kafka

import (
	"strings"

	"altavoz/stream"

	"github.com/twmb/franz-go/pkg/kgo"
)

// topic returns the name a topic has in the cluster.
func (c Config) topic(t stream.Topic) string { return c.Prefix + string(t) }

func (c Config) bare(name string) stream.Topic {
	return stream.Topic(strings.TrimPrefix(name, c.Prefix))
}

func (c Config) out(r stream.Record) *kgo.Record {
	k := &kgo.Record{Topic: c.topic(r.Topic), Partition: r.Partition, Key: r.Key, Value: r.Value}
	if len(r.Headers) > 0 {
		k.Headers = make([]kgo.RecordHeader, len(r.Headers))
		for i, h := range r.Headers {
			k.Headers[i] = kgo.RecordHeader{Key: h.Key, Value: h.Value}
		}
	}
	return k
}

func (c Config) in(k *kgo.Record) stream.Record {
	r := stream.Record{
		Topic: c.bare(k.Topic), Partition: k.Partition, Offset: k.Offset, Key: k.Key, Value: k.Value, Time: k.Timestamp,
	}
	if len(k.Headers) > 0 {
		r.Headers = make([]stream.Header, len(k.Headers))
		for i, h := range k.Headers {
			r.Headers[i] = stream.Header{Key: h.Key, Value: h.Value}
		}
	}
	return r
}

func (c Config) records(ks []*kgo.Record) []stream.Record {
	out := make([]stream.Record, len(ks))
	for i, k := range ks {
		out[i] = c.in(k)
	}
	return out
}

// slots turns the library's map of partitions into slots.
func (c Config) slots(m map[string][]int32) []stream.TopicPartition {
	var out []stream.TopicPartition
	for name, partitions := range m {
		for _, p := range partitions {
			out = append(out, stream.TopicPartition{Topic: c.bare(name), Partition: p})
		}
	}
	return out
}

// partitions is the way back.
func (c Config) partitions(slots []stream.TopicPartition) map[string][]int32 {
	out := make(map[string][]int32)
	for _, s := range slots {
		name := c.topic(s.Topic)
		out[name] = append(out[name], s.Partition)
	}
	return out
}

// fetching is the client as what reads partitions.
type fetching struct {
	cfg Config
	cl  *kgo.Client
}

func (f fetching) Pause(slots ...stream.TopicPartition) {
	f.cl.PauseFetchPartitions(f.cfg.partitions(slots))
}

func (f fetching) Resume(slots ...stream.TopicPartition) {
	f.cl.ResumeFetchPartitions(f.cfg.partitions(slots))
}

func (f fetching) Seek(slot stream.TopicPartition, at int64) {
	f.cl.SetOffsets(map[string]map[int32]kgo.EpochOffset{f.cfg.topic(slot.Topic): {slot.Partition: {Epoch: -1, Offset: at}}})
}
