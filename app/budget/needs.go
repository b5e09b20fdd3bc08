package budget

import (
	"context"
	"fmt"
	"time"

	"altavoz/kafka/trim"
	"altavoz/schemas"
	"altavoz/stream"
)

const (
	// clockSkew is how far in the future a broadcast may claim to have been accepted.
	clockSkew = time.Minute
	// uploadTime is how long before its broadcast a list or a file may have been written: a request of the largest size has 18 minutes to arrive,
	// a retry 10 to be written.
	uploadTime = 30 * time.Minute
	// mostRetries is how many tasks a chain of retries is followed back.
	mostRetries = 32
)

// unfinished is what the unfinished tasks say of themselves.
type unfinished struct {
	accepted   int64                           // unix milliseconds of the first one; of a retry, of what it retries
	broadcasts map[stream.TopicPartition]int64 // their first record in each partition
}

// tasksOf looks through the unfinished tasks. It fails where one of them does not say when it was accepted.
func tasksOf(ctx context.Context, tasks Tasks, now time.Time) (unfinished, error) {
	u := unfinished{accepted: now.UnixMilli(), broadcasts: make(map[stream.TopicPartition]int64)}
	var retries []*schemas.TaskOpened
	var err error
	tasks.Each(func(id schemas.TaskID, s *schemas.Status) bool {
		p := s.GetPlan()
		switch {
		case s.GetFinishedMs() != 0:
			return true
		case p.GetAcceptedMs() == 0:
			err = fmt.Errorf("it is not known when task %s was accepted", id)
			return false
		}
		u.accepted = min(u.accepted, p.GetAcceptedMs())
		for _, at := range []*schemas.Origin{p.GetOrigin(), p.GetHome()} {
			if at == nil {
				continue
			}
			of := stream.TopicPartition{Topic: schemas.TopicBroadcasts, Partition: at.GetPartition()}
			if first, ok := u.broadcasts[of]; !ok || at.GetOffset() < first {
				u.broadcasts[of] = at.GetOffset()
			}
		}
		if len(p.GetRetryOf()) > 0 {
			retries = append(retries, p)
		}
		return true
	})
	if err != nil {
		return u, err
	}
	for _, p := range retries {
		u.accepted = min(u.accepted, firstAccepted(ctx, tasks, p)) //mutant:the-list-of-a-retry-is-not-trimmed
	}
	return u, nil
}

// firstAccepted returns when the first task of a chain of retries was accepted, or the earliest moment at which it can have been.
func firstAccepted(ctx context.Context, tasks Tasks, p *schemas.TaskOpened) int64 {
	earliest := p.GetAcceptedMs() - schemas.TaskLife.Milliseconds() // a retry does not outlive the first task's list
	for range mostRetries {
		if len(p.GetRetryOf()) == 0 {
			return p.GetAcceptedMs()
		}
		id, err := schemas.TaskIDFromBytes(p.GetRetryOf())
		if err != nil {
			return earliest
		}
		s, err := tasks.Find(ctx, id)
		if err != nil || s.GetPlan().GetAcceptedMs() == 0 {
			return earliest
		}
		p = s.GetPlan()
	}
	return earliest
}

// needsOf returns what unfinished tasks need of results, blobs and broadcasts.
func needsOf(ctx context.Context, logs Logs, have []trim.Log, u unfinished, now time.Time) (needs, error) {
	need := make(needs)
	first := time.UnixMilli(u.accepted)
	blobs := now
	for _, l := range have {
		if l.Partition.Topic != schemas.TopicBroadcasts {
			continue
		}
		need[l.Partition] = l.End
		if at, ok := u.broadcasts[l.Partition]; ok {
			need[l.Partition] = at
		}
		if l.Committed == stream.NoOffset && l.End > l.Begin || l.Committed >= l.Begin && l.Committed < l.End { // a broadcast that no fanout has read may point at any list
			written, err := logs.Written(ctx, l.Partition, max(l.Begin, l.Committed))
			if err != nil {
				return nil, err //nolint:wrapcheck // says all
			}
			blobs = earlier(blobs, written)
		}
	}
	for topic, since := range map[stream.Topic]time.Time{
		schemas.TopicResults: first.Add(-clockSkew),
		schemas.TopicBlobs:   earlier(blobs, first).Add(-uploadTime),
	} {
		at, err := logs.Since(ctx, topic, since)
		if err != nil {
			return nil, err //nolint:wrapcheck // says all
		}
		for p, offset := range at {
			need[stream.TopicPartition{Topic: topic, Partition: p}] = offset
		}
	}
	return need, nil
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}
