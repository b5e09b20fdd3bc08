package ledger

import "time"

// Reach is whom a business has written to outside their windows within 24 hours, each by its hash. It is not safe for concurrent use.
type Reach struct {
	last     map[uint64]time.Time // message of each
	messages []reached            // in order, those that are over in front
	most     int
}

type reached struct {
	at     time.Time
	person uint64
}

// NewReach returns one that has written to nobody.
func NewReach() *Reach { return &Reach{last: make(map[uint64]time.Time)} }

// Add counts a message, and reports whether it may leave: where there is a limit, to no more people. Beyond a million messages a day none are counted.
func (r *Reach) Add(person uint64, limit int, now time.Time) bool {
	over := 0
	for ; over < len(r.messages) && now.Sub(r.messages[over].at) >= windowTime; over++ {
		if m := r.messages[over]; r.last[m.person].Equal(m.at) {
			delete(r.last, m.person)
		}
	}
	r.messages = r.messages[over:]
	_, again := r.last[person]
	switch {
	case !again && limit > 0 && len(r.last) >= limit:
		return false
	case len(r.messages) >= maxPeople:
		return true
	}
	r.last[person] = now
	r.messages = append(r.messages, reached{now, person})
	r.most = max(r.most, len(r.last))
	return true
}

// Most is to how many people it wrote within 24 hours at most.
func (r *Reach) Most() int { return r.most }
