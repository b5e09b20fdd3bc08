package ledger_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"altavoz/processor/sender/ledger"
)

func marks(t *rapid.T, from int64) (out []ledger.Mark) {
	for range rapid.IntRange(0, 60).Draw(t, "marks") {
		from += rapid.Int64Range(1, 1<<20).Draw(t, "distance")
		out = append(out, ledger.Mark{Offset: from, Sum: rapid.Uint32().Draw(t, "sum")})
	}
	return out
}

func TestWhatIsWrittenIsRead(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		watermark := rapid.Int64Range(0, 1<<45).Draw(t, "watermark")
		id := ledger.Identity{Marks: marks(t, max(0, watermark-rapid.Int64Range(0, 20_000).Draw(t, "below")))}
		if n := rapid.Int64Range(0, 1<<30).Draw(t, "doubt"); n > 0 {
			id.DoubtFrom = watermark + rapid.Int64Range(0, 1<<20).Draw(t, "from")
			id.DoubtTo = id.DoubtFrom + n
		}
		most := rapid.IntRange(ledger.LeastBytes, 1<<10).Draw(t, "most")
		b := id.Append(nil, watermark, most)
		if len(b) > most {
			t.Fatalf("%d bytes, %d were free; want at most %v", len(b), most, most)
		}
		got, err := ledger.Parse(b, watermark)
		if err != nil {
			t.Fatal(err)
		}
		if left := len(id.Marks) - len(got.Marks); left > 0 && len(got.Marks) < 15 {
			t.Fatalf("only %d of %d marks were written", len(got.Marks), len(id.Marks))
		} else {
			id.Marks = id.Marks[left:]
		}
		if d := cmp.Diff(id.Marks, got.Marks); d != "" || got.DoubtFrom != id.DoubtFrom || got.DoubtTo != id.DoubtTo {
			t.Fatal(d, id, got)
		}
	})
}

func TestDoubtThatTheWatermarkHasPassedIsForgotten(t *testing.T) {
	t.Parallel()
	id := ledger.Identity{DoubtFrom: 10, DoubtTo: 20}
	for watermark, want := range map[int64]ledger.Identity{5: id, 15: {DoubtFrom: 15, DoubtTo: 20}, 20: {}, 30: {}} {
		got, err := ledger.Parse(id.Append(nil, watermark, ledger.LeastBytes), watermark)
		if d := cmp.Diff(want, got); err != nil || d != "" {
			t.Error(watermark, err, d)
		}
	}
}

func FuzzParseIdentity(f *testing.F) {
	id := ledger.Identity{DoubtFrom: 1010, DoubtTo: 2000, Marks: []ledger.Mark{{Offset: 990, Sum: 1}, {Offset: 1500, Sum: 2}}}
	f.Add(id.Append(nil, 1000, ledger.LeastBytes))
	f.Add([]byte{})
	f.Add([]byte{0, 0, 0x80})
	f.Fuzz(func(t *testing.T, b []byte) {
		id, err := ledger.Parse(b, 1000)
		if err != nil {
			if !errors.Is(err, ledger.ErrIdentity) {
				t.Fatalf("got %v, want %v", err, ledger.ErrIdentity)
			}
			return
		}
		for i, m := range id.Marks {
			if m.Offset < 0 || i > 0 && m.Offset <= id.Marks[i-1].Offset {
				t.Fatalf("marks %v", id.Marks)
			}
		}
		if id.DoubtFrom < 0 || id.DoubtTo < id.DoubtFrom {
			t.Fatalf("doubt from %d to %d; want at least 0, at least %v", id.DoubtFrom, id.DoubtTo, id.DoubtFrom)
		}
	})
}

// world is a log of sums, and how often it was read.
type world struct {
	sums  map[int64]uint32
	reads int
}

func (w *world) read(offset int64) (uint32, bool, error) {
	w.reads++
	sum, ok := w.sums[offset]
	return sum, ok, nil
}

