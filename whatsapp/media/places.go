package media

import (
	"context"
	"sync"
)

// places bounds how many work at a time: in all, and for each share (a number, a host), so that what hangs keeps only its own
// waiting.
type places struct {
	most, each int

	mu    sync.Mutex
	total int
	busy  map[string]int
	freed chan struct{} // closed and replaced when one is given back
}

func newPlaces(most, each int) *places {
	return &places{most: most, each: each, busy: make(map[string]int), freed: make(chan struct{})}
}

// take waits for a place and returns what gives it back.
func (p *places) take(ctx context.Context, share string) (release func(), err error) {
	for {
		p.mu.Lock()
		if p.total < p.most && p.busy[share] < p.each {
			p.total++
			p.busy[share]++
			p.mu.Unlock()
			return func() { p.release(share) }, nil
		}
		freed := p.freed
		p.mu.Unlock()
		select {
		case <-freed:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

func (p *places) release(share string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.total--
	if p.busy[share]--; p.busy[share] == 0 {
		delete(p.busy, share)
	}
	close(p.freed)
	p.freed = make(chan struct{})
}
