package kafka

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"altavoz/kafka/registry"
	"altavoz/schemas"
	"altavoz/stream"
)

// Remembered reads the registry.
func (r *Reader) Remembered(ctx context.Context) (*registry.Registry, error) {
	ends, err := r.Ends(ctx, schemas.TopicRegistry)
	if err != nil {
		return nil, err
	}
	all := new(registry.Registry)
	err = r.Range(ctx, stream.TopicPartition{Topic: schemas.TopicRegistry}, 0, ends[0], func(rec stream.Record) error {
		return all.Fold(&rec)
	})
	return all, err
}

// remember writes to the registry.
func (r *Reader) remember(ctx context.Context, recs ...stream.Record) error {
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

// begin remembers in which partitions the group has committed, where the registry does not have it. That is so after the commit
// and never before: a group that is remembered and has no offset has lost it.
func (s *session) begin(ctx context.Context) {
	g := s.group
	ctx, cancel := context.WithTimeoutCause(ctx, commitTimeout, errors.New("the registry does not answer"))
	defer cancel()
	if err := g.begun.Write(g.stage(), time.Now(), func(recs ...stream.Record) error { return s.reader.remember(ctx, recs...) }); err != nil {
		g.log.Warn("what the group has begun could not be remembered; that is tried again", "error", err)
	}
}
