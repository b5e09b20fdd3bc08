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
	firstRetry = time.Second
	maxRetry   = time.Minute
)

// Client is what reads the partitions. None of its calls blocks.
type Client interface {
	Pause(tps ...stream.TopicPartition)
	Resume(tps ...stream.TopicPartition)
	Seek(tp stream.TopicPartition, at int64) // reads on from there
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

	mu      sync.Mutex
	paused  map[stream.TopicPartition]struct{}
	blocked map[stream.TopicPartition]*blockedPartition
}

// blockedPartition is one partition that is blocked.
type blockedPartition struct {
	cancel   context.CancelFunc // ends the tries
	offset   int64              // of the record that a newer version wrote
	retryIn  time.Duration
	retrying bool // it is read again, to see whether that record is still there
}

// Bind says whose partitions these are. When life ends nothing is tried any more.
func (s *Partitions) Bind(life context.Context, client Client, gauge Gauge, log *slog.Logger) {
	s.life, s.client, s.gauge, s.log = life, client, gauge, log
	s.paused, s.blocked = make(map[stream.TopicPartition]struct{}), make(map[stream.TopicPartition]*blockedPartition)
}

// Pause stops the reading of partitions until Resume or Drop.
func (s *Partitions) Pause(tps ...stream.TopicPartition) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, tp := range tps {
		s.paused[tp] = struct{}{}
	}
	s.client.Pause(tps...)
}

// Resume goes on reading them, but those that are held.
func (s *Partitions) Resume(tps ...stream.TopicPartition) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, tp := range tps {
		delete(s.paused, tp)
		if h := s.blocked[tp]; h == nil || h.retrying {
			s.client.Resume(tp)
		}
	}
}

// Remove forgets partitions that are not read here any more.
func (s *Partitions) Remove(tps ...stream.TopicPartition) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, tp := range tps {
		delete(s.paused, tp)
		s.unblock(tp)
	}
	s.client.Resume(tps...) // a pause outlives an assignment
}

// BlockTakeover holds a partition that could not be taken over, for the reason given. Nothing of it is read until again succeeds, which says
// from where on.
func (s *Partitions) BlockTakeover(pos stream.Position, why error, again func(context.Context) (int64, error)) {
	s.mu.Lock()
	h, ctx := s.block(pos.Partition)
	s.mu.Unlock()
	go func() {
		for {
			s.log.Error("a partition can't be taken over; nothing of it is read, the others go on", "partition", pos.Partition.String(),
				"committed", pos.Offset, "again_in_seconds", h.retryIn.Seconds(), "error", why)
			if !rest(ctx, h.retryIn) {
				return
			}
			h.retryIn = min(h.retryIn*2, maxRetry)
			var at int64
			if at, why = again(ctx); why == nil {
				s.log.Info("a partition that was held is taken over", "partition", pos.Partition.String(), "from", at)
				s.mu.Lock()
				if s.blocked[pos.Partition] == h {
					s.unblock(pos.Partition)
					s.readFrom(pos.Partition, at)
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

// Deliverable returns those of the next records of a partition that may be handed over: where a newer version of this program wrote
// one, what lies below it. The partition is then held there.
func (s *Partitions) Deliverable(tp stream.TopicPartition, recs []stream.Record) []stream.Record {
	n := slices.IndexFunc(recs, func(r stream.Record) bool { return schemas.CheckVersion(&r) != nil })
	s.mu.Lock()
	defer s.mu.Unlock()
	h := s.blocked[tp]
	switch {
	case h != nil && !h.retrying:
		return nil // fetched before it was held
	case n < 0 && h == nil:
		return recs
	case n != 0 && h != nil: // the record is gone: of age, or taken away by a person
		s.log.Info("a partition that was held is read on", "partition", tp.String(), "from", recs[0].Offset)
		s.unblock(tp)
	}
	if n < 0 {
		return recs
	}
	s.blockAtNewer(tp, &recs[n])
	return recs[:n]
}

// blockAtNewer holds a partition at a record that a newer version wrote. Under mu.
func (s *Partitions) blockAtNewer(tp stream.TopicPartition, rec *stream.Record) {
	pause := firstRetry
	if h := s.blocked[tp]; h != nil {
		pause = min(h.retryIn*2, maxRetry)
		s.unblock(tp)
	}
	h, ctx := s.block(tp)
	h.offset, h.retryIn = rec.Offset, pause
	s.log.Error("a newer version of this program wrote the next record; nothing more of its partition is read, the others go on",
		"partition", tp.String(), "offset", h.offset, "again_in_seconds", pause.Seconds(), "error", schemas.CheckVersion(rec))
	go func() {
		if !rest(ctx, pause) {
			return
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.blocked[tp] == h {
			h.retrying = true
			s.readFrom(tp, h.offset)
		}
	}()
}

// block begins to hold a partition. Under mu.
func (s *Partitions) block(tp stream.TopicPartition) (*blockedPartition, context.Context) {
	s.client.Pause(tp)
	ctx, cancel := context.WithCancel(s.life)
	h := &blockedPartition{cancel: cancel, retryIn: firstRetry}
	s.blocked[tp] = h
	s.gauge.Add(1)
	return h, ctx
}

// unblock ends the tries for a partition, if there are any. Under mu.
func (s *Partitions) unblock(tp stream.TopicPartition) {
	if h := s.blocked[tp]; h != nil {
		h.cancel()
		delete(s.blocked, tp)
		s.gauge.Add(-1)
	}
}

// readFrom reads a partition from the given offset on, unless its reader has enough. Under mu.
func (s *Partitions) readFrom(tp stream.TopicPartition, at int64) {
	s.client.Seek(tp, at)
	if _, ok := s.paused[tp]; !ok {
		s.client.Resume(tp)
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
