package ledger

const (
	// trailRecords is how many of the records that were read last are remembered: more than lie between what was touched
	// last and what was read last, which are at most those that are open (8,192). 4 bytes each are 64 KiB a partition.
	trailRecords = 1 << 14
	// rungs is how many records are named below the last one that was touched: those 1, 2, 4, ... records before it, down to
	// half of the trail. So where a log lost n records, fewer than n others are in doubt.
	rungs = 14
)

// Trail remembers which records were read last.
type Trail struct {
	sums       []uint32
	from, next int64 // what it knows
}

// Add records the next record. Offsets grow; those that are passed over hold no record.
func (t *Trail) Add(offset int64, sum uint32) {
	if t.sums == nil {
		t.sums, t.from, t.next = make([]uint32, trailRecords), offset, offset
	}
	if offset < t.next || offset-t.next >= trailRecords { // read again from further down, or far ahead
		t.from, t.next = offset, offset
	}
	for ; t.next < offset; t.next++ {
		t.sums[t.next%trailRecords] = 0
	}
	t.sums[offset%trailRecords] = sum
	t.next = offset + 1
	t.from = max(t.from, t.next-trailRecords)
}

// Next is the offset up to which records were read.
func (t *Trail) Next() int64 { return t.next }

// Below appends marks for records below an offset, by offset: those that lie ..., 4, 2, 1 before the last one, and that one.
// Where such an offset holds no record, the next record below it has the mark.
func (t *Trail) Below(offset int64, marks []Mark) []Mark {
	lowest := t.from
	for back := int64(1) << (rungs - 1); ; back /= 2 {
		if m, ok := t.last(lowest, offset-back); ok {
			marks, lowest = append(marks, m), m.Offset+1
		}
		if back == 0 {
			return marks
		}
	}
}

// Merge appends two lists, each by offset, as one. Where both have a mark for an offset it is the same.
func Merge(to, a, b []Mark) []Mark {
	for len(a) > 0 || len(b) > 0 {
		switch {
		case len(b) == 0 || len(a) > 0 && a[0].Offset < b[0].Offset:
			to, a = append(to, a[0]), a[1:]
		case len(a) == 0 || b[0].Offset < a[0].Offset:
			to, b = append(to, b[0]), b[1:]
		default:
			a = a[1:]
		}
	}
	return to
}

// last is the last record in [from, below), if one is there.
func (t *Trail) last(from, below int64) (Mark, bool) {
	for at := min(below, t.next) - 1; at >= from; at-- {
		if sum := t.sums[at%trailRecords]; sum != 0 {
			return Mark{at, sum}, true
		}
	}
	return Mark{}, false
}
