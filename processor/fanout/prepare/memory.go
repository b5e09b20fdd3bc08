package prepare

import (
	"altavoz/blob"
	"altavoz/processor/fanout/recipients"
	"altavoz/processor/fanout/task"
	"altavoz/schemas"
)

// Cache keeps what was read of a broadcast in memory, if there is room for it.
func (p *Preparer) Cache(t *task.Task, b *schemas.Broadcast, size int) {
	t.Personal, t.TwoWays = b.IsPersonal(), b.GetContent().HasBoth() // also of one that is read again before it is dispatched: its first recipients are judged by them
	if b.GetSlices() == nil {
		if p.cachedBytes+size > CacheBytes && t.Body == nil && !t.Open() {
			return
		}
		t.CachedBytes = size
		p.cachedBytes += size
	}
	t.Body, t.SharedFile = b, b.GetContent().GetMedia() != nil
	for _, m := range b.GetContent().AllFiles() {
		blob.Bind(m, t.ID)
	}
	t.Asked, t.Window = b.GetSpeed(), b.GetWindow() // the TaskOpened of an older version has neither
	t.List = recipients.ListOf(b, t.ID, t.ListKey)
}

// Evict forgets what can be read again.
func (p *Preparer) Evict(t *task.Task) {
	p.cachedBytes -= t.CachedBytes
	p.cfg.Seen.Release(t.SeenBytes)
	t.CachedBytes, t.SeenBytes = 0, 0
	t.Body, t.List, t.Slice, t.Prefetched, t.Seen = nil, nil, nil, nil, nil
}

// EvictOverBudget evicts a task with a short list when too many of them are in memory. Long ones are not: that would mean to read
// all that was dispatched again.
func (p *Preparer) EvictOverBudget(t *task.Task) {
	if p.cachedBytes > CacheBytes && t.CachedBytes > 0 {
		p.Evict(t)
	}
}

// GrowSeen reserves what the set of a long list has grown by: ids take more than was reserved. Without room for it the list goes on all
// the same: what they take is bounded in each set, and two lists that wait for each other's room would wait for ever.
func (p *Preparer) GrowSeen(t *task.Task) {
	if more := t.Seen.Bytes() - t.SeenBytes; t.SeenBytes > 0 && more > 0 && p.cfg.Seen.TryAcquire(more) {
		t.SeenBytes += more
	}
}
