package records

import (
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"altavoz/internal/testio"
)

// Each entry ends exactly once: in time, or by expiring; and a key takes nothing more from when one of its entries expires
// until that is answered after all. The model is a list.
func TestEveryEntryIsAnsweredInTimeOrExpiresOnce(t *testing.T) {
	t.Parallel()
	const after = 10 * time.Second
	type model struct {
		key     int
		due     time.Time
		e       *entry[int]
		expired int
		ended   bool
	}
	testio.Seeds(t, 500, func(t *testing.T, seed uint64) {
		synctest.Test(t, func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 0))
			var mu sync.Mutex // of what those who expire write, each on a goroutine of its timer
			told := make(map[int]int)
			s := newUnanswered(after, func(key, n int) { mu.Lock(); told[key] += n; mu.Unlock() })
			var all []*model
			overdue := func(key int) bool {
				mu.Lock()
				defer mu.Unlock()
				return slices.ContainsFunc(all, func(x *model) bool { return x.key == key && x.expired > 0 && !x.ended })
			}
			for range 1 + r.IntN(60) {
				switch r.IntN(3) {
				case 0:
					x := &model{key: r.IntN(3), due: time.Now().Add(after)}
					late := overdue(x.key)
					x.e = new(entry[int])
					ok := s.add(x.e, x.key, expires(func() { mu.Lock(); x.expired++; mu.Unlock() }))
					if want := !late; ok != want {
						t.Fatalf("taken: %t, want %t", ok, want)
					}
					if ok {
						all = append(all, x)
					}
				case 1:
					if len(all) == 0 {
						continue
					}
					if x := all[r.IntN(len(all))]; !x.ended {
						x.ended = true
						inTime := x.e.answer()
						mu.Lock()
						expired := x.expired
						mu.Unlock()
						if inTime != (expired == 0) {
							t.Fatalf("ended in time: %t, but expired %d times; want %v", inTime, expired, expired == 0)
						}
					}
				case 2:
					time.Sleep(time.Duration(1+r.IntN(12000)) * time.Millisecond)
					synctest.Wait()
				}
				expired := 0
				mu.Lock()
				for _, x := range all {
					expired += x.expired
					if want := !x.ended && !time.Now().Before(x.due); want && x.expired != 1 || x.expired > 1 {
						t.Fatalf("%s after its time an entry expired %d times; want at most 1", time.Since(x.due), x.expired)
					}
				}
				if told[0]+told[1]+told[2] != expired {
					t.Fatalf("told of %v, %d expired; want %v", told, expired, told[0]+told[1]+told[2])
				}
				mu.Unlock()
			}
			s.stop()
		})
	})
}

type expires func()

func (f expires) expire() { f() }

func BenchmarkAddAndEnd(b *testing.B) {
	s := newUnanswered(time.Hour, func(int, int) {})
	defer s.stop()
	for b.Loop() {
		e := new(entry[int])
		s.add(e, 1, expires(func() {}))
		e.answer()
	}
}
