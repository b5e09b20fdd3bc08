// Package tracking holds which broadcasts of a partition its ledger answers for, from the takeover on: those that it tracks are its
// members. It reads no log and commits nothing.
//
//	         watermark                      Next                      read to
//	─────────────┼────────────────────────────┼──────────────────────────┼───────► offsets of the log
//	 finished,   │ tracked; or finished,      │ overflow: as if it had   │
//	 parked, or  │ or parked                  │ not been read            │
//	 retracked   │                            │                          │
//
// Broadcasts enter the ledger in the order of the log (Admit) as far as there is room, and only those in it, or parked, are
// scheduled. Untouched ones take a byte or two, so a quarter of the room is kept for leases. A task leaves the ledger when it is
// closed and its Status shows that, or, while it has no quantum, to be parked: when there is little room, or it has long to wait.
// Both need the Status to say what the ledger said, because that is where the next owner looks. So a ledger that is full empties as
// fast as the aggregator goes; reading goes on meanwhile.
package tracking

import (
	"cmp"
	"slices"

	"altavoz/processor/fanout/ledger"
	"altavoz/processor/fanout/task"
	"altavoz/schemas"
	"altavoz/stream"
)

const (
	leaseReserve = ledger.Bytes / 4
	parkBelow    = ledger.Bytes / 2
	// slackBytes is what the ledger's head may grow by between its measure and its commit.
	slackBytes = 16
)

// Members is what the ledger of one partition answers for.
type Members struct {
	inherited
	partition int32
	watermark int64 // of the last commit
	readTo    int64
	last      ledger.Last
	tracked   []*task.Task // by offset; some have left
	overflow  []*task.Task // by offset; some have left
	free      int          // bytes that are certainly free in the next ledger
}

// New returns what a ledger that was taken over answers for.
func New(pos stream.Position, l *ledger.Ledger, d Doubt) *Members {
	from := max(0, pos.Offset)
	m := &Members{
		inherited: inherited{
			lines: make(map[int64]ledger.Line), next: l.Next, owners: l.NewOwner(), doubt: d, unlocated: make(map[schemas.TaskID]*schemas.Status),
		},
		partition: pos.Partition.Partition, watermark: from, readTo: from, last: l.Last,
	}
	for _, e := range l.Lines {
		m.lines[e.Offset] = e
	}
	return m
}

// Watermark is up to where every broadcast is finished or parked.
func (m *Members) Watermark() int64 { return m.watermark }

// Len is how many broadcasts are tracked, and how many were read and are not in the ledger.
func (m *Members) Len() (tracked, overflow int) { return len(m.tracked), len(m.overflow) }

// Read takes in that a record was read. It returns what the ledger taken over says of it, and how many broadcasts of that ledger are
// not in the log any more.
func (m *Members) Read(rec *stream.Record) (known ledger.Line, listed bool, lost int) {
	m.readTo = rec.Offset + 1
	known, listed = m.lines[rec.Offset]
	delete(m.lines, rec.Offset)
	m.last = ledger.Last{Offset: rec.Offset, Sum: ledger.SumOf(rec.Value)}
	if lost = len(m.lines); m.readTo < m.next || lost == 0 {
		return known, listed, 0
	}
	m.leaseLost = true
	clear(m.lines)
	return known, listed, lost
}

// Unlocated returns, once, the tasks that were sought in a log in doubt, all of which was read.
func (m *Members) Unlocated() map[schemas.TaskID]*schemas.Status {
	if m.readTo < m.doubt.to || len(m.unlocated) == 0 {
		return nil
	}
	all := m.unlocated
	m.unlocated = make(map[schemas.TaskID]*schemas.Status)
	return all
}

// WillBeRead reports whether a takeover finds the broadcast at the offset in the log.
func (m *Members) WillBeRead(offset int64) bool {
	if m.doubt.any {
		return m.doubt.covers(offset)
	}
	_, listed := m.lines[offset]
	return offset >= m.next || listed && offset >= m.watermark
}

// IsAhead reports whether the log certainly holds a broadcast at the offset which is still to be read and taken in: one that a Status names
// was there, unless the log has lost its end since.
func (m *Members) IsAhead(offset int64) bool {
	return offset >= m.readTo && m.WillBeRead(offset) && (!m.doubt.any || m.doubt.gone)
}

