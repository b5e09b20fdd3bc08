package ledger

import (
	"errors"
	"maps"
	"math/bits"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"altavoz/stream"
)

func FuzzDecodeLedger(f *testing.F) {
	f.Add("")
	f.Add(Encode(&Identity{}, 1000, []Run{{State: Started, N: 1}}))
	f.Add(Encode(&Identity{}, 1000, []Run{{State: Free, N: 3}, {State: Done, N: 40_000}, {State: Started, N: 256}, {State: Done, N: 1}}))
	f.Add(Encode(&Identity{DoubtFrom: 1000, DoubtTo: 1003, Marks: []Mark{{Offset: 990, Sum: 7}, {Offset: 1002, Sum: 8}}}, 1000, []Run{{State: Started, N: 1}}))
	f.Add(Encode(&Identity{}, 1000, []Run{{State: Repeated, N: 1}, {State: Free, N: 2}, {State: Started, N: 40}, {State: Repeated, N: 2}, {State: Started, N: 1}}))
	f.Add("AQAAAAAAAAAAAAAAAAAA")
	f.Add(strings.Repeat("A", stream.MaxMetadata))
	f.Add(strings.Repeat("/", stream.MaxMetadata))
	f.Fuzz(func(t *testing.T, text string) {
		id, runs, err := Decode(text, 1000)
		if err != nil {
			return
		}
		_, again, err := Decode(Encode(&id, 1000, runs), 1000)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(runs, again); d != "" {
			t.Fatal(d)
		}
		if l, err := New[int](1000, runs); err == nil {
			l.inherit(&id)
			if l.bits+MaxRunBits <= Bits {
				if _, m := l.Encode(); len(m) > stream.MaxMetadata {
					t.Fatalf("%d bytes, want at most %v", len(m), stream.MaxMetadata)
				}
			}
		}
	})
}

// model is the ledger as a map: the state of every record seen.
type model struct {
	states map[int64]State
	cells  map[int64]*Cell[int]
	next   int64
}

func (m *model) at(offset int64) State {
	if s, ok := m.states[offset]; ok {
		return s
	}
	if offset < m.next {
		return Done // no record there
	}
	return Free
}

func (m *model) watermark() int64 {
	w := m.next
	for o, s := range m.states {
		if s != Done {
			w = min(w, o)
		}
	}
	return w
}

// TestLedgerDoesWhatAMapOfStatesDoes drives a ledger and a map of states with the same moves, takeovers among them, and reads back what
// would be committed at every step.
func TestLedgerDoesWhatAMapOfStatesDoes(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		start := rapid.Int64Range(0, 1<<40).Draw(t, "start")
		l, err := New[int](start, nil)
		if err != nil {
			t.Fatal(err)
		}
		m := &model{states: map[int64]State{}, cells: map[int64]*Cell[int]{}, next: start}
		open := func(t *rapid.T) *Cell[int] {
			var cs []*Cell[int]
			for c := l.head; c != nil; c = c.next {
				cs = append(cs, c)
			}
			if len(cs) == 0 {
				t.Skip("nothing open")
			}
			return rapid.SampledFrom(cs).Draw(t, "cell")
		}
		t.Repeat(map[string]func(*rapid.T){
			"append": func(t *rapid.T) {
				gap := rapid.SampledFrom([]int64{0, 0, 0, 1, 5, 70_000}).Draw(t, "gap")
				if o := m.next + gap; l.HasRoom(o) {
					c, lost := l.Locate(o)
					if c == nil || lost != 0 || c.Offset != o || c.started {
						t.Fatalf("met %v, lost %d; want one, Offset %v, 0", c, lost, o)
					}
					m.cells[o], m.states[o], m.next = c, Free, o+1
				}
			},
			"start": func(t *rapid.T) {
				if c := open(t); !c.again {
					l.Start(c)
					m.states[c.Offset] = Started
				}
			},
			"repeat": func(t *rapid.T) {
				c := open(t)
				if !c.started {
					t.Skip("not started")
				}
				if l.Start(c); l.CanRepeat(c) {
					l.Repeat(c)
					m.states[c.Offset] = Repeated
				}
			},
			"unrepeat": func(t *rapid.T) {
				if c := open(t); c.again {
					l.UndoRepeat(c)
					m.states[c.Offset] = Started
				}
			},
			"release": func(t *rapid.T) {
				if c := open(t); !c.again {
					l.Release(c)
					m.states[c.Offset] = Free
				}
			},
			"done": func(t *rapid.T) {
				c := open(t)
				l.Finish(c)
				m.states[c.Offset] = Done
				delete(m.cells, c.Offset)
			},
			"": func(t *rapid.T) { checkLedger(t, l, m) },
		})
	})
}

