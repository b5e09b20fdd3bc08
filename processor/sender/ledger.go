package sender

import (
	"fmt"

	line "altavoz/processor/sender/ledger"
)

type (
	state = line.State
	run   = line.Run
)

const (
	free     = line.Free
	started  = line.Started
	done     = line.Done
	repeated = line.Repeated
)

// ledger is what is committed for one partition: which of its records, from the watermark on, are free, started or done.
// Only those that are open (not done) are kept, in a list by offset. Offsets that hold no record count as done.
//
// Whatever its records become later, a ledger that has room for a record can be written: see bits.
type ledger struct {
	head, tail *cell
	unread     *cell // the first open record of the last owner's that was not read here yet
	next       int64 // records below it are in the list or done
	touchedEnd int64 // records from it on are free
	open       int
	restarts   int // of the open ones, started again

	// bits is the most that the text can take, trailing run excepted, until records are added: 2 for each open record, and
	// the run of done ones between each two. Encoding is never longer, since n neighbours in one state take at most
	// 2n; and it never grows: when a record is done, its 2 bits go and the runs at its sides become one, which takes at most
	// 2 bits more than the longer of them took.
	bits int

	identities identities

	runs []run // scratch
}

// cell is one open record.
type cell struct {
	prev, next *cell
	offset     int64
	started    bool
	again      bool   // it had been started before, and nobody knows what came of it
	doubt      bool   // the ledger says nothing of it, and it may have been called
	sum        uint32 // of the record that it was, if that is known
	send       *send  // nil until it is read
}

// maxInherited bounds what is believed of another owner's open records; ours has at most maxOpen.
const maxInherited = 2 * maxOpen

// newLedger returns the ledger that the last owner committed. A watermark below 0 says that nobody ever did.
func newLedger(watermark int64, runs []run) (*ledger, error) {
	l := &ledger{next: watermark, touchedEnd: watermark}
	for _, r := range runs {
		end := l.next + r.N
		switch {
		case watermark < 0 || end < 0:
			return nil, fmt.Errorf("%w: runs at offset %d", line.ErrLedger, l.next)
		case r.State == done:
			l.next = end
			continue
		case int64(l.open)+r.N > maxInherited:
			return nil, fmt.Errorf("%w: more than %d open records", line.ErrLedger, maxInherited)
		}
		for l.next < end {
			c := l.add(l.next)
			c.started = r.State == started || r.State == repeated
			if r.State == repeated {
				l.markRepeated(c)
			}
		}
	}
	l.touchedEnd, l.unread = l.next, l.head
	return l, nil
}

// watermark is the first record that is not done; below 0 while nothing is known of the partition.
func (l *ledger) watermark() int64 {
	if l.head != nil {
		return l.head.offset
	}
	return l.next
}

// hasRoom reports whether a record can be added.
func (l *ledger) hasRoom(offset int64) bool {
	if l.tail == nil {
		return true
	}
	return l.open < maxOpen && l.bits+2+gapBits(l.tail.offset, offset)+line.MaxRunBits <= line.Bits
}

// gapBits is what the done records between two open ones take.
func gapBits(from, to int64) int {
	if to-from <= 1 {
		return 0
	}
	return line.RunBits(to - from - 1)
}

// add adds a record above all others, free.
func (l *ledger) add(offset int64) *cell {
	c := &cell{prev: l.tail, offset: offset}
	l.bits += 2
	if l.tail != nil {
		l.bits += gapBits(l.tail.offset, offset)
		l.tail.next = c
	} else {
		l.head = c
	}
	l.tail = c
	l.next = offset + 1
	l.open++
	return c
}

// locate returns the place of a record that was read: nil if the ledger says that it is done. Records must be met in their
// order. What the last owner left open below it, and was not met, is not in the log any more: it is done, and lost counts
// those of it that were started.
func (l *ledger) locate(offset int64) (c *cell, lost int) {
	for l.unread != nil && l.unread.offset < offset {
		gone := l.unread
		l.unread = gone.next
		if gone.started {
			lost++
			l.identities.rememberLost(gone.sum)
		}
		l.finish(gone)
	}
	if l.unread != nil && l.unread.offset == offset {
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

// start says that a call of the record may begin once that is committed.
func (l *ledger) start(c *cell) {
	c.started = true
	l.touchedEnd = max(l.touchedEnd, c.offset+1)
}

// canRepeat reports whether there is room to say that a record is started again.
func (l *ledger) canRepeat(c *cell) bool { return c.again || l.restarts < line.MaxAgain }

// markRepeated says, of a record that is started, that another call of it may begin once that is committed.
func (l *ledger) markRepeated(c *cell) {
	if !c.again {
		c.again = true
		l.restarts++
	}
}

// clearRepeated says that the other call has reached nobody: it is as it was before.
func (l *ledger) clearRepeated(c *cell) {
	if c.again {
		c.again = false
		l.restarts--
	}
}

// release says that no call of the record has reached anybody.
func (l *ledger) release(c *cell) { c.started = false }

// finish says that nothing remains to be done for the record.
func (l *ledger) finish(c *cell) {
	l.touchedEnd = max(l.touchedEnd, c.offset+1)
	l.open--
	l.bits -= 2
	if c.again {
		l.restarts--
	}
	if c.prev != nil {
		l.bits -= gapBits(c.prev.offset, c.offset)
		c.prev.next = c.next
	} else {
		l.head = c.next
	}
	if c.next != nil {
		l.bits -= gapBits(c.offset, c.next.offset)
		c.next.prev = c.prev
	} else {
		l.tail = c.prev
	}
	if c.prev != nil && c.next != nil {
		l.bits += gapBits(c.prev.offset, c.next.offset)
	}
	c.prev, c.next = nil, nil
}

// encode returns what is to be committed. It looks at open records up to the last one touched.
func (l *ledger) encode() (watermark int64, metadata string) {
	l.runs = l.runs[:0]
	at := l.watermark()
	for c := l.head; c != nil && c.offset < l.touchedEnd; c = c.next {
		l.appendRun(done, c.offset-at)
		l.appendRun(c.state(), 1)
		at = c.offset + 1
	}
	if l.head != nil {
		l.appendRun(done, l.touchedEnd-at)
	}
	if n := len(l.runs); n > 0 && l.runs[n-1].State == free {
		l.runs = l.runs[:n-1]
	}
	watermark = l.watermark()
	return watermark, line.Encode(l.identity(), watermark, l.runs)
}

// state is what the ledger says of an open record.
func (c *cell) state() state {
	switch {
	case c.again:
		return repeated
	case c.started:
		return started
	}
	return free
}

func (l *ledger) appendRun(s state, n int64) {
	if n > 0 {
		l.runs = line.Join(l.runs, run{State: s, N: n})
	}
}
