// Package offsets builds the request that commits positions of a consumer group, and reads what its coordinator answers. It sends
// nothing.
package offsets

import (
	"errors"
	"fmt"
	"slices"

	"altavoz/stream"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// ErrMetadata is the refusal of metadata that is longer than brokers take.
var ErrMetadata = errors.New("the metadata of a commit is longer than 4,096 bytes")

// RefuseAll records for all positions that they were not written, unless an error is recorded already.
func RefuseAll(refused map[stream.TopicPartition]error, ps []stream.Position, why error) {
	for _, p := range ps {
		if refused[p.Partition] == nil {
			refused[p.Partition] = why
		}
	}
}

// AddPositions puts positions into a request, with the names that their topics have in Kafka, and refuses those that no broker takes.
func AddPositions(req *kmsg.OffsetCommitRequest, ps []stream.Position, name func(stream.Topic) string, refused map[stream.TopicPartition]error) {
	at := make(map[stream.Topic]int)
	for _, p := range ps {
		if len(p.Metadata) > stream.MaxMetadata {
			refused[p.Partition] = ErrMetadata
			continue
		}
		i, ok := at[p.Partition.Topic]
		if !ok {
			i = len(req.Topics)
			at[p.Partition.Topic] = i
			t := kmsg.NewOffsetCommitRequestTopic()
			t.Topic = name(p.Partition.Topic)
			req.Topics = append(req.Topics, t)
		}
		rp := kmsg.NewOffsetCommitRequestTopicPartition()
		rp.Partition, rp.Offset, rp.Metadata = p.Partition.Partition, p.Offset, &p.Metadata
		req.Topics[i].Partitions = append(req.Topics[i].Partitions, rp)
	}
}

// ParseCommit reads the answer to a commit. An error means that for at least one partition the outcome is not known.
func ParseCommit(resp *kmsg.OffsetCommitResponse, ps []stream.Position, bare func(string) stream.Topic, refused map[stream.TopicPartition]error) error {
	answered := make(map[stream.TopicPartition]bool, len(ps))
	for _, t := range resp.Topics {
		for _, p := range t.Partitions {
			tp := stream.TopicPartition{Topic: bare(t.Topic), Partition: p.Partition}
			answered[tp] = true
			err := kerr.ErrorForCode(p.ErrorCode)
			switch {
			case err == nil:
			case isOneOf(err, refusesMember):
				refused[tp] = fmt.Errorf("%w: %w", stream.ErrFenced, err)
			case isOneOf(err, certainlyRefused):
				refused[tp] = err
			default:
				return fmt.Errorf("%s: %w", tp, err)
			}
		}
	}
	for _, p := range ps {
		if !answered[p.Partition] && refused[p.Partition] == nil { //mutant:partition-without-an-answer-is-unknown
			return fmt.Errorf("%s: missing in the answer", p.Partition)
		}
	}
	return nil
}

// certainlyRefused and refusesMember are errors that the coordinator gives before it writes anything; refusesMember because of who commits. With all
// others the outcome is not known: it also answers COORDINATOR_NOT_AVAILABLE and NOT_COORDINATOR when the write to its log was not acknowledged in
// time or failed half way (Kafka 4.3, GroupCoordinatorService and CoordinatorRuntime), and then the commit may stand.
var (
	certainlyRefused = []error{
		kerr.OffsetMetadataTooLarge, kerr.InvalidCommitOffsetSize, kerr.GroupIDNotFound, kerr.InvalidGroupID,
		kerr.GroupAuthorizationFailed, kerr.TopicAuthorizationFailed, kerr.UnknownTopicOrPartition, kerr.CoordinatorLoadInProgress,
	}
	refusesMember = []error{kerr.IllegalGeneration, kerr.UnknownMemberID, kerr.FencedInstanceID, kerr.RebalanceInProgress, kerr.StaleMemberEpoch}
)

func isOneOf(err error, known []error) bool {
	return slices.ContainsFunc(known, func(k error) bool { return errors.Is(err, k) })
}

// ParseFetch reads what was committed, metadata included. An error means that of at least one partition it is not known. Then none may be assigned:
// the client library (franz-go 1.22) would leave that one out, and nobody would read it until something else moves it.
func ParseFetch(resp *kmsg.OffsetFetchResponse, bare func(string) stream.Topic) (ps []stream.Position, err error) {
	for _, g := range resp.Groups {
		for _, t := range g.Topics {
			for _, p := range t.Partitions {
				pos := stream.Position{Partition: stream.TopicPartition{Topic: bare(t.Topic), Partition: p.Partition}, Offset: max(p.Offset, stream.NoOffset)}
				if err := kerr.ErrorForCode(p.ErrorCode); err != nil {
					return nil, fmt.Errorf("asking what was committed of %s: %w", pos.Partition, err)
				}
				if p.Metadata != nil {
					pos.Metadata = *p.Metadata
				}
				ps = append(ps, pos)
			}
		}
	}
	return ps, nil
}