func checkLedger(t *rapid.T, l *Ledger[int], m *model) {
	w, text := l.Encode()
	if want := m.watermark(); w != want || l.Watermark() != want {
		t.Fatalf("watermark %d, want %d", w, want)
	}
	if len(text) > stream.MaxMetadata {
		t.Fatalf("%d bytes, want at most %v", len(text), stream.MaxMetadata)
	}
	runs, err := decodeRuns(text)
	if err != nil {
		t.Fatal(err)
	}
	at, spent := w, 0
	for _, r := range runs {
		if r.State == Repeated {
			spent -= MaxAgain*11 + 17 // in a part of its own
		}
		spent += RunBits(r.N)
		for o := at; o < at+r.N; o++ {
			if o-at > 100 && o < at+r.N-100 { // a long run, as long as its ends are right
				o = at + r.N - 100
			}
			if got := m.at(o); got != r.State {
				t.Fatalf("offset %d is %d, the ledger says %d; want %v", o, got, r.State, r.State)
			}
		}
		at += r.N
	}
	if spent > l.bits+MaxRunBits {
		t.Fatalf("%d bits, reckoned with %d; want at most %v", spent, l.bits, l.bits+MaxRunBits)
	}
	for o, s := range m.states { // beyond the runs all is Free
		if o >= at && s != Free {
			t.Fatalf("offset %d is %d, and not in the ledger", o, s)
		}
	}
	// The next owner sees the same.
	next, err := New[int](w, runs)
	if err != nil {
		t.Fatal(err)
	}
	if w2, text2 := next.Encode(); w2 != w || text2 != text {
		t.Fatalf("the next owner writes %d %q, not %d %q", w2, text2, w, text)
	}
	for _, o := range slices.Sorted(maps.Keys(m.states)) {
		if o < w {
			continue
		}
		c, lost := next.Locate(o)
		if lost > 0 {
			t.Fatalf("%d lost before %d; want 0", lost, o)
		}
		if s := m.at(o); (c == nil) != (s == Done) || c != nil && c.State() != s {
			t.Fatalf("offset %d is %d, and met as %v", o, s, c)
		}
	}
}

// TestFullLedgersFitIntoTheCommit fills ledgers as far as they have room and then lets their records become what costs most.
func TestFullLedgersFitIntoTheCommit(t *testing.T) {
	t.Parallel()
	if Bits/2-MaxRunBits < MaxOpen {
		t.Fatalf("%d records do not fit in the worst case, want at most %v", MaxOpen, Bits/2-MaxRunBits)
	}
	type pattern struct {
		gap   func(i int) int64
		state func(i int) State
	}
	alternate := func(k int) func(int) State { return func(i int) State { return State(i / k % 3) } }
	for name, p := range map[string]pattern{
		"every other one":         {func(int) int64 { return 0 }, func(i int) State { return []State{Started, Done}[i%2] }},
		"all three in turn":       {func(int) int64 { return 0 }, alternate(1)},
		"in twos":                 {func(int) int64 { return 0 }, alternate(2)},
		"gaps of one":             {func(int) int64 { return 1 }, func(i int) State { return []State{Free, Started}[i%2] }},
		"far apart, then done":    {func(int) int64 { return 1_000_000 }, func(i int) State { return []State{Started, Done, Free}[i%3] }},
		"one stuck, others done":  {func(int) int64 { return 0 }, func(i int) State { return []State{Free, Done}[min(i, 1)] }},
		"started again":           {func(int) int64 { return 0 }, func(i int) State { return []State{Repeated, Started, Done, Free}[i%4] }},
		"started again, at last":  {func(int) int64 { return 0 }, func(i int) State { return map[bool]State{true: Repeated, false: Started}[i%32 == 31] }},
		"growing gaps, all begun": {func(i int) int64 { return int64(1) << (i % 39) }, func(int) State { return Started }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l, _ := New[int](0, nil)
			var cells []*Cell[int]
			for i := 0; ; i++ {
				o := l.next + p.gap(i)
				if !l.HasRoom(o) {
					break
				}
				c, _ := l.Locate(o)
				cells = append(cells, c)
			}
			most := 0
			for i, c := range cells {
				switch p.state(i) {
				case Started:
					l.Start(c)
				case Done:
					l.Finish(c)
				case Repeated:
					l.Start(c)
					l.Repeat(c)
				case Free:
				}
				if i%97 == 0 || i == len(cells)-1 {
					_, text := l.Encode()
					most = max(most, len(text))
				}
			}
			if most > stream.MaxMetadata {
				t.Errorf("%d bytes, want at most %v", most, stream.MaxMetadata)
			}
			t.Logf("%d records, at most %d bytes", len(cells), most)
		})
	}
}

