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

func (f Fetcher) Pause(slots ...stream.TopicPartition) {
	f.Client.PauseFetchPartitions(f.Config.byName(slots))
}

func (f Fetcher) Resume(slots ...stream.TopicPartition) {
	f.Client.ResumeFetchPartitions(f.Config.byName(slots))
}

func (f Fetcher) Seek(slot stream.TopicPartition, at int64) {
	f.Client.SetOffsets(map[string]map[int32]kgo.EpochOffset{f.Config.TopicName(slot.Topic): {slot.Partition: {Epoch: -1, Offset: at}}})
}
