package access

import "sync"

// Kind is something of which a process has so many at once that all callers share.
type Kind uint8

// The kinds. Where a key says nothing, a caller has an equal share of each, and at least one: so nobody can keep another out. Connections are
// an equal share and what the key says of the kinds that hold one each.
const (
	Requests    Kind = iota // broadcasts and lists, until they are answered
	Controls                // pause, resume, cancel and speed: what waits for a direct answer does not keep its owner from steering
	Looks                   // at one task
	Connections             // of HTTP
	Bodies                  // that are being read
	Uploads                 // those among them that are large
	Feeds
	Lists
	Exports   // of a task's recipients
	Histories // of what a person got
	DryRuns
)

// names are the kinds that callers are told of.
var names = map[Kind]string{Requests: "requests", Controls: "controls", Looks: "looks", Feeds: "feeds", Lists: "lists", Exports: "exports", Histories: "histories", DryRuns: "dry-runs"}

// Name is what callers know it by.
func (k Kind) Name() string { return names[k] }

// steered is how many kinds requests_at_once bounds, each by itself: Requests, Controls and Looks.
const steered = 3

// Share returns how many of total the caller may have at once; 0: all, since there is nobody to share with.
func (c *Caller) Share(k Kind, total int) int {
	own := 0
	switch k {
	case Requests, Controls, Looks:
		own = c.Requests
	case Uploads:
		own = c.Uploads
	case Feeds:
		own = c.Feeds
	case Connections, Bodies, Lists, Exports, Histories, DryRuns:
	}
	if own > 0 {
		return min(own, total)
	}
	if c.among <= 1 {
		return 0
	}
	equal := max(1, total/c.among)
	if k == Connections {
		return min(total, equal+steered*c.Requests+c.Feeds)
	}
	return equal
}

// Shares is what callers have at once. It is safe for concurrent use; the zero value is ready.
type Shares struct {
	mu   sync.Mutex
	held map[holding]int
}

// holding is by owner, so that what a caller has counts on when the keys are read again.
type holding struct {
	owner string
	kind  Kind
}

// Take reports whether the caller may have one more of total, and counts it then.
func (s *Shares) Take(c *Caller, k Kind, total int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	h := holding{c.Owner, k}
	if share := c.Share(k, total); share > 0 && s.held[h] >= share { //mutant:a-caller-has-its-share
		return false
	}
	if s.held == nil {
		s.held = make(map[holding]int)
	}
	s.held[h]++
	return true
}

// Left returns how many the caller may have of total at once, and how many of those are left now; 0 of 0: there is nobody to share with.
func (s *Shares) Left(c *Caller, k Kind, total int) (share, left int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	share = c.Share(k, total)
	return share, max(0, share-s.held[holding{c.Owner, k}])
}

// Give takes back one that was taken.
func (s *Shares) Give(c *Caller, k Kind) {
	s.mu.Lock()
	defer s.mu.Unlock()
	h := holding{c.Owner, k}
	if s.held[h]--; s.held[h] <= 0 {
		delete(s.held, h)
	}
}
