package fanout

import (
	"context"
	"time"

	"altavoz/processor/fanout/ledger"
	"altavoz/processor/fanout/status"
	"altavoz/processor/fanout/task"
	"altavoz/schemas"
	"altavoz/stream"
)

// findSameRequest finds the task that is the same request as t under another id, made with another secret: of t's other ids one that came
// before it, or one that goes on and names t's id. A task that may have written to somebody is not asked: it was the first.
func (s *worker) findSameRequest(t *task.Task) (schemas.TaskID, bool) {
	c := status.Claim{Owner: t.Owner, SHA: t.SHA, Home: &schemas.Origin{Partition: s.tp.Partition, Offset: t.Offset}}
	for _, id := range t.Earlier {
		if x := s.tasks[id]; x != nil && x.Failure.None() && c.Same(x.Owner, x.SHA) {
			return id, true
		}
		for _, x := range s.claims[id] {
			if x.Offset < t.Offset && c.Same(x.Owner, x.SHA) {
				return id, true
			}
		}
		st := t.Others[id]
		if st == nil {
			st, _ = s.st.ports.Statuses.Get(id)
		}
		if c.First(st) {
			return id, true
		}
	}
	if x := s.aliases[t.ID]; x != nil && x.Failure.None() && c.Same(x.Owner, x.SHA) {
		return x.ID, true
	}
	return schemas.TaskID{}, false
}

// addAliases keeps by which other ids a task is known, while it goes on.
func (s *worker) addAliases(t *task.Task) {
	for _, id := range t.Earlier {
		if s.aliases[id] == nil {
			s.aliases[id] = t
		}
	}
}

func (s *worker) removeAliases(t *task.Task) {
	for _, id := range t.Earlier {
		if s.aliases[id] == t {
			delete(s.aliases, id)
		}
	}
}

// loadEarlier reads back those of the task's other ids that are known to be finished and no more than that, and decides then. What
// nobody can say more of is none of it.
func (s *worker) loadEarlier(t *task.Task, rec *stream.Record, known ledger.Line) bool {
	var gone []schemas.TaskID
	for _, id := range t.Earlier {
		if _, there := s.st.ports.Statuses.Get(id); !there && s.st.ports.Statuses.Finished(id) {
			gone = append(gone, id)
		}
	}
	if len(gone) == 0 || t.Others != nil {
		return false
	}
	t.BecomeIntake()
	t.Others = make(map[schemas.TaskID]*schemas.Status)
	s.intakes++
	found := make(map[schemas.TaskID]*schemas.Status)
	s.Background(func(ctx context.Context) error {
		for _, id := range gone {
			st, err := s.st.ports.Statuses.Find(ctx, id)
			if err != nil && !stream.IsGone(err) {
				return err
			}
			found[id] = st
		}
		return nil
	}, never, func(error) {
		s.intakes--
		t.Others = found
		s.decide(t, rec, known, time.Now())
	})
	return true
}
