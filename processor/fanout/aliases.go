package fanout

import (
	"context"
	"time"

	"altavoz/processor/fanout/ledger"
	"altavoz/processor/fanout/task"
	"altavoz/schemas"
	"altavoz/stream"
)

// sameRequest finds the task that is the same request as t under another id.
func (s *worker) sameRequest(t *task.Task) (schemas.TaskID, bool) {
	return s.claims.SameRequest(t, s.tp.Partition, s.tasks, func(id schemas.TaskID) *schemas.Status {
		st, _ := s.st.ports.Statuses.Get(id)
		return st
	})
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
