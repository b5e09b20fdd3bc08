package fanout

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"altavoz/schemas"
)

// A ledger says, beside a watermark, what the log does not: how far each broadcast has come.
//
// Records below the watermark are finished or parked. From it on to next they are finished or parked too, unless they
// are listed; from next on they are as if never read. Listed are, in order, broadcasts that the ledger answers for;
// those parked and listed again may lie below the watermark.
type ledger struct {
	next    int64
	entries []line
}

// line is one broadcast of a ledger.
type line struct {
	offset int64
	cursor uint32 // every recipient below it was dispatched, and that is acknowledged
	lease  uint32 // how many from there on may have been
	closed bool   // nothing more of it is to be dispatched, and its results say so; cursor and lease do not matter
}

const (
	ledgerVersion = 1
	// ledgerBytes is what fits into the metadata of a commit, which is text.
	ledgerBytes = schemas.MaxMetadata / 4 * 3
	// lineBytes is more than a line takes, unless it lies 2^33 records from its neighbour: the one with the most is
	// 5 bytes of offset, 4 of cursor (16 Mi recipients) and 2 of lease (1,000).
	lineBytes = 11
)

// The kinds of line: the low bits of the offset's difference.
const (
	lineUntouched = iota
	lineCursor
	lineLeased
	lineClosed
	lineKinds
)

var errLedger = errors.New("not a ledger of this version")

// append writes the ledger for the given watermark.
func (l *ledger) append(b []byte, mark int64) []byte { //nolint:unparam // as all append functions
	b = append(b, ledgerVersion)
	b = binary.AppendUvarint(b, uint64(l.next-mark))
	for i, e := range l.entries {
		var d uint64
		if i == 0 { // it alone may lie below the watermark
			d = uint64(e.offset-mark)<<1 ^ uint64((e.offset-mark)>>63)
		} else {
			d = uint64(e.offset - l.entries[i-1].offset)
		}
		kind := e.kind()
		b = binary.AppendUvarint(b, d*lineKinds+kind)
		if kind == lineCursor || kind == lineLeased {
			b = binary.AppendUvarint(b, uint64(e.cursor))
		}
		if kind == lineLeased {
			b = binary.AppendUvarint(b, uint64(e.lease))
		}
	}
	return b
}

func (e line) kind() uint64 {
	switch {
	case e.closed:
		return lineClosed
	case e.lease > 0:
		return lineLeased
	case e.cursor > 0:
		return lineCursor
	}
	return lineUntouched
}

// encode makes the metadata of a commit. It fails when the ledger is too large, which its owner must not let happen.
func (l *ledger) encode(mark int64) (string, error) {
	b := l.append(nil, mark)
	if len(b) > ledgerBytes {
		return "", fmt.Errorf("ledger of %d bytes, %d fit", len(b), ledgerBytes)
	}
	return base64.StdEncoding.EncodeToString(b), nil
}

// decodeLedger reads what encode wrote. No text at all is the ledger of a position that an operator set.
func decodeLedger(mark int64, text string) (ledger, error) {
	l := ledger{next: mark}
	if text == "" {
		return l, nil
	}
	if len(text) > schemas.MaxMetadata {
		return l, fmt.Errorf("%d characters: %w", len(text), errLedger)
	}
	b, err := base64.StdEncoding.Strict().DecodeString(text)
	if err != nil {
		return l, fmt.Errorf("%w: %w", errLedger, err)
	}
	if len(b) == 0 || b[0] != ledgerVersion || mark < 0 {
		return l, errLedger
	}
	r := uvarints{b: b[1:]}
	l.next = mark + int64(r.next(uint64(math.MaxInt64-mark)))
	for at := mark; len(r.b) > 0 && !r.bad; {
		var e line
		v := r.next(math.MaxUint64)
		d, kind := v/lineKinds, v%lineKinds
		if len(l.entries) == 0 {
			at += int64(d>>1) ^ -int64(d&1)
		} else {
			at += int64(d)
			r.bad = r.bad || d == 0
		}
		// The difference is at most 2^62, so a sum that left the range is negative.
		r.bad = r.bad || at < 0 || at >= l.next
		e.offset, e.closed = at, kind == lineClosed
		if kind == lineCursor || kind == lineLeased {
			e.cursor = uint32(r.next(schemas.MaxRecipients))
			r.bad = r.bad || kind == lineCursor && e.cursor == 0
		}
		if kind == lineLeased {
			e.lease = uint32(r.next(maxTurn))
			r.bad = r.bad || e.lease == 0
		}
		l.entries = append(l.entries, e)
	}
	if r.bad {
		return ledger{next: mark}, errLedger
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
