package finished

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"altavoz/schemas"
)

// A task comes back as it was put there, but for a second, and once.
func TestTaskComesBackAsItWas(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		tasks, id := New(), schemas.NewTaskID()
		want := Task{
			Status: rapid.Int64Range(0, 1<<47).Draw(t, "status"), Page: rapid.Int64Range(NoRecord, 1<<47).Draw(t, "page"),
			Errors: rapid.Uint16().Draw(t, "errors"), UpdatedMs: rapid.Int64Range(0, 4_000_000_000_000).Draw(t, "updated"),
		}
		tasks.Put(id, want)
		got, ok := tasks.Take(id)
		if late := got.UpdatedMs - want.UpdatedMs; !ok || late < 0 || late >= 1000 {
			t.Fatalf("it is %d ms later: %v; want at least 0, less than 1000, true", late, ok)
		}
		if got.UpdatedMs = want.UpdatedMs; got != want {
			t.Fatalf("%+v, want %+v", got, want)
		}
		if _, ok := tasks.Take(id); ok || tasks.Len() != 0 {
			t.Fatal("it is still there")
		}
	})
}

// Those whose time is over are found, and no others, so many at a time.
func TestTasksWhoseTimeIsOver(t *testing.T) {
	t.Parallel()
	tasks, now := New(), time.UnixMilli(1_800_000_000_000)
	over := make(map[schemas.TaskID]bool)
	for i := range 1000 {
		id := schemas.NewTaskID()
		over[id] = i%2 == 0
		at := now.Add(-time.Hour)
		if !over[id] {
			at = now.Add(time.Millisecond)
		}
		tasks.Put(id, Task{UpdatedMs: at.UnixMilli()})
	}
	for left := 500; left > 0; left -= 100 {
		ids := tasks.Since(now, 100)
		if len(ids) != 100 {
			t.Fatalf("%d tasks, %d are left; want 100", len(ids), left)
		}
		for _, id := range ids {
			if _, ok := tasks.Take(id); !ok || !over[id] {
				t.Fatal("its time is not over")
			}
		}
	}
	if ids := tasks.Since(now, 100); len(ids) > 0 {
		t.Errorf("%d more, want 0", len(ids))
	}
}
