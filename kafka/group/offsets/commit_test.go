package offsets_test

import (
	"errors"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"altavoz/kafka/group/offsets"
	"altavoz/stream"
)

// A stage has to know which answers mean that nothing was written, and which of those that another member may own its partitions.
func TestAnswersToACommit(t *testing.T) {
	t.Parallel()
	const (
		written = iota
		unknown
		refused
		fenced
	)
	for err, want := range map[*kerr.Error]int{
		nil: written, kerr.IllegalGeneration: fenced, kerr.UnknownMemberID: fenced, kerr.FencedInstanceID: fenced, kerr.RebalanceInProgress: fenced,
		kerr.StaleMemberEpoch: fenced, kerr.OffsetMetadataTooLarge: refused, kerr.TopicAuthorizationFailed: refused, kerr.CoordinatorLoadInProgress: refused,
		kerr.NotCoordinator: unknown, kerr.CoordinatorNotAvailable: unknown, kerr.UnknownServerError: unknown,
	} {
		name, code := "none", int16(0)
		if err != nil {
			name, code = err.Message, err.Code
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tp := stream.TopicPartition{Topic: "sends.bulk", Partition: 7}
			p := kmsg.OffsetCommitResponseTopicPartition{Partition: tp.Partition, ErrorCode: code}
			resp := &kmsg.OffsetCommitResponse{Topics: []kmsg.OffsetCommitResponseTopic{{
				Topic: string(tp.Topic), Partitions: []kmsg.OffsetCommitResponseTopicPartition{p},
			}}}
			no := make(map[stream.TopicPartition]error)
			parsed := offsets.ParseCommit(resp, []stream.Position{{Partition: tp}}, func(s string) stream.Topic { return stream.Topic(s) }, no)
			got := written
			switch {
			case parsed != nil:
				got = unknown
			case errors.Is(no[tp], stream.ErrFenced):
				got = fenced
			case no[tp] != nil:
				got = refused
			}
			if got != want {
				t.Errorf("%v, and refused: %v", parsed, no)
			}
			if got >= refused && !errors.Is(no[tp], err) {
				t.Errorf("refused with %v, which hides %v", no[tp], err)
			}
		})
	}
}
