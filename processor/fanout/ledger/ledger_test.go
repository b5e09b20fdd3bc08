package ledger

import (
	"bytes"
	"encoding/base64"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"altavoz/schemas"
	"altavoz/stream"
)

func ledgers() *rapid.Generator[Ledger] {
	return rapid.Custom(func(t *rapid.T) Ledger {
		var l Ledger
		mark := rapid.Int64Range(0, 1<<40).Draw(t, "mark")
		at := max(0, mark-rapid.Int64Range(0, 1<<30).Draw(t, "below"))
		for range rapid.IntRange(0, 100).Draw(t, "lines") {
			e := Line{Offset: at}
			switch rapid.IntRange(0, 3).Draw(t, "kind") {
			case lineCursor:
				e.Cursor = rapid.Uint32Range(1, schemas.MaxRecipients).Draw(t, "cursor")
			case lineLeased:
				e.Cursor = rapid.Uint32Range(0, schemas.MaxRecipients).Draw(t, "cursor")
				e.Lease = rapid.Uint32Range(1, maxLease).Draw(t, "lease")
			case lineClosed:
				e.Closed = true
			}
			l.Lines = append(l.Lines, e)
			at += rapid.Int64Range(1, 1<<30).Draw(t, "step")
		}
		l.Next = max(at, mark) + rapid.Int64Range(0, 1<<20).Draw(t, "ahead")
		l.Doubt = rapid.SampledFrom([]int64{0, 1, l.Next + 1, 1 << 40}).Draw(t, "doubt")
		for range rapid.IntRange(0, MaxOwners).Draw(t, "owners") {
			l.Owners = append(l.Owners, rapid.Int64Range(1, MostOwner).Draw(t, "owner"))
		}
		return l
	})
}

func TestLedgerIsReadAsItWasWritten(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		l := ledgers().Draw(t, "ledger")
		mark := l.Next
		if len(l.Lines) > 0 {
			mark = rapid.Int64Range(l.Lines[0].Offset, l.Next).Draw(t, "mark")
			if len(l.Lines) > 1 && mark > l.Lines[1].Offset {
				mark = l.Lines[1].Offset
			}
		}
		text, err := l.Encode(mark)
		if err != nil {
			t.Fatal(err)
		}
		got, err := Decode(mark, text)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(l, got); d != "" {
			t.Fatal(d)
		}
	})
}

// A line is never larger than the slot thinks, so a Ledger that was found to fit does.
func TestLineBytesIsTheMost(t *testing.T) {
	t.Parallel()
	one := Ledger{Next: 1 << 32, Lines: []Line{{Offset: 0}}}
	two := Ledger{Next: 1 << 32, Lines: []Line{{Offset: 0}, {Offset: 1<<32 - 1, Cursor: schemas.MaxRecipients, Lease: schemas.MaxRecipients, Doubt: true}}}
	if got := len(two.Append(nil, 0)) - len(one.Append(nil, 0)); got != LineBytes {
		t.Errorf("the largest line takes %d bytes, not %d", got, LineBytes)
	}
}

func TestLedgerTooLargeIsRefused(t *testing.T) {
	t.Parallel()
	var l Ledger
	for i := range int64(maxBytes) {
		l.Lines = append(l.Lines, Line{Offset: i})
	}
	l.Next = int64(len(l.Lines))
	if text, err := l.Encode(0); err == nil {
		t.Errorf("%d lines were written as %d characters", len(l.Lines), len(text))
	}
	l.Lines = l.Lines[:len(l.Lines)-8] // a version, two bytes of next, and the five of no last
	text, err := l.Encode(0)
	if err != nil || len(text) != stream.MaxMetadata {
		t.Errorf("a full Ledger: %d characters, %v; want %v", len(text), err, stream.MaxMetadata)
	}
	l.Owners = []int64{1, 2, 3} // for which it has no room
	if text, err := l.Encode(0); err != nil || len(text) != stream.MaxMetadata {
		t.Errorf("a full Ledger with owners: %d characters, %v; want %v", len(text), err, stream.MaxMetadata)
	}
	l.Lines = l.Lines[:Bytes-16]
	text, err = l.Encode(0)
	if got, bad := Decode(0, text); err != nil || bad != nil || len(got.Owners) != MaxOwners {
		t.Errorf("a Ledger of the size that a slot lets it have names %d owners, %v, %v; want %v", len(got.Owners), err, bad, MaxOwners)
	}
}

func TestLedgerOfAnOperatorIsEmpty(t *testing.T) {
	t.Parallel()
	l, err := Decode(42, "")
	if err != nil || l.Next != 42 || len(l.Lines) != 0 {
		t.Errorf("%+v, %v; want Next 42", l, err)
	}
}

func FuzzLedger(f *testing.F) {
	l := Ledger{Next: 9, Lines: []Line{{Offset: 2, Cursor: 7, Lease: 50}, {Offset: 5, Closed: true}, {Offset: 8}}}
	text, err := l.Encode(3)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(int64(3), text)
	l.Owners = []int64{MostOwner, 1}
	if text, err = l.Encode(3); err != nil {
		f.Fatal(err)
	}
	f.Add(int64(3), text)
	f.Add(int64(3), text[:len(text)-1])
	f.Add(int64(0), "")
	f.Add(int64(-1), "AQA=")
	f.Add(int64(1), strings.Repeat("A", stream.MaxMetadata+4))
	f.Fuzz(func(t *testing.T, mark int64, text string) {
		l, err := Decode(mark, text)
		if err != nil || text == "" {
			return
		}
		if l.Next < mark {
			t.Fatalf("next %d lies below the watermark %d; want at least %v", l.Next, mark, mark)
		}
		last := int64(-1)
		for _, e := range l.Lines {
			if e.Offset <= last || e.Offset >= l.Next || e.Cursor > schemas.MaxRecipients || e.Lease > maxLease && !e.Doubt {
				t.Fatalf("line %+v after %d in a Ledger up to %d; want Offset more than %v, Offset less than %v, Cursor at most %v", e, last, l.Next, last, l.Next, schemas.MaxRecipients)
			}
			last = e.Offset
		}
		again, err := l.Encode(mark)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := Decode(mark, again); err != nil || !cmp.Equal(got, l) {
			t.Fatalf("%+v was read back as %+v, %v", l, got, err)
		}
	})
}

// A version that knows nothing of owners reads the ledger as if they were not there, so that both can hand partitions to
// each other.
func TestOwnersAreNothingToWhoDoesNotKnowThem(t *testing.T) {
	t.Parallel()
	l := Ledger{Next: 9, Lines: []Line{{Offset: 2, Cursor: 7, Lease: 50}, {Offset: 5, Closed: true}, {Offset: 8}}}
	bare, err := l.Encode(3)
	if err != nil {
		t.Fatal(err)
	}
	l.Owners = []int64{MostOwner, 1, 1 << 40}
	text, err := l.Encode(3)
	if err != nil {
		t.Fatal(err)
	}
	want, err := base64.StdEncoding.Strict().DecodeString(bare)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := base64.StdEncoding.Strict().DecodeString(text); err != nil || !bytes.Equal(got, want) {
		t.Errorf("it reads %x, %v, not %x", got, err, want)
	}
}
