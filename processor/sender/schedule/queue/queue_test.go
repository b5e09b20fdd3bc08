package queue

import (
	"testing"

	"pgregory.net/rapid"
)

type thing struct{ link Link[*thing] }

func TestQueueKeepsItsOrder(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var q Queue[*thing]
		var want []*thing
		t.Repeat(map[string]func(*rapid.T){
			"push":  func(*rapid.T) { e := &thing{}; q.Push(&e.link, e); want = append(want, e) },
			"front": func(*rapid.T) { e := &thing{}; q.PushFront(&e.link, e); want = append([]*thing{e}, want...) },
			"unlink": func(t *rapid.T) {
				if len(want) == 0 {
					t.Skip("empty")
				}
				i := rapid.IntRange(0, len(want)-1).Draw(t, "which")
				want[i].link.Unlink()
				want[i].link.Unlink() // harmless
				want = append(want[:i:i], want[i+1:]...)
			},
			"": func(t *rapid.T) {
				i := 0
				for e := range q.All() {
					if i >= len(want) || e != want[i] {
						t.Fatalf("wrong at %d, want less than %v", i, len(want))
					}
					i++
				}
				if i != len(want) || q.Len() != i || i > 0 && q.Last() != want[i-1] {
					t.Fatalf("%d, want %d", i, len(want))
				}
			},
		})
	})
}