// DropUnseen drops the lines that neither the log nor a Status is left of: their Status showed it once; only what is finished leaves
// the view. It returns their offsets.
func (m *Members) DropUnseen() (gone []int64) {
	for offset, e := range m.lines {
		if offset < m.watermark || offset >= m.next {
			m.leaseLost = m.leaseLost || e.Lease > 0
			delete(m.lines, offset)
			gone = append(gone, offset)
		}
	}
	return gone
}

// Track puts a record that was just read behind the others. A listed one was in the ledger that was taken over.
func (m *Members) Track(t *task.Task, listed bool) {
	if listed || len(m.lines) > 0 { // everything before one that is listed is in the ledger too
		t.BecomeTracked()
		m.tracked = append(m.tracked, t)
		return
	}
	m.overflow = append(m.overflow, t)
}

// Retrack puts a parked task back, because it is to have a quantum.
func (m *Members) Retrack(t *task.Task) {
	m.compact()
	i, _ := slices.BinarySearchFunc(m.tracked, t.Offset, func(x *task.Task, at int64) int { return cmp.Compare(x.Offset, at) })
	m.tracked = slices.Insert(m.tracked, i, t)
	t.BecomeRetracked()
}

func (m *Members) compact() {
	m.tracked = slices.DeleteFunc(m.tracked, func(t *task.Task) bool { return !t.Listed() })
	for len(m.overflow) > 0 && m.overflow[0].Membership() != task.Overflow {
		m.overflow[0], m.overflow = nil, m.overflow[1:]
	}
}

// Admit lets broadcasts that were read into the ledger, as far as there is room.
func (m *Members) Admit(park, admitted func(*task.Task)) {
	for len(m.overflow) > 0 {
		t := m.overflow[0]
		if t.Membership() == task.Overflow {
			if !m.Reserve(leaseReserve+ledger.LineBytes, park) {
				return
			}
			m.Spend()
			t.BecomeTracked()
			m.tracked = append(m.tracked, t)
			admitted(t)
		}
		m.overflow[0], m.overflow = nil, m.overflow[1:]
	}
}

// Reserve reports whether the next ledger has room for so many bytes more, parking what it can if need be.
func (m *Members) Reserve(bytes int, park func(*task.Task)) bool {
	if m.free >= bytes {
		return true
	}
	m.measure()
	if m.free < max(bytes, parkBelow) && m.park(park) {
		m.measure()
	}
	return m.free >= bytes
}

// Spend takes the room of a line.
func (m *Members) Spend() { m.free -= ledger.LineBytes }

// measure finds out how much room the ledger has as it would be now.
func (m *Members) measure() {
	mark, l := m.Ledger()
	m.free = ledger.Bytes - slackBytes - len(l.Append(nil, mark))
}

// park parks every task that may be, and reports whether there was one.
func (m *Members) park(park func(*task.Task)) (any bool) {
	for _, t := range m.tracked {
		if t.Listed() && t.IsShown(m.partition) {
			park(t)
			any = true
		}
	}
	return any
}

// Ledger returns the watermark and what is to be said beside it.
func (m *Members) Ledger() (mark int64, l ledger.Ledger) {
	m.compact()
	//mutant:doubt-outlives-its-owner
	l.Owners, l.Doubt = m.owners, m.doubtBelow()
	l.Next, l.Last = max(m.readTo, m.next), m.last
	if len(m.overflow) > 0 {
		l.Next = m.overflow[0].Offset
	}
	mark = l.Next
	l.Lines = make([]ledger.Line, len(m.tracked))
	for i, t := range m.tracked {
		l.Lines[i] = t.Line()
		if t.Membership() == task.Tracked {
			mark = min(mark, t.Offset)
		}
	}
	return max(mark, m.watermark), l
}

// Commit takes in that a ledger was asked to be committed. The room is measured when it is next asked for.
func (m *Members) Commit(mark int64) { m.watermark, m.free = mark, 0 }

// doubtBelow returns up to where the next owner has to be in doubt.
func (m *Members) doubtBelow() int64 {
	if m.doubt.waiting == 0 && m.readTo >= m.doubt.below {
		m.doubt.below = 0
	}
	return m.doubt.below
}
