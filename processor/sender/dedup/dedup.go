// Package dedup finds the sends of a partition that come twice: a fanout repeats after a takeover what may have been in flight,
// and the owner that it replaced may still write the same sends.
//
// A record of a replaced owner may come at any time: the client repeats an unacknowledged write for as long as the process lives,
// and a stopped process writes when it continues. Two mechanisms find it however many records lie between. Repeats are remembered
// apart from other sends, which are many. And once an owner has repeated everything that those before it had leased, its sends say
// so: a record of a replaced owner behind such a send was there before, or has an outcome.
//
// That one owner's number is lower than another's proves nothing and is never compared: groups are deleted, and offsets lost.
package dedup

import (
	"altavoz/schemas"
)

// maxOwners is how many replaced owners are remembered of a partition, some 50 bytes each. A takeover adds one for each
// partition of broadcasts that changes hands; the oldest are forgotten first.
const maxOwners = 1024

// Dedup knows which sends came before, and which owners are replaced. The zero value knows nothing.
type Dedup struct {
	seen     recent // the last ones
	repeated recent // the last ones that were repeats: as many again, which takes many takeovers
	owners   map[int64]struct{}
	order    []int64 // of owners, as they came; a ring once it is full
	next     int
}

// IsNew remembers the send and reports whether it is neither a repeat nor of an owner that was replaced before it was
// written.
func (m *Dedup) IsNew(task schemas.TaskID, e *schemas.Send) bool {
	if _, late := m.owners[e.GetGeneration()]; late { //mutant:replaced-owner-is-dropped
		return false
	}
	if e.GetRepeatedAll() {
		m.addReplaced(e.GetReplaced())
	}
	fresh := m.seen.add(task, e.GetIndex())
	if len(e.GetReplaced()) > 0 && !e.GetRepeatedAll() {
		return m.repeated.add(task, e.GetIndex()) && fresh
	}
	return fresh && !m.repeated.has(task, e.GetIndex()) //mutant:repeats-are-remembered-longer
}

func (m *Dedup) addReplaced(owners []int64) {
	for _, owner := range owners {
		if _, ok := m.owners[owner]; ok || owner == 0 { // nobody's
			continue
		}
		if m.owners == nil {
			m.owners = make(map[int64]struct{})
		}
		m.owners[owner] = struct{}{}
		if len(m.order) < maxOwners {
			m.order = append(m.order, owner)
			continue
		}
		delete(m.owners, m.order[m.next])
		m.order[m.next] = owner
		m.next = (m.next + 1) % maxOwners
	}
}
