package stable

import (
	"errors"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"altavoz/schemas"
	"altavoz/stream"
)

// ErrOpen is the error of a record that may yet be aborted. It passes.
var ErrOpen = errors.New("the transaction that wrote the record is still open")

// Committed reports whether records of a topic are read only once they are committed: where upstream systems write themselves, some of
// them in transactions. What is aborted was never there.
func Committed(t stream.Topic) bool {
	return t == schemas.TopicBroadcasts || t == schemas.TopicBlobs
}

// Isolation is the option for a client that reads these topics.
func Isolation(topics []stream.Topic) kgo.Opt {
	for _, t := range topics {
		if level, committed := Level(t); committed > 0 {
			return kgo.FetchIsolationLevel(level)
		}
	}
	return kgo.FetchIsolationLevel(kgo.ReadUncommitted())
}

// Unstable reports whether an offset lies in what may yet be aborted.
func Unstable(t stream.Topic, rp *kmsg.FetchResponseTopicPartition, at int64) bool {
	return Committed(t) && at >= rp.LastStableOffset && at < rp.HighWatermark
}

// Level is how records of a topic are read, for the library and as a request has it.
func Level(t stream.Topic) (kgo.IsolationLevel, int8) {
	if Committed(t) {
		return kgo.ReadCommitted(), 1
	}
	return kgo.ReadUncommitted(), 0
}
