package aggregator

import (
	"context"
	"fmt"
	"slices"
	"time"

	"altavoz/processor/aggregator/pace"
	"altavoz/schemas"
)

// loader reads a partition of statuses and marks whole. Every record counts, not only the last of a key: the last one
// may be a zombie's.
//
// Its memory is one byte for each recipient of the partition's tasks of the last 35 days, freed as soon as the histograms
// are known: at a million recipients a day and 12 partitions, 3 MB. Slots are loaded one at a time.
type loader struct {
	s      *slot
	tasks  map[schemas.TaskID]*found
	broken int
}

// found is what the topics say of one task.
type found struct {
	e      *entry
	status *schemas.Status // of the highest version; without lines once the task is finished, which most are
	newest int64           // offset of the last status record, whatever its version
	head   head            // of all of them
	marks  marks
	gone   map[uint32]struct{} // parts whose last word is that they were removed
}

// load fills the slot from its topics.
func (s *slot) load(ctx context.Context) error {
	l := &loader{s: s, tasks: make(map[schemas.TaskID]*found)}
	for _, part := range []struct {
		slot schemas.Slot
		each func(schemas.Record) error
	}{{s.stats, l.takeStatus}, {s.markers, l.takePart}} {
		ends, err := s.st.ports.Table.Ends(ctx, part.slot.Topic)
		if err != nil {
			return fmt.Errorf("asking for the end of %s: %w", part.slot, err)
		}
		end := ends[part.slot.Partition]
		if err := s.st.ports.Table.Range(ctx, part.slot, 0, end, part.each); err != nil {
			return fmt.Errorf("reading %s: %w", part.slot, err)
		}
		s.own[part.slot.Topic].Start(end)
	}
	if l.broken > 0 {
		s.st.log.Error("records of marks or statuses can't be read and were passed over", "partition", s.results.Partition, "records", l.broken)
	}
	for id, f := range l.tasks {
		delete(l.tasks, id) // frees its marks as we go
		if err := l.settle(f); err != nil {
			return err
		}
	}
	return nil
}

func (l *loader) task(id schemas.TaskID) *found {
	f := l.tasks[id]
	if f == nil {
		f = &found{e: &entry{id: id, at: noRecord}, newest: noRecord}
		l.tasks[id] = f
	}
	return f
}

func (l *loader) takeStatus(rec schemas.Record) error {
	id, err := schemas.ParseTaskID(string(rec.Key))
	if err != nil {
		return l.pass(&rec, err)
	}
	if len(rec.Value) == 0 {
		delete(l.tasks, id)
		return nil
	}
	st := new(schemas.Status)
	if err := schemas.Decode(&rec, st); err != nil {
		return l.pass(&rec, err)
	}
	f := l.task(id)
	f.newest = rec.Offset
	f.head.join(st)
	if f.status != nil && st.GetVersion() <= f.status.GetVersion() {
		return nil
	}
	if st.GetFinishedMs() != 0 {
		st.Errors = nil
	}
	f.status, f.e.version, f.e.at = st, st.GetVersion(), rec.Offset
	return nil
}

func (l *loader) takePart(rec schemas.Record) error {
	id, n, err := schemas.ParsePartKey(string(rec.Key))
	if err != nil {
		return l.pass(&rec, err)
	}
	if n >= MaxRecipients/schemas.PartRecipients {
		l.broken++
		return nil
	}
	f := l.task(id)
	if len(rec.Value) == 0 {
		if int(n) < len(f.marks.parts) {
			f.marks.parts[n].at, f.marks.parts[n].dirty = noRecord, true
		}
		if f.gone == nil {
			f.gone = make(map[uint32]struct{})
		}
		f.gone[n] = struct{}{}
		return nil
	}
	var p schemas.Part
	if err := schemas.Decode(&rec, &p); err != nil {
		return l.pass(&rec, err)
	}
	delete(f.gone, n)
	_, covers, err := f.marks.merge(n, p.GetMarks(), 0, nil)
	if err != nil {
		return err
	}
	at := &f.marks.parts[n]
	at.at, at.dirty = rec.Offset, !covers
	return nil
}

// pass passes over a record that can't be decoded, because it would stop the partition for good; but not what another
// version of the program wrote: its numbers would be lost, and then overwritten.
func (l *loader) pass(rec *schemas.Record, err error) error {
	if v := rec.Header(schemas.VersionHeader); v != "" && v != schemas.Version {
		return err
	}
	l.broken++
	return nil
}

// settle gives a task its place: cold if status and marks say the same, which is so for nearly all, else in memory with
// whatever must be written again.
func (l *loader) settle(f *found) error {
	s, e := l.s, f.e
	s.entries[e.id] = e
	e.updated, e.done = f.status.GetUpdatedMs(), f.head.finished != 0
	stored := slices.ContainsFunc(f.marks.parts, func(p part) bool { return p.at != noRecord })
	if f.status == nil && !stored { // removed whole
		delete(s.entries, e.id)
		return nil
	}
	if len(f.gone) > 0 && (e.done || f.status == nil) { // its removal was begun
		e.parts = f.marks.parts
		s.depart(e)
		return nil
	}
	if !e.done {
		s.opened(1)
	}
	if f.status == nil {
		t := newTask(e.id)
		t.recount(f.marks)
		e.orphan = true
		s.warmAs(e, t)
		return nil
	}
	agree := f.newest == e.at && (!e.done || f.status.GetRate() == 0) && f.marks.counts == countsOf(f.status) && f.head.in(f.status)
	for i := range f.marks.parts {
		agree = agree && !f.marks.parts[i].dirty
	}
	if agree && e.done {
		for i := range f.marks.parts {
			f.marks.unload(&f.marks.parts[i])
		}
		e.parts = f.marks.parts
		s.putAway(e)
		return nil
	}
	return l.hold(f, agree)
}

// hold keeps a task in memory: one that is not finished, or whose records disagree. Disagreeing is normal after a crash,
// when the two topics and the position in results stand at three different moments; the results read again mend it.
func (l *loader) hold(f *found, agree bool) error {
	s, e := l.s, f.e
	t := newTask(e.id)
	if f.status.GetFinishedMs() != 0 { // its lines were not kept
		var err error
		if f.status, err = s.status(e); err != nil {
			return err
		}
	}
	t.restore(f.status)
	t.head = f.head
	t.recount(f.marks)
	if err := t.trim(nil); err != nil {
		return err
	}
	s.warmAs(e, t)
	if !agree {
		s.change(e, time.Now())
	}
	if rate := f.status.GetRate(); rate != 0 {
		s.track(e, pace.New(time.Now(), rate))
	}
	s.evict()
	return nil
}

// catchUp notes that everything is folded which the previous owner may have folded. From now on statuses may be written:
// they say no less than what was said before. (So a zombie's status is repaired only then, too: catching up must take
// less than min.compaction.lag, ten minutes, in which some hundred million results are folded.) What was read from marks and named by nobody is then known to be left over
// from a task that was forgotten.
func (s *slot) catchUp() {
	if s.caught || s.next < s.replayTo {
		return
	}
	s.caught = true
	for e := range s.held {
		if e.orphan {
			s.release(e)
			s.opened(-1)
			s.depart(e)
		}
	}
}
