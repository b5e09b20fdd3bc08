package records

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"altavoz/kafka"
	"altavoz/stream"
)

// Ends returns where each partition of the topic ends now.
func (r *Reader) Ends(ctx context.Context, t stream.Topic) (map[int32]int64, error) {
	listed, err := kafka.Within(ctx, func() (kadm.ListedOffsets, error) { return r.adm.ListEndOffsets(ctx, r.cfg.TopicName(t)) })
	return offsetsOf(listed, err, "ends", t)
}

// Starts returns where each partition of the topic begins now.
func (r *Reader) Starts(ctx context.Context, t stream.Topic) (map[int32]int64, error) {
	listed, err := kafka.Within(ctx, func() (kadm.ListedOffsets, error) { return r.adm.ListStartOffsets(ctx, r.cfg.TopicName(t)) })
	return offsetsOf(listed, err, "starts", t)
}

// StableEnds returns up to where each partition of the topic is free of open transactions.
func (r *Reader) StableEnds(ctx context.Context, t stream.Topic) (map[int32]int64, error) {
	listed, err := kafka.Within(ctx, func() (kadm.ListedOffsets, error) { return r.adm.ListCommittedOffsets(ctx, r.cfg.TopicName(t)) })
	return offsetsOf(listed, err, "stable ends", t)
}

func offsetsOf(listed kadm.ListedOffsets, err error, what string, t stream.Topic) (map[int32]int64, error) {
	if err == nil {
		err = listed.Error()
	}
	if err != nil {
		return nil, fmt.Errorf("listing the %s of %s: %w", what, t, err)
	}
	at := make(map[int32]int64)
	listed.Each(func(o kadm.ListedOffset) { at[o.Partition] = o.Offset })
	return at, nil
}

// logEnd is the timestamp that asks a leader where a partition ends.
const logEnd = -1

// WatchEnds returns where the partitions of topics end, for who only watches them: it asks each leader once for all topics, and those who were leaders up to
// leaderMaxAge ago, where Ends asks for metadata each time. So a leader that was replaced and does not know it may answer. Topics are left out of which not
// all partitions are known; the error says why.
func (r *Reader) WatchEnds(ctx context.Context, topics ...stream.Topic) (map[stream.Topic]map[int32]int64, error) {
	ends, err := r.watchEnds(ctx, leaderMaxAge, topics)
	if err != nil && ctx.Err() == nil {
		ends, err = r.watchEnds(ctx, leaderMinAge, topics) // others may lead by now
	}
	return ends, err
}

// errNotListed is that of a topic, one of whose partitions is without a leader, or with one that does not answer.
var errNotListed = errors.New("not all partitions are known")

// watchEnds is one try of WatchEnds.
func (r *Reader) watchEnds(ctx context.Context, age time.Duration, topics []stream.Topic) (map[stream.Topic]map[int32]int64, error) {
	known, err := r.metadata(ctx, age, topics...)
	if err != nil {
		return nil, fmt.Errorf("asking for the leaders of %v: %w", topics, err)
	}
	ends := make(map[stream.Topic]map[int32]int64, len(topics))
	var errs []error
	for leader, req := range endRequests(known) {
		resp, err := req.RequestWith(ctx, r.cl.Broker(int(leader)))
		if err != nil {
			errs = append(errs, fmt.Errorf("asking broker %d: %w", leader, err))
			continue
		}
		for _, t := range resp.Topics {
			topic := r.cfg.Topic(t.Topic)
			if ends[topic] == nil {
				ends[topic] = make(map[int32]int64, len(t.Partitions))
			}
			for _, p := range t.Partitions {
				if err := kerr.ErrorForCode(p.ErrorCode); err != nil {
					errs = append(errs, fmt.Errorf("partition %d of %s: %w", p.Partition, topic, err))
					continue
				}
				ends[topic][p.Partition] = p.Offset
			}
		}
	}
	for i := range known {
		topic := r.cfg.Topic(*known[i].Topic)
		if len(ends[topic]) < max(1, len(known[i].Partitions)) {
			errs = append(errs, fmt.Errorf("%s: %w", topic, errNotListed))
			delete(ends, topic)
		}
	}
	return ends, errors.Join(errs...)
}

// endRequests makes the request for each leader.
func endRequests(topics []kmsg.MetadataResponseTopic) map[int32]*kmsg.ListOffsetsRequest {
	requests := make(map[int32]*kmsg.ListOffsetsRequest)
	for i := range topics {
		of := make(map[int32][]kmsg.ListOffsetsRequestTopicPartition)
		for _, p := range topics[i].Partitions {
			if p.Leader < 0 {
				continue
			}
			ask := kmsg.NewListOffsetsRequestTopicPartition()
			ask.Partition, ask.Timestamp = p.Partition, logEnd
			of[p.Leader] = append(of[p.Leader], ask)
		}
		for leader, partitions := range of {
			if requests[leader] == nil {
				requests[leader] = kmsg.NewPtrListOffsetsRequest()
			}
			t := kmsg.NewListOffsetsRequestTopic()
			t.Topic, t.Partitions = *topics[i].Topic, partitions
			requests[leader].Topics = append(requests[leader].Topics, t)
		}
	}
	return requests
}
