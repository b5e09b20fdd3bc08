package fold

import (
	"testing"

	"altavoz/schemas"
)

// Each task counts once for its owner and its day, however often it is told of, from its Plan on and also when it is not in memory any
// more; days before yesterday are forgotten.
func TestRecipientsOfADayCountOnce(t *testing.T) {
	t.Parallel()
	const day, now = 24 * 60 * 60 * 1000, 20_000*24*60*60*1000 + 5
	tasks := NewTasks(0, 1)
	offset := int64(0)
	tell := func(id schemas.TaskID, version uint64, owner string, at, finished int64) {
		offset++
		s := &schemas.Status{Task: id.Bytes(), Version: version, FinishedMs: finished}
		if at != 0 {
			s.Plan = &schemas.TaskOpened{Total: 10, Owner: owner, AcceptedMs: at}
		}
		if finished != 0 {
			s.Counts = []*schemas.StateCount{{Mark: uint32(schemas.StateSent), Count: 10}}
		}
		tasks.Apply(id, s, bytesOfOne, Location{Offset: offset})
	}
	want := func(owner string, at int64, n uint64) {
		t.Helper()
		if got := tasks.Days.Recipients(owner, at); got != n {
			t.Errorf("%s has %d recipients on day %d, want %d", owner, got, dayOf(at), n)
		}
	}
	a, b, c := schemas.NewTaskID(), schemas.NewTaskID(), schemas.NewTaskID()
	tell(a, 1, "", 0, 0) // its results outran its plan
	tell(a, 2, "shop", now, 0)
	tell(a, 3, "shop", now, 0)
	tell(a, 4, "shop", now, 9)
	tell(b, 1, "shop", now, 9) // a finds no room beside it
	tell(a, 5, "shop", now, 10)
	if _, inMemory := tasks.Get(b); inMemory {
		t.Error("both are in memory")
	}
	tell(b, 2, "shop", now, 10)
	tell(c, 1, "crm", now, 0)
	want("shop", now, 20)
	want("crm", now+day/2, 10)
	want("", now, 0)
	tell(schemas.NewTaskID(), 1, "shop", now+day, 0)
	want("shop", now, 20)
	want("shop", now+day, 10)
	tell(schemas.NewTaskID(), 1, "shop", now+2*day, 0)
	want("shop", now, 0)
	tell(schemas.NewTaskID(), 1, "shop", now, 0) // as one that is read back from long ago
	want("shop", now, 0)
	want("shop", now+2*day, 10)
}
