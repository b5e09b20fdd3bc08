package kafka

import (
	"context"
	"fmt"

	"github.com/twmb/franz-go/pkg/kgo"

	"altavoz/kafka/registry"
	"altavoz/schemas"
)

// remembered reads the registry.
func (r *Reader) remembered(ctx context.Context) (*registry.Registry, error) {
	ends, err := r.Ends(ctx, schemas.TopicRegistry)
	if err != nil {
		return nil, err
	}
	all := new(registry.Registry)
	err = r.Range(ctx, schemas.Slot{Topic: schemas.TopicRegistry}, 0, ends[0], func(rec schemas.Record) error {
		all.Fold(&rec)
		return nil
	})
	return all, err
}

// remember writes to the registry.
func (r *Reader) remember(ctx context.Context, recs ...schemas.Record) error {
	if len(recs) == 0 {
		return nil
	}
	out := make([]*kgo.Record, len(recs))
	for i, rec := range recs {
		out[i] = r.cfg.out(rec)
	}
	_, err := within(ctx, func() (kgo.ProduceResults, error) {
		results := r.cl.ProduceSync(ctx, out...)
		return results, results.FirstErr()
	})
	if err != nil {
		return fmt.Errorf("writing to the registry: %w", err)
	}
	return nil
}

// begin remembers that the group has committed in partitions where this process did not know of it. That is so after the commit
// and never before: a group that is remembered and has no offset has lost it.
func (s *session) begin(ctx context.Context, ps []schemas.Position, refused map[schemas.Slot]error) {
	g := s.group
	var recs []schemas.Record
	g.mu.Lock()
	for _, p := range ps {
		if !g.begun[p.Slot] && refused[p.Slot] == nil {
			recs = append(recs, registry.BegunRecord(g.stage(), p.Slot))
		}
	}
	g.mu.Unlock()
	if len(recs) == 0 {
		return
	}
	if err := s.reader.remember(ctx, recs...); err != nil {
		g.log.Warn("what the group has begun could not be remembered, and will be with the next commit", "error", err)
		return
	}
	g.mu.Lock()
	for _, p := range ps {
		g.begun[p.Slot] = g.begun[p.Slot] || refused[p.Slot] == nil
	}
	g.mu.Unlock()
}

// foreign finds out which of some positions are not the group's own: where it has committed before, and neither an offset nor
// what it writes beside one is there. They are gone, or somebody set them. A log that has lost its beginning is not new either.
func (s *session) foreign(ctx context.Context, ps []schemas.Position) error {
	var known *registry.Registry
	for i := range ps {
		p := &ps[i]
		if p.Metadata != "" {
			continue
		}
		if known == nil {
			var err error
			if known, err = s.reader.remembered(ctx); err != nil {
				return fmt.Errorf("reading what groups have begun: %w", err)
			}
		}
		p.Begun = known.Begun(s.group.stage(), p.Slot) || p.Offset == schemas.NoOffset && p.Begin > 0
	}
	return nil
}
