package dedup

import (
	"testing"

	"altavoz/schemas"
)

// send is one of an owner that replaced others, and says so of a repeat or, with all, of everything.
func send(index uint32, generation int64, all bool, replaced ...int64) *schemas.Send {
	return &schemas.Send{Index: index, Generation: generation, Replaced: replaced, RepeatedAll: all}
}

func TestReplacedOwnerIsDroppedOnceAllIsRepeated(t *testing.T) {
	t.Parallel()
	var m Dedup
	a, b := schemas.NewTaskID(), schemas.NewTaskID()
	for _, step := range []struct {
		what  string
		task  schemas.TaskID
		e     *schemas.Send
		fresh bool
	}{
		{"an owner writes", a, send(0, 7, false), true},
		{"its successor repeats what came", a, send(0, 9, false, 7, 5), false},
		{"and what had not", a, send(1, 9, false, 7, 5), true},
		{"the same is late", a, send(1, 7, false), false},
		{"what is not repeated yet is not dropped for good: it may be the only one", a, send(2, 7, false), true},
		{"its repeat is", a, send(2, 9, false, 7, 5), false},
		{"now all is repeated", b, send(0, 9, true, 7, 5), true},
		{"whatever else the first writes", b, send(1, 7, false), false},
		{"or the one before it", b, send(2, 5, false), false},
		{"is not remembered either", b, send(1, 9, true, 7, 5), true},
		{"owners with lower numbers are not replaced: the group may be new", b, send(3, 1, true, 2), true},
		{"nor is a version that has none", b, send(4, 0, false), true},
		{"whoever says so", b, send(5, 11, true, 0), true},
		{"still not", b, send(6, 0, false), true},
	} {
		t.Run(step.what, func(t *testing.T) {
			if fresh := m.IsNew(step.task, step.e); fresh != step.fresh {
				t.Errorf("fresh %t, want %v", fresh, step.fresh)
			}
		})
	}
}

// A repeat outlives the other sends, so that what it repeats is found however many lie between.
func TestRepeatIsRememberedLongerThanOtherSends(t *testing.T) {
	t.Parallel()
	var m Dedup
	a, b := schemas.NewTaskID(), schemas.NewTaskID()
	m.IsNew(a, send(0, 9, false, 7))
	m.IsNew(a, send(1, 9, false))
	for i := range uint32(3 * Size) {
		if !m.IsNew(b, send(i, 9, false)) {
			t.Fatalf("send %d is no repeat", i)
		}
	}
	if m.IsNew(a, send(0, 7, false)) {
		t.Error("what was repeated is called for")
	}
	if !m.IsNew(a, send(1, 7, false)) {
		t.Error("an ordinary send is remembered longer than it should")
	}
}

func TestOldestOwnersAreForgottenFirst(t *testing.T) {
	t.Parallel()
	var m Dedup
	task := schemas.NewTaskID()
	const n = 3 * maxOwners
	for i := range int64(n) {
		m.addReplaced([]int64{i + 1, i + 1, max(1, i)})
	}
	for i := range int64(n) {
		if want := i < n-maxOwners; m.IsNew(task, send(uint32(i), i+1, false)) != want {
			t.Fatalf("owner %d of %d: forgotten %t", i+1, n, !want)
		}
	}
	if len(m.owners) != maxOwners || len(m.order) != maxOwners {
		t.Errorf("%d are remembered, want %v", len(m.owners), maxOwners)
	}
}

func BenchmarkFresh(b *testing.B) {
	task := schemas.NewTaskID()
	for name, e := range map[string]*schemas.Send{
		"first owner": send(0, 1<<40, true), "third takeover": send(0, 1<<40, true, 1<<41, 1<<42, 1<<43),
	} {
		b.Run(name, func(b *testing.B) {
			var m Dedup
			for b.Loop() {
				e.Index++
				m.IsNew(task, e)
			}
		})
	}
	// As they come: of each partition what a fetch brings.
	b.Run("48 partitions", func(b *testing.B) {
		const fetched = 50
		e, ms := send(0, 1<<40, true), make([]Dedup, 48)
		for b.Loop() {
			e.Index++
			ms[e.Index/fetched%uint32(len(ms))].IsNew(task, e)
		}
	})
}
