package sender

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestQueue(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var q queue
		var want []*send
		t.Repeat(map[string]func(*rapid.T){
			"push":  func(*rapid.T) { e := &send{}; q.push(e); want = append(want, e) },
			"front": func(*rapid.T) { e := &send{}; q.pushFront(e); want = append([]*send{e}, want...) },
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
						t.Fatalf("wrong at %d", i)
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

func TestAlarms(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var h alarms
		sends := make([]send, 20)
		start := time.Unix(0, 0)
		for range 100 {
			e := &sends[rapid.IntRange(0, 19).Draw(t, "which")]
			if rapid.Bool().Draw(t, "set") {
				h.set(&e.alarm, e, start.Add(time.Duration(rapid.IntRange(0, 50).Draw(t, "at"))))
			} else {
				h.unset(&e.alarm)
			}
		}
		last, n := start, h.Len()
		for a := h.due(start.Add(25)); a != nil; a = h.due(start.Add(25)) {
			if a.at.Before(last) || a.place != 0 {
				t.Fatal("out of order")
			}
			last = a.at
			n--
		}
		for _, a := range h.items {
			if !a.at.After(start.Add(25)) {
				t.Fatal("overslept")
			}
			n--
		}
		if n != 0 {
			t.Fatalf("%d alarms are gone", n)
		}
	})
}
