package aggregator

import (
	"slices"
	"time"

	"altavoz/schemas"
	"altavoz/stream"
)

// write is a record under way to a topic.
type write struct {
	e      *entry
	leaver *leaver
	part   uint32
	topic  stream.Topic
	rec    stream.Record // of a reject only: it is nowhere else
	cp     *checkpoint
}

// ack is how a write ended.
type ack struct {
	w   *write
	at  int64
	err error
}

// checkpoint is a position of results and the writes that contain everything below it.
type checkpoint struct {
	pos     int64
	folded  last
	waiting int
	failed  bool
	commit  bool
}

// enqueue sends a record on its way.
func (s *slot) enqueue(log stream.Appender, rec stream.Record, w *write) {
	w.topic = rec.Topic
	s.flight[w] = struct{}{}
	if own := s.own[rec.Topic]; own != nil {
		log = own.Of(log)
	}
	s.Append(log, rec, func(rec stream.Record, err error) { s.settle(ack{w: w, at: rec.Offset, err: err}) })
}

// settle takes an acknowledgement in. What was not written is dirty again.
func (s *slot) settle(a ack) {
	w := a.w
	delete(s.flight, w)
	if a.err != nil {
		s.st.metrics.failures.Inc()
		s.st.log.Debug("a record was not written and will be again", "topic", string(w.topic), "partition", s.results.Partition, "error", a.err)
	}
	if w.cp != nil {
		w.cp.waiting--
		w.cp.failed = w.cp.failed || a.err != nil
	}
	switch {
	case w.leaver != nil:
		w.leaver.settle(w, a.err)
	case w.topic == schemas.TopicStatuses:
		w.e.flight--
		if a.err == nil {
			w.e.at = max(w.e.at, a.at)
		}
		if a.err != nil || w.e.changed {
			s.change(w.e, time.Now())
		}
	case w.topic == schemas.TopicMarks:
		p := &w.e.task.parts[w.part]
		p.flight--
		if a.err == nil {
			p.at = max(p.at, a.at)
		} else {
			p.dirty = true
			s.touch(w.e)
		}
	case a.err != nil:
		s.lost = append(s.lost, w.rec)
	}
}

// reject keeps a record that can never be processed where an operator finds it.
func (s *slot) reject(rec stream.Record, why error) {
	s.st.metrics.rejected.Inc()
	s.st.log.Warn("a result was rejected", "partition", rec.Partition, "offset", rec.Offset, "error", why)
	s.enqueueReject(s.st.ports.Reject(rec, "aggregator", "invalid_result", why.Error()))
}

func (s *slot) enqueueReject(rec stream.Record) { s.enqueue(s.st.ports.Marks, rec, &write{rec: rec}) }

// flush writes the statuses whose turn it is. None is written before the slot has caught up: it could say less than
// what the previous owner had said already.
func (s *slot) flush(now time.Time) error {
	if !s.caught {
		return nil
	}
	soon := s.soon
	s.soon = nil
	for _, e := range soon {
		if err := s.writeQueued(e, queueSoon); err != nil {
			return err
		}
	}
	if s.soon == nil {
		s.soon = soon[:0]
	}
	if s.statusAt.IsZero() || now.Before(s.statusAt) {
		return nil
	}
	n := min(len(s.later), statusBatch)
	for _, e := range s.later[:n] {
		if err := s.writeQueued(e, queueLater); err != nil {
			return err
		}
	}
	s.later = slices.Delete(s.later, 0, n)
	s.statusAt = time.Time{}
	if len(s.later) > 0 {
		s.statusAt = now.Add(s.st.cfg.StatusEvery)
	}
	return nil
}

func (s *slot) writeQueued(e *entry, from queue) error {
	if e.queue != from {
		return nil
	}
	e.queue = queueNone
	if !e.changed || e.flight > 0 && !e.force { // the one under way comes back here if it does not say all
		return nil
	}
	return s.writeStatus(e, time.Now())
}

// writeStatus sends the task's status with the next version. A version is never used twice, not even after a failure:
// a record that timed out may still arrive.
func (s *slot) writeStatus(e *entry, now time.Time) error {
	st, err := s.statusOf(e)
	if err != nil {
		return err
	}
	e.version++
	e.changed, e.force, e.wrote, e.updated = false, false, now, now.UnixMilli()
	e.flight++
	st.Version, st.UpdatedMs, st.Rate = e.version, e.updated, s.rate(e, now)
	s.enqueue(s.st.ports.Statuses, schemas.EncodeStatus(s.results.Partition, st), &write{e: e})
	return nil
}

func (s *slot) statusOf(e *entry) (*schemas.Status, error) {
	was := e.task.loaded
	st, err := e.task.Status(e.read)
	s.account(e.task.loaded - was)
	return st, err
}

// writeParts sends every part of the task that memory knows more of than the topic.
func (s *slot) writeParts(e *entry) {
	for n := range e.task.parts {
		p := &e.task.parts[n]
		if !p.dirty {
			continue
		}
		p.dirty = false
		p.flight++
		rec := schemas.EncodePage(s.results.Partition, &schemas.StatePage{Task: e.id.Bytes(), Number: uint32(n), Marks: p.marks})
		s.enqueue(s.st.ports.Marks, rec, &write{e: e, part: uint32(n)})
	}
}

// check begins a checkpoint when it is time and none is under way, and ends one whose writes are all acknowledged. At
// most three records of a part or status are under way at once: one at its own time, one at the task's end, one here.
func (s *slot) check(now time.Time) error {
	if s.cp == nil && (!now.Before(s.marksAt) || s.Draining() && !s.final) {
		s.marksAt = now.Add(s.st.cfg.MarksEvery)
		s.final = s.Draining()
		if err := s.begin(now); err != nil {
			return err
		}
	}
	if s.cp == nil || s.cp.waiting > 0 { //mutant:commit-waits-for-marks
		return nil
	}
	cp := s.cp
	s.cp = nil
	if cp.commit && !cp.failed && cp.pos > s.asked {
		s.asked, s.refused = cp.pos, false
		s.st.slots.Commit(s, stream.Position{Partition: s.results, Offset: cp.pos, Metadata: cp.folded.String()})
	}
	if !cp.failed {
		s.cool(now)
	}
	return nil
}

// begin writes everything that changed since the last checkpoint. Until the slot has caught up it only writes marks, so
// that memory can be freed, and commits nothing.
func (s *slot) begin(now time.Time) error {
	touched := s.touched
	s.touched = nil
	for i, e := range touched {
		e.touched = false
		s.writeParts(e)
		if !e.changed {
			continue
		}
		if !s.caught {
			s.touch(e)
			continue
		}
		if err := s.writeStatus(e, now); err != nil {
			s.touched = append(s.touched, touched[i:]...)
			return err
		}
	}
	lost := s.lost
	s.lost = nil
	for _, rec := range lost {
		s.enqueueReject(rec)
	}
	s.cp = &checkpoint{pos: s.next, folded: s.folded, waiting: len(s.flight), commit: s.caught}
	for w := range s.flight {
		w.cp = s.cp
	}
	return nil
}

// Drained reports whether the slot, told to drain, has nothing more to wait for. What could not be written or committed
// is left to the next owner, who reads the results again.
func (s *slot) Drained() bool {
	if !s.final || s.cp != nil {
		return false
	}
	return s.refused || s.asked <= s.reached
}
