package readback

import (
	"context"
	"fmt"
	"slices"

	"altavoz/processor/aggregator/fold"
	"altavoz/processor/aggregator/outbox"
	"altavoz/schemas"
	"altavoz/stream"
)

// MaxPages is how many pages a task has at most: 1,024.
const MaxPages = schemas.MaxRecipients / schemas.PageRecipients

// Whole is what the two partitions have. Every record counts, not only the last of a key: the last one may be a zombie's.
//
// Its memory is some 370 bytes for each task that the partition has, and a byte for each recipient, freed as the tasks are taken out:
// at a million one-phone tasks a day, 35 days and 12 partitions 1.1 GB.
type Whole struct {
	Tasks                 map[schemas.TaskID]*Task
	Broken                int                 // records that can't be read
	PlanOmitted           *schemas.TaskOpened // stands for the plan of a finished task, which is read again where it is needed
	StatusesEnd, PagesEnd int64               // up to where they were read
	Committed             int64               // of results: events of a Status that were made from there on may not be written
}

// Task is what the topics have of one task. Status, Offset, Counts, Prices, UpdatedMs and Rate are those of the record of the highest Version.
type Task struct {
	Version   uint64
	Offset    int64
	Status    *schemas.Status // nil for a finished task: it is read again where it is needed
	Counts    []*schemas.StateCount
	Prices    []*schemas.PriceCount
	UpdatedMs int64
	Rate      float64
	Last      int64     // offset of the last status record, whatever its version; NoRecord: there is none
	Head      fold.Head // of all status records
	Complete  bool      // the record of the highest version has all of the head
	Pages     []fold.Page
	Deleted   map[uint32]struct{} // pages whose last record is a tombstone

	Unsure  []*schemas.TaskEvent // of all status records: those that may not be in the topic events
	Telling *schemas.Status      // of the highest version, if there are such, or if its numbers are not those that were told
}

// HasPage reports whether there is a page that was not deleted.
func (t *Task) HasPage() bool {
	return slices.ContainsFunc(t.Pages, func(p fold.Page) bool { return p.Offset != fold.NoRecord })
}

// Whole reads both partitions. committed is up to where results are.
func (r Reader) Whole(ctx context.Context, committed int64) (*Whole, error) {
	all := &Whole{Committed: committed, Tasks: make(map[schemas.TaskID]*Task), PlanOmitted: new(schemas.TaskOpened)}
	var err error
	if all.StatusesEnd, err = r.all(ctx, r.Statuses, all.addStatus); err != nil {
		return nil, err
	}
	if all.PagesEnd, err = r.all(ctx, r.Pages, all.addPage); err != nil {
		return nil, err
	}
	return all, nil
}

func (r Reader) all(ctx context.Context, p stream.TopicPartition, each func(stream.Record) error) (end int64, err error) {
	ends, err := r.Table.Ends(ctx, p.Topic)
	if err != nil {
		return 0, fmt.Errorf("asking for the end of %s: %w", p, err)
	}
	end = ends[p.Partition]
	if err := r.Table.Range(ctx, p, 0, end, each); err != nil {
		return 0, fmt.Errorf("reading %s: %w", p, err)
	}
	return end, nil
}

func (all *Whole) task(id schemas.TaskID) *Task {
	t := all.Tasks[id]
	if t == nil {
		t = &Task{Offset: fold.NoRecord, Last: fold.NoRecord}
		all.Tasks[id] = t
	}
	return t
}

func (all *Whole) addStatus(rec stream.Record) error {
	id, err := schemas.ParseTaskID(string(rec.Key))
	if err != nil {
		return all.skip(&rec, err)
	}
	if len(rec.Value) == 0 {
		delete(all.Tasks, id)
		return nil
	}
	s := new(schemas.Status)
	if err := schemas.Decode(&rec, s); err != nil {
		return all.skip(&rec, err)
	}
	t := all.task(id)
	known, before := t.Last != fold.NoRecord, t.Head
	t.Last = rec.Offset
	t.Head.Add(s)
	for _, e := range s.GetEvents() {
		if e.GetPosition() >= all.Committed && !slices.ContainsFunc(t.Unsure, func(o *schemas.TaskEvent) bool { return outbox.Same(o, e) }) { //mutant:what-may-not-be-told-is-told-again
			t.Unsure = append(t.Unsure, e)
		}
	}
	if t.Telling == nil && len(t.Unsure) > 0 {
		t.Telling = s
	}
	if known && s.GetVersion() <= t.Version {
		t.Complete = t.Complete && t.Head == before
		return nil
	}
	t.Complete = t.Head.ContainedIn(s)
	t.Version, t.Offset, t.Status, t.UpdatedMs, t.Rate = s.GetVersion(), rec.Offset, s, s.GetUpdatedMs(), s.GetRate()
	t.Counts, t.Prices = s.GetCounts(), s.GetPrices()
	if t.Telling = nil; len(t.Unsure) > 0 || outbox.Uncorrected(s) {
		t.Telling = s
	}
	if s.GetFinishedMs() != 0 { // which most are
		t.Status, t.Head.Plan = nil, all.PlanOmitted
	}
	return nil
}

func (all *Whole) addPage(rec stream.Record) error {
	id, n, err := schemas.ParsePageKey(string(rec.Key))
	if err != nil {
		return all.skip(&rec, err)
	}
	if n >= MaxPages {
		all.Broken++
		return nil
	}
	t := all.task(id)
	if len(rec.Value) == 0 {
		if int(n) < len(t.Pages) {
			t.Pages[n].Offset, t.Pages[n].Dirty = fold.NoRecord, true
		}
		if t.Deleted == nil {
			t.Deleted = make(map[uint32]struct{})
		}
		t.Deleted[n] = struct{}{}
		return nil
	}
	var p schemas.StatePage
	if err := schemas.Decode(&rec, &p); err != nil {
		return all.skip(&rec, err)
	}
	delete(t.Deleted, n)
	for uint32(len(t.Pages)) <= n {
		t.Pages = append(t.Pages, fold.Page{Offset: fold.NoRecord})
	}
	t.Pages[n].Offset = fold.NoRecord               // all that is known of it is in memory
	one := fold.Pages{List: t.Pages[n : n+1 : n+1]} // its counts come at the end, from all of them
	_, covers, err := one.MergePage(0, &p, 0, nil)
	if err != nil {
		return err
	}
	t.Pages[n].Offset, t.Pages[n].Dirty = rec.Offset, !covers
	return nil
}

// skip passes over a record that can't be decoded, because it would stop the partition for good; but not what another version of the
// program wrote: its numbers would be lost, and then overwritten.
func (all *Whole) skip(rec *stream.Record, err error) error {
	if v := rec.Header(schemas.VersionHeader); v != "" && v != schemas.Version && v != schemas.Version2 {
		return err
	}
	all.Broken++
	return nil
}
