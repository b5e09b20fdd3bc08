// Package ledger is how the fanout's ledger is written beside the offset of a commit, and read by whoever takes over. It
// knows numbers only.
package ledger

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math"

	"altavoz/schemas"
	"altavoz/stream"
)

// Ledger says, beside a watermark, what the log does not: how far each broadcast has come.
//
// Records below the watermark are finished or parked. From it on to Next they are finished or parked too, unless they
// are listed; from Next on they are as if never read. Listed are, in order, broadcasts that the ledger answers for;
// those parked and listed again may lie below the watermark.
type Ledger struct {
	Next   int64
	Last   Last
	Lines  []Line
	Doubt  int64   // a ledger before was gone: of broadcasts below it without a line, or with an untouched one, nobody knows whether they began; 0: there is no doubt
	Owners []int64 // numbers of those who owned the partition, the newest first: see owners.go
}

// Last is the record that was read last, so that a log which lost its end and goes on with others is noticed. Its sum is 0 where
// none is known.
type Last struct {
	Offset int64
	Sum    uint32
}

// Line is one broadcast of a ledger.
type Line struct {
	Offset int64
	Cursor uint32 // every recipient below it was dispatched, and that is acknowledged
	Lease  uint32 // how many from there on may have been
	Closed bool   // nothing more of it is to be dispatched, and its results say so; Cursor and Lease do not matter
	Doubt  bool   // nobody knows how far it came: those of the lease who are not decided are unknown, and not sent to
	Sum    uint32 // of its task (SumOf); 0 where it is not known, and of untouched ones, where it does not matter
}

const (
	version      = 2
	versionBare  = 1 // without Last, lines in doubt and sums
	versionDoubt = 3 // with Doubt, and otherwise as 2: written while there is doubt only
	// maxBytes is what fits into the metadata of a commit, which is text.
	maxBytes = stream.MaxMetadata / 4 * 3
	// Bytes is what of it the lines may take, so that the owners have their room. A ledger that was taken over may be larger:
	// then it names fewer owners, until it has shrunk.
	Bytes = (stream.MaxMetadata - ownerChars) / 4 * 3
	// Reserve is what is left to a ledger that has more lines than it should: to lines that it had when it was taken over.
	Reserve = maxBytes - Bytes
	// LineBytes is more than a line takes, unless it lies 2^32 records from its neighbour: the one with the most is
	// 5 bytes of offset, 4 of cursor and 4 of a lease in doubt (16 Mi recipients), and 4 of its sum.
	LineBytes = 17
	// maxLease is the most recipients of a quantum.
	maxLease = schemas.SliceRecipients
)

// The kinds of line: the low bits of the offset's difference.
const (
	lineUntouched = iota
	lineCursor
	lineLeased
	lineClosed
	kindsBare
	lineDoubt = kindsBare
	lineKinds = 8
)

// SumOf is the identity of a task in a line.
func SumOf(task []byte) uint32 { return max(1, crc32.ChecksumIEEE(task)) }

// ErrLedger is the error of a text that is no ledger.
var ErrLedger = errors.New("not a ledger of this version")

// Append writes the ledger for the given watermark.
func (l *Ledger) Append(b []byte, mark int64) []byte {
	v := byte(version)
	if l.Doubt > 0 {
		v = versionDoubt
	}
	b = append(b, v)
	b = binary.AppendUvarint(b, uint64(l.Next-mark))
	if l.Doubt > 0 {
		b = binary.AppendUvarint(b, uint64(l.Doubt))
	}
	b = binary.AppendVarint(b, l.Last.Offset-mark)
	b = binary.BigEndian.AppendUint32(b, l.Last.Sum)
	for i, e := range l.Lines {
		var d uint64
		if i == 0 { // it alone may lie below the watermark
			d = uint64(e.Offset-mark)<<1 ^ uint64((e.Offset-mark)>>63)
		} else {
			d = uint64(e.Offset - l.Lines[i-1].Offset)
		}
		kind := e.kind()
		b = binary.AppendUvarint(b, d*lineKinds+kind)
		if kind == lineCursor || kind == lineLeased || kind == lineDoubt {
			b = binary.AppendUvarint(b, uint64(e.Cursor))
		}
		if kind == lineLeased || kind == lineDoubt {
			b = binary.AppendUvarint(b, uint64(e.Lease))
		}
		if kind != lineUntouched {
			b = binary.BigEndian.AppendUint32(b, e.Sum)
		}
	}
	return b
}

