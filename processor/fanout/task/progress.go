package task

import (
	"altavoz/processor/fanout/ledger"
)

// Progress is how far a task's recipients have come.
//
//	0 ─── dispatched ─── Cursor ─── Quantum, or the lease of an earlier owner ─── total
type Progress struct {
	Cursor  uint32 // every recipient below it was dispatched, and that is acknowledged
	Quantum uint32 // recipients from Cursor on that are leased now; 0: none
	Lease   uint32 // recipients from Cursor on that an earlier owner had leased: dispatched, or in part, or not at all
	Pending []bool // which of Lease have no outcome; nil: not known yet
	Unknown bool   // nobody knows how far the lease came: who of it has no outcome is unknown, and not sent to
}

// resume takes up what the ledger and the Status say, whichever says more.
func (p *Progress) resume(known ledger.Line, cursor, total uint32) {
	p.Cursor = max(known.Cursor, cursor)
	if end := known.Cursor + known.Lease; end > p.Cursor {
		p.Lease = min(end, total) - min(p.Cursor, total)
	}
	p.Unknown = known.Doubt && p.Lease > 0
	p.Cursor = min(p.Cursor, total)
}

// DispatchedTo returns up to where recipients may have been dispatched.
func (p *Progress) DispatchedTo() uint32 { return p.Cursor + p.Quantum }

// Advance moves the cursor over n recipients that were dispatched.
func (p *Progress) Advance(n uint32) {
	p.Cursor += n
	p.Lease -= min(p.Lease, n)
	if p.Pending = p.Pending[min(int(n), len(p.Pending)):]; p.Lease == 0 {
		p.Pending, p.Unknown = nil, false
	}
}

// DropLease forgets what an earlier owner had leased.
func (p *Progress) DropLease() { p.Lease, p.Pending = 0, nil }
