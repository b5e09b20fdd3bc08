package fanout

import (
	"time"

	"altavoz/processor/fanout/ledger"
	"altavoz/stream"
)

// What the world knows of offsets that are gone. A broadcast of which the results said nothing by then is taken for new, so a turn of
// it that is on the log may be dispatched again, which senders drop. Of any other one nobody has a second send, and who of it may have
// been dispatched is unknown.

// Expire takes a slot's committed offset away.
func (w *world) expire(of stream.TopicPartition) {
	w.set(func() { delete(w.positions, of) })
}

// foldSome lets an aggregator that is stopped fold the next n results, and show them.
func (w *world) foldSome(n int) (left int) {
	w.mu.Lock()
	n = min(n, len(w.backlog))
	for _, rec := range w.backlog[:n] {
		w.fold(rec)
	}
	w.backlog = w.backlog[n:]
	left = len(w.backlog)
	w.mu.Unlock()
	time.Sleep(50*time.Millisecond + 20*w.faults.delay) // Until it is shown
	return left
}

// doubts finds out what a takeover can't know of the broadcasts below an offset. Called with the lock held.
func (w *world) doubts(now *tenure, below int64) {
	for id, copies := range w.homes {
		for _, c := range copies {
			if l, listed := now.found[c.offset]; c.slot != now.slot || c.offset >= below || listed && !l.Untouched() {
				continue
			}
			w.doubtful[id] = true
			if now.doubtful[c.offset] = true; !w.said[id] {
				now.unsaid[c.offset] = true
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
	return n.inherited(offset, index) || n.unsaid[offset] || outcome && n.doubtful[offset]
}

// offsetsGone has a slot's offset expire after its owner died, and whoever took it for his own has heard of that.
func (h *history) offsetsGone() {
	of := h.slots()[h.dice.IntN(len(h.slots()))]
	if h.one(50) {
		h.set(func() { h.stopAggregator = true })
		h.broadcast()
		time.Sleep(time.Duration(h.dice.IntN(5000)) * time.Millisecond)
	}
	var others []stream.TopicPartition
	h.mu.Lock()
	p := h.owner[of]
	h.mu.Unlock()
	if p != nil {
		others = p.owned()
		p.kill()
		h.replace(p)
	}
	time.Sleep(20*time.Second + leaseFresh) // as long as a zombie lives, and a turn that it leased
	h.expire(of)
	h.live[h.dice.IntN(len(h.live))].assign(of)
	for _, o := range others {
		if o != of {
			h.live[h.dice.IntN(len(h.live))].assign(o)
		}
	}
	for n := 1 + h.dice.IntN(50); h.stopAggregator && h.foldSome(n) > 0; {
	}
	h.startAggregator()
}
