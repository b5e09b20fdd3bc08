package content

// Pool limits how many work at a time. Express goes first, and a quarter of the places is never taken by bulk; of each share (a
// number, a host) so many work at a time at most, so that one that hangs delays only its own.
type Pool[T comparable] struct {
	max, perShare int

	waiting [2][]T // express, bulk
	shares  map[T][]string
	busy    map[string]int
	total   int
	bulk    int
	working map[T]bool // is bulk's
}

// bulkLeaves is the part of the places that bulk leaves to express.
const bulkLeaves = 4

// NewPool returns a pool of so many places, of which each share has so many at most.
func NewPool[T comparable](most, each int) Pool[T] {
	return Pool[T]{max: most, perShare: each, shares: make(map[T][]string), busy: make(map[string]int), working: make(map[T]bool)}
}

// Enqueue has x wait for a place. It must not wait or have one already.
func (p *Pool[T]) Enqueue(x T, bulk bool, shares ...string) {
	l := 0
	if bulk {
		l = 1
	}
	p.waiting[l] = append(p.waiting[l], x)
	p.shares[x] = shares
}

// Acquire gives the next one its place.
func (p *Pool[T]) Acquire() (x T, ok bool) {
	for l := range p.waiting {
		bulk := l == 1
		if p.total >= p.max || bulk && p.bulk >= p.max-p.max/bulkLeaves {
			return x, false
		}
		for i, x := range p.waiting[l] {
			if !p.fits(x) {
				continue
			}
			p.waiting[l] = append(p.waiting[l][:i], p.waiting[l][i+1:]...)
			p.total++
			if p.working[x] = bulk; bulk {
				p.bulk++
			}
			for _, s := range p.shares[x] {
				p.busy[s]++
			}
			return x, true
		}
	}
	return x, false
}

func (p *Pool[T]) fits(x T) bool {
	for _, s := range p.shares[x] {
		if p.busy[s] >= p.perShare {
			return false
		}
	}
	return true
}

// Release takes the place of x back.
func (p *Pool[T]) Release(x T) {
	p.total--
	if p.working[x] {
		p.bulk--
	}
	for _, s := range p.shares[x] {
		if p.busy[s]--; p.busy[s] == 0 {
			delete(p.busy, s)
		}
	}
	delete(p.shares, x)
	delete(p.working, x)
}
