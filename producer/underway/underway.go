// Package underway makes room among bodies that anybody may send: when all slots are taken, the one that is read the longest is cut off. An
// honest body is there in an instant, one that drips is the oldest soon. It reads nothing itself.
package underway

import (
	"slices"
	"sync"
)

// Body is being read.
type Body interface {
	comparable

	// Cut ends the reading, so that its slots come free. It does not wait for that.
	Cut()
	// Big reports whether it holds one of the few slots for big ones, too.
	Big() bool
}

// Bodies are those under way, in the order in which they began. A nil one keeps none.
type Bodies[B Body] struct {
	mu    sync.Mutex
	began []B // as many as there are slots
}

// Begin is for a body that is going to be read.
func (u *Bodies[B]) Begin(b B) {
	if u == nil {
		return
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.began = append(u.began, b)
}

// End is for a body that is read, or given up; doing it twice does nothing. It is not cut off after that.
func (u *Bodies[B]) End(b B) {
	if u == nil {
		return
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if i := slices.Index(u.began, b); i >= 0 {
		u.began = slices.Delete(u.began, i, i+1)
	}
}

// CutOldest cuts off the body that began first, of the big ones where one of their slots is wanted.
func (u *Bodies[B]) CutOldest(big bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for i, b := range u.began {
		if !big || b.Big() {
			b.Cut()
			u.began = slices.Delete(u.began, i, i+1)
			return
		}
	}
}
