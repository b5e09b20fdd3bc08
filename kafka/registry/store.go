package registry

import (
	"context"
	"fmt"

	"github.com/twmb/franz-go/pkg/kgo"

	"altavoz/kafka"
	"altavoz/kafka/records"
	"altavoz/schemas"
	"altavoz/stream"
)

// Read reads the registry up to its end.
func Read(ctx context.Context, r *records.Reader) (*Registry, error) {
	ends, err := r.Ends(ctx, schemas.TopicRegistry)
	if err != nil {
		return nil, err
	}
	all := new(Registry)
	err = r.Range(ctx, stream.TopicPartition{Topic: schemas.TopicRegistry}, 0, ends[0], func(rec stream.Record) error {
		return all.Fold(&rec)
	})
	return all, err
}

// Write writes to the registry, and waits for the acknowledgement.
func Write(ctx context.Context, c kafka.Config, cl *kgo.Client, recs ...stream.Record) error {
	if len(recs) == 0 {
		return nil
	}
	out := make([]*kgo.Record, len(recs))
	for i, rec := range recs {
		out[i] = c.KgoRecord(rec)
	}
	_, err := kafka.Within(ctx, func() (kgo.ProduceResults, error) {
		results := cl.ProduceSync(ctx, out...)
		return results, results.FirstErr()
	})
	if err != nil {
		return fmt.Errorf("writing to the registry: %w", err)
	}
	return nil
}
