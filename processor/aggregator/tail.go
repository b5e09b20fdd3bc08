package aggregator

import (
	"bytes"
	"context"
	"errors"
	"time"

	"altavoz/processor/aggregator/pace"
	"altavoz/schemas"
	"altavoz/stream"
)

// maxFloors is how many versions of tasks not known here are remembered.
const maxFloors = 10000

// tail looks after the owned partitions of marks and statuses until ctx ends: a process that lost a partition and does
// not know it yet may still write there.
func (st *Stage) tail(ctx context.Context) {
	tick := time.NewTicker(st.cfg.TailEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		for _, s := range st.slots.All() {
			s.passEmpty(ctx)
		}
		for _, topic := range []stream.Topic{schemas.TopicStatuses, schemas.TopicMarks} {
			ends, err := st.ports.Table.Ends(ctx, topic)
			if err != nil {
				st.log.Debug("the ends of a topic are not known", "topic", string(topic), "error", err)
				continue
			}
			for _, s := range st.slots.All() {
				if end, ok := ends[s.results.Partition]; ok {
					s.watch(ctx, topic, end)
				}
			}
		}
	}
}

// errRecord ends the search for a record: there is one.
var errRecord = errors.New("there is a record")

// passEmpty passes over the last offsets that the slot must fold before it writes statuses, if they hold no record: a batch that
// can't be unpacked, the marker of a foreign transaction. Nobody hands those over, and the next record may never come.
func (s *slot) passEmpty(ctx context.Context) {
	was := s.lacked
	s.lacked = span{}
	if s.Waiting() == 0 {
		s.lacked = s.ahead.get()
	}
	if s.lacked != was || was == (span{}) { // it is getting on
		return
	}
	err := s.st.ports.Table.Range(ctx, s.results, was.from, was.to, func(stream.Record) error { return errRecord })
	if err == nil {
		s.Post(func() {
			if s.next == was.from && !s.Draining() {
				s.next = was.to
			}
		})
	} else if !errors.Is(err, errRecord) {
		s.st.log.Debug("results not read to their end", "partition", s.results.Partition, "error", err)
	}
}

// watch reads what was new at the last look, and hands over what this process did not write. Reading one look behind
// gives the acknowledgements of own writes the time to be here first.
func (s *slot) watch(ctx context.Context, topic stream.Topic, end int64) {
	o := s.own[topic]
	to := o.Known
	o.Known = end
	if o.Seen >= to {
		return
	}
	var foreign []stream.Record
	err := s.st.ports.Table.Range(ctx, stream.TopicPartition{Topic: topic, Partition: s.results.Partition}, o.Seen, to, func(rec stream.Record) error {
		if !o.Forget(rec.Offset) { //mutant:foreign-writes-are-noticed
			foreign = append(foreign, rec)
		}
		o.Seen = rec.Offset + 1
		return nil
	})
	if err != nil {
		s.st.log.Debug("own partition not read to its end", "topic", string(topic), "partition", s.results.Partition, "error", err)
	} else {
		o.Seen = to
	}
	if len(foreign) > 0 {
		s.st.metrics.foreign[topic].Add(float64(len(foreign)))
		s.Post(func() {
			for i := range foreign {
				if s.meet(&foreign[i]) != nil { // the partition was stopped
					return
				}
			}
		})
	}
}

// meet folds in a record that another process wrote, and sees to it that the last word is one which says everything.
func (s *slot) meet(rec *stream.Record) error {
	if err := schemas.CheckVersion(rec); err != nil {
		// Who takes the partition over from that version stops at the record (see loader); here it says who has it by now.
		s.st.log.Error("a newer version of this program writes to a partition that is assigned to this process", "error", err)
		return nil
	}
	if rec.Topic == schemas.TopicStatuses {
		return s.meetStatus(rec)
	}
	return s.meetPart(rec)
}

func (s *slot) meetStatus(rec *stream.Record) error {
	id, err := schemas.ParseTaskID(string(rec.Key))
	if err != nil {
		return nil //nolint:nilerr // not a record of ours; nothing of it can be folded
	}
	var theirs schemas.Status
	if len(rec.Value) > 0 && schemas.Decode(rec, &theirs) != nil {
		return nil //nolint:nilerr // garbage holds nothing to fold
	}
	e := s.entry(id)
	if e == nil {
		if len(s.floors) < maxFloors && theirs.GetVersion() > 0 { // it may have read further than we have
			s.floors[id] = max(s.floors[id], theirs.GetVersion())
		}
		return nil
	}
	if err := s.warm(e); err != nil {
		return err
	}
	now := time.Now()
	e.seen = now
	if len(rec.Value) == 0 {
		s.change(e, now)
		return nil
	}
	before, err := s.statusOf(e)
	if err != nil {
		return err
	}
	e.task.adopt(&theirs)
	after, err := s.statusOf(e)
	if err != nil {
		return err
	}
	last, newer := rec.Offset > e.at, theirs.GetVersion() >= e.version
	e.version = max(e.version, theirs.GetVersion())
	switch {
	case !same(before, after):
		s.change(e, now)
	case last && newer && same(after, &theirs) && (theirs.GetRate() == 0 || !e.done): // says all that we would
		e.at, e.updated = rec.Offset, theirs.GetUpdatedMs()
		if rate := theirs.GetRate(); rate != 0 && e.pace == nil {
			s.track(e, pace.New(now, rate))
		}
	case last || newer:
		s.change(e, now)
	}
	return nil
}

// same reports whether two statuses say the same, whoever wrote them and when. How fast it goes is not asked.
func same(a, b *schemas.Status) bool {
	return bytes.Equal(said(a), said(b))
}

func said(s *schemas.Status) []byte {
	version, updated, rate := s.GetVersion(), s.GetUpdatedMs(), s.GetRate()
	s.Version, s.UpdatedMs, s.Rate = 0, 0, 0
	out := schemas.EncodeStatus(0, s).Value
	s.Version, s.UpdatedMs, s.Rate = version, updated, rate
	return out
}

func (s *slot) meetPart(rec *stream.Record) error {
	id, n, err := schemas.ParsePageKey(string(rec.Key))
	var theirs schemas.StatePage
	if err != nil || n >= MaxRecipients/schemas.PageRecipients || len(rec.Value) > 0 && schemas.Decode(rec, &theirs) != nil {
		return nil //nolint:nilerr // nothing of ours, or garbage, which holds nothing to fold
	}
	e := s.entry(id)
	if e == nil {
		return nil // what a zombie leaves of a forgotten task goes at the next takeover
	}
	if err := s.warm(e); err != nil {
		return err
	}
	now, t := time.Now(), e.task
	e.seen, t.clock = now, s.clock
	was, fit := t.loaded, theirs.GetMarks()
	fit = fit[:min(len(fit), t.size(n))]
	changed, covers, err := t.merge(n, fit, t.size(n), e.read)
	s.account(t.loaded - was)
	if err != nil {
		return err
	}
	t.refill = t.refill || changed
	// A clean part is exactly what its record says: one that speaks of recipients beyond the end does not do.
	covers = covers && len(fit) == len(theirs.GetMarks())
	switch p := &t.parts[n]; {
	case len(rec.Value) == 0: // removed by somebody for whom the retention was over
		p.dirty = true
	case rec.Offset > p.at:
		// With a record of our own under way, which may say less, what is last is not settled yet.
		p.at, p.dirty = rec.Offset, !covers || p.flight > 0
	}
	if t.parts[n].dirty {
		s.touch(e)
	}
	if changed {
		t.finish(now.UnixMilli())
		s.change(e, now)
	}
	return nil
}
