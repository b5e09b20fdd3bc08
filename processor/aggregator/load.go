package aggregator

import (
	"context"
	"time"

	"altavoz/processor/aggregator/fold"
	"altavoz/processor/aggregator/outbox"
	"altavoz/processor/aggregator/readback"
	"altavoz/processor/rate"
	"altavoz/schemas"
)

// loadTopics fills the partition from its topics. Partitions are loaded one at a time: see the memory of readback.Whole.
func (w *worker) loadTopics(ctx context.Context) error {
	all, err := w.topics.Whole(ctx, w.writes.committed)
	if err != nil {
		return err
	}
	w.own[schemas.TopicStatuses].Start(all.StatusesEnd)
	w.own[schemas.TopicMarks].Start(all.PagesEnd)
	if all.Broken > 0 {
		w.st.log.Error("records of marks or statuses can't be read and were passed over", "partition", w.partition(), "records", all.Broken)
	}
	for id, t := range all.Tasks {
		delete(all.Tasks, id)                                                  // frees its states as we go
		if err := w.place(id, t, t.Head.Plan == all.PlanOmitted); err != nil { //nolint:contextcheck // work goes on in the partition's context
			return err
		}
	}
	return nil
}

// place gives a task its place: evicted if status and marks agree, which is so for nearly all, else in memory with whatever must be
// written again.
func (w *worker) place(id schemas.TaskID, t *readback.Task, planOmitted bool) error {
	e := &entry{id: id, status: statusState{version: t.Version, offset: t.Offset, updatedMs: t.UpdatedMs}, done: t.Head.FinishedMs != 0}
	noStatus := t.Last == fold.NoRecord
	if noStatus && !t.HasPage() { // deleted whole
		return nil
	}
	w.tasks.entries[e.id] = e
	if t.Telling != nil {
		w.retell(id, t.Telling, t.Unsure, time.Now())
	}
	if len(t.Deleted) > 0 && (e.done || noStatus) { // its deletion was begun
		e.pages = t.Pages
		w.startDeletion(e)
		return nil
	}
	if !e.done {
		w.addOpen(1)
	}
	pages := fold.NewPages(t.Pages)
	agree := t.Last == e.status.offset && (!e.done || t.Rate == 0) && pages.Agree(t.Counts, t.Prices) && t.Complete && pages.Written()
	switch {
	case noStatus:
		task, err := fold.Rebuild(e.id, nil, fold.Head{}, pages)
		if err != nil {
			return err
		}
		e.unnamed = true
		w.makeResident(e, task)
		return nil
	case agree && e.done:
		for i := range pages.List {
			pages.Evict(&pages.List[i])
		}
		e.pages = pages.List
		w.index(e)
		return nil
	default:
		return w.placeResident(e, t, pages, planOmitted, agree)
	}
}

// placeResident keeps a task in memory: one that is not finished, or whose records disagree. Disagreeing is normal after a crash, when
// the two topics and the position in results stand at three different moments; the results that are read again mend it.
func (w *worker) placeResident(e *entry, t *readback.Task, pages fold.Pages, planOmitted, agree bool) (err error) {
	if t.Status == nil {
		if t.Status, err = w.readStatus(e); err != nil {
			return err
		}
	}
	if planOmitted {
		// The status of the highest version may be of a process that does not know the plan.
		if t.Head.Plan = t.Status.GetPlan(); t.Head.Plan == nil {
			if t.Head.Plan, err = w.topics.Plan(w.Context(), e.id); err != nil {
				return err
			}
		}
	}
	task, err := fold.Rebuild(e.id, t.Status, t.Head, pages)
	if err != nil {
		return err
	}
	w.makeResident(e, task)
	e.life = outbox.Restore(&task.Head, t.Status.GetEvents())
	if !agree {
		w.markChanged(e, time.Now())
	}
	if t.Rate != 0 {
		w.rates.add(e, rate.NewRecent(time.Now(), t.Rate))
	}
	w.evictPages()
	return nil
}
