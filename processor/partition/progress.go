package partition

import (
	"time"

	"altavoz/stream"
)

// CommitAgain is how long after a refused commit the next one is made, where nothing asks for one before.
const CommitAgain = time.Second

// Progress is how far a partition is done, and how much of that is committed, of a stage that commits an offset and no ledger beside it: below the
// offset all is done. Only the partition's goroutine uses it.
type Progress struct {
	engine   *Engine
	commit   func(stream.Position) // Assignments.Commit of the partition
	metadata string                // beside each offset, so that one which somebody else set is known for what it is

	next, committed int64 // as done, and as acknowledged
	refused         bool  // the last commit was not taken, or nobody knows
}

// NewProgress returns that of a partition that begins at an offset.
func NewProgress(e *Engine, from int64, metadata string, commit func(stream.Position)) Progress {
	return Progress{engine: e, commit: commit, metadata: metadata, next: from, committed: from}
}

// From is where a partition goes on: at what was committed, or from the log's beginning where the log does not hold that.
func From(pos stream.Position) int64 {
	if pos.Offset < pos.Begin || pos.Offset > pos.End {
		return pos.Begin
	}
	return pos.Offset
}

// Advance has everything below an offset committed.
func (p *Progress) Advance(to int64) {
	if to > p.next {
		p.next = to
		p.ask()
	}
}

func (p *Progress) ask() {
	p.refused = false
	p.commit(stream.Position{Partition: p.engine.Partition(), Offset: p.next, Metadata: p.metadata})
}

// OnCommitted is Handler's. A refused commit is made again after CommitAgain, where nothing asks for one before.
func (p *Progress) OnCommitted(r CommitResult) {
	p.refused = r.Refused != nil || r.Unknown != nil
	if !p.refused {
		p.committed = max(p.committed, r.Position.Offset)
		return
	}
	p.engine.After(CommitAgain, func() {
		if p.refused {
			p.ask()
		}
	})
}

// Settled reports whether no commit has to be waited for: all that is done is committed, or the last commit was refused.
func (p *Progress) Settled() bool { return p.refused || p.committed >= p.next }
