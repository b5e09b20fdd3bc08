package table

import (
	"testing"
	"time"
)

// cutAt is a view that has read 100 records of one partition, and whose log is found to end at 50.
func cutAt(t *testing.T) *progress {
	t.Helper()
	p := newProgress()
	p.Advance(0, 100)
	if !p.Truncated(0, 100, 50) {
		t.Fatal("the cut is not noted")
	}
	return p
}

func reached(p *progress, end int64) bool {
	ok, _ := p.Reached(map[int32]int64{0: 0}, map[int32]int64{0: end})
	return ok
}

// Records that were fetched before a partition is set back are still taken: they say nothing of how far it was read again.
func TestRecordsFetchedBeforeACutAreNoProgress(t *testing.T) {
	t.Parallel()
	p := cutAt(t)
	p.Advance(0, 101)
	if reached(p, 50) {
		t.Error("the view has caught up before the partition was set back")
	}
	if set := p.StartReread(); !set[0] || len(set) != 1 {
		t.Fatalf("set back are %v, want 1 of them", set)
	}
	if next := p.Next()[0]; next != 0 || reached(p, 50) || len(p.RereadDone()) > 0 {
		t.Errorf("set back, and read up to %d, want 0", next)
	}
	if end, again := p.RereadEnd(0); !again || end != 50 {
		t.Errorf("it is read again up to %d, %t; want 50, true", end, again)
	}
	p.Advance(0, 50)
	if due := p.RereadDone(); len(due) != 1 || reached(p, 50) {
		t.Errorf("read again, and due are %v; caught up before that was settled: %t; want 1 of them", due, reached(p, 50))
	}
	p.FinishReread(0)
	if !reached(p, 50) || reached(p, 51) || len(p.RereadDone()) > 0 {
		t.Error("settled, and that is not what is told")
	}
}

// Who looked for records above where the log ends now, or from where the view does not stand any more, passes over nothing.
func TestEmptyOffsetsArePassedOverFromWhereTheyWereLookedFor(t *testing.T) {
	t.Parallel()
	p := cutAt(t)
	p.SkipEmpty(0, 0, 50)
	if set := p.StartReread(); !set[0] {
		t.Fatalf("set back are %v", set)
	}
	p.SkipEmpty(0, 100, 200)
	if next := p.Next()[0]; next != 0 {
		t.Fatalf("set back, and %d offsets are passed over, want 0", next)
	}
	p.Advance(0, 40)
	p.SkipEmpty(0, 40, 30)
	p.SkipEmpty(0, 0, 50)
	if next := p.Next()[0]; next != 40 {
		t.Errorf("read up to 40, and then to %d, want 40", next)
	}
	p.SkipEmpty(0, 40, 50)
	if len(p.RereadDone()) != 1 {
		t.Error("nothing is left to read again, and nobody is told")
	}
}

// A cut that two find at once is one cut, and one that is found while the partition is read again leaves what was known before the first.
func TestCutIsCountedOnceAndTheFirstOneBoundsWhatWasKnown(t *testing.T) {
	t.Parallel()
	p := cutAt(t)
	if p.Truncated(0, 100, 50) {
		t.Error("one cut counts as two")
	}
	p.StartReread()
	if p.Truncated(0, 100, 50) {
		t.Error("one cut counts as two after the partition was set back")
	}
	p.Advance(0, 30)
	if !p.Truncated(0, 30, 20) || len(p.RereadDone()) > 0 {
		t.Error("the second cut is not noted")
	}
	p.StartReread()
	if end, _ := p.RereadEnd(0); end != 20 {
		t.Errorf("read again up to %d, want 20", end)
	}
	p.Truncated(0, 0, 70) // as the library says it
	p.StartReread()
	if end, _ := p.RereadEnd(0); end != 20 {
		t.Errorf("what is known is from before 20, and %d is taken for it, want 20", end)
	}
	p.FinishReread(0)
	p.Truncated(0, 0, 70)
	p.StartReread()
	if end, _ := p.RereadEnd(0); end != 70 {
		t.Errorf("a cut after that is read again up to %d, want 70", end)
	}
}

// A log that loses its end again while it is read again ends above what was read: it is read up to there, and no further, whether it was
// set back before or is still to be.
func TestSecondCutWhileAPartitionIsReadAgainEndsThatWhereTheLogEnds(t *testing.T) {
	t.Parallel()
	for _, known := range []string{"before it is set back", "while it is read", "when all that is left was read"} {
		p := cutAt(t)
		if known != "before it is set back" {
			p.StartReread()
		}
		if known == "when all that is left was read" {
			p.Advance(0, 40)
		}
		poll, cancel := p.Poll(t.Context())
		bounds := p.RereadBounds()
		if bounds[0] != 50 || len(bounds) != 1 {
			t.Fatalf("%s: it is to be read again up to %v; want 1 of them", known, bounds)
		}
		if p.LowerBound(0, 50, 50) || p.LowerBound(0, 50, 60) || p.LowerBound(1, 50, 40) || p.LowerBound(0, 60, 40) {
			t.Errorf("%s: an end that is not below the bound, or was asked for before that was found, is a cut", known)
		}
		if !p.LowerBound(0, 50, 40) || p.LowerBound(0, 50, 40) {
			t.Errorf("%s: the second cut is not noted once", known)
		}
		if poll.Err() == nil {
			t.Errorf("%s: the poll goes on", known)
		}
		cancel()
		p.StartReread()
		if end, again := p.RereadEnd(0); !again || end != 40 || reached(p, 40) {
			t.Errorf("%s: read again up to %d, %t; want 40, true", known, end, again)
		}
		p.Advance(0, 40)
		if due := p.RereadDone(); len(due) != 1 {
			t.Fatalf("%s: all that is left was read, and due are %v; want 1 of them", known, due)
		}
		p.FinishReread(0)
		if !reached(p, 40) || p.LowerBound(0, 40, 30) || len(p.RereadBounds()) > 0 {
			t.Errorf("%s: settled, and that is not what is told", known)
		}
	}
}

// What the library says of a cut that is known, before the partition is set back, does not move where that is read again up to.
func TestCutThatIsToldTwiceBeforeAPartitionIsSetBackIsBoundByTheFirstEnd(t *testing.T) {
	t.Parallel()
	p := cutAt(t)
	p.Truncated(0, 0, 70)
	p.StartReread()
	if end, _ := p.RereadEnd(0); end != 50 {
		t.Errorf("read again up to %d, want 50", end)
	}
}

// A poll ends when there is something to do, whether that comes before it or during it.
func TestPollEndsForACut(t *testing.T) {
	t.Parallel()
	p := newProgress()
	p.Advance(0, 100)
	during, cancel := p.Poll(t.Context())
	defer cancel()
	if during.Err() != nil {
		t.Fatal("there is nothing to do, and the poll ends")
	}
	p.Truncated(0, 100, 50)
	before, cancel := p.Poll(t.Context())
	defer cancel()
	p.StartReread()
	rest, cancel := p.Poll(t.Context())
	defer cancel()
	if rest.Err() != nil {
		t.Fatal("set back, and the poll ends")
	}
	p.SkipEmpty(0, 0, 50)
	due, cancel := p.Poll(t.Context())
	defer cancel()
	for what, ctx := range map[string]interface{ Done() <-chan struct{} }{"during": during, "before": before, "passed": rest, "due": due} {
		t.Run(what, func(t *testing.T) {
			select {
			case <-ctx.Done():
			case <-time.After(10 * time.Second):
				t.Error("the poll goes on")
			}
		})
	}
}
