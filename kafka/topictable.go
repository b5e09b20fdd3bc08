package kafka

import (
	"altavoz/schemas"
	"altavoz/stream"
)

// TopicTable is the topics that there must be.
type TopicTable []schemas.TopicSpec

// OrDefault returns the table, and that of altavoz' own topics where there is none.
func (t TopicTable) OrDefault() TopicTable {
	if t == nil {
		return schemas.Topics()
	}
	return t
}

// Names returns what the topics are called in the cluster.
func (t TopicTable) Names(name func(stream.Topic) string) []string {
	out := make([]string, len(t))
	for i, s := range t {
		out[i] = name(s.Topic)
	}
	return out
}

// MaxBatch is the largest batch that is written to a topic, in bytes: one record of the largest, where that is more than the others' batches.
func (t TopicTable) MaxBatch(topic stream.Topic, others int32) int32 {
	for _, s := range t {
		if s.Topic == topic {
			others = max(others, int32(s.MaxRecord))
		}
	}
	return others + 64<<10
}
