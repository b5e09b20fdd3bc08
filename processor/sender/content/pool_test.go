package content

import (
	"testing"

	"pgregory.net/rapid"
)

// TestPoolKeepsItsBoundsAndExpressDoesNotWaitForBulk drives a pool at random: its bounds hold, nobody waits while there is a place for him, and express does not wait behind bulk.
func TestPoolKeepsItsBoundsAndExpressDoesNotWaitForBulk(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		most := rapid.IntRange(1, 20).Draw(t, "most")
		each := rapid.IntRange(1, most).Draw(t, "each")
		p := NewPool[int](most, each)
		type job struct {
			bulk   bool
			shares []string
		}
		jobs, working := map[int]job{}, []int{}
		waiting, last := map[int]bool{}, 0
		busy := func(s string) (n int) {
			for _, w := range working {
				for _, one := range jobs[w].shares {
					if one == s {
						n++
					}
				}
			}
			return n
		}
		bulk := func() (n int) {
			for _, w := range working {
				if jobs[w].bulk {
					n++
				}
			}
			return n
		}
		fits := func(j job) bool {
			for _, s := range j.shares {
				if busy(s) >= each {
					return false
				}
			}
			return len(working) < most && (!j.bulk || bulk() < most-most/bulkLeaves)
		}
		t.Repeat(map[string]func(*rapid.T){
			"add": func(t *rapid.T) {
				last++
				j := job{rapid.Bool().Draw(t, "bulk"), rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"a", "b", "c"}), 0, 2, rapid.ID[string]).Draw(t, "shares")}
				jobs[last], waiting[last] = j, true
				p.Enqueue(last, j.bulk, j.shares...)
			},
			"next": func(t *rapid.T) {
				x, ok := p.Acquire()
				if !ok {
					for w := range waiting {
						if fits(jobs[w]) {
							t.Fatalf("%d waits, and there is a place for it", w)
						}
					}
					return
				}
				if !waiting[x] || !fits(jobs[x]) {
					t.Fatalf("%d gets a place", x)
				}
				for w := range waiting {
					if (jobs[x].bulk == jobs[w].bulk && w < x || jobs[x].bulk && !jobs[w].bulk) && fits(jobs[w]) {
						t.Fatalf("%d goes before %d", x, w)
					}
				}
				delete(waiting, x)
				working = append(working, x)
			},
			"done": func(t *rapid.T) {
				if len(working) == 0 {
					t.Skip("nobody works")
				}
				i := rapid.IntRange(0, len(working)-1).Draw(t, "which")
				p.Release(working[i])
				delete(jobs, working[i])
				working = append(working[:i], working[i+1:]...)
			},
			"": func(t *rapid.T) {
				if len(p.shares) != len(jobs) || len(p.working) != len(working) || p.total != len(working) {
					t.Fatalf("%d of %d, %d of %d; want %v, %v, %v", len(p.shares), len(jobs), len(p.working), len(working), len(jobs), len(working), p.total)
				}
			},
		})
	})
}
