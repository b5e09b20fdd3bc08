package schemas_test

import (
	"testing"

	"altavoz/schemas"
)

// Of several partitions a reader gets whole batches of one, then of another: what it read last would not be the newest, and claims would have no order.
func TestWhatIsReadInOrderHasOnePartition(t *testing.T) {
	t.Parallel()
	for _, s := range schemas.Topics() {
		if (s.Topic == schemas.TopicSent || s.Topic == schemas.TopicPeople) && (s.Partitions != 1 || s.Embedded != 1) {
			t.Errorf("%s has %d partitions, embedded %d; want one", s.Topic, s.Partitions, s.Embedded)
		}
	}
}
