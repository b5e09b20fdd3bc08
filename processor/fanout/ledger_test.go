package fanout

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"altavoz/schemas"
)

func ledgers() *rapid.Generator[ledger] {
	return rapid.Custom(func(t *rapid.T) ledger {
		var l ledger
		mark := rapid.Int64Range(0, 1<<40).Draw(t, "mark")
		at := max(0, mark-rapid.Int64Range(0, 1<<30).Draw(t, "below"))
		for range rapid.IntRange(0, 100).Draw(t, "lines") {
			e := line{offset: at}
			switch rapid.IntRange(0, 3).Draw(t, "kind") {
			case lineCursor:
				e.cursor = rapid.Uint32Range(1, schemas.MaxRecipients).Draw(t, "cursor")
			case lineLeased:
				e.cursor = rapid.Uint32Range(0, schemas.MaxRecipients).Draw(t, "cursor")
				e.lease = rapid.Uint32Range(1, maxTurn).Draw(t, "lease")
			case lineClosed:
				e.closed = true
			}
			l.entries = append(l.entries, e)
			at += rapid.Int64Range(1, 1<<30).Draw(t, "step")
		}
		l.next = max(at, mark) + rapid.Int64Range(0, 1<<20).Draw(t, "ahead")
		return l
	})
}

func TestLedgerIsReadAsItWasWritten(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		l := ledgers().Draw(t, "ledger")
		mark := l.next
		if len(l.entries) > 0 {
			mark = rapid.Int64Range(l.entries[0].offset, l.next).Draw(t, "mark")
			if len(l.entries) > 1 && mark > l.entries[1].offset {
				mark = l.entries[1].offset
			}
		}
		text, err := l.encode(mark)
		if err != nil {
			t.Fatal(err)
		}
		got, err := decodeLedger(mark, text)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(l, got, cmp.AllowUnexported(ledger{}, line{})); d != "" {
			t.Fatal(d)
		}
	})
}

// A line is never larger than the slot thinks, so a ledger that was found to fit does.
func TestLineBytesIsTheMost(t *testing.T) {
	t.Parallel()
	one := ledger{next: 1 << 33, entries: []line{{offset: 0}}}
	two := ledger{next: 1 << 33, entries: []line{{offset: 0}, {offset: 1<<33 - 1, cursor: schemas.MaxRecipients, lease: maxTurn}}}
	if got := len(two.append(nil, 0)) - len(one.append(nil, 0)); got != lineBytes {
		t.Errorf("the largest line takes %d bytes, not %d", got, lineBytes)
	}
}

func TestLedgerTooLargeIsRefused(t *testing.T) {
	t.Parallel()
	var l ledger
	for i := range int64(ledgerBytes) {
		l.entries = append(l.entries, line{offset: i})
	}
	l.next = int64(len(l.entries))
	if text, err := l.encode(0); err == nil {
		t.Errorf("%d lines were written as %d characters", len(l.entries), len(text))
	}
	l.entries = l.entries[:len(l.entries)-3] // a version, and two bytes of next
	text, err := l.encode(0)
	if err != nil || len(text) != schemas.MaxMetadata {
		t.Errorf("a full ledger: %d characters, %v", len(text), err)
	}
}

func TestLedgerOfAnOperatorIsEmpty(t *testing.T) {
	t.Parallel()
	l, err := decodeLedger(42, "")
	if err != nil || l.next != 42 || len(l.entries) != 0 {
		t.Errorf("%+v, %v", l, err)
	}
}

func FuzzLedger(f *testing.F) {
	l := ledger{next: 9, entries: []line{{offset: 2, cursor: 7, lease: 50}, {offset: 5, closed: true}, {offset: 8}}}
	text, err := l.encode(3)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(int64(3), text)
	f.Add(int64(0), "")
	f.Add(int64(-1), "AQA=")
	f.Add(int64(1), strings.Repeat("A", schemas.MaxMetadata+4))
	f.Fuzz(func(t *testing.T, mark int64, text string) {
		l, err := decodeLedger(mark, text)
		if err != nil || text == "" {
			return
		}
		if l.next < mark {
			t.Fatalf("next %d lies below the watermark %d", l.next, mark)
		}
		last := int64(-1)
		for _, e := range l.entries {
			if e.offset <= last || e.offset >= l.next || e.cursor > schemas.MaxRecipients || e.lease > maxTurn {
				t.Fatalf("line %+v after %d in a ledger up to %d", e, last, l.next)
			}
			last = e.offset
		}
		again, err := l.encode(mark)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := decodeLedger(mark, again); err != nil || !cmp.Equal(got, l, cmp.AllowUnexported(ledger{}, line{})) {
			t.Fatalf("%+v was read back as %+v, %v", l, got, err)
		}
	})
}
