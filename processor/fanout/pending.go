package fanout

import (
	"context"
	"fmt"
	"time"

	"altavoz/processor/fanout/recipients"
	"altavoz/processor/fanout/task"
	"altavoz/schemas"
	"altavoz/stream"
)

// A turn that an earlier owner had leased was dispatched, or in part, or not at all. It is repeated for the recipients
// that are pending in marks once the aggregator has passed the results as they stood at the takeover.
//
// How a stage that sees only the Status knows that: it says something itself. A note of what was said last takes the same
// partition of results as everything about the task; when the Status carries the note's time, all that lay before it is
// folded. Marks are written a few seconds after they are folded, so a recipient who was decided just before the takeover
// may still look pending. That is no harm: senders drop a pair (task, index) that they have seen within 20,000 records
// of its partition, and a few seconds are not 20,000 records of one partition. What marks must rule out, and do, is the
// recipient who was decided long before, beyond what a sender remembers.

// loadPending finds out which recipients of the lease are pending.
func (s *worker) loadPending(t *activeTask) bool {
	if t.Lease == 0 || t.Pending != nil {
		return true
	}
	t.BecomePreparing()
	at := t.UpdateTime(time.Now(), t.status)
	t.probeMs = at.UnixMilli()
	note := t.update(at, t.Repeat())
	t.opened.then(func() { s.write(s.logFor(t), func(stream.Record) {}, note) })
	return false
}

// readStates reads the marks of tasks that wait for them, a partition at a time.
func (s *worker) readStates() {
	if s.readingStates || len(s.needStates) == 0 {
		return
	}
	s.readingStates = true
	partition := s.statesPartition(s.needStates[0])
	masks := make(map[schemas.TaskID]*recipients.Mask)
	var batch, others []*activeTask
	for _, t := range s.needStates {
		if s.statesPartition(t) != partition {
			others = append(others, t)
			continue
		}
		batch = append(batch, t)
		if t.Lease > 0 {
			masks[t.ID] = recipients.NewMask(t.Cursor, t.Lease)
		}
	}
	s.needStates = others
	s.Background(func(ctx context.Context) error { return s.foldStates(ctx, partition, masks) }, neverPermanent, func(error) {
		s.readingStates = false
		for _, t := range batch {
			t.BecomePrepared()
			if m := masks[t.ID]; m != nil && t.Open() && t.Lease > 0 {
				t.Pending = m.Pending(t.Cursor, t.Lease)
			}
			s.evaluate(t, time.Now())
		}
		s.readStates()
	})
}

func (s *worker) statesPartition(t *activeTask) int32 {
	return s.st.ports.Home(schemas.TopicResults, []byte(t.ID.String()))
}

// foldStates reads a partition of marks whole: it is compacted, so there is no other way to find a part.
func (s *worker) foldStates(ctx context.Context, partition int32, masks map[schemas.TaskID]*recipients.Mask) error {
	ends, err := s.st.ports.Records.Ends(ctx, schemas.TopicMarks)
	if err != nil {
		return fmt.Errorf("asking for the end of marks: %w", err)
	}
	from := stream.TopicPartition{Topic: schemas.TopicMarks, Partition: partition}
	err = s.st.ports.Records.Range(ctx, from, 0, ends[partition], func(rec stream.Record) error {
		id, part, err := schemas.ParsePageKey(string(rec.Key))
		if err != nil {
			return nil //nolint:nilerr // a key of nobody's
		}
		m := masks[id]
		if m == nil || len(rec.Value) == 0 || !m.Covers(part) {
			return nil
		}
		var p schemas.StatePage
		if err = schemas.Decode(&rec, &p); err != nil && s.isPermanent(err) {
			s.log.Warn("marks are not readable", "offset", rec.Offset, "error", err)
			return nil // then its recipients count as pending
		}
		m.Fold(part, p.GetMarks())
		return err // tp what a newer version wrote: it is waited for
	})
	if err != nil {
		return fmt.Errorf("reading marks: %w", err)
	}
	return nil
}

// maxRuns is how many runs of lost outcomes are told apart, some 100 bytes each; another one reaches to the end of the list.
const maxRuns = 10_000

// giveUpUndecided calls unknown who has no outcome at the end of a dispatched task's life: their sends expired days ago, at the
// latest schemas.SendLife after they were made, so an outcome that is not there was lost.
func (s *worker) giveUpUndecided(t *activeTask) {
	m := recipients.NewMask(0, t.Total)
	s.Background(func(ctx context.Context) error {
		return s.foldStates(ctx, s.statesPartition(t), map[schemas.TaskID]*recipients.Mask{t.ID: m})
	}, neverPermanent, func(error) {
		var recs []stream.Record
		now := time.Now()
		for at := uint32(0); at < t.Total; at++ {
			from := at
			for at < t.Total && !m.Decided(at) {
				at++
			}
			if len(recs) == maxRuns {
				at = t.Total
			}
			if at > from {
				recs = append(recs, t.outcomeRange(now, from, at, schemas.StateUnknown, schemas.StateUnknown.Spanish()))
			}
		}
		if t.State() == task.Closed {
			s.log.Warn("a broadcast ends with lost outcomes", "task", t.ID.String(), "runs", len(recs))
			s.prove(s.st.ports.Bulk, func(stream.Record) {}, recs...)
		}
	})
}
