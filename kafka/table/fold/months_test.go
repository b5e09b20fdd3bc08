package fold

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"altavoz/schemas"
)

// What the statuses of a number's tasks show of a month adds up, each task by its newest status, and months that are over are forgotten.
func TestMonthHasTheNewestOfEachTask(t *testing.T) {
	t.Parallel()
	tasks := NewTasks(1<<20, 1)
	at := time.Date(2026, 11, 30, 23, 0, 0, 0, time.UTC)
	ids := []schemas.TaskID{schemas.NewTaskID(), schemas.NewTaskID(), schemas.NewTaskID(), schemas.NewTaskID()}
	offset := int64(0)
	apply := func(task int, version uint64, number string, began time.Time, counts ...uint32) {
		s := &schemas.Status{
			Task: ids[task].Bytes(), Version: version, Plan: &schemas.TaskOpened{Total: 9, Sender: number, AcceptedMs: at.UnixMilli()},
			StartedMs: began.UnixMilli(), FinishedMs: began.UnixMilli() + 1,
		}
		for i := 0; i < len(counts); i += 2 {
			s.Prices = append(s.Prices, &schemas.PriceCount{Price: counts[i], Count: counts[i+1]})
		}
		tasks.Apply(ids[task], s, 100, Location{0, offset})
		offset++
	}
	check := func(number string, month time.Time, want map[uint32]uint32) {
		t.Helper()
		got := make(map[uint32]uint32)
		for _, c := range tasks.Months.Priced(number, month.UnixMilli()) {
			got[c.GetPrice()] = c.GetCount()
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s in %s (-want +got):\n%s", number, month.Format("2006-01"), diff)
		}
	}
	december, march := at.Add(24*time.Hour), at.AddDate(0, 4, 0)
	apply(0, 1, "1065", at)
	apply(0, 2, "1065", at, 33, 2)
	apply(0, 3, "1065", at, 33, 1, 113, 2) // one of them is billed after all
	apply(0, 2, "1065", at, 33, 9)         // an older one
	apply(1, 1, "1065", december, 33, 5)
	apply(2, 1, "1066", at, 117, 7)
	check("1065", at, map[uint32]uint32{33: 1, 113: 2})
	check("1065", december, map[uint32]uint32{33: 5})
	check("1066", at, map[uint32]uint32{117: 7})
	apply(1, 2, "1065", at, 33, 5) // it began earlier, as came out later
	check("1065", at, map[uint32]uint32{33: 6, 113: 2})
	check("1065", december, map[uint32]uint32{})
	apply(3, 1, "1066", march, 117, 8)
	check("1065", at, map[uint32]uint32{})
	check("1066", march, map[uint32]uint32{117: 8})
}
