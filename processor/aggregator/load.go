package aggregator

import (
	"context"
	"fmt"
	"slices"
	"time"

	"altavoz/processor/aggregator/pace"
	"altavoz/schemas"
	"altavoz/stream"
)

// loader reads a partition of statuses and marks whole. Every record counts, not only the last of a key: the last one
// may be a zombie's.
//
// Its memory is some 370 bytes for each task that the partition has, and a byte for each recipient, freed as the tasks get
// their places: at a million one-phone tasks a day, 35 days and 12 partitions 1.1 GB. Slots are loaded one at a time.
type loader struct {
	s      *slot
	tasks  map[schemas.TaskID]*found
	broken int
	plan   *schemas.TaskOpened // stands for the plan of a finished task, which is read again where it is needed
}

// found is what the topics say of one task.
type found struct {
	version uint64 // the highest, ...
	at      int64  // ... the offset of its record,
	status  *schemas.Status
	counts  []*schemas.StateCount
	updated int64
	rate    float64
	newest  int64 // offset of the last status record, whatever its version; noRecord: there is none
	head    head  // of all of them
	whole   bool  // the record of the highest version says all of it
	parts   []part
	gone    map[uint32]struct{} // parts whose last word is that they were removed
}

// load fills the slot from its topics.
func (s *slot) load(ctx context.Context) error {
	l := &loader{s: s, tasks: make(map[schemas.TaskID]*found), plan: new(schemas.TaskOpened)}
	for _, part := range []struct {
		slot stream.TopicPartition
		each func(stream.Record) error
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
		if err := l.settle(id, f); err != nil {
			return err
		}
	}
	return nil
}

func (l *loader) task(id schemas.TaskID) *found {
	f := l.tasks[id]
	if f == nil {
		f = &found{at: noRecord, newest: noRecord}
		l.tasks[id] = f
	}
	return f
}

func (l *loader) takeStatus(rec stream.Record) error {
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
	known, before := f.newest != noRecord, f.head
	f.newest = rec.Offset
	f.head.join(st)
	if known && st.GetVersion() <= f.version {
		f.whole = f.whole && f.head == before
		return nil
	}
	f.whole = f.head.in(st)
	f.version, f.at, f.status, f.counts, f.updated, f.rate = st.GetVersion(), rec.Offset, st, st.GetCounts(), st.GetUpdatedMs(), st.GetRate()
	if st.GetFinishedMs() != 0 { // which most are
		f.status, f.head.plan = nil, l.plan
	}
	return nil
}

func (l *loader) takePart(rec stream.Record) error {
	id, n, err := schemas.ParsePageKey(string(rec.Key))
	if err != nil {
		return l.pass(&rec, err)
	}
	if n >= MaxRecipients/schemas.PageRecipients {
		l.broken++
		return nil
	}
	f := l.task(id)
	if len(rec.Value) == 0 {
		if int(n) < len(f.parts) {
			f.parts[n].at, f.parts[n].dirty = noRecord, true
		}
		if f.gone == nil {
			f.gone = make(map[uint32]struct{})
		}
		f.gone[n] = struct{}{}
		return nil
	}
	var p schemas.StatePage
	if err := schemas.Decode(&rec, &p); err != nil {
		return l.pass(&rec, err)
	}
	delete(f.gone, n)
	for uint32(len(f.parts)) <= n {
		f.parts = append(f.parts, part{at: noRecord})
	}
	f.parts[n].at = noRecord                    // all that is known of it is in memory
	one := marks{parts: f.parts[n : n+1 : n+1]} // its counts come at the end, from all of them
	_, covers, err := one.merge(0, p.GetMarks(), 0, nil)
	if err != nil {
		return err
	}
	f.parts[n].at, f.parts[n].dirty = rec.Offset, !covers
	return nil
}

// pass passes over a record that can't be decoded, because it would stop the partition for good; but not what another
// version of the program wrote: its numbers would be lost, and then overwritten.
func (l *loader) pass(rec *stream.Record, err error) error {
	if v := rec.Header(schemas.VersionHeader); v != "" && v != schemas.Version {
		return err
	}
	l.broken++
	return nil
}

// settle gives a task its place: cold if status and marks say the same, which is so for nearly all, else in memory with
// whatever must be written again.
func (l *loader) settle(id schemas.TaskID, f *found) error {
	s := l.s
	e := &entry{id: id, version: f.version, at: f.at, updated: f.updated, done: f.head.finished != 0}
	stored := slices.ContainsFunc(f.parts, func(p part) bool { return p.at != noRecord })
	if f.newest == noRecord && !stored { // removed whole
		return nil
	}
	s.entries[e.id] = e
	if len(f.gone) > 0 && (e.done || f.newest == noRecord) { // its removal was begun
		e.parts = f.parts
		s.depart(e)
		return nil
	}
	if !e.done {
		s.opened(1)
	}
	k := marksOf(f.parts)
	if f.newest == noRecord {
		t := newTask(e.id)
		t.recount(k)
		e.orphan = true
		s.warmAs(e, t)
		return nil
	}
	agree := f.newest == e.at && (!e.done || f.rate == 0) && k.counts == histogram(f.counts) && f.whole &&
		!slices.ContainsFunc(k.parts, func(p part) bool { return p.dirty })
	if agree && e.done {
		for i := range k.parts {
			k.unload(&k.parts[i])
		}
		e.parts = k.parts
		s.putAway(e)
		return nil
	}
	return l.hold(e, f, k, agree)
}

// hold keeps a task in memory: one that is not finished, or whose records disagree. Disagreeing is normal after a crash,
// when the two topics and the position in results stand at three different moments; the results read again mend it.
func (l *loader) hold(e *entry, f *found, k marks, agree bool) (err error) {
	s, t := l.s, newTask(e.id)
	if f.status == nil {
		if f.status, err = s.status(e); err != nil {
			return err
		}
	}
	t.restore(f.status)
	if f.head.plan == l.plan {
		if f.head.plan, err = s.plan(e, f.status); err != nil {
			return err
		}
	}
	t.head = f.head
	t.recount(k)
	if err := t.trim(nil); err != nil {
		return err
	}
	s.warmAs(e, t)
	if !agree {
		s.change(e, time.Now())
	}
	if f.rate != 0 {
		s.track(e, pace.New(time.Now(), f.rate))
	}
	s.evict()
	return nil
}

// plan returns the plan of a task that has one, though the status of its highest version may be of somebody who does not know.
func (s *slot) plan(e *entry, st *schemas.Status) (*schemas.TaskOpened, error) {
	plan := st.GetPlan()
	if plan != nil {
		return plan, nil
	}
	err := s.back().Search(s.Context(), s.stats, e.id.String(), func(rec *stream.Record) error {
		var st schemas.Status
		err := schemas.Decode(rec, &st)
		if plan == nil {
			plan = st.GetPlan()
		}
		return err
	})
	return plan, err
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
