package fanout

import "altavoz/processor/fanout/task"

// An ownership of a partition has a number, from takeover to takeover, that stands in each of its sends and in the ledger.
// The next owner reads it there and says in its own sends whom it replaced: see "How far a zombie reaches".

// replacedOwners returns what the sends of a turn say of earlier owners: whom they are a repeat of or, once nothing is left that one
// of them had leased, that all is repeated. Whatever those write from then on has a copy that lies before, or an outcome.
func (s *worker) replacedOwners(t *task.Task) (owners []int64, all bool) {
	if all = s.restored() && len(s.repeats) == 0 && !s.leaseLost; all || t.Pending != nil {
		owners = s.owners[1:]
	}
	return owners, all
}
