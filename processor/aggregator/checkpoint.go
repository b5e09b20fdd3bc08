package aggregator

import (
	"time"

	"altavoz/processor/aggregator/lastresult"
	"altavoz/processor/partition"
	"altavoz/schemas"
	"altavoz/stream"
)

// writes is what is under way to the topics, and the positions that are committed once it is acknowledged.
type writes struct {
	dirty    []*entry        // something to write; entry.dirty says which
	rejects  []stream.Record // to be written again
	inFlight map[*write]struct{}

	checkpoint   *checkpoint // under way; nil: none is
	checkpointAt time.Time   // of the next one
	final        bool        // the last one was begun: the partition drains
	requested    int64       // position handed to the committer
	committed    int64       // highest position that was committed
	refused      bool        // the last commit was not made, or nobody knows
}

// write is a record under way to a topic: a status or a page of an entry, a tombstone of a deletion, or a reject.
type write struct {
	entry      *entry
	deletion   *deletion
	page       uint32
	topic      stream.Topic
	reject     stream.Record // which is nowhere else
	checkpoint *checkpoint   // that waits for it
}

// checkpoint is a position of results and the writes that contain everything below it.
type checkpoint struct {
	position int64
	last     lastresult.Result
	waiting  int
	failed   bool
	commit   bool
}

// append sends a record on its way.
func (w *worker) append(to stream.Appender, rec stream.Record, out *write) {
	out.topic = rec.Topic
	w.writes.inFlight[out] = struct{}{}
	if own := w.own[rec.Topic]; own != nil {
		to = own.Appender(to)
	}
	w.Append(to, rec, func(rec stream.Record, err error) { w.onWritten(out, rec.Offset, err) })
}

// onWritten takes an acknowledgement in. What was not written is dirty again.
func (w *worker) onWritten(out *write, at int64, err error) {
	delete(w.writes.inFlight, out)
	if err != nil {
		w.st.metrics.Failures.Inc()
		w.st.log.Debug("a record was not written and will be again", "topic", string(out.topic), "partition", w.partition(), "error", err)
	}
	if cp := out.checkpoint; cp != nil {
		cp.waiting--
		cp.failed = cp.failed || err != nil
	}
	switch {
	case out.deletion != nil:
		out.deletion.onWritten(out, err)
	case out.topic == schemas.TopicStatuses:
		s := &out.entry.status
		s.inFlight--
		if err == nil {
			s.offset = max(s.offset, at)
		}
		if err != nil || s.changed {
			w.markChanged(out.entry, time.Now())
		}
	case out.topic == schemas.TopicMarks:
		p := &out.entry.task.List[out.page]
		p.InFlight--
		if err == nil {
			p.Offset = max(p.Offset, at)
		} else {
			p.Dirty = true
			w.markDirty(out.entry)
		}
	case err != nil:
		w.writes.rejects = append(w.writes.rejects, out.reject)
	}
}

// reject keeps a record that can never be processed where an operator finds it.
func (w *worker) reject(rec stream.Record, why error) {
	w.st.metrics.Rejected.Inc()
	w.st.log.Warn("a result was rejected", "partition", rec.Partition, "offset", rec.Offset, "error", why)
	w.appendReject(w.st.ports.Reject(rec, "aggregator", "invalid_result", why.Error()))
}

func (w *worker) appendReject(rec stream.Record) {
	w.append(w.st.ports.Marks, rec, &write{reject: rec})
}

// writePages sends every page of the task of which memory has more than the topic.
func (w *worker) writePages(e *entry) {
	for n := range e.task.List {
		p := &e.task.List[n]
		if !p.Dirty {
			continue
		}
		p.Dirty = false
		p.InFlight++
		rec := schemas.EncodePage(w.partition(), &schemas.StatePage{Task: e.id.Bytes(), Number: uint32(n), Marks: p.States, Prices: p.Prices})
		w.append(w.st.ports.Marks, rec, &write{entry: e, page: uint32(n)})
	}
}

// runCheckpoint begins a checkpoint when it is time and none is under way, and ends one whose writes are all acknowledged. At most three
// records of a page or status are in flight at once: one at its own time, one at the task's end, one here.
func (w *worker) runCheckpoint(now time.Time) error {
	out := &w.writes
	if out.checkpoint == nil && (!now.Before(out.checkpointAt) || w.Draining() && !out.final) {
		out.checkpointAt = now.Add(w.st.cfg.MarksEvery)
		out.final = w.Draining()
		if err := w.beginCheckpoint(now); err != nil {
			return err
		}
	}
	if out.checkpoint == nil || out.checkpoint.waiting > 0 { //mutant:commit-waits-for-marks
		return nil
	}
	if w.events.Awaited() > 0 { //mutant:commit-waits-for-events
		return nil
	}
	if w.groups.Queue().Awaited() > 0 { //mutant:commit-waits-for-outcomes
		return nil
	}
	cp := out.checkpoint
	out.checkpoint = nil
	if cp.commit && !cp.failed && cp.position > out.requested {
		out.requested, out.refused = cp.position, false
		w.st.workers.Commit(w, stream.Position{Partition: w.Partition(), Offset: cp.position, Metadata: cp.last.String()})
	}
	if !cp.failed {
		w.evictIdle(now)
	}
	return nil
}

// beginCheckpoint writes everything that changed since the last one. Until the partition has caught up it only writes states, so that
// memory can be freed, and commits nothing.
func (w *worker) beginCheckpoint(now time.Time) error {
	out := &w.writes
	dirty := out.dirty
	out.dirty = nil
	for i, e := range dirty {
		e.dirty = false
		w.writePages(e)
		if !e.status.changed {
			continue
		}
		if !w.replay.caughtUp {
			w.markDirty(e)
			continue
		}
		if err := w.writeStatus(e, now); err != nil {
			out.dirty = append(out.dirty, dirty[i:]...)
			return err
		}
	}
	rejects := out.rejects
	out.rejects = nil
	for _, rec := range rejects {
		w.appendReject(rec)
	}
	out.checkpoint = &checkpoint{position: w.replay.next, last: w.replay.last, waiting: len(out.inFlight), commit: w.replay.caughtUp}
	for one := range out.inFlight {
		one.checkpoint = out.checkpoint
	}
	if w.replay.caughtUp {
		w.groups.Close() //mutant:open-groups-are-not-passed-over
		w.writeQueue(w.groups.Queue(), now)
		w.groups.Queue().Await()
		w.events.Await()
	}
	return nil
}

// OnCommitted takes in how the commit of a position ended.
func (w *worker) OnCommitted(r partition.CommitResult) {
	out := &w.writes
	out.refused = r.Unknown != nil || r.Refused != nil
	if !out.refused {
		out.committed = max(out.committed, r.Position.Offset)
		return
	}
	out.requested = stream.NoOffset
	if r.Unknown != nil {
		w.st.log.Warn("nobody knows whether a position was committed", "partition", w.partition(), "offset", r.Position.Offset, "error", r.Unknown)
		return
	}
	w.st.log.Debug("a position was not committed", "partition", w.partition(), "offset", r.Position.Offset, "error", r.Refused)
}

// Drained reports whether a partition that drains has nothing more to wait for. What could not be written or committed is left to the
// next owner, which reads the results again.
func (w *worker) Drained() bool {
	out := &w.writes
	return out.final && out.checkpoint == nil && (out.refused || out.requested <= out.committed)
}