// Untouched reports whether nothing of the broadcast was ever leased.
func (e Line) Untouched() bool { return e.kind() == lineUntouched }

func (e Line) kind() uint64 {
	switch {
	case e.Closed:
		return lineClosed
	case e.Lease > 0 && e.Doubt:
		return lineDoubt
	case e.Lease > 0:
		return lineLeased
	case e.Cursor > 0:
		return lineCursor
	}
	return lineUntouched
}

// Encode makes the metadata of a commit. It fails when the ledger is too large, which its owner must not let happen.
func (l *Ledger) Encode(mark int64) (string, error) {
	b := l.Append(nil, mark)
	if len(b) > maxBytes {
		return "", fmt.Errorf("ledger of %d bytes, %d fit", len(b), maxBytes)
	}
	return appendOwners(base64.StdEncoding.EncodeToString(b), l.Owners, stream.MaxMetadata), nil
}

// Decode reads what Encode wrote. No text at all is the ledger of a position that an operator set.
func Decode(mark int64, text string) (Ledger, error) {
	l := Ledger{Next: mark}
	if text == "" {
		return l, nil
	}
	if len(text) > stream.MaxMetadata {
		return l, fmt.Errorf("%d characters: %w", len(text), ErrLedger)
	}
	text, owners, err := cutOwners(text)
	if err != nil {
		return l, err
	}
	b, err := base64.StdEncoding.Strict().DecodeString(text)
	if err != nil {
		return l, fmt.Errorf("%w: %w", ErrLedger, err)
	}
	if len(b) == 0 || b[0] < versionBare || b[0] > versionDoubt || mark < 0 {
		return l, ErrLedger
	}
	kinds := uint64(lineKinds)
	l.Owners = owners
	r := uvarints{b: b[1:]}
	l.Next = mark + int64(r.next(uint64(math.MaxInt64-mark)))
	if b[0] == versionDoubt {
		l.Doubt = int64(r.next(math.MaxInt64))
		r.bad = r.bad || l.Doubt == 0
	}
	if b[0] == versionBare {
		kinds = kindsBare
	} else {
		d := r.next(math.MaxUint64) // as AppendVarint writes it
		l.Last = Last{mark + (int64(d>>1) ^ -int64(d&1)), r.sum()}
		r.bad = r.bad || l.Last.Offset < 0 || d > math.MaxInt64
	}
	for at := mark; len(r.b) > 0 && !r.bad; {
		var e Line
		v := r.next(math.MaxUint64)
		d, kind := v/kinds, v%kinds
		r.bad = r.bad || kind > lineDoubt
		if len(l.Lines) == 0 {
			at += int64(d>>1) ^ -int64(d&1)
		} else {
			at += int64(d)
			r.bad = r.bad || d == 0
		}
		// The difference is at most 2^62, so a sum that left the range is negative.
		r.bad = r.bad || at < 0 || at >= l.Next
		e.Offset, e.Closed = at, kind == lineClosed
		if kind == lineCursor || kind == lineLeased || kind == lineDoubt {
			e.Cursor = uint32(r.next(schemas.MaxRecipients))
			r.bad = r.bad || kind == lineCursor && e.Cursor == 0
		}
		switch kind {
		case lineLeased:
			e.Lease = uint32(r.next(maxLease))
			r.bad = r.bad || e.Lease == 0
		case lineDoubt:
			e.Doubt, e.Lease = true, uint32(r.next(schemas.MaxRecipients))
			r.bad = r.bad || e.Lease == 0
		}
		if kind != lineUntouched && kinds == lineKinds {
			e.Sum = r.sum()
		}
		l.Lines = append(l.Lines, e)
	}
	if r.bad {
		return Ledger{Next: mark}, ErrLedger
	}
	return l, nil
}

// uvarints reads numbers off a slice; bad is set by the first that is none, or above its limit.
type uvarints struct {
	b   []byte
	bad bool
}

func (r *uvarints) next(limit uint64) uint64 {
	v, n := binary.Uvarint(r.b)
	if n <= 0 || v > limit {
		r.bad = true
		return 0
	}
	r.b = r.b[n:]
	return v
}

func (r *uvarints) sum() uint32 {
	if len(r.b) < 4 {
		r.bad = true
		return 0
	}
	v := binary.BigEndian.Uint32(r.b)
	r.b = r.b[4:]
	return v
}