// A log is read, cut anywhere, and goes on with other records: what is the same is never called another, nor the other way
// round, and in doubt are fewer records than were lost.
func TestCutOfALogIsFound(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var trail ledger.Trail
		w := &world{sums: map[int64]uint32{}}
		first := rapid.Int64Range(0, 1<<40).Draw(t, "first")
		n := rapid.Int64Range(1, 20_000).Draw(t, "records")
		var offsets []int64
		every, holes := rapid.Int64Range(3, 1000).Draw(t, "every"), rapid.Int64Range(1, 3).Draw(t, "holes")
		for o := first; int64(len(offsets)) < n; o++ {
			if o%every == 0 {
				o += holes
			}
			sum := ledger.SumOf([]byte("task"), uint32(o))
			trail.Add(o, sum)
			w.sums[o] = sum
			offsets = append(offsets, o)
		}
		touched := rapid.SampledFrom(offsets).Draw(t, "touched") + 1
		if offsets[n-1]-touched > 8192 {
			touched = offsets[n-1]
		}
		ms := trail.Below(touched, nil)
		begin := rapid.Int64Range(first, touched).Draw(t, "trimmed to")
		at := rapid.Int64Range(begin, touched+5).Draw(t, "cut at")
		end := at + rapid.Int64Range(0, 2*n).Draw(t, "grown by")
		for _, o := range offsets {
			if o >= at || o < begin {
				delete(w.sums, o)
			}
		}
		for o := at; o < end; o++ {
			w.sums[o] = ledger.SumOf([]byte("other"), uint32(o))
		}
		c, cut, err := ledger.Find(ms, begin, end, touched, w.read)
		switch {
		case err != nil:
			t.Fatal(err)
		case at >= touched && cut:
			t.Fatalf("cut at %d, beyond %d, and found %+v", at, touched, c)
		case at < touched && !cut:
			t.Fatalf("cut at %d, below %d, and found nothing", at, touched)
		case cut && (c.From > at || c.To < min(at, end)):
			t.Fatalf("cut at %d, and found %+v", at, c)
		case w.reads > 8 || !cut && w.reads > 1:
			t.Fatalf("%d reads", w.reads)
		case cut && c.To-c.From > 4*(touched-at) && c.From > begin:
			t.Fatalf("%d in doubt where %d were lost", c.To-c.From, touched-at)
		}
	})
}

// Offsets that hold no record (a transaction's markers, what was compacted) are nobody's mark, and leave no rung out.
func TestMarksLieOnRecordsWhereOffsetsHoldNone(t *testing.T) {
	t.Parallel()
	var trail ledger.Trail
	sums := map[int64]uint32{}
	for o := int64(3); o < 16_384; o += 4 {
		sums[o] = ledger.SumOf([]byte("task"), uint32(o))
		trail.Add(o, sums[o])
	}
	for _, touched := range []int64{16_383, 16_384, 16_386} { // three offsets without a record below it, none, two
		ms := trail.Below(touched, nil)
		if len(ms) < 12 {
			t.Errorf("%d marks below %d, want one for each of 12 distances from 4 on", len(ms), touched)
		}
		for i, m := range ms {
			if m.Sum != sums[m.Offset] || m.Offset >= touched || i > 0 && m.Offset <= ms[i-1].Offset {
				t.Errorf("mark %v, number %d of %v below %d", m, i, ms, touched)
			}
		}
	}
}

func TestRecordsThatCannotBeReadAreNoAnswer(t *testing.T) {
	t.Parallel()
	away := errors.New("the broker is away")
	_, cut, err := ledger.Find([]ledger.Mark{{Offset: 5, Sum: 1}}, 0, 10, 6, func(int64) (uint32, bool, error) { return 0, false, away })
	if !errors.Is(err, away) || cut {
		t.Error(cut, err)
	}
}

func TestMergeKeepsTheOrder(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		all := marks(t, 0)
		var a, b []ledger.Mark
		for _, m := range all {
			switch rapid.IntRange(0, 2).Draw(t, "where") {
			case 0:
				a = append(a, m)
			case 1:
				b = append(b, m)
			default:
				a, b = append(a, m), append(b, m)
			}
		}
		if d := cmp.Diff(all, ledger.Merge(nil, a, b)); d != "" {
			t.Fatal(d)
		}
	})
}

func TestSumsOfNeighboursDiffer(t *testing.T) {
	t.Parallel()
	seen := make(map[uint32]uint32)
	for i := range uint32(200_000) {
		s := ledger.SumOf([]byte("0123456789abcdef"), i)
		if other, ok := seen[s]; ok || s == 0 {
			t.Fatalf("%d and %d", i, other)
		}
		seen[s] = i
	}
}
