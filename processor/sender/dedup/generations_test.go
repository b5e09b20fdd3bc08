package dedup

import (
	"testing"

	"altavoz/schemas"
)

func TestDedupRemembersTheLastSends(t *testing.T) {
	t.Parallel()
	var m generations
	a, b := schemas.NewTaskID(), schemas.NewTaskID()
	for i := range uint32(3 * Size) {
		task := a
		if i%3 == 0 {
			task = b
		}
		if !m.add(task, i) {
			t.Fatalf("%d is new", i)
		}
		for _, back := range []uint32{0, 1, 500, Size - 1} {
			if back > i {
				continue
			}
			task := a
			if (i-back)%3 == 0 {
				task = b
			}
			if m.add(task, i-back) {
				t.Fatalf("%d is forgotten at %d", i-back, i)
			}
		}
	}
	if n := len(m.current.sends) + len(m.previous.sends); n > 2*Size {
		t.Errorf("%d remembered, want at most %v", n, 2*Size)
	}
	if m.add(b, 0) == false {
		t.Error("remembers for ever")
	}
}
