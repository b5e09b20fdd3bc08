package sender

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"altavoz/schemas"
)

// TestCapacity drives the limits of calls at random: the bounds hold, and nobody is kept from the part that is his.
func TestCapacity(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		most := rapid.SampledFrom([]int{1, 2, 7, 64, 256}).Draw(t, "most")
		c := newCapacity(most)
		var inFlight []int
		type call struct {
			number int
			lane   lane
		}
		var calls []call
		t.Repeat(map[string]func(*rapid.T){
			"join": func(*rapid.T) {
				if len(inFlight) < 9 {
					c.join(inFlight)
					inFlight = append(inFlight, 0)
				}
			},
			"call": func(t *rapid.T) {
				if len(inFlight) == 0 {
					t.Skip("no number")
				}
				k := call{rapid.IntRange(0, len(inFlight)-1).Draw(t, "number"), lane(rapid.IntRange(0, 1).Draw(t, "lane"))}
				if c.fits(k.lane, inFlight[k.number]) {
					c.add(k.lane, inFlight[k.number])
					inFlight[k.number]++
					calls = append(calls, k)
				}
			},
			"end": func(t *rapid.T) {
				if len(calls) == 0 {
					t.Skip("no call")
				}
				i := rapid.IntRange(0, len(calls)-1).Draw(t, "call")
				k := calls[i]
				calls = append(calls[:i], calls[i+1:]...)
				inFlight[k.number]--
				c.remove(k.lane, inFlight[k.number])
			},
			"": func(t *rapid.T) {
				total, owed := 0, 0
				for _, n := range inFlight {
					total += n
					owed += max(0, c.part-n)
				}
				if total != c.total || owed != c.owed || total > most || c.bulk > c.bulkMost {
					t.Fatalf("%+v, really %d calls, %d owed", c, total, owed)
				}
			},
		})
	})
}

// TestCapacityOfHungNumber: a number whose calls never end leaves to each of the others its part, and to express its
// eighth.
func TestCapacityOfHungNumber(t *testing.T) {
	t.Parallel()
	c := newCapacity(256)
	c.join(nil)
	c.join([]int{0})
	hung := 0
	for c.fits(bulk, hung) {
		c.add(bulk, hung)
		hung++
	}
	other := 0
	for c.fits(bulk, other) {
		c.add(bulk, other)
		other++
	}
	if hung != 192 || other != 32 {
		t.Errorf("%d calls for one, %d left for the other in bulk", hung, other)
	}
	for c.fits(express, other) {
		c.add(express, other)
		other++
	}
	if other != 64 { // its part, and the eighth for express
		t.Errorf("%d left for the other", other)
	}
}

func TestMemory(t *testing.T) {
	t.Parallel()
	var m memory
	a, b := schemas.NewTaskID(), schemas.NewTaskID()
	for i := range uint32(3 * rewindRecords) {
		task := a
		if i%3 == 0 {
			task = b
		}
		if !m.add(task, i) {
			t.Fatalf("%d is new", i)
		}
		for _, back := range []uint32{0, 1, 500, rewindRecords - 1} {
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
	if n := len(m.now.pairs) + len(m.before.pairs); n > 2*rewindRecords {
		t.Errorf("%d remembered", n)
	}
	if m.add(b, 0) == false {
		t.Error("remembers for ever")
	}
}

func TestPairs(t *testing.T) {
	t.Parallel()
	var p pairs
	n := &number{}
	now := time.Unix(1_700_000_000, 0)
	phone := func(i int) pair { return pair{n, schemas.Phone(rune('a' + i%26))} }
	for i := range 1000 {
		now = now.Add(700 * time.Millisecond)
		p.hold(phone(i), now)
		for back := range 9 {
			if at := now.Add(-time.Duration(back) * 700 * time.Millisecond); back <= i && at.Add(pairWait).After(now) {
				if got := p.until(phone(i - back)); !got.Equal(at.Add(pairWait)) {
					t.Fatalf("held until %v, want %v", got, at.Add(pairWait))
				}
			}
		}
	}
	if got := p.until(pair{&number{}, "a"}); !got.IsZero() {
		t.Error("another number is held too")
	}
	p.release(phone(999))
	if got := p.until(phone(999)); !got.IsZero() {
		t.Error("released, and held")
	}
	for i := range maxPhones + 1000 {
		p.hold(pair{n, schemas.Phone(string(rune(i)))}, now)
	}
	if len(p.now) > maxPhones || len(p.before) > maxPhones {
		t.Errorf("%d and %d phones are remembered", len(p.now), len(p.before))
	}
	for i := range maxPhones + 1000 {
		p.refuse(pair{n, schemas.Phone(string(rune(i)))}, now, 0)
	}
	known := len(p.refused)
	if known > maxPhones {
		t.Errorf("%d refused phones are remembered", known)
	}
	if p.sweep(now.Add(pairWait + pairMost)); len(p.refused) != known {
		t.Errorf("forgets what may come back: %d are left", len(p.refused))
	}
	if p.sweep(now.Add(pairWait + 2*pairMost)); len(p.refused) != 0 {
		t.Errorf("%d refused phones are remembered for ever", len(p.refused))
	}
}

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
