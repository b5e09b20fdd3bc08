package kafka

import (
	"github.com/twmb/franz-go/pkg/kgo"

	"altavoz/stream"
)

// Layout is how many partitions each topic has.
type Layout map[stream.Topic]int32

// Home returns the partition of a topic that a key belongs to: murmur2, as Java clients hash.
func (l Layout) Home(t stream.Topic, key []byte) int32 {
	return Home(key, l[t])
}

// ByKey partitions like Layout.Home, and honours a partition that the record names.
func ByKey(l Layout, c Config) kgo.Partitioner {
	return kgo.BasicConsistentPartitioner(func(name string) func(*kgo.Record, int) int {
		t := c.Topic(name)
		return func(r *kgo.Record, n int) int {
			if r.Partition != stream.NoPartition {
				return int(r.Partition)
			}
			return int(Home(r.Key, min(int32(n), l[t])))
		}
	})
}
