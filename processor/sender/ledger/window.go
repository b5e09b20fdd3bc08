package ledger

import "fmt"

// MaxOpen is how many records of a partition may be open (read, not done): 48 partitions of 8,192 at some 300 bytes are 118 MB, which
// only numbers of 50,000 a second could fill.
const MaxOpen = 8192

// maxInherited bounds what is believed of another owner's open records; ours has at most MaxOpen.
const maxInherited = 2 * MaxOpen

// Ledger is what is committed for one partition: which of its records, from the watermark on, are free, started or done. Only open
// records (not done) are kept, as cells in a list by offset; S is what the caller attaches to a cell. An offset that holds no record
// counts as done.
//
// A ledger that has room for a record can be encoded whatever its records become later: see bits.
type Ledger[S any] struct {
	head, tail *Cell[S]
	unread     *Cell[S] // the last owner's first open record that was not read here yet
	next       int64    // records below it are in the list or done
	touchedEnd int64    // records from it on are free
	open       int
	restarts   int // open records that are Repeated

	// bits is the most that the text can take, trailing run excepted, until records are added: 2 for each open record, and
	// the run of done ones between each two. Encoding is never longer, since n neighbours in one state take at most
	// 2n; and it never grows: when a record is done, its 2 bits go and the runs at its sides become one, which takes at most
	// 2 bits more than the longer of them took.
	bits int

	identities identities

	runs []Run // scratch
}

// Cell is one open record.
type Cell[S any] struct {
	Offset int64
	Send   S // zero until the record is read

	prev, next *Cell[S]
	memory
}

// memory is the state of an open record.
type memory struct {
	started bool
	again   bool   // it had been started before, and nobody knows what came of it
	doubt   bool   // the ledger says nothing of it, and it may have been called
	sum     uint32 // of the record that it was, if that is known
}

// Next is the next open record by offset, or nil.
func (c *Cell[S]) Next() *Cell[S] { return c.next }

// Started reports whether a call of the record may have begun, once the ledger is committed.
func (c *Cell[S]) Started() bool { return c.started }

// Repeated reports whether it was started before and nobody knows what came of that.
func (c *Cell[S]) Repeated() bool { return c.again }

// InDoubt reports whether the record may have been called although the ledger does not say so.
func (c *Cell[S]) InDoubt() bool { return c.doubt }

// State is what the ledger says of the record.
func (c *Cell[S]) State() State {
	switch {
	case c.again:
		return Repeated
	case c.started:
		return Started
	}
	return Free
}

// New returns the ledger that the last owner committed. A watermark below 0 means that nobody ever committed one.
func New[S any](watermark int64, runs []Run) (*Ledger[S], error) {
	l := &Ledger[S]{next: watermark, touchedEnd: watermark}
	for _, r := range runs {
		end := l.next + r.N
		switch {
		case watermark < 0 || end < 0:
			return nil, fmt.Errorf("%w: runs at offset %d", ErrLedger, l.next)
		case r.State == Done:
			l.next = end
			continue
		case int64(l.open)+r.N > maxInherited:
			return nil, fmt.Errorf("%w: more than %d open records", ErrLedger, maxInherited)
		}
		for l.next < end {
			c := l.add(l.next)
			c.started = r.State == Started || r.State == Repeated
			if r.State == Repeated {
				l.Repeat(c)
			}
		}
	}
	l.touchedEnd, l.unread = l.next, l.head
	return l, nil
}

// First is the first open record, or nil.
func (l *Ledger[S]) First() *Cell[S] { return l.head }

// Open is how many records are open.
func (l *Ledger[S]) Open() int { return l.open }

// Next is the offset below which every record is in the ledger or done.
func (l *Ledger[S]) Next() int64 { return l.next }

// Crowded reports whether more than three quarters of the room are taken.
func (l *Ledger[S]) Crowded() bool { return l.open > MaxOpen/4*3 || l.bits > Bits/4*3 }

// Watermark is the offset of the first record that is not done; below 0 while nothing is known of the partition.
func (l *Ledger[S]) Watermark() int64 {
	if l.head != nil {
		return l.head.Offset
	}
	return l.next
}

