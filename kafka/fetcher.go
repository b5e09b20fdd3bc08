package kafka

import (
	"altavoz/stream"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Fetcher is the client as what reads partitions.
type Fetcher struct {
	Config Config
	Client *kgo.Client
}

// Pause stops fetching partitions.
func (f Fetcher) Pause(tps ...stream.TopicPartition) {
	f.Client.PauseFetchPartitions(f.Config.byName(tps))
}

// Resume continues fetching partitions.
func (f Fetcher) Resume(tps ...stream.TopicPartition) {
	f.Client.ResumeFetchPartitions(f.Config.byName(tps))
}

// Seek continues fetching a partition from an offset.
func (f Fetcher) Seek(tp stream.TopicPartition, at int64) {
	f.Client.SetOffsets(map[string]map[int32]kgo.EpochOffset{f.Config.TopicName(tp.Topic): {tp.Partition: {Epoch: -1, Offset: at}}})
}
