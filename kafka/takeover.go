package kafka

import (
	"context"
	"fmt"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"altavoz/kafka/offsets"
	"altavoz/schemas"
)

// again is one more try.
func (s *session) again(ctx context.Context, pos schemas.Position) (int64, error) {
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

// disagree tells, loudly, of a log and a position that do not agree. What becomes of it is the stage's to decide.
func (s *session) disagree(pos schemas.Position) {
	if kind, says := offsets.Disagreement(pos); kind != "" {
		s.group.metrics.disagreements.WithLabelValues(kind).Inc()
		s.group.log.Error("log and offset do not agree", "disagreement", says, "slot", pos.Slot.String(), "committed", pos.Offset, "begin", pos.Begin, "end", pos.End)
	}
}

// positions returns what was committed for new slots, with the bounds of their logs.
func (s *session) positions(ctx context.Context, given map[string]map[int32]kgo.Offset, logs logBounds) (all []schemas.Position, err error) {
	s.mu.Lock()
	for name, partitions := range given {
		for p := range partitions {
			pos := logs.of(s.group.cfg.bare(name), name, p)
			was, ok := s.fetched[pos.Slot]
			delete(s.fetched, pos.Slot) // of this assignment only
			if !ok {
				err = fmt.Errorf("assigning %s: %w", pos.Slot, errNotFetched)
			}
			pos.Offset, pos.Metadata = was.Offset, was.Metadata
			all = append(all, pos)
		}
	}
	s.mu.Unlock()
	if err == nil {
		err = s.foreign(ctx, all)
	}
	return all, err
}

// logBounds is where logs begin and end.
type logBounds struct{ begins, ends kadm.ListedOffsets }

func (s *session) bounds(ctx context.Context, names []string) (b logBounds, err error) {
	if b.begins, err = within(ctx, func() (kadm.ListedOffsets, error) { return s.reader.adm.ListStartOffsets(ctx, names...) }); err == nil {
		err = b.begins.Error()
	}
	if err != nil {
		return b, fmt.Errorf("asking where partitions begin: %w", err)
	}
	if b.ends, err = within(ctx, func() (kadm.ListedOffsets, error) { return s.reader.adm.ListEndOffsets(ctx, names...) }); err == nil {
		err = b.ends.Error()
	}
	if err != nil {
		return b, fmt.Errorf("asking where partitions end: %w", err)
	}
	return b, nil
}

// of returns a slot's position of which only the bounds of its log are known.
func (b logBounds) of(topic schemas.Topic, name string, p int32) schemas.Position {
	begin, _ := b.begins.Lookup(name, p)
	end, _ := b.ends.Lookup(name, p)
	return schemas.Position{Slot: schemas.Slot{Topic: topic, Partition: p}, Offset: schemas.NoOffset, Begin: begin.Offset, End: end.Offset}
}
