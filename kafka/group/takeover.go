package group

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"altavoz/kafka"
	"altavoz/kafka/group/offsets"
	"altavoz/kafka/registry"
	"altavoz/stream"
)

// boundsTimeout is how long it may take to find out where logs begin and end: a broker that is gone costs the partitions of the others no more.
const boundsTimeout = 5 * time.Second

// retryAssign is one more try.
func (s *session) retryAssign(ctx context.Context, pos stream.Position) (int64, error) {
	select {
	case s.assignLock <- struct{}{}:
		defer func() { <-s.assignLock }()
	case <-ctx.Done():
	}
	if ctx.Err() != nil {
		return 0, errSessionEnded
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	s.mu.Lock()
	if s.stopRetry = cancel; s.revoking > 0 {
		cancel()
	}
	s.mu.Unlock()
	return s.assignToStage(ctx, pos)
}

// Positions returns what was committed for new partitions.
func (s *session) takeFetchedOffsets(given map[string]map[int32]kgo.Offset) (all []stream.Position, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for name, partitions := range given {
		for p := range partitions {
			tp := stream.TopicPartition{Topic: s.group.cfg.Topic(name), Partition: p}
			pos, ok := s.fetchedOffsets[tp]
			delete(s.fetchedOffsets, tp) // of this assignment only
			if !ok {
				err = fmt.Errorf("assigning %s: %w", tp, errOffsetNotFetched)
			}
			all = append(all, pos)
		}
	}
	return all, err
}

// takeoverInfo is what is asked once for all the partitions of an assignment.
type takeoverInfo struct {
	bounds   offsets.Bounds
	registry func() (*registry.Registry, error)
}

// lookUpLogs asks where logs begin and end. Where that is not known of some partitions only, they are left out.
func (s *session) lookUpLogs(ctx context.Context, names ...string) (t *takeoverInfo, err error) {
	adm := kadm.NewClient(s.cl)
	list := func(ask func(context.Context, ...string) (kadm.ListedOffsets, error)) (kadm.ListedOffsets, error) {
		short, cancel := context.WithTimeoutCause(ctx, boundsTimeout, errors.New("the broker does not answer"))
		defer cancel()
		listed, err := kafka.Within(ctx, func() (kadm.ListedOffsets, error) { return ask(short, names...) })
		if err != nil && !offsets.Partial(err) {
			return nil, fmt.Errorf("asking where partitions begin and end: %w", err)
		}
		return listed, nil
	}
	t = &takeoverInfo{registry: sync.OnceValues(func() (*registry.Registry, error) { return registry.Read(ctx, s.reader) })}
	if t.bounds.Begins, err = list(adm.ListStartOffsets); err == nil {
		t.bounds.Ends, err = list(adm.ListEndOffsets)
	}
	return t, err
}

// checkPosition says of a position where its log begins and ends, and whether it is the group's own. Not its own is one where the group has
// committed before, and neither an offset nor what it writes beside one is there: they are gone, or somebody set them. A log that has
// lost its beginning is not new either. Where log and position do not agree that is told, loudly; what becomes of it is the stage's to decide.
func (s *session) checkPosition(pos *stream.Position, known *takeoverInfo) (err error) {
	if pos.Begin, pos.End, err = known.bounds.Lookup(s.group.cfg.TopicName(pos.Partition.Topic), pos.Partition.Partition); err != nil {
		return fmt.Errorf("asking where %s begins and ends: %w", pos.Partition, err)
	}
	if pos.Metadata == "" {
		begun, err := known.registry()
		if err != nil {
			return fmt.Errorf("reading what groups have begun: %w", err)
		}
		pos.Begun = begun.HasCommitted(s.group.stageName(), pos.Partition) || pos.Offset == stream.NoOffset && pos.Begin > 0
	}
	if kind, says := offsets.Disagreement(*pos); kind != "" {
		s.group.metrics.disagreements.WithLabelValues(kind).Inc()
		s.group.log.Error("log and offset do not agree", "disagreement", says, "partition", pos.Partition.String(), "committed", pos.Offset, "begin", pos.Begin, "end", pos.End)
	}
	return nil
}

// block has a partition that could not be taken over tried again, with all that is not known of it.
func (s *session) block(pos stream.Position, complete bool, why error) {
	s.blocked.BlockTakeover(pos, why, func(ctx context.Context) (int64, error) {
		if !complete {
			t, err := s.lookUpLogs(ctx, s.group.cfg.TopicName(pos.Partition.Topic))
			if err == nil {
				err = s.checkPosition(&pos, t)
			}
			if err != nil {
				return 0, err
			}
			complete = true
		}
		return s.retryAssign(ctx, pos)
	})
}

// skipCorruptBatch goes on behind a batch that can't be unpacked: no stage can do anything with it, and it must not stand in the way
// of what comes after. Only somebody outside altavoz can have written it. It reports whether it could.
func (s *session) skipCorruptBatch(topic string, partition int32, why error) bool {
	tp := stream.TopicPartition{Topic: s.group.cfg.Topic(topic), Partition: partition}
	s.mu.Lock()
	at, ok := s.positions[tp]
	s.mu.Unlock()
	if !ok {
		return false
	}
	behind, err := s.reader.SkipBatch(s.life, tp, at)
	if err != nil {
		s.group.log.Warn("a batch that can't be unpacked", "partition", tp.String(), "offset", at, "error", err)
		return false
	}
	s.group.metrics.corruptBatches.Inc()
	s.group.log.Error("a batch can't be unpacked and is passed over", "partition", tp.String(), "from", at, "to", behind, "error", why)
	s.mu.Lock()
	s.positions[tp] = behind
	s.mu.Unlock()
	return true
}
