// Package ledger is how the sender's ledger is written beside the offset of a commit, and read by the next owner: which
// records, by offset, are free, started or done (codec.go), and which records these are.
//
// An offset alone is no identity: a broker that lost the end of its log (a page cache, an unclean election) gives the same
// offsets out again, and what the ledger calls done would then be another record. So a few bytes of some records travel
// with every commit, and the next owner compares them with the log. The package is pure: it reads records
// through a function that it is given.
package ledger

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"slices"
)

// ErrIdentity is the error of bytes that Append did not write.
var ErrIdentity = errors.New("not the identity of a ledger")

// Mark identifies the record that an offset held.
type Mark struct {
	Offset int64
	Sum    uint32
}

// Identity is what a ledger has beside the states of its records.
type Identity struct {
	// From DoubtFrom up to DoubtTo the log may hold other records than those of which an earlier ledger spoke. A record there
	// that the ledger calls free may have been called all the same.
	DoubtFrom, DoubtTo int64
	Marks              []Mark // by offset
}

const (
	// HeadBytes is the most that is written without marks: two numbers.
	HeadBytes = 2 * binary.MaxVarintLen64
	// markBytes is the most that one mark takes: its distance from the one before (below 2^35 records) and its sum.
	markBytes = 5 + sumBytes
	sumBytes  = 4
	// LeastBytes is what a ledger must keep free for its identity: the numbers, and a mark for each rung.
	LeastBytes = HeadBytes + (rungs+1)*markBytes
	// maxDistance is the largest distance that is written or believed: 2^40 records are 100 years of 300 a second.
	maxDistance = 1 << 40
)

// Append writes the identity for a ledger of the given watermark, in at most so many bytes: marks that do not fit are left
// out, the lowest first.
func (id *Identity) Append(b []byte, watermark int64, most int) []byte {
	from, n := id.DoubtFrom-watermark, id.DoubtTo-id.DoubtFrom
	if n <= 0 || id.DoubtTo <= watermark {
		from, n = 0, 0
	} else if from < 0 {
		from, n = 0, id.DoubtTo-watermark
	}
	b = binary.AppendUvarint(b, uint64(from))
	b = binary.AppendUvarint(b, uint64(n))
	marks := id.Marks[max(0, len(id.Marks)-max(0, (most-HeadBytes)/markBytes)):]
	at := watermark - maxDistance/2
	for i, m := range marks {
		if m.Offset-at >= maxDistance {
			break // no two records of one window are so far apart
		}
		if i == 0 { // it may lie below the watermark
			b = binary.AppendVarint(b, m.Offset-watermark)
		} else {
			b = binary.AppendUvarint(b, uint64(m.Offset-at))
		}
		at = m.Offset
		b = binary.BigEndian.AppendUint32(b, m.Sum)
	}
	return b
}

// Parse reads what Append wrote.
func Parse(b []byte, watermark int64) (Identity, error) {
	var id Identity
	from, k := binary.Uvarint(b)
	if k <= 0 || from > maxDistance {
		return id, ErrIdentity
	}
	b = b[k:]
	n, k := binary.Uvarint(b)
	if k <= 0 || n > maxDistance {
		return id, ErrIdentity
	}
	b = b[k:]
	if n > 0 {
		id.DoubtFrom, id.DoubtTo = watermark+int64(from), watermark+int64(from)+int64(n)
	}
	for at := watermark; len(b) > 0; {
		var k int
		if len(id.Marks) == 0 {
			var d int64
			if d, k = binary.Varint(b); d < -maxDistance || d > maxDistance {
				return id, ErrIdentity
			}
			at += d
		} else {
			var d uint64
			if d, k = binary.Uvarint(b); d == 0 || d > maxDistance {
				return id, ErrIdentity
			}
			at += int64(d)
		}
		if k <= 0 || len(b) < k+sumBytes || at < 0 {
			return id, ErrIdentity
		}
		id.Marks = append(id.Marks, Mark{at, binary.BigEndian.Uint32(b[k:])})
		b = b[k+sumBytes:]
	}
	return id, nil
}

// SumOf is the identity of a send: the same recipient of the same task has the same, wherever its record lies. Recipients
// that are neighbours never share one.
func SumOf(task []byte, index uint32) uint32 {
	var b [4]byte
	binary.BigEndian.PutUint32(b[:], index)
	return max(1, crc32.Update(crc32.ChecksumIEEE(task), crc32.IEEETable, b[:])) // 0 is no record
}

// SumOfValue is the identity of a record that is no send.
func SumOfValue(value []byte) uint32 { return max(1, crc32.ChecksumIEEE(value)) }

// Cut is which records of a log are others than those whose offsets the ledger names.
type Cut struct {
	// Below From lie the records that the ledger means, from To on others; between the two either.
	From, To int64
}

// Find holds marks against a log that has records in [begin, end), and reports whether the log is another one than that of
// which the ledger speaks up to next. read returns the sum of the record at an offset, and whether there is one.
//
// A log that lost its end is the old one up to some offset and a new one from there on, so marks are sought by halves: one
// read where nothing is wrong, which is nearly always, and some eight where something is.
func Find(marks []Mark, begin, end, next int64, read func(offset int64) (sum uint32, ok bool, err error)) (c Cut, cut bool, err error) {
	next = max(next, begin)
	marks = marks[firstFrom(marks, begin):]
	inside := marks[:firstFrom(marks, end)]
	c = Cut{From: begin, To: end}
	if len(inside) < len(marks) {
		next = max(next, marks[len(marks)-1].Offset+1)
	}
	same := func(i int) (bool, error) {
		sum, ok, err := read(inside[i].Offset)
		return ok && sum == inside[i].Sum, err
	}
	if next <= end {
		if len(inside) == 0 {
			return c, false, nil
		}
		last, err := same(len(inside) - 1)
		if err != nil || last {
			return c, false, err
		}
		c.To = inside[len(inside)-1].Offset
		inside = inside[:len(inside)-1]
	}
	for len(inside) > 0 {
		i := len(inside) / 2
		ok, err := same(i)
		switch {
		case err != nil:
			return c, false, err
		case ok:
			c.From = inside[i].Offset + 1
			inside = inside[i+1:]
		default:
			c.To = inside[i].Offset
			inside = inside[:i]
		}
	}
	return c, true, nil
}

func firstFrom(marks []Mark, offset int64) int {
	i, _ := slices.BinarySearchFunc(marks, offset, func(m Mark, at int64) int { return int(max(-1, min(1, m.Offset-at))) })
	return i
}
