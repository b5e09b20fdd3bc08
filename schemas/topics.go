package schemas

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"altavoz/stream"
)

// The topics, in the order in which a broadcast meets them.
const (
	TopicBroadcasts   stream.Topic = "broadcasts"
	TopicBlobs        stream.Topic = "blobs"
	TopicControls     stream.Topic = "controls"
	TopicSendsExpress stream.Topic = "sends.express"
	TopicSendsBulk    stream.Topic = "sends.bulk"
	TopicResults      stream.Topic = "results"
	TopicMarks        stream.Topic = "marks"
	TopicStatuses     stream.Topic = "statuses"
	TopicEvents       stream.Topic = "events"    // JSON, for upstream systems
	TopicCallbacks    stream.Topic = "callbacks" // events that wait to be posted, and endpoints that fail
	TopicOptOuts      stream.Topic = "optouts"   // who does not want to be written to
	TopicInbound      stream.Topic = "inbound"   // when people wrote to our numbers last
	TopicSent         stream.Topic = "sent"      // whom messages went to that can be answered with a tap
	TopicPeople       stream.Topic = "people"    // whom businesses that have a limit of people a day write to
	TopicRejects      stream.Topic = "rejects"
	TopicRegistry     stream.Topic = "registry" // what altavoz remembers of topics and groups: see kafka/registry
)

const day = 24 * time.Hour

// TopicSpec is what a topic must look like; it is created so and checked at start.
type TopicSpec struct {
	Topic      stream.Topic
	Partitions int32         // in a cluster
	Embedded   int32         // partitions when embedded
	Compact    bool          // keep the last record of a key ...
	Retention  time.Duration // ... and no record for longer; 0 with Compact: for ever
	MaxRecord  int           // bytes
}

// MaxBroadcastBytes bounds a record of the broadcasts topic, where an upstream system may put a file inline.
const MaxBroadcastBytes = 24 << 20

// Topics is the table of topics.
//
// sends are kept for less than the broker keeps the offsets of a group that stands still (7 days by default): a
// ledger is never gone while its sends remain. marks, statuses and events have the partitions of results, because the
// owner of a partition of results writes the same partition of the three; callbacks has those of events for the same reason. sent has one
// partition: whoever reads it whole keeps what it read last, and between partitions that is not the newest. people has one because the order of
// its records decides.
func Topics() []TopicSpec {
	return []TopicSpec{
		{Topic: TopicBroadcasts, Partitions: 12, Embedded: 4, Retention: 14 * day, MaxRecord: MaxBroadcastBytes},
		{Topic: TopicBlobs, Partitions: 12, Embedded: 4, Retention: 14 * day, MaxRecord: MaxRecordBytes},
		{Topic: TopicControls, Partitions: 1, Embedded: 1, Compact: true, Retention: 14 * day, MaxRecord: MaxRecordBytes},
		{Topic: TopicSendsExpress, Partitions: 12, Embedded: 4, Retention: 6 * day, MaxRecord: MaxRecordBytes},
		{Topic: TopicSendsBulk, Partitions: 48, Embedded: 8, Retention: 6 * day, MaxRecord: MaxRecordBytes},
		{Topic: TopicResults, Partitions: 12, Embedded: 4, Retention: 30 * day, MaxRecord: MaxRecordBytes},
		{Topic: TopicMarks, Partitions: 12, Embedded: 4, Compact: true, MaxRecord: MaxRecordBytes},
		{Topic: TopicStatuses, Partitions: 12, Embedded: 4, Compact: true, MaxRecord: MaxRecordBytes},
		{Topic: TopicEvents, Partitions: 12, Embedded: 4, Retention: 14 * day, MaxRecord: MaxRecordBytes},
		{Topic: TopicCallbacks, Partitions: 12, Embedded: 4, Compact: true, MaxRecord: MaxRecordBytes},
		{Topic: TopicOptOuts, Partitions: 1, Embedded: 1, Compact: true, MaxRecord: MaxRecordBytes},
		{Topic: TopicInbound, Partitions: 1, Embedded: 1, Compact: true, Retention: 26 * time.Hour, MaxRecord: MaxRecordBytes},
		{Topic: TopicSent, Partitions: 1, Embedded: 1, Retention: 7 * day, MaxRecord: MaxRecordBytes},
		{Topic: TopicPeople, Partitions: 1, Embedded: 1, Retention: 26 * time.Hour, MaxRecord: MaxRecordBytes},
		{Topic: TopicRejects, Partitions: 12, Embedded: 4, Retention: 30 * day, MaxRecord: MaxBroadcastBytes},
		{Topic: TopicRegistry, Partitions: 1, Embedded: 1, Compact: true, MaxRecord: MaxRecordBytes},
	}
}

// Times that bound a task.
const (
	// TaskLife is how long a task may live, schedule and pauses included: a day less than its broadcast and blobs are kept.
	TaskLife = 13 * day
	// SendLife is how long a send may wait before it is expired: a day less than the sends topics are kept.
	SendLife = 5 * day
	// FreshTask is how long an id made by an ingress may be unknown elsewhere and still be called PENDING.
	FreshTask = time.Minute
)

// Lane is one of the two ways to the senders.
type Lane string

// The lanes. Express: somebody waits for the answer, or at most ExpressRecipients recipients.
const (
	LaneExpress       Lane = "express"
	LaneBulk          Lane = "bulk"
	ExpressRecipients      = 100
)

// Topic returns the lane's topic.
func (l Lane) Topic() stream.Topic {
	if l == LaneExpress {
		return TopicSendsExpress
	}
	return TopicSendsBulk
}

// LaneOf returns the lane of a topic of sends.
func LaneOf(t stream.Topic) Lane {
	if t == TopicSendsExpress {
		return LaneExpress
	}
	return LaneBulk
}

// Lane returns the lane that the broadcast's sends take.
func (b *Broadcast) Lane() Lane {
	if b.GetDirect() || b.GetTotal() <= ExpressRecipients {
		return LaneExpress
	}
	return LaneBulk
}

// PageRecipients is how many recipients one page of states covers.
const PageRecipients = 16384

// PageKey is the key of a page of a task's states.
func PageKey(t TaskID, page uint32) string {
	return t.String() + "/" + strconv.FormatUint(uint64(page), 10)
}

// ParsePageKey reads what PageKey wrote.
func ParsePageKey(key string) (TaskID, uint32, error) {
	id, num, ok := strings.Cut(key, "/")
	if !ok {
		return TaskID{}, 0, fmt.Errorf("key %q: %w", key, ErrTaskID)
	}
	t, err := ParseTaskID(id)
	if err != nil {
		return TaskID{}, 0, err
	}
	n, err := strconv.ParseUint(num, 10, 32)
	if err != nil {
		return TaskID{}, 0, fmt.Errorf("page of key %q: %w", key, errors.Unwrap(err))
	}
	return t, uint32(n), nil
}
