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

// again is one more try.
func (s *session) again(ctx context.Context, pos stream.Position) (int64, error) {
	select {
	case s.handing <- struct{}{}:
		defer func() { <-s.handing }()
	case <-ctx.Done():
	}
	if ctx.Err() != nil {
		return 0, errSessionOver
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	s.mu.Lock()
	if s.trying = cancel; s.waiting > 0 {
		cancel()
	}
	s.mu.Unlock()
	return s.give(ctx, pos)
}

// Positions returns what was committed for new slots.
func (s *session) positions(given map[string]map[int32]kgo.Offset) (all []stream.Position, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for name, partitions := range given {
		for p := range partitions {
			slot := stream.TopicPartition{Topic: s.group.cfg.Topic(name), Partition: p}
			pos, ok := s.fetched[slot]
			delete(s.fetched, slot) // of this assignment only
			if !ok {
				err = fmt.Errorf("assigning %s: %w", slot, errNotFetched)
			}
			all = append(all, pos)
		}
	}
	return all, err
}

// takeover is what is asked once for all the slots of an assignment.
type takeover struct {
	logs  offsets.Bounds
	begun func() (*registry.Registry, error)
}

// look asks where logs begin and end. Where that is not known of some partitions only, they are left out.
func (s *session) look(ctx context.Context, names ...string) (t *takeover, err error) {
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
	t = &takeover{begun: sync.OnceValues(func() (*registry.Registry, error) { return registry.Read(ctx, s.reader) })}
	if t.logs.Begins, err = list(adm.ListStartOffsets); err == nil {
		t.logs.Ends, err = list(adm.ListEndOffsets)
	}
	return t, err
}

// complete says of a position where its log begins and ends, and whether it is the group's own. Not its own is one where the group has
// committed before, and neither an offset nor what it writes beside one is there: they are gone, or somebody set them. A log that has
// lost its beginning is not new either. Where log and position do not agree that is told, loudly; what becomes of it is the stage's to decide.
func (s *session) complete(pos *stream.Position, known *takeover) (err error) {
	if pos.Begin, pos.End, err = known.logs.Of(s.group.cfg.TopicName(pos.Partition.Topic), pos.Partition.Partition); err != nil {
		return fmt.Errorf("asking where %s begins and ends: %w", pos.Partition, err)
	}
	if pos.Metadata == "" {
		begun, err := known.begun()
		if err != nil {
			return fmt.Errorf("reading what groups have begun: %w", err)
		}
		pos.Begun = begun.Begun(s.group.stage(), pos.Partition) || pos.Offset == stream.NoOffset && pos.Begin > 0
	}
	if kind, says := offsets.Disagreement(*pos); kind != "" {
		s.group.metrics.disagreements.WithLabelValues(kind).Inc()
		s.group.log.Error("log and offset do not agree", "disagreement", says, "slot", pos.Partition.String(), "committed", pos.Offset, "begin", pos.Begin, "end", pos.End)
	}
	return nil
}

// hold has a slot that could not be taken over tried again, with all that is not known of it.
func (s *session) hold(pos stream.Position, complete bool, why error) {
	s.unread.Untaken(pos, why, func(ctx context.Context) (int64, error) {
		if !complete {
			t, err := s.look(ctx, s.group.cfg.TopicName(pos.Partition.Topic))
			if err == nil {
				err = s.complete(&pos, t)
			}
			if err != nil {
				return 0, err
			}
			complete = true
		}
		return s.again(ctx, pos)
	})
}

// skip goes on behind a batch that can't be unpacked: no stage can do anything with it, and it must not stand in the way
// of what comes after. Only somebody outside altavoz can have written it. It reports whether it could.
func (s *session) skip(topic string, partition int32, why error) bool {
	slot := stream.TopicPartition{Topic: s.group.cfg.Topic(topic), Partition: partition}
	s.mu.Lock()
	at, ok := s.next[slot]
	s.mu.Unlock()
	if !ok {
		return false
	}
	behind, err := s.reader.SkipBatch(s.void, slot, at)
	if err != nil {
		s.group.log.Warn("a batch that can't be unpacked", "slot", slot.String(), "offset", at, "error", err)
		return false
	}
	s.group.metrics.poisoned.Inc()
	s.group.log.Error("a batch can't be unpacked and is passed over", "slot", slot.String(), "from", at, "to", behind, "error", why)
	s.mu.Lock()
	s.next[slot] = behind
	s.mu.Unlock()
	return true
}