// HasRoom reports whether a record can be added.
func (l *Ledger[S]) HasRoom(offset int64) bool {
	if l.tail == nil {
		return true
	}
	return l.open < MaxOpen && l.bits+2+gapBits(l.tail.Offset, offset)+MaxRunBits <= Bits
}

// gapBits is what the done records between two open ones take.
func gapBits(from, to int64) int {
	if to-from <= 1 {
		return 0
	}
	return RunBits(to - from - 1)
}

// add adds a record above all others, free.
func (l *Ledger[S]) add(offset int64) *Cell[S] {
	c := &Cell[S]{prev: l.tail, Offset: offset}
	l.bits += 2
	if l.tail != nil {
		l.bits += gapBits(l.tail.Offset, offset)
		l.tail.next = c
	} else {
		l.head = c
	}
	l.tail = c
	l.next = offset + 1
	l.open++
	return c
}

// Locate returns the cell of a record that was read: nil if the ledger says that it is done. Records must come by ascending offset.
// What the last owner left open below it and was not read is not in the log any more: it becomes done, and lost counts those of
// them that were started.
func (l *Ledger[S]) Locate(offset int64) (c *Cell[S], lost int) {
	for l.unread != nil && l.unread.Offset < offset {
		gone := l.unread
		l.unread = gone.next
		if gone.started {
			lost++
			l.identities.rememberLost(gone.sum)
		}
		l.Finish(gone)
	}
	if l.unread != nil && l.unread.Offset == offset {
		c = l.unread
		l.unread = c.next
		return c, lost
	}
	if offset < l.next {
		return nil, lost
	}
	c = l.add(offset)
	l.restore(c)
	return c, lost
}

// Start records that a call of the record may begin once the ledger is committed.
func (l *Ledger[S]) Start(c *Cell[S]) {
	c.started = true
	l.touchedEnd = max(l.touchedEnd, c.Offset+1)
}

// CanRepeat reports whether there is room to record that another call is made.
func (l *Ledger[S]) CanRepeat(c *Cell[S]) bool { return c.again || l.restarts < MaxAgain }

// Repeat records, of a started record, that another call of it may begin once the ledger is committed.
func (l *Ledger[S]) Repeat(c *Cell[S]) {
	if !c.again {
		c.again = true
		l.restarts++
	}
}

// UndoRepeat records that the other call reached nobody.
func (l *Ledger[S]) UndoRepeat(c *Cell[S]) {
	if c.again {
		c.again = false
		l.restarts--
	}
}

// Release makes a record free again: no call of it has reached anybody.
func (l *Ledger[S]) Release(c *Cell[S]) { c.started = false }

// Finish makes a record done: nothing remains to be done for it.
func (l *Ledger[S]) Finish(c *Cell[S]) {
	l.touchedEnd = max(l.touchedEnd, c.Offset+1)
	l.open--
	l.bits -= 2
	if c.again {
		l.restarts--
	}
	if c.prev != nil {
		l.bits -= gapBits(c.prev.Offset, c.Offset)
		c.prev.next = c.next
	} else {
		l.head = c.next
	}
	if c.next != nil {
		l.bits -= gapBits(c.Offset, c.next.Offset)
		c.next.prev = c.prev
	} else {
		l.tail = c.prev
	}
	if c.prev != nil && c.next != nil {
		l.bits += gapBits(c.prev.Offset, c.next.Offset)
	}
	c.prev, c.next = nil, nil
}

// Encode returns what is to be committed. It visits open records up to the last one touched.
func (l *Ledger[S]) Encode() (watermark int64, metadata string) {
	l.runs = l.runs[:0]
	at := l.Watermark()
	for c := l.head; c != nil && c.Offset < l.touchedEnd; c = c.next {
		l.appendRun(Done, c.Offset-at)
		l.appendRun(c.State(), 1)
		at = c.Offset + 1
	}
	if l.head != nil {
		l.appendRun(Done, l.touchedEnd-at)
	}
	if n := len(l.runs); n > 0 && l.runs[n-1].State == Free {
		l.runs = l.runs[:n-1]
	}
	watermark = l.Watermark()
	return watermark, Encode(l.identity(), watermark, l.runs)
}

func (l *Ledger[S]) appendRun(s State, n int64) {
	if n > 0 {
		l.runs = Join(l.runs, Run{State: s, N: n})
	}
}
