// Package blocked keeps the partitions of one client that are not fetched for now: those that their reader has paused, those that could not be taken
// over, and those whose next record was written by a newer version of this program.
//
// A partition of the last two kinds is blocked: it is retried with exponential back-off, every failed try is logged as an error, and the other
// partitions continue. A pause or resume of a blocked partition takes effect once it is unblocked.
package blocked

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	"altavoz/kafka"
	"altavoz/schemas"
	"altavoz/stream"
)

// The wait before a blocked partition is retried: what passes by itself (a broker that restarts) does so in seconds, and what does not needs an operator.
const (
	firstRetry = time.Second
	maxRetry   = time.Minute
)

// Client fetches the partitions. None of its calls waits.
type Client interface {
	Pause(tps ...stream.TopicPartition)
	Resume(tps ...stream.TopicPartition)
	Seek(tp stream.TopicPartition, offset int64) // continues from there
}

// Gauge is the number of blocked partitions.
type Gauge interface{ Add(float64) }

// Partitions is the partitions of one client that are not fetched. It is safe for concurrent use after Bind; until then nothing can be
// blocked.
type Partitions struct {
	life   context.Context //nolint:containedctx // ends all retries
	client Client
	gauge  Gauge
	log    *slog.Logger

	mu      sync.Mutex
	paused  map[stream.TopicPartition]struct{}
	blocked map[stream.TopicPartition]*blockedPartition
}

// blockedPartition is one partition that is blocked.
type blockedPartition struct {
	cancel   context.CancelFunc // ends the retries
	offset   int64              // of the record of a newer version
	retryIn  time.Duration
	retrying bool // it is fetched again, to see whether that record is still there
}

// Bind sets the client. Retries end with life.
func (s *Partitions) Bind(life context.Context, client Client, gauge Gauge, log *slog.Logger) {
	s.life, s.client, s.gauge, s.log = life, client, gauge, log
	s.paused, s.blocked = make(map[stream.TopicPartition]struct{}), make(map[stream.TopicPartition]*blockedPartition)
}

// Pause stops fetching partitions until Resume or Remove.
func (s *Partitions) Pause(tps ...stream.TopicPartition) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, tp := range tps {
		s.paused[tp] = struct{}{}
	}
	s.client.Pause(tps...)
}

// Resume continues fetching them, except those that are blocked.
func (s *Partitions) Resume(tps ...stream.TopicPartition) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, tp := range tps {
		delete(s.paused, tp)
		if b := s.blocked[tp]; b == nil || b.retrying {
			s.client.Resume(tp)
		}
	}
}

// Remove forgets partitions that are not assigned any more.
func (s *Partitions) Remove(tps ...stream.TopicPartition) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, tp := range tps {
		delete(s.paused, tp)
		s.unblock(tp)
	}
	s.client.Resume(tps...) // a pause outlives an assignment
}

// BlockTakeover blocks a partition that could not be taken over, for the reason given. Nothing of it is fetched until retry succeeds, which returns
// from where on.
func (s *Partitions) BlockTakeover(pos stream.Position, why error, retry func(context.Context) (int64, error)) {
	s.mu.Lock()
	b, ctx := s.block(pos.Partition)
	s.mu.Unlock()
	go func() {
		for {
			s.log.Error("a partition cannot be taken over; nothing of it is read, the others continue", "partition", pos.Partition.String(),
				"committed", pos.Offset, "retry_in_seconds", b.retryIn.Seconds(), "error", why)
			if !kafka.Sleep(ctx, b.retryIn) {
				return
			}
			b.retryIn = min(b.retryIn*2, maxRetry)
			var at int64
			if at, why = retry(ctx); why == nil {
				s.log.Info("a blocked partition is taken over", "partition", pos.Partition.String(), "from", at)
				s.mu.Lock()
				if s.blocked[pos.Partition] == b {
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

// Deliverable returns the leading records that may be processed: those before the first one of a newer version of this program, at which
// the partition is then blocked.
func (s *Partitions) Deliverable(tp stream.TopicPartition, recs []stream.Record) []stream.Record {
	n := slices.IndexFunc(recs, func(r stream.Record) bool { return schemas.CheckVersion(&r) != nil })
	s.mu.Lock()
	defer s.mu.Unlock()
	b := s.blocked[tp]
	switch {
	case b != nil && !b.retrying:
		return nil // fetched before it was blocked
	case n < 0 && b == nil:
		return recs
	case n != 0 && b != nil: // the record is gone: expired, or deleted by an operator
		s.log.Info("a blocked partition is read on", "partition", tp.String(), "from", recs[0].Offset)
		s.unblock(tp)
	}
	if n < 0 {
		return recs
	}
	s.blockAtNewer(tp, &recs[n])
	return recs[:n]
}

// blockAtNewer blocks a partition at a record of a newer version. Called with mu held.
func (s *Partitions) blockAtNewer(tp stream.TopicPartition, rec *stream.Record) {
	pause := firstRetry
	if b := s.blocked[tp]; b != nil {
		pause = min(b.retryIn*2, maxRetry)
		s.unblock(tp)
	}
	b, ctx := s.block(tp)
	b.offset, b.retryIn = rec.Offset, pause
	s.log.Error("a newer version of this program wrote the next record; nothing more of its partition is read, the others continue",
		"partition", tp.String(), "offset", b.offset, "retry_in_seconds", pause.Seconds(), "error", schemas.CheckVersion(rec))
	go func() {
		if !kafka.Sleep(ctx, pause) {
			return
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.blocked[tp] == b {
			b.retrying = true
			s.readFrom(tp, b.offset)
		}
	}()
}

// block is called with mu held.
func (s *Partitions) block(tp stream.TopicPartition) (*blockedPartition, context.Context) {
	s.client.Pause(tp)
	ctx, cancel := context.WithCancel(s.life)
	b := &blockedPartition{cancel: cancel, retryIn: firstRetry}
	s.blocked[tp] = b
	s.gauge.Add(1)
	return b, ctx
}

// unblock ends the retries of a partition, if there are any. Called with mu held.
func (s *Partitions) unblock(tp stream.TopicPartition) {
	if b := s.blocked[tp]; b != nil {
		b.cancel()
		delete(s.blocked, tp)
		s.gauge.Add(-1)
	}
}

// readFrom fetches a partition from an offset on, unless it is paused. Called with mu held.
func (s *Partitions) readFrom(tp stream.TopicPartition, offset int64) {
	s.client.Seek(tp, offset)
	if _, ok := s.paused[tp]; !ok {
		s.client.Resume(tp)
	}
}
