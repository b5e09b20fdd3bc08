package sender

import (
	"errors"
	"maps"
	"math/bits"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	line "altavoz/processor/sender/ledger"
	"altavoz/stream"
)

// decodeRuns reads the states of a ledger.
func decodeRuns(text string) ([]run, error) {
	_, runs, err := line.Decode(text, 1000)
	return runs, err
}

func FuzzDecodeLedger(f *testing.F) {
	f.Add("")
	f.Add(line.Encode(&line.Identity{}, 1000, []run{{State: started, N: 1}}))
	f.Add(line.Encode(&line.Identity{}, 1000, []run{{State: free, N: 3}, {State: done, N: 40_000}, {State: started, N: 256}, {State: done, N: 1}}))
	f.Add(line.Encode(&line.Identity{DoubtFrom: 1000, DoubtTo: 1003, Marks: []line.Mark{{Offset: 990, Sum: 7}, {Offset: 1002, Sum: 8}}}, 1000, []run{{State: started, N: 1}}))
	f.Add(line.Encode(&line.Identity{}, 1000, []run{{State: repeated, N: 1}, {State: free, N: 2}, {State: started, N: 40}, {State: repeated, N: 2}, {State: started, N: 1}}))
	f.Add("AQAAAAAAAAAAAAAAAAAA")
	f.Add(strings.Repeat("A", stream.MaxMetadata))
	f.Add(strings.Repeat("/", stream.MaxMetadata))
	f.Fuzz(func(t *testing.T, text string) {
		id, runs, err := line.Decode(text, 1000)
		if err != nil {
			return
		}
		_, again, err := line.Decode(line.Encode(&id, 1000, runs), 1000)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(runs, again); d != "" {
			t.Fatal(d)
		}
		if l, err := newLedger(1000, runs); err == nil {
			l.inherit(&id)
			if l.bits+line.MaxRunBits <= line.Bits {
				if _, m := l.encode(); len(m) > stream.MaxMetadata {
					t.Fatalf("%d bytes", len(m))
				}
			}
		}
	})
}

// model is the ledger as a map: the state of every record seen.
type model struct {
	states map[int64]state
	cells  map[int64]*cell
	next   int64
}

func (m *model) at(offset int64) state {
	if s, ok := m.states[offset]; ok {
		return s
	}
	if offset < m.next {
		return done // no record there
	}
	return free
}

func (m *model) watermark() int64 {
	w := m.next
	for o, s := range m.states {
		if s != done {
			w = min(w, o)
		}
	}
	return w
}

// TestLedgerModel drives a ledger and a map of states with the same moves, takeovers among them, and reads back what
// would be committed at every step.
func TestLedgerModel(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		start := rapid.Int64Range(0, 1<<40).Draw(t, "start")
		l, err := newLedger(start, nil)
		if err != nil {
			t.Fatal(err)
		}
		m := &model{states: map[int64]state{}, cells: map[int64]*cell{}, next: start}
		open := func(t *rapid.T) *cell {
			var cs []*cell
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
				if o := m.next + gap; l.hasRoom(o) {
					c, lost := l.locate(o)
					if c == nil || lost != 0 || c.offset != o || c.started {
						t.Fatalf("met %v, lost %d", c, lost)
					}
					m.cells[o], m.states[o], m.next = c, free, o+1
				}
			},
			"start": func(t *rapid.T) {
				if c := open(t); !c.again {
					l.start(c)
					m.states[c.offset] = started
				}
			},
			"repeat": func(t *rapid.T) {
				c := open(t)
				if !c.started {
					t.Skip("not started")
				}
				if l.start(c); l.canRepeat(c) {
					l.markRepeated(c)
					m.states[c.offset] = repeated
				}
			},
			"unrepeat": func(t *rapid.T) {
				if c := open(t); c.again {
					l.clearRepeated(c)
					m.states[c.offset] = started
				}
			},
			"release": func(t *rapid.T) {
				if c := open(t); !c.again {
					l.release(c)
					m.states[c.offset] = free
				}
			},
			"done": func(t *rapid.T) {
				c := open(t)
				l.finish(c)
				m.states[c.offset] = done
				delete(m.cells, c.offset)
			},
			"": func(t *rapid.T) { checkLedger(t, l, m) },
		})
	})
}

func checkLedger(t *rapid.T, l *ledger, m *model) {
	w, text := l.encode()
	if want := m.watermark(); w != want || l.watermark() != want {
		t.Fatalf("watermark %d, want %d", w, want)
	}
	if len(text) > stream.MaxMetadata {
		t.Fatalf("%d bytes", len(text))
	}
	runs, err := decodeRuns(text)
	if err != nil {
		t.Fatal(err)
	}
	at, spent := w, 0
	for _, r := range runs {
		if r.State == repeated {
			spent -= line.MaxAgain*11 + 17 // in a part of its own
		}
		spent += line.RunBits(r.N)
		for o := at; o < at+r.N; o++ {
			if o-at > 100 && o < at+r.N-100 { // a long run, as long as its ends are right
				o = at + r.N - 100
			}
			if got := m.at(o); got != r.State {
				t.Fatalf("offset %d is %d, the ledger says %d", o, got, r.State)
			}
		}
		at += r.N
	}
	if spent > l.bits+line.MaxRunBits {
		t.Fatalf("%d bits, reckoned with %d", spent, l.bits)
	}
	for o, s := range m.states { // beyond the runs all is free
		if o >= at && s != free {
			t.Fatalf("offset %d is %d, and not in the ledger", o, s)
		}
	}
	// The next owner sees the same.
	next, err := newLedger(w, runs)
	if err != nil {
		t.Fatal(err)
	}
	if w2, text2 := next.encode(); w2 != w || text2 != text {
		t.Fatalf("the next owner writes %d %q, not %d %q", w2, text2, w, text)
	}
	for _, o := range slices.Sorted(maps.Keys(m.states)) {
		if o < w {
			continue
		}
		c, lost := next.locate(o)
		if lost > 0 {
			t.Fatalf("%d lost before %d", lost, o)
		}
		if s := m.at(o); (c == nil) != (s == done) || c != nil && c.state() != s {
			t.Fatalf("offset %d is %d, and met as %v", o, s, c)
		}
	}
}

