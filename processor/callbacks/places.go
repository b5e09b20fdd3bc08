package callbacks

import "sync"

const (
	// maxPosting is how many callbacks a process has under way.
	maxPosting = 256
	// keptFree is how many places are only for endpoints that have none: the others, that answer slowly, leave them to those, however many
	// partitions they have events in.
	keptFree = maxPosting / 2
)

// places are those for callbacks under way, of all partitions of a process. It is safe for concurrent use.
type places struct {
	mu    sync.Mutex
	taken int
	of    map[string]int // by endpoint
}

// take takes one for an endpoint, if there is one for it.
func (p *places) take(endpoint string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	free := maxPosting - p.taken
	if free == 0 || p.of[endpoint] > 0 && free <= keptFree { //mutant:slow-endpoints-leave-places-for-others
		return false
	}
	if p.of == nil {
		p.of = make(map[string]int)
	}
	p.taken++
	p.of[endpoint]++
	return true
}

// give gives one back.
func (p *places) give(endpoint string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.taken--
	if p.of[endpoint]--; p.of[endpoint] == 0 {
		delete(p.of, endpoint)
	}
}
