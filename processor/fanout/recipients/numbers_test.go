package recipients

import (
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// kinds are lists as there are, one after the other: close together and far apart, in order and not.
func kinds(r *rand.Rand) map[string]func() uint64 {
	next, back := uint64(573_000_000_000), uint64(4_999_999_999_999)
	countries := []uint64{1, 7, 20, 27, 33, 34, 39, 44, 49, 51, 52, 54, 55, 56, 57, 58, 61, 62, 81, 86, 91, 212, 234, 351, 380, 420, 502, 593, 598, 971}
	return map[string]func() uint64{
		"Colombia, random": func() uint64 { return 573_000_000_000 + r.Uint64N(1_000_000_000) },
		"in order":         func() uint64 { next += 1 + r.Uint64N(5); return next },
		"backwards":        func() uint64 { back -= 1 + r.Uint64N(5); return back },
		"all countries": func() uint64 {
			c, digits := countries[r.IntN(len(countries))], 8+r.IntN(4)
			for range digits {
				c = c*10 + r.Uint64N(10)
			}
			return c
		},
		"up to 15 digits":    func() uint64 { return 1 + r.Uint64N(999_999_999_999_999) },
		"as wide as it gets": func() uint64 { return r.Uint64N(maxNumber + 1) },
	}
}

// The set says what a map would, whatever numbers come in whatever order, and stays in order.
func TestSetOfNumbersIsExact(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var s numbers
		known := make(map[uint64]struct{})
		spread := rapid.SampledFrom([]uint64{10, 3000, 1 << 16, 1 << 33, maxNumber}).Draw(t, "spread")
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		base := rapid.Uint64Range(0, maxNumber-spread).Draw(t, "base")
		step := rapid.SampledFrom([]int64{0, 1, -1, 1000}).Draw(t, "step")
		for i := range rapid.IntRange(0, 6000).Draw(t, "numbers") {
			v := base + r.Uint64N(spread)
			if step != 0 && r.IntN(3) > 0 {
				v = uint64(int64(base) + int64(i)*step&(1<<40-1))
			}
			v = min(v, maxNumber)
			_, old := known[v]
			known[v] = struct{}{}
			if s.add(v) == old {
				t.Fatalf("number %d: new %t, want %t", v, old, !old)
			}
		}
		var all []uint64
		for at, r := range s.runs {
			for i := range int(r.n) {
				all = append(all, s.bases[at]+r.at(i))
			}
		}
		if len(all) != len(known) || !slices.IsSorted(all) {
			t.Fatalf("%d numbers, want %d; in order %t", len(all), len(known), slices.IsSorted(all))
		}
		for _, v := range all {
			if _, ok := known[v]; !ok || s.add(v) {
				t.Fatalf("%d was never added", v)
			}
		}
	})
}

// A million of every kind against a map.
func TestSimulatedSetOfAMillionNumbersIsExact(t *testing.T) {
	t.Parallel()
	for name := range kinds(nil) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			draw := kinds(rand.New(rand.NewPCG(3, 4)))[name]
			var s numbers
			known := make(map[uint64]struct{})
			for range 300_000 {
				v := draw()
				_, old := known[v]
				known[v] = struct{}{}
				if s.add(v) == old {
					t.Fatalf("number %d: new %t, want %t", v, old, !old)
				}
			}
			for v := range known {
				if s.add(v) {
					t.Fatalf("%d is lost", v)
				}
			}
		})
	}
}

// What a set takes is what it says, and no more than a task reserves for it.
func TestSimulatedListsTakeTheMemoryThatTheSetSays(t *testing.T) {
	const fixed = 1 << 10 // what an empty set takes, and sizes that are rounded up
	for name := range kinds(nil) {
		for _, n := range []int{20_000, 1_000_000} {
			t.Run(fmt.Sprint(name, " ", n), func(t *testing.T) {
				var s *Seen
				taken, took := 0, int64(math.MaxInt64)
				for range 3 { // the least of them: what the runtime takes meanwhile is not the set's
					draw := kinds(rand.New(rand.NewPCG(1, 2)))[name]
					before := heap()
					s, taken = NewSeen(), 0
					for range n {
						if s.numbers.add(draw()) {
							taken++
						}
					}
					took = min(took, heap()-before)
					runtime.KeepAlive(s)
				}
				each, says := float64(took-fixed)/float64(taken), float64(s.Bytes())/float64(taken)
				t.Logf("%d taken, %.2f bytes each, it says %.2f", taken, each, says)
				if each > NumberBytes || says > NumberBytes || each > says*1.15 {
					t.Errorf("%.2f bytes a recipient, it says %.2f; %d are reserved; want at most %v, at most %v, at most %v", each, says, NumberBytes, NumberBytes, says*1.15, NumberBytes)
				}
			})
		}
	}
}

func heap() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC() // what pools hold outlasts the first
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

func BenchmarkNumbers(b *testing.B) {
	for name := range kinds(nil) {
		for _, n := range []int{1_000_000, 10_000_000} {
			b.Run(fmt.Sprint(name, "/", n), func(b *testing.B) {
				for b.Loop() {
					draw := kinds(rand.New(rand.NewPCG(1, 2)))[name]
					var s numbers
					taken := 0
					for range n {
						if s.add(draw()) {
							taken++
						}
					}
					b.ReportMetric(float64(s.bytes())/float64(taken), "bytes/number")
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/number")
			})
		}
	}
}