// TestOneStuckNumber: what waits for long must not stop the others: a few hundred free sends among millions of done ones
// still fit.
func TestOneStuckNumber(t *testing.T) {
	t.Parallel()
	l, _ := New[int](0, nil)
	offset := int64(0)
	for range 300 {
		if !l.HasRoom(offset) {
			t.Fatal("no room")
		}
		l.Locate(offset) // stays
		for range 2000 {
			offset++
			c, _ := l.Locate(offset)
			l.Start(c)
			l.Finish(c)
		}
		offset++
	}
	if _, text := l.Encode(); len(text) > stream.MaxMetadata/2 {
		t.Errorf("%d bytes for 300 among 600,000, want at most %v", len(text), stream.MaxMetadata/2)
	}
}

// TestOpenRecordsThatTheLogLostAreDone: records that the last owner left open and that are not in the log any more are Done, once a later one
// was read.
func TestOpenRecordsThatTheLogLostAreDone(t *testing.T) {
	t.Parallel()
	l, err := New[int](100, []Run{{State: Started, N: 2}, {State: Free, N: 2}, {State: Done, N: 1}, {State: Started, N: 1}})
	if err != nil {
		t.Fatal(err)
	}
	if c, lost := l.Locate(103); c == nil || c.started || lost != 2 {
		t.Errorf("103: %v, %d lost; want one, 2", c, lost)
	}
	if c, lost := l.Locate(104); c != nil || lost != 0 {
		t.Errorf("104: %v, %d lost; want 0", c, lost)
	}
	if c, lost := l.Locate(110); c == nil || c.started || lost != 1 {
		t.Errorf("110: %v, %d lost; want one, 1", c, lost)
	}
	if l.open != 2 || l.Watermark() != 103 {
		t.Errorf("%d open from %d; want 2, 103", l.open, l.Watermark())
	}
}

func TestRunsThatNoLedgerHoldsAreRefused(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		at   int64
		runs []Run
	}{
		"too many open":            {0, []Run{{State: Free, N: maxInherited + 1}}},
		"too many open, in pieces": {0, []Run{{State: Free, N: maxInherited / 2}, {State: Started, N: maxInherited/2 + 1}}},
		"runs without watermark":   {-1, []Run{{State: Started, N: 1}}},
		"beyond all offsets":       {1<<63 - 5, []Run{{State: Started, N: 1}, {State: Done, N: 100}}},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := New[int](c.at, c.runs); !errors.Is(err, ErrLedger) {
				t.Errorf("got %v, want %v", err, ErrLedger)
			}
		})
	}
}

func TestBitsOfARunGrowWithItsLogarithm(t *testing.T) {
	t.Parallel()
	for n := int64(1); n < 100_000; n++ {
		if RunBits(n) != 2*bits.Len64(uint64(n)) || int64(RunBits(n)) > 2*n {
			t.Fatalf("%d records take %d bits", n, RunBits(n))
		}
	}
}

func BenchmarkEncode(b *testing.B) {
	l, _ := New[int](0, nil)
	for o := range int64(300) {
		if c, _ := l.Locate(o * 3); o%2 == 0 {
			l.Start(c)
		}
	}
	b.ReportAllocs()
	for b.Loop() {
		l.Encode()
	}
}
