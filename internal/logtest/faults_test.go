package logtest

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"altavoz/stream"
)

func TestFaultsOfASeedAreTheSameEachTimeAndOfEveryKind(t *testing.T) {
	t.Parallel()
	draw := func(seed uint64) (all string, kinds map[string]bool) {
		b := New()
		b.Seed(seed)
		b.Faults = Chances{Busy: 0.1, Fail: 0.2, FailWritten: 0.5, Refuse: 0.2, Unknown: 0.2, Read: 0.1, Delay: time.Second}
		kinds = make(map[string]bool)
		for range 300 {
			c, w := b.drawCommit(), b.drawWrite()
			wait, err := b.drawRead()
			refused := c.Refuse(part)
			all += fmt.Sprintln(c.Before, c.After, c.Lose, c.LoseAnswer, refused, w.Busy, w.Before, w.Lose, w.LoseAnswer, wait, err)
			for kind, met := range map[string]bool{
				"commit lost": c.Lose, "commit made and not answered": c.LoseAnswer && !c.Lose, "commit refused": refused != nil, "write refused": w.Busy,
				"write lost": w.Lose, "write made and not answered": w.LoseAnswer, "read failed": err != nil,
			} {
				kinds[kind] = kinds[kind] || met
			}
		}
		return all, kinds
	}
	first, kinds := draw(7)
	if again, _ := draw(7); again != first {
		t.Error("seed 7 draws other faults the second time, want the same")
	}
	if other, _ := draw(8); other == first {
		t.Error("seeds 7 and 8 draw the same faults, want others")
	}
	for kind, met := range kinds {
		if !met {
			t.Errorf("in 300 draws: no %s", kind)
		}
	}
}

func TestMemberThatRejoinsByItselfIsGivenAgainWhatNobodyElseHas(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := New()
		b.OwnersOnly = true
		m, r := run(b, "m", Options{Batch: 1, Rejoins: true})
		g := m.Generation()
		m.OnCommit(func([]stream.Position) Fault { return Fault{LoseAnswer: true} })
		_, _ = m.Commit(t.Context(), g, []stream.Position{{Partition: part, Offset: 0}})
		m.OnCommit(nil)
		synctest.Wait() // it is back
		write(b, "a1")
		if got := r.values(); len(got) != 1 || len(r.from) != 2 || m.Generation().Session == g.Session {
			t.Errorf("given %q after %d assignments in session %d, want a1 after 2 in another than %d", got, len(r.from), m.Generation().Session, g.Session)
		}
		other, _ := run(b, "other", Options{Batch: 1})
		if refused, _ := m.Commit(t.Context(), m.Generation(), []stream.Position{{Partition: part, Offset: 1}}); refused[part] == nil {
			t.Error("a commit of a partition that another owns is taken, want it refused")
		}
		m.OnCommit(func([]stream.Position) Fault { return Fault{Lose: true} })
		_, _ = m.Commit(t.Context(), m.Generation(), []stream.Position{{Partition: part, Offset: 1}})
		if r.values(); len(r.from) != 2 || b.Owners[part] != other {
			t.Errorf("back again it was given the partition %d times, which is %s's, want it left to the other", len(r.from), b.Owners[part].Name)
		}
		end(t, m, other)
	})
}

func TestTrimmedRecordsAreGone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := New()
		write(b, "a1", "b1", "c1")
		b.Trim(part, 2)
		m, r := run(b, "m", Options{Batch: 5})
		if _, err := m.Record(t.Context(), part, 1); !errors.Is(err, stream.ErrGone) {
			t.Errorf("record 1: %v, want %v", err, stream.ErrGone)
		}
		if rec, err := m.Record(t.Context(), part, 2); err != nil || string(rec.Value) != "c1" {
			t.Errorf("record 2: %q, %v, want c1", rec.Value, err)
		}
		if got := r.values(); len(got) != 1 {
			t.Errorf("given %q, want what is left", got)
		}
		end(t, m)
	})
}
