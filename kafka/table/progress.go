package table

import (
	"context"
	"maps"
	"sync"
)

// Progress is how far a view has read each partition of its topic. It is safe for concurrent use.
//
// A partition whose log lost its end is first set back to its start (Cut, Restart), then read again up to where the log ended when the
// cut was found, or to where it ends now if that is lower (Again, Shorten, Due, Settled). Until all of that is over nobody is told that the
// partition was read (Reached).
type Progress struct {
	mu        sync.Mutex
	next      map[int32]int64    // first offset not taken yet
	changed   chan struct{}      // closed and made anew when there is more to tell
	truncated map[int32]int64    // partitions that lost their end and are still to be set back, and where they ended then
	rereading map[int32]int64    // partitions that are read again, and up to where
	wake      context.CancelFunc // ends the poll under way
}

// NewProgress returns the progress of a view that has read nothing.
func NewProgress() *Progress {
	return &Progress{
		next: make(map[int32]int64), changed: make(chan struct{}), truncated: make(map[int32]int64), rereading: make(map[int32]int64), wake: func() {},
	}
}

// Next returns the first offsets that are not taken yet.
func (p *Progress) Next() map[int32]int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return maps.Clone(p.next)
}

// Advance notes that all below an offset was taken. What was fetched before a partition is set back does not count.
func (p *Progress) Advance(part int32, next int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, lost := p.truncated[part]; lost { //mutant:fetched-before-the-cut-is-no-progress
		return
	}
	p.next[part] = max(p.next[part], next)
	p.notify()
}

// SkipEmpty is Advance over offsets that hold no record, looked for from an offset on: it does nothing if the partition was read on, or set back,
// since.
func (p *Progress) SkipEmpty(part int32, from, to int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, lost := p.truncated[part]; lost || p.next[part] != from || to <= from { //mutant:empty-offsets-are-passed-from-where-they-were-looked-for
		return
	}
	p.next[part] = to
	p.notify()
	p.wake()
}

// Truncated notes that a partition's log, of which all below an offset was read, ends below it. It returns false where the partition was set back
// since: that cut is known.
func (p *Progress) Truncated(part int32, read, end int64) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.next[part] < read {
		return false
	}
	if was, ok := p.truncated[part]; ok {
		end = min(end, was)
	}
	p.next[part], p.truncated[part] = 0, end
	p.wake()
	return true
}

// RereadBounds returns up to where partitions are to be read again.
func (p *Progress) RereadBounds() map[int32]int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	bounds := maps.Clone(p.rereading)
	maps.Copy(bounds, p.truncated)
	return bounds
}

// LowerBound notes that a partition that is to be read again up to a bound lost its end again: it ends below that. Nothing else would end the
// reading anew before others have written up to the bound. It returns false where the partition has another bound since.
func (p *Progress) LowerBound(part int32, bound, end int64) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	of := p.rereading
	if _, lost := p.truncated[part]; lost {
		of = p.truncated
	}
	if now, ok := of[part]; !ok || now != bound || end >= bound {
		return false
	}
	of[part] = end
	p.wake()
	return true
}

// StartReread returns the partitions that are to be set back to their start now. Where one that is read again lost its end again, what the view
// knew before is older than the first of both ends.
func (p *Progress) StartReread() map[int32]bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	set := make(map[int32]bool, len(p.truncated))
	for part, end := range p.truncated {
		if was, ok := p.rereading[part]; ok {
			end = min(end, was)
		}
		p.rereading[part], set[part] = end, true
	}
	clear(p.truncated)
	return set
}

// RereadEnd reports whether a partition is read again, and up to where.
func (p *Progress) RereadEnd(part int32) (end int64, again bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	end, again = p.rereading[part]
	return end, again
}

// RereadDone returns the partitions that were read again up to where that ends.
func (p *Progress) RereadDone() []int32 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.rereadDone()
}

func (p *Progress) rereadDone() (parts []int32) {
	for part, end := range p.rereading {
		if _, lost := p.truncated[part]; !lost && p.next[part] >= end {
			parts = append(parts, part)
		}
	}
	return parts
}

// FinishReread notes that what was read again of a partition is what the view says.
func (p *Progress) FinishReread(part int32) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.rereading, part)
	p.notify()
}

// Poll returns a context for waiting for records: it ends when a partition is to be set back, or is read again up to where that ends.
func (p *Progress) Poll(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.wake = cancel; len(p.truncated) > 0 || len(p.rereadDone()) > 0 {
		cancel()
	}
	return ctx, cancel
}

// Reached reports whether all was taken that lies between starts and ends, and nothing is to be read again, or gives what closes when there
// is more to tell.
func (p *Progress) Reached(starts, ends map[int32]int64) (bool, <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for part, end := range ends {
		_, lost := p.truncated[part]
		_, again := p.rereading[part]
		if lost || again || max(starts[part], p.next[part]) < end { //mutant:a-view-is-caught-up-once-it-is-read-again
			return false, p.changed
		}
	}
	return true, nil
}

// notify wakes those who wait for progress. Called with the lock held.
func (p *Progress) notify() {
	close(p.changed)
	p.changed = make(chan struct{})
}
