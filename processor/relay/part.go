package relay

import (
	"context"
	"time"

	"altavoz/internal/backoff"
	"altavoz/processor/partition"
	"altavoz/stream"
)

const (
	// What failed is tried again after 100 ms, then twice that, up to 5 s; half of it is drawn.
	firstWait   = 100 * time.Millisecond
	longestWait = 5 * time.Second
)

// part is one partition. Its records are relayed one after the other, so that they keep their order.
type part struct {
	*partition.Engine
	partition.Progress
	st *Stage

	relaying bool      // a record is
	warned   time.Time // of relayed
}

func newPart(st *Stage, of stream.TopicPartition, from int64) *part {
	p := &part{
		Engine: partition.NewEngine(of, partition.Config{Logger: st.cfg.Logger, Pauser: st.ports.Pauser, MaxRecords: waitRecords, MaxBytes: waitBytes}),
		st:     st,
	}
	p.Progress = partition.NewProgress(p.Engine, from, metadata, func(pos stream.Position) { st.parts.Commit(p, pos) })
	return p
}

// Step relays the next record, unless one is being relayed.
func (p *part) Step(time.Time) time.Time {
	if p.relaying || p.Draining() {
		return time.Time{}
	}
	for _, rec := range p.Take(1) {
		p.relaying = true
		relay := func(ctx context.Context) error { return p.relayed(ctx, &rec) }
		p.Background(relay, func(error) bool { return true }, func(error) {
			p.relaying = false
			p.Advance(rec.Offset + 1)
		})
	}
	return time.Time{}
}

// Drained reports whether the record under way is relayed and committed.
func (p *part) Drained() bool { return !p.relaying && p.Settled() }

// Close is partition.Handler's: nothing is held.
func (p *part) Close() {}

// relayed relays a record, and tries until it is acknowledged. Its error is that the partition is given up.
func (p *part) relayed(ctx context.Context, rec *stream.Record) error {
	for tries := 0; ; tries++ {
		result, err := p.st.relay(ctx, rec)
		if err == nil {
			p.st.metrics.ended[result].Inc()
			return nil
		}
		if ctx.Err() != nil {
			return err
		}
		p.st.metrics.retries.Inc()
		if now := time.Now(); now.Sub(p.warned) >= warnEvery {
			p.warned = now
			p.st.cfg.Logger.Warn("a record of an upstream system is not relayed yet", "partition", p.Partition().String(), "offset", rec.Offset, "error", err)
		}
		select {
		case <-time.After(backoff.Equal(firstWait, longestWait, tries)):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}
