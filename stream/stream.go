// Package stream is the vocabulary of Kafka that the stages share, and what they need of a Kafka client: no client, and none of
// altavoz's events.
package stream

import (
	"fmt"
	"time"
)

// Topic is the name of a topic without the configured prefix.
type Topic string

// Record is one record of a topic, in or out. Partition is NoPartition where the key decides.
type Record struct {
	Topic     Topic
	Partition int32
	Offset    int64
	Key       []byte
	Value     []byte
	Headers   []Header
	Time      time.Time
}

// Header is one header of a record.
type Header struct {
	Key   string
	Value []byte
}

// Header returns the value of the record's header key, or "".
func (r *Record) Header(key string) string {
	for _, h := range r.Headers {
		if h.Key == key {
			return string(h.Value)
		}
	}
	return ""
}

// NoPartition in a Record to be produced lets the key decide.
const NoPartition int32 = -1

// TopicPartition is one partition of one topic.
type TopicPartition struct {
	Topic     Topic
	Partition int32
}

func (p TopicPartition) String() string { return fmt.Sprintf("%s/%d", p.Topic, p.Partition) }

// Position is what a group commits for a partition: the watermark, and up to MaxMetadata bytes of text beside it.
type Position struct {
	Partition TopicPartition
	Offset    int64 // every record below it is processed; NoOffset where nothing is committed
	Metadata  string

	// What the log held when the partition was assigned; a commit does not carry them. Records from Begin on are in the log, and
	// End is the offset of the next one. A log that ends below Offset has lost its end.
	Begin, End int64
	// Begun says that the group has committed here before, with metadata of this program. A position without metadata is not its
	// own then: the offsets are gone, or a tool set them.
	Begun bool
}

const (
	// NoOffset is the position of a group that never committed.
	NoOffset int64 = -1
	// MaxMetadata is the broker's limit on the metadata of a commit (offset.metadata.max.bytes, default of
	// Kafka 4.3). kfake does not enforce it, so we do.
	MaxMetadata = 4096
)

// Generation is the membership under which a commit was encoded: a fencing token. The broker refuses a commit of an earlier one
// once the group has moved on.
type Generation struct {
	Member  string
	Number  int32  // Kafka's generation id of the group
	Session uint64 // counts the sessions of this process with the group; a Generation of an earlier one is void
}
