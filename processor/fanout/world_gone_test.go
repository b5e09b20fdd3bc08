package fanout

import (
	"time"

	"altavoz/processor/fanout/ledger"
	"altavoz/schemas"
	"altavoz/stream"
)

// What the world knows of offsets that are gone. A broadcast of which the results said nothing by then is taken for new, so a quantum of
// it that is on the log may be dispatched again, which senders drop. Of any other one nobody has a second send, and who of it may have
// been dispatched is unknown.

// foldSome lets an aggregator that is stopped fold the next n results, and show them.
func (w *world) foldSome(n int) (left int) {
	w.lock(func() {
		w.foldBacklog(min(n, len(w.backlog)))
		left = len(w.backlog)
	})
	time.Sleep(50*time.Millisecond + 20*w.Faults.Delay) // until it is shown
	return left
}

// doubts finds out what a takeover can't know of the broadcasts below an offset. Called with the lock held.
func (w *world) doubts(now *tenure, below int64) {
	for id, copies := range w.copies {
		for _, c := range copies {
			if l, listed := now.found[c.offset]; c.partition != now.partition || c.offset >= below || listed && !l.Untouched() {
				continue
			}
			w.doubtful[id] = true
			if now.doubtful[c.offset] = true; !w.reported[id] {
				now.unreported[c.offset] = true
				for k := range w.made {
					if k.task == id {
						w.unseen++
					}
				}
			}
		}
	}
}

// doubtBelow is up to where a takeover is in doubt.
func doubtBelow(pos stream.Position, l ledger.Ledger) int64 {
	if pos.Begun && pos.Metadata == "" {
		return pos.End
	}
	return l.Doubt
}

// mayRepeat reports whether a recipient of the broadcast at the offset may be produced although another owner produced it: it was leased
// at the takeover, nothing was said of the broadcast, or what is produced is that nobody knows.
func (n *tenure) mayRepeat(offset int64, index uint32, outcome bool) bool {
	return n.inherited(offset, index) || n.unreported[offset] || outcome && n.doubtful[offset]
}

// expireOffsets has a partition's offset expire after its owner died, and whoever took it for its own has heard of that.
func (h *history) expireOffsets() {
	all := partitionsOf(schemas.TopicBroadcasts)
	of := all[h.dice.IntN(len(all))]
	if h.one(50) {
		h.lock(func() { h.stopAggregator = true })
		h.broadcast()
		time.Sleep(h.upTo(5 * time.Second))
	}
	var lost []stream.TopicPartition
	if p := h.owner(of); p != nil {
		lost = h.owned(p)
		h.replace(p)
	}
	time.Sleep(20*time.Second + leaseFresh) // as long as a zombie lives, and a quantum that it leased
	h.lock(func() { delete(h.Positions, of) })
	h.pick().Assign(of)
	for _, other := range lost {
		if other != of {
			h.pick().Assign(other)
		}
	}
	for n := 1 + h.dice.IntN(50); h.stopAggregator && h.foldSome(n) > 0; {
	}
	h.startAggregator()
}
