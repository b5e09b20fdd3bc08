package aggregator

import (
	"context"
	"errors"
	"time"

	"altavoz/processor/aggregator/fold"
	"altavoz/processor/aggregator/readback"
	"altavoz/processor/rate"
	"altavoz/schemas"
	"altavoz/stream"
)

// maxMinVersions is how many versions of tasks not known here are remembered.
const maxMinVersions = 10000

// span is offsets [from, to).
type span struct{ from, to int64 }

// watch looks after the owned partitions of marks and statuses until ctx ends: a process that lost a partition and does not know it yet
// may still write there.
func (st *Stage) watch(ctx context.Context) {
	tick := time.NewTicker(st.cfg.WatchEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		for _, w := range st.workers.All() {
			w.skipEmpty(ctx)
		}
		all, err := st.ports.Table.WatchEnds(ctx, schemas.TopicStatuses, schemas.TopicMarks)
		if err != nil {
			st.log.Debug("the ends of a topic are not known", "error", err)
		}
		for topic, ends := range all {
			for _, w := range st.workers.All() {
				if end, ok := ends[w.partition()]; ok {
					w.watch(ctx, topic, end)
				}
			}
		}
	}
}

// errRecord ends the search for a record: there is one.
var errRecord = errors.New("there is a record")

// skipEmpty skips the last offsets that the partition must fold before it writes statuses, if they hold no record: a batch that can't be
// unpacked, the marker of a foreign transaction. Nobody hands those over, and the next record may never come.
func (w *worker) skipEmpty(ctx context.Context) {
	was := w.lacked
	w.lacked = span{}
	if ahead := w.ahead.Load(); ahead != nil && ahead.from < ahead.to && w.Waiting() == 0 {
		w.lacked = *ahead
	}
	if w.lacked != was || was == (span{}) { // it makes progress
		return
	}
	err := w.st.ports.Table.Range(ctx, w.Partition(), was.from, was.to, func(stream.Record) error { return errRecord })
	if err == nil {
		w.Post(func() {
			if w.replay.next == was.from && !w.Draining() {
				w.replay.next = was.to
			}
		})
	} else if !errors.Is(err, errRecord) {
		w.st.log.Debug("results not read to their end", "partition", w.partition(), "error", err)
	}
}

// watch reads what was new at the last look, unless this process wrote all of it, and hands over what it did not write. Reading one look behind gives the
// acknowledgements of own writes the time to be here first.
func (w *worker) watch(ctx context.Context, topic stream.Topic, end int64) {
	own := w.own[topic]
	to := own.End
	own.End = end
	if own.Read >= to {
		return
	}
	if own.TakeAll(own.Read, to) { //mutant:what-others-wrote-is-read
		own.Read = to
		return
	}
	var foreign []stream.Record
	err := w.st.ports.Table.Range(ctx, stream.TopicPartition{Topic: topic, Partition: w.partition()}, own.Read, to, func(rec stream.Record) error {
		if !own.Take(rec.Offset) { //mutant:foreign-writes-are-noticed
			foreign = append(foreign, rec)
		}
		own.Read = rec.Offset + 1
		return nil
	})
	if err != nil {
		w.st.log.Debug("own partition not read to its end", "topic", string(topic), "partition", w.partition(), "error", err)
	} else {
		own.Read = to
	}
	if len(foreign) == 0 {
		return
	}
	w.st.metrics.Foreign[topic].Add(float64(len(foreign)))
	w.Post(func() { //nolint:contextcheck // what it reads ends with the partition
		for i := range foreign {
			if w.mergeForeign(&foreign[i]) != nil { // the partition was stopped
				return
			}
		}
	})
}

// mergeForeign folds in a record that another process wrote, and sees to it that the last record is one which has everything.
func (w *worker) mergeForeign(rec *stream.Record) error {
	if err := schemas.CheckVersion(rec); err != nil {
		// Who takes the partition over from that version stops at the record (see loader); here it says who has it by now.
		w.st.log.Error("a newer version of this program writes to a partition that is assigned to this process", "error", err)
		return nil
	}
	if rec.Topic == schemas.TopicStatuses {
		return w.mergeForeignStatus(rec)
	}
	return w.mergeForeignPage(rec)
}

func (w *worker) mergeForeignStatus(rec *stream.Record) error {
	id, err := schemas.ParseTaskID(string(rec.Key))
	if err != nil {
		return nil //nolint:nilerr // not a record of ours; nothing of it can be folded
	}
	var theirs schemas.Status
	if len(rec.Value) > 0 && schemas.Decode(rec, &theirs) != nil {
		return nil //nolint:nilerr // garbage holds nothing to fold
	}
	e := w.find(id)
	if e == nil {
		if len(w.tasks.minVersions) < maxMinVersions && theirs.GetVersion() > 0 { // it may have read further than we have
			w.tasks.minVersions[id] = max(w.tasks.minVersions[id], theirs.GetVersion())
		}
		return nil
	}
	if err := w.load(e); err != nil {
		return err
	}
	now := time.Now()
	e.usedAt = now
	if len(rec.Value) == 0 {
		w.markChanged(e, now)
		return nil
	}
	before, err := w.statusOf(e)
	if err != nil {
		return err
	}
	e.task.MergeStatus(&theirs)
	after, err := w.statusOf(e)
	if err != nil {
		return err
	}
	for _, ev := range e.life.Merge(&e.task.Head, &theirs, w.writes.committed) {
		w.tell(after, ev, nil)
	}
	after.Events = e.life.Events()
	s := &e.status
	last, newer := rec.Offset > s.offset, theirs.GetVersion() >= s.version
	s.version = max(s.version, theirs.GetVersion())
	switch {
	case !fold.SameStatus(before, after):
		w.markChanged(e, now)
	case last && newer && fold.SameStatus(after, &theirs) && (theirs.GetRate() == 0 || !e.done): // it has all that ours would have
		s.offset, s.updatedMs = rec.Offset, theirs.GetUpdatedMs()
		if r := theirs.GetRate(); r != 0 && e.rate == nil {
			w.rates.add(e, rate.NewRecent(now, r))
		}
	case last || newer:
		w.markChanged(e, now)
	}
	return nil
}

func (w *worker) mergeForeignPage(rec *stream.Record) error {
	id, n, err := schemas.ParsePageKey(string(rec.Key))
	var theirs schemas.StatePage
	if err != nil || n >= readback.MaxPages || len(rec.Value) > 0 && schemas.Decode(rec, &theirs) != nil {
		return nil //nolint:nilerr // nothing of ours, or garbage, which holds nothing to fold
	}
	e := w.find(id)
	if e == nil {
		return nil // what a zombie leaves of a deleted task is deleted at the next takeover
	}
	if err := w.load(e); err != nil {
		return err
	}
	now, t := time.Now(), e.task
	e.usedAt, t.Clock = now, w.memory.clock
	was := t.Bytes
	changed, exact, err := t.MergeStates(n, &theirs, now.UnixMilli(), e.read)
	w.addBytes(t.Bytes - was)
	if err != nil {
		return err
	}
	p := &t.List[n]
	switch {
	case len(rec.Value) == 0: // deleted by somebody for whom the retention was over
		p.Dirty = true
	case rec.Offset > p.Offset:
		// With a record of our own in flight, which may have less, it is open which will be the last.
		p.Offset, p.Dirty = rec.Offset, !exact || p.InFlight > 0
	}
	if p.Dirty {
		w.markDirty(e)
	}
	if changed {
		w.markChanged(e, now)
	}
	return nil
}
