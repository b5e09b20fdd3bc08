package prepare

import (
	"context"
	"fmt"
	"time"

	"altavoz/processor/fanout/recipients"
	"altavoz/processor/fanout/task"
	"altavoz/schemas"
	"altavoz/stream"
)

// A quantum that an earlier owner had leased was dispatched, or in part, or not at all. It is repeated for the recipients
// that are pending in marks once the aggregator has passed the results as they stood at the takeover.
//
// How a stage that reads only the Status knows that: it publishes an update itself. What was published last takes the same
// partition of results as everything about the task; when the Status carries the update's time, all that lay before it is
// folded. The update waits for a commit, as the one that it repeats may: who reads that the task is cancelled reads with it how many
// sends may still leave.
//
// Marks are written a few seconds after they are folded, so a recipient who was decided just before the takeover
// may still look pending. That is no harm: senders drop a pair (task, index) that they have seen within 20,000 records
// of its partition, and a few seconds are not 20,000 records of one partition. What marks must rule out, and do, is the
// recipient who was decided long before, beyond what a sender remembers.

// loadPending finds out which recipients of the lease are pending.
func (p *Preparer) loadPending(t *task.Task) bool {
	if t.Lease == 0 || t.Pending != nil {
		return true
	}
	t.BecomePreparing()
	at := t.UpdateTime(time.Now())
	t.ProbeMs = at.UnixMilli()
	note := t.Update(at, t.Repeat())
	t.Opened.Then(func() { p.cfg.Owner.Prove(p.logFor(t), func(stream.Record) {}, note) }) //mutant:probe-is-published-with-proof
	return false
}

// AwaitStates has the pending recipients of the task's lease read: the aggregator has passed the takeover.
func (p *Preparer) AwaitStates(t *task.Task) {
	p.needStates = append(p.needStates, t)
	p.readStates()
}

// readStates reads the marks of tasks that wait for them, a partition at a time.
func (p *Preparer) readStates() {
	if p.readingStates || len(p.needStates) == 0 {
		return
	}
	p.readingStates = true
	partition := p.statesPartition(p.needStates[0])
	masks := make(map[schemas.TaskID]*recipients.Mask)
	var batch, others []*task.Task
	for _, t := range p.needStates {
		if p.statesPartition(t) != partition {
			others = append(others, t)
			continue
		}
		batch = append(batch, t)
		if t.Lease > 0 {
			masks[t.ID] = recipients.NewMask(t.Cursor, t.Lease)
		}
	}
	p.needStates = others
	p.cfg.Engine.Background(func(ctx context.Context) error { return p.foldStates(ctx, partition, masks) }, never, func(error) {
		p.readingStates = false
		for _, t := range batch {
			t.BecomePrepared()
			if m := masks[t.ID]; m != nil && t.Open() && t.Lease > 0 {
				t.Pending = m.Pending(t.Cursor, t.Lease)
			}
			p.cfg.Owner.Evaluate(t, time.Now())
		}
		p.readStates()
	})
}

func (p *Preparer) statesPartition(t *task.Task) int32 {
	return p.cfg.Home(schemas.TopicResults, []byte(t.ID.String()))
}

// foldStates reads a partition of marks whole: it is compacted, so there is no other way to find a part.
func (p *Preparer) foldStates(ctx context.Context, partition int32, masks map[schemas.TaskID]*recipients.Mask) error {
	ends, err := p.cfg.Records.Ends(ctx, schemas.TopicMarks)
	if err != nil {
		return fmt.Errorf("asking for the end of marks: %w", err)
	}
	from := stream.TopicPartition{Topic: schemas.TopicMarks, Partition: partition}
	err = p.cfg.Records.Range(ctx, from, 0, ends[partition], func(rec stream.Record) error {
		id, part, err := schemas.ParsePageKey(string(rec.Key))
		if err != nil {
			return nil //nolint:nilerr // a key of nobody's
		}
		m := masks[id]
		if m == nil || len(rec.Value) == 0 || !m.Covers(part) {
			return nil
		}
		var page schemas.StatePage
		if err = schemas.Decode(&rec, &page); err != nil && p.isPermanent(err) {
			p.cfg.Logger.Warn("marks are not readable", "offset", rec.Offset, "error", err)
			return nil // then its recipients count as pending
		}
		m.Fold(part, page.GetMarks())
		return err // of what a newer version wrote: it is waited for
	})
	if err != nil {
		return fmt.Errorf("reading marks: %w", err)
	}
	return nil
}

// Undecided finds the runs of recipients of a dispatched task that have no outcome.
func (p *Preparer) Undecided(t *task.Task, found func([]recipients.Run)) {
	m := recipients.NewMask(0, t.Total)
	p.cfg.Engine.Background(func(ctx context.Context) error {
		return p.foldStates(ctx, p.statesPartition(t), map[schemas.TaskID]*recipients.Mask{t.ID: m})
	}, never, func(error) { found(m.Undecided()) })
}

func never(error) bool { return false }
