package kafka

import (
	"context"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"altavoz/kafka/offsets"
	"altavoz/schemas"
)

// holdFirst and holdMost are how long a partition that could not be taken over waits for the next try: what passes (a broker that
// restarts) does so in seconds, and what does not is a person's to mend.
const (
	holdFirst = time.Second
	holdMost  = time.Minute
)

// hold keeps a partition that could not be taken over. Nothing of it is read until a later try succeeds; the member's others go on.
func (s *session) hold(pos schemas.Position, why error) {
	s.cl.PauseFetchPartitions(s.group.cfg.partitions([]schemas.Slot{pos.Slot}))
	ctx, cancel := context.WithCancel(s.taking)
	s.mu.Lock()
	s.held[pos.Slot] = cancel
	s.mu.Unlock()
	s.group.metrics.held.Inc()
	go func() {
		for pause := holdFirst; ; pause = min(pause*2, holdMost) {
			s.group.log.Error("a partition can't be taken over; nothing of it is read, the others go on", "slot", pos.Slot.String(),
				"committed", pos.Offset, "again_in_seconds", pause.Seconds(), "error", why)
			if !rest(ctx, pause) {
				return
			}
			var at int64
			if at, why = s.again(ctx, pos); why == nil {
				s.group.log.Info("a partition that was held is taken over", "slot", pos.Slot.String(), "from", at)
				s.cl.SetOffsets(map[string]map[int32]kgo.EpochOffset{s.group.cfg.topic(pos.Slot.Topic): {pos.Slot.Partition: {Epoch: -1, Offset: at}}})
				s.cl.ResumeFetchPartitions(s.group.cfg.partitions([]schemas.Slot{pos.Slot}))
				return
			}
			if ctx.Err() != nil {
				return
			}
		}
	}()
}

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
	at, err := s.give(ctx, pos)
	if err == nil {
		s.mu.Lock()
		s.unhold(pos.Slot)
		s.mu.Unlock()
	}
	return at, err
}

// unhold ends the tries for a slot, if there are any. Under mu.
func (s *session) unhold(slot schemas.Slot) {
	if cancel := s.held[slot]; cancel != nil {
		cancel()
		delete(s.held, slot)
		s.group.metrics.held.Dec()
	}
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