// TestLedgerBytes fills ledgers as far as they have room and then lets their records become what costs most.
func TestLedgerBytes(t *testing.T) {
	t.Parallel()
	if line.Bits/2-line.MaxRunBits < maxOpen {
		t.Fatalf("%d records do not fit in the worst case", maxOpen)
	}
	type pattern struct {
		gap   func(i int) int64
		state func(i int) state
	}
	alternate := func(k int) func(int) state { return func(i int) state { return state(i / k % 3) } }
	for name, p := range map[string]pattern{
		"every other one":         {func(int) int64 { return 0 }, func(i int) state { return []state{started, done}[i%2] }},
		"all three in turn":       {func(int) int64 { return 0 }, alternate(1)},
		"in twos":                 {func(int) int64 { return 0 }, alternate(2)},
		"gaps of one":             {func(int) int64 { return 1 }, func(i int) state { return []state{free, started}[i%2] }},
		"far apart, then done":    {func(int) int64 { return 1_000_000 }, func(i int) state { return []state{started, done, free}[i%3] }},
		"one stuck, others done":  {func(int) int64 { return 0 }, func(i int) state { return []state{free, done}[min(i, 1)] }},
		"started again":           {func(int) int64 { return 0 }, func(i int) state { return []state{repeated, started, done, free}[i%4] }},
		"started again, at last":  {func(int) int64 { return 0 }, func(i int) state { return map[bool]state{true: repeated, false: started}[i%32 == 31] }},
		"growing gaps, all begun": {func(i int) int64 { return int64(1) << (i % 39) }, func(int) state { return started }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l, _ := newLedger(0, nil)
			var cells []*cell
			for i := 0; ; i++ {
				o := l.next + p.gap(i)
				if !l.hasRoom(o) {
					break
				}
				c, _ := l.locate(o)
				cells = append(cells, c)
			}
			most := 0
			for i, c := range cells {
				switch p.state(i) {
				case started:
					l.start(c)
				case done:
					l.finish(c)
				case repeated:
					l.start(c)
					l.markRepeated(c)
				case free:
				}
				if i%97 == 0 || i == len(cells)-1 {
					_, text := l.encode()
					most = max(most, len(text))
				}
			}
			if most > stream.MaxMetadata {
				t.Errorf("%d bytes", most)
			}
			t.Logf("%d records, at most %d bytes", len(cells), most)
		})
	}
}

// TestOneStuckNumber: what waits for long must not stop the others: a few hundred free sends among millions of done ones
// still fit.
func TestOneStuckNumber(t *testing.T) {
	t.Parallel()
	l, _ := newLedger(0, nil)
	offset := int64(0)
	for range 300 {
		if !l.hasRoom(offset) {
			t.Fatal("no room")
		}
		l.locate(offset) // stays
		for range 2000 {
			offset++
			c, _ := l.locate(offset)
			l.start(c)
			l.finish(c)
		}
		offset++
	}
	if _, text := l.encode(); len(text) > stream.MaxMetadata/2 {
		t.Errorf("%d bytes for 300 among 600,000", len(text))
	}
}

// TestLedgerLost: records that the last owner left open and that are not in the log any more are done, once a later one
// was read.
func TestLedgerLost(t *testing.T) {
	t.Parallel()
	l, err := newLedger(100, []run{{State: started, N: 2}, {State: free, N: 2}, {State: done, N: 1}, {State: started, N: 1}})
	if err != nil {
		t.Fatal(err)
	}
	if c, lost := l.locate(103); c == nil || c.started || lost != 2 {
		t.Errorf("103: %v, %d lost", c, lost)
	}
	if c, lost := l.locate(104); c != nil || lost != 0 {
		t.Errorf("104: %v, %d lost", c, lost)
	}
	if c, lost := l.locate(110); c == nil || c.started || lost != 1 {
		t.Errorf("110: %v, %d lost", c, lost)
	}
	if l.open != 2 || l.watermark() != 103 {
		t.Errorf("%d open from %d", l.open, l.watermark())
	}
}

func TestLedgerRefuses(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		at   int64
		runs []run
	}{
		"too many open":            {0, []run{{State: free, N: maxInherited + 1}}},
		"too many open, in pieces": {0, []run{{State: free, N: maxInherited / 2}, {State: started, N: maxInherited/2 + 1}}},
		"runs without watermark":   {-1, []run{{State: started, N: 1}}},
		"beyond all offsets":       {1<<63 - 5, []run{{State: started, N: 1}, {State: done, N: 100}}},
	} {
		if _, err := newLedger(c.at, c.runs); !errors.Is(err, line.ErrLedger) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestRunBits(t *testing.T) {
	t.Parallel()
	for n := int64(1); n < 100_000; n++ {
		if line.RunBits(n) != 2*bits.Len64(uint64(n)) || int64(line.RunBits(n)) > 2*n {
			t.Fatalf("%d records take %d bits", n, line.RunBits(n))
		}
	}
}

func BenchmarkEncode(b *testing.B) {
	l, _ := newLedger(0, nil)
	for o := range int64(300) {
		if c, _ := l.locate(o * 3); o%2 == 0 {
			l.start(c)
		}
	}
	b.ReportAllocs()
	for b.Loop() {
		l.encode()
	}
}
