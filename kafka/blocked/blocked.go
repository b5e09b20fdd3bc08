// Package blocked keeps the partitions of one client that are not read for now: those that their reader has paused because it has
// enough, those that could not be taken over, and those whose next record a newer version of this program wrote.
//
// A partition of the last two kinds is held: it is tried again with growing waits, every try that fails is logged as an error, and
// the others go on. Who pauses a partition that is held, or resumes it, is heard once it is not held any more.
package blocked

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	"altavoz/schemas"
	"altavoz/stream"
)

// First and most are how long a partition that is held waits for the next try: what passes (a broker that restarts) does so in
// seconds, and what does not is a person's to mend.
const (
	first = time.Second
	most  = time.Minute
)

// Client is what reads the partitions. None of its calls blocks.
type Client interface {
	Pause(slots ...stream.TopicPartition)
	Resume(slots ...stream.TopicPartition)
	Seek(slot stream.TopicPartition, at int64) // reads on from there
}

// Gauge tells how many partitions are held.
type Gauge interface{ Add(float64) }

// Partitions is the partitions of one client that are not read. It is safe for concurrent use once Open has said what the client is; until then
// nothing can be held.
type Partitions struct {
	life   context.Context //nolint:containedctx // ends all tries
	client Client
	gauge  Gauge
	log    *slog.Logger

	mu     sync.Mutex
	paused map[stream.TopicPartition]struct{}
	held   map[stream.TopicPartition]*hold
}

// hold is one partition that is held.
type hold struct {
	cancel context.CancelFunc // ends the tries
	at     int64              // of the record that a newer version wrote
	pause  time.Duration
	trying bool // it is read again, to see whether that record is still there
}

// Open says whose partitions these are. When life ends nothing is tried any more.
func (s *Partitions) Open(life context.Context, client Client, gauge Gauge, log *slog.Logger) {
	s.life, s.client, s.gauge, s.log = life, client, gauge, log
	s.paused, s.held = make(map[stream.TopicPartition]struct{}), make(map[stream.TopicPartition]*hold)
}

// Pause stops the reading of partitions until Resume or Drop.
func (s *Partitions) Pause(slots ...stream.TopicPartition) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, slot := range slots {
		s.paused[slot] = struct{}{}
	}
	s.client.Pause(slots...)
}

// Resume goes on reading them, but those that are held.
func (s *Partitions) Resume(slots ...stream.TopicPartition) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, slot := range slots {
		delete(s.paused, slot)
		if h := s.held[slot]; h == nil || h.trying {
			s.client.Resume(slot)
		}
	}
}

// Drop forgets partitions that are not read here any more.
func (s *Partitions) Drop(slots ...stream.TopicPartition) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, slot := range slots {
		delete(s.paused, slot)
		s.release(slot)
	}
	s.client.Resume(slots...) // a pause outlives an assignment
}

// Untaken holds a partition that could not be taken over, for the reason given. Nothing of it is read until again succeeds, which says
// from where on.
func (s *Partitions) Untaken(pos stream.Position, why error, again func(context.Context) (int64, error)) {
	s.mu.Lock()
	h, ctx := s.hold(pos.Partition)
	s.mu.Unlock()
	go func() {
		for {
			s.log.Error("a partition can't be taken over; nothing of it is read, the others go on", "slot", pos.Partition.String(),
				"committed", pos.Offset, "again_in_seconds", h.pause.Seconds(), "error", why)
			if !rest(ctx, h.pause) {
				return
			}
			h.pause = min(h.pause*2, most)
			var at int64
			if at, why = again(ctx); why == nil {
				s.log.Info("a partition that was held is taken over", "slot", pos.Partition.String(), "from", at)
				s.mu.Lock()
				if s.held[pos.Partition] == h {
					s.release(pos.Partition)
					s.read(pos.Partition, at)
				}
				s.mu.Unlock()
				return
			}
			if ctx.Err() != nil {
				return
			}
		}
	}()
}

// Readable returns those of the next records of a partition that may be handed over: where a newer version of this program wrote
// one, what lies below it. The partition is then held there.
func (s *Partitions) Readable(slot stream.TopicPartition, recs []stream.Record) []stream.Record {
	n := slices.IndexFunc(recs, func(r stream.Record) bool { return schemas.CheckVersion(&r) != nil })
	s.mu.Lock()
	defer s.mu.Unlock()
	h := s.held[slot]
	switch {
	case h != nil && !h.trying:
		return nil // fetched before it was held
	case n < 0 && h == nil:
		return recs
	case n != 0 && h != nil: // the record is gone: of age, or taken away by a person
		s.log.Info("a partition that was held is read on", "slot", slot.String(), "from", recs[0].Offset)
		s.release(slot)
	}
	if n < 0 {
		return recs
	}
	s.newer(slot, &recs[n])
	return recs[:n]
}

// newer holds a partition at a record that a newer version wrote. Under mu.
func (s *Partitions) newer(slot stream.TopicPartition, rec *stream.Record) {
	pause := first
	if h := s.held[slot]; h != nil {
		pause = min(h.pause*2, most)
		s.release(slot)
	}
	h, ctx := s.hold(slot)
	h.at, h.pause = rec.Offset, pause
	s.log.Error("a newer version of this program wrote the next record; nothing more of its partition is read, the others go on",
		"slot", slot.String(), "offset", h.at, "again_in_seconds", pause.Seconds(), "error", schemas.CheckVersion(rec))
	go func() {
		if !rest(ctx, pause) {
			return
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.held[slot] == h {
			h.trying = true
			s.read(slot, h.at)
		}
	}()
}

// hold begins to hold a partition. Under mu.
func (s *Partitions) hold(slot stream.TopicPartition) (*hold, context.Context) {
	s.client.Pause(slot)
	ctx, cancel := context.WithCancel(s.life)
	h := &hold{cancel: cancel, pause: first}
	s.held[slot] = h
	s.gauge.Add(1)
	return h, ctx
}

// release ends the tries for a partition, if there are any. Under mu.
func (s *Partitions) release(slot stream.TopicPartition) {
	if h := s.held[slot]; h != nil {
		h.cancel()
		delete(s.held, slot)
		s.gauge.Add(-1)
	}
}

// read reads a partition from the given offset on, unless its reader has enough. Under mu.
func (s *Partitions) read(slot stream.TopicPartition, at int64) {
	s.client.Seek(slot, at)
	if _, ok := s.paused[slot]; !ok {
		s.client.Resume(slot)
	}
}

// rest waits and reports false when ctx ended first.
func rest(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}
