package table

import (
	"context"
	"maps"
	"sync"
)

// progress is how far a view has read each partition of its topic. It is safe for concurrent use.
//
// A partition whose log was truncated is first reset to its start (Truncated, StartReread), then read again up to where the log ended when that
// was found, or to where it ends now if that is lower (RereadEnd, LowerBound, RereadDone, FinishReread). Until then the partition does not
// count as read (Reached).
type progress struct {
	mu        sync.Mutex
	next      map[int32]int64    // the first offset not applied yet
	changed   chan struct{}      // closed and replaced at every change
	truncated map[int32]int64    // partitions to be reset, and where they ended when their truncation was found
	rereading map[int32]int64    // partitions that are read again, and up to where
	wake      context.CancelFunc // ends the poll under way
}

// newProgress returns the progress of a view that has read nothing.
func newProgress() *progress {
	return &progress{
		next: make(map[int32]int64), changed: make(chan struct{}), truncated: make(map[int32]int64), rereading: make(map[int32]int64), wake: func() {},
	}
}

// Next returns the first offsets that are not applied yet.
func (p *progress) Next() map[int32]int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return maps.Clone(p.next)
}

// Advance records that all below an offset is applied. What was fetched before a partition is reset does not count.
func (p *progress) Advance(partition int32, next int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, lost := p.truncated[partition]; lost { //mutant:fetched-before-the-cut-is-no-progress
		return
	}
	p.next[partition] = max(p.next[partition], next)
	p.notify()
}

// SkipEmpty is Advance over offsets without a record, searched from an offset on. It does nothing if the partition was read on, or reset, since.
func (p *progress) SkipEmpty(partition int32, from, to int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, lost := p.truncated[partition]; lost || p.next[partition] != from || to <= from { //mutant:empty-offsets-are-passed-from-where-they-were-looked-for
		return
	}
	p.next[partition] = to
	p.notify()
	p.wake()
}

// Truncated records that a partition's log, of which all below an offset was read, ends below it. It returns false if the partition was reset
// since: that truncation is known.
func (p *progress) Truncated(partition int32, read, end int64) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.next[partition] < read {
		return false
	}
	if was, ok := p.truncated[partition]; ok {
		end = min(end, was)
	}
	p.next[partition], p.truncated[partition] = 0, end
	p.wake()
	return true
}

// RereadBounds returns up to where partitions are to be read again.
func (p *progress) RereadBounds() map[int32]int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	bounds := maps.Clone(p.rereading)
	maps.Copy(bounds, p.truncated)
	return bounds
}

// LowerBound records that a partition that is to be read again up to a bound was truncated again, to below it. Nothing else would end the reading
// before others have written up to the bound. It returns false if the partition has another bound since.
func (p *progress) LowerBound(partition int32, bound, end int64) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	of := p.rereading
	if _, lost := p.truncated[partition]; lost {
		of = p.truncated
	}
	if now, ok := of[partition]; !ok || now != bound || end >= bound {
		return false
	}
	of[partition] = end
	p.wake()
	return true
}

// StartReread returns the partitions that are to be reset now. If one was truncated again while it was read again, what the view knew before
// is older than the lower of both ends.
func (p *progress) StartReread() map[int32]bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	set := make(map[int32]bool, len(p.truncated))
	for partition, end := range p.truncated {
		if was, ok := p.rereading[partition]; ok {
			end = min(end, was)
		}
		p.rereading[partition], set[partition] = end, true
	}
	clear(p.truncated)
	return set
}

// RereadEnd reports whether a partition is read again, and up to where.
func (p *progress) RereadEnd(partition int32) (end int64, again bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	end, again = p.rereading[partition]
	return end, again
}

// RereadDone returns the partitions that have been read again up to their bound.
func (p *progress) RereadDone() []int32 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.rereadDone()
}

func (p *progress) rereadDone() (partitions []int32) {
	for partition, end := range p.rereading {
		if _, lost := p.truncated[partition]; !lost && p.next[partition] >= end {
			partitions = append(partitions, partition)
		}
	}
	return partitions
}

// FinishReread records that the view shows what was read again of a partition.
func (p *progress) FinishReread(partition int32) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.rereading, partition)
	p.notify()
}

// Poll returns a context for a fetch: it ends when a partition is to be reset, or has been read again up to its bound.
func (p *progress) Poll(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.wake = cancel; len(p.truncated) > 0 || len(p.rereadDone()) > 0 {
		cancel()
	}
	return ctx, cancel
}

// Reached reports whether all between starts and ends is applied, and nothing is to be read again. If not, it returns a channel that is closed at
// the next change.
func (p *progress) Reached(starts, ends map[int32]int64) (bool, <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for partition, end := range ends {
		_, lost := p.truncated[partition]
		_, again := p.rereading[partition]
		if lost || again || max(starts[partition], p.next[partition]) < end { //mutant:a-view-is-caught-up-once-it-is-read-again
			return false, p.changed
		}
	}
	return true, nil
}

// notify wakes those who wait in Reached. Called with mu held.
func (p *progress) notify() {
	close(p.changed)
	p.changed = make(chan struct{})
}
