package fanout

import (
	"context"
	"errors"
	"fmt"

	"altavoz/processor/fanout/normalize"
	"altavoz/processor/fanout/task"
	"altavoz/schemas"
	"altavoz/schemas/request"
	"altavoz/stream"
)

const (
	// maxIntakes is how many records a partition has under way to their home, or to rejects, and readingBytes how many bytes
	// of them a process reads at once: one of the largest, twice over for what is decoded of it.
	maxIntakes   = 64
	readingBytes = 2 * schemas.MaxBroadcastBytes
)

// normalize writes a broadcast again as one that can be carried out, on the home partition of its number: JSON, files that
// stand in the event, records that a foreign client put on the wrong partition. The copy says where it was first, so a
// second copy after a crash is known for what it is, also on the partition of another number: the default one may have changed. None starts
// before its Status names it.
func (s *worker) normalize(t *task.Task, rec *stream.Record, b *schemas.Broadcast) {
	s.intakes++
	var failed *schemas.Broadcast
	s.Background(func(ctx context.Context) error {
		size := min(int64(len(rec.Value)), readingBytes)
		if err := s.st.readBudget.Acquire(ctx, size); err != nil {
			return fmt.Errorf("waiting to read a broadcast: %w", err)
		}
		defer s.st.readBudget.Release(size)
		byDefault, _ := s.st.cfg.Number("")
		out, err := normalize.Writer{
			Publish: s.st.ports.Bulk.Publish, Home: s.st.ports.Home,
			DefaultSender: byDefault.ID, MaxRecipients: s.st.cfg.MaxRecipients,
		}.Broadcast(ctx, rec, b)
		if err == nil {
			s.st.cfg.Move(out)
			moved := schemas.EncodeBroadcast(out)
			moved.Partition = s.st.ports.Home(schemas.TopicBroadcasts, moved.Key)
			_, err = s.st.ports.Express.Publish(ctx, moved)
		}
		if err != nil && normalize.IsRefusal(err) {
			failed = normalize.Identify(rec, b)
		}
		return err
	}, normalize.IsRefusal, func(err error) {
		s.intakes--
		if err == nil {
			s.st.metrics.dropped[dropMoved].Inc()
			s.discard(t)
			return
		}
		field, _ := errors.AsType[*request.FieldError](err) // IsRefusal says that it is one
		t.Failure = normalize.Explain(field)
		s.rejectAndFail(t, rec, codeInvalid, err.Error(), failed)
	})
}
