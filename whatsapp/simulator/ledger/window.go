package ledger

import "time"

const (
	windowSlots = 100 // of 10 ms: a second
	windowSlot  = 10 * time.Millisecond
)

// Window finds the most events within a second, to 10 ms.
type Window struct {
	slots   [windowSlots]int
	last    int64 // number of the newest slot
	sum     int
	highest int
}

// Add counts an event.
func (w *Window) Add(now time.Time) {
	n := now.UnixNano() / int64(windowSlot)
	switch {
	case n-w.last >= windowSlots:
		w.slots, w.sum, w.last = [windowSlots]int{}, 0, n
	default:
		for ; w.last < n; w.last++ {
			i := (w.last + 1) % windowSlots
			w.sum -= w.slots[i]
			w.slots[i] = 0
		}
	}
	w.slots[w.last%windowSlots]++
	w.sum++
	w.highest = max(w.highest, w.sum)
}

// Highest returns the most events that ever fell within a second.
func (w *Window) Highest() int { return w.highest }
