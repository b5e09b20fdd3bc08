package kafka

import (
	"github.com/twmb/franz-go/pkg/kgo"

	"altavoz/schemas"
	"altavoz/stream"
)

// ReadCommitted reports whether records of a topic are read only once they are committed: where upstream systems write themselves, some of
// them in transactions. What is aborted was never there.
func ReadCommitted(t stream.Topic) bool {
	return t == schemas.TopicBroadcasts || t == schemas.TopicBlobs
}

// Isolation is the option for a client that reads these topics.
func Isolation(topics []stream.Topic) kgo.Opt {
	for _, t := range topics {
		if level, committed := IsolationLevel(t); committed > 0 {
			return kgo.FetchIsolationLevel(level)
		}
	}
	return kgo.FetchIsolationLevel(kgo.ReadUncommitted())
}

// IsolationLevel is how records of a topic are read, for the library and as a request has it.
func IsolationLevel(t stream.Topic) (kgo.IsolationLevel, int8) {
	if ReadCommitted(t) {
		return kgo.ReadCommitted(), 1
	}
	return kgo.ReadUncommitted(), 0
}
