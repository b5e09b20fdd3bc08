// Package replaced is what a partition of sends remembers to find those that come twice: because a fanout repeats after a
// takeover what may have been on its way, and because the owner it took over from writes that all the same.
//
// A record of an owner that was replaced without noticing may come at any time: what was written and not answered is
// repeated by the client for as long as the process lives, and a process that was stopped writes it when it wakes. Two things
// find it that do not wear off with the records between. A repeat is remembered apart from the other sends, which are many.
// And once an owner has repeated everything that those before it had leased, its sends say so: what of a replaced owner stands
// behind such a send was there before, or has an outcome.
//
// That a number is lower than another proves nothing, and is never asked: groups are deleted, and offsets lost.
package replaced

import (
	"altavoz/processor/sender/limits"
	"altavoz/schemas"
)

// maxOwners is how many replaced owners are remembered of a partition, some 50 bytes each. A takeover adds one for each
// partition of broadcasts that changes hands; the oldest are forgotten first.
const maxOwners = 1024

// Dedup knows which sends came before, and which owners are replaced. The zero value knows nothing.
type Dedup struct {
	seen     limits.Generations // the last ones
	repeated limits.Generations // the last ones that were repeats: as many again, which takes many takeovers
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
	fresh := m.seen.Add(task, e.GetIndex())
	if len(e.GetReplaced()) > 0 && !e.GetRepeatedAll() {
		return m.repeated.Add(task, e.GetIndex()) && fresh
	}
	return fresh && !m.repeated.Has(task, e.GetIndex()) //mutant:repeats-are-remembered-longer
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
