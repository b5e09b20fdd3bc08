package schedule

import (
	"testing"

	"pgregory.net/rapid"
)

func TestQueueKeepsItsOrder(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var q queue
		var want []*Send
		t.Repeat(map[string]func(*rapid.T){
			"push":  func(*rapid.T) { e := &Send{}; q.push(e); want = append(want, e) },
			"front": func(*rapid.T) { e := &Send{}; q.pushFront(e); want = append([]*Send{e}, want...) },
			"unlink": func(t *rapid.T) {
				if len(want) == 0 {
					t.Skip("empty")
				}
				i := rapid.IntRange(0, len(want)-1).Draw(t, "which")
				want[i].unlink()
				want[i].unlink() // harmless
				want = append(want[:i:i], want[i+1:]...)
			},
			"": func(t *rapid.T) {
				i := 0
				for e := q.head; e != nil; e = e.link.next {
					if i >= len(want) || e != want[i] {
						t.Fatalf("wrong at %d, want less than %v", i, len(want))
					}
					i++
				}
				if i != len(want) || q.n != i {
					t.Fatalf("%d, want %d", i, len(want))
				}
			},
		})
	})
}
