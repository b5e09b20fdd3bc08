// Package taskindex is a map of task ids to small values, for tens of millions of tasks: exact, and without a pointer a
// task.
//
// A cell is the whole id and its value, so no hash decides that a task is known: a hash only says where to look first.
// Cells lie in flat arrays (open addressing, linear probing), which the garbage collector does not look into. There are
// many small arrays instead of a large one, so that growing moves some hundred kilobytes at a time and not everything.
//
//	a task takes 16 bytes and its value, times 1.14 to 1.43 (arrays are between 7/10 and 7/8 full):
//	with 8 bytes of value 27 to 34 bytes, 31 on average; 35,000,000 tasks are 1.1 GB
package taskindex

import (
	"bytes"
	"hash/maphash"
	"math/bits"
)

const (
	// IDBytes is the length of an id.
	IDBytes = 16
	// shards is how many arrays a table has: with 35,000,000 tasks (35 days at a million a day) they are 260 KB each, and grow
	// in about a millisecond.
	shards = 4096
	// An array that would be more than 7/8 full grows by a quarter; one that is less than half full shrinks.
	fullOf8   = 7
	firstSize = 4 // cells
)

// Table is such a map; New makes one. It is not safe for concurrent use.
type Table struct {
	width  int // bytes of a value
	seed   maphash.Seed
	shards []shard // a power of two
	tasks  int
	cells  int
}

type shard struct {
	cells []byte
	size  int // cells that there are
	used  int
}

// New returns an empty table of values of that many bytes. A value of zeros only is none.
func New(width int) *Table { return newTable(width, shards) }

func newTable(width, shards int) *Table {
	return &Table{width: width, seed: maphash.MakeSeed(), shards: make([]shard, shards)}
}

// Len returns how many tasks the table has.
func (t *Table) Len() int { return t.tasks }

// Bytes returns the memory that it takes.
func (t *Table) Bytes() int { return t.cells * t.cell() }

func (t *Table) cell() int { return IDBytes + t.width }

// Get returns the value of a task, which is valid until the table changes, and false for a task that it does not have.
func (t *Table) Get(id [IDBytes]byte) ([]byte, bool) {
	s, at, ok := t.find(id)
	if !ok {
		return nil, false
	}
	return t.value(s, at), true
}

// Put gives a task its value.
func (t *Table) Put(id [IDBytes]byte, value []byte) {
	s, at, ok := t.find(id)
	if !ok {
		if (s.used+1)*8 > s.size*fullOf8 {
			t.resize(s, s.size+max(firstSize, s.size/4))
			_, at, _ = t.find(id)
		}
		copy(s.cells[at*t.cell():], id[:])
		s.used++
		t.tasks++
	}
	copy(t.value(s, at), value)
}

// Delete forgets a task.
func (t *Table) Delete(id [IDBytes]byte) {
	s, hole, ok := t.find(id)
	if !ok {
		return
	}
	n := t.cell()
	// What lies behind moves up, unless it would come to lie before its own place.
	for at := s.next(hole); t.taken(s, at); at = s.next(at) {
		own := t.place(s, t.hash(s.cells[at*n:at*n+IDBytes]))
		if s.between(hole, own, at) {
			continue
		}
		copy(s.cells[hole*n:(hole+1)*n], s.cells[at*n:(at+1)*n])
		hole = at
	}
	clear(s.cells[hole*n : (hole+1)*n])
	s.used--
	t.tasks--
	if s.size > firstSize && s.used*2 < s.size {
		t.resize(s, max(firstSize, s.used+s.used/4+1))
	}
}

// Each calls each for every task, in no order, until it returns false. The table must not change meanwhile.
func (t *Table) Each(each func(id [IDBytes]byte, value []byte) bool) {
	for i := range t.shards {
		s := &t.shards[i]
		for at := range s.size {
			if t.taken(s, at) && !each([IDBytes]byte(s.cells[at*t.cell():]), t.value(s, at)) {
				return
			}
		}
	}
}

func (t *Table) hash(id []byte) uint64 { return maphash.Bytes(t.seed, id) }

// place is where a cell with that hash lies if nothing else does.
func (t *Table) place(s *shard, hash uint64) int {
	hi, _ := bits.Mul64(hash*uint64(len(t.shards)), uint64(s.size)) // the highest bits have chosen the shard
	return int(hi)
}

// find returns where the task lies, or else the free cell where it would.
func (t *Table) find(id [IDBytes]byte) (s *shard, at int, ok bool) {
	hash := t.hash(id[:])
	first, _ := bits.Mul64(hash, uint64(len(t.shards)))
	s = &t.shards[first]
	if s.size == 0 {
		return s, 0, false
	}
	n := t.cell()
	for at = t.place(s, hash); t.taken(s, at); at = s.next(at) {
		if bytes.Equal(s.cells[at*n:at*n+IDBytes], id[:]) {
			return s, at, true
		}
	}
	return s, at, false
}

// taken reports whether a cell is. One in eight is not, so a search ends.
func (t *Table) taken(s *shard, at int) bool {
	for _, b := range t.value(s, at) {
		if b != 0 {
			return true
		}
	}
	return false
}

func (t *Table) value(s *shard, at int) []byte {
	n := t.cell()
	return s.cells[at*n+IDBytes : (at+1)*n]
}

func (s *shard) next(at int) int {
	if at++; at < s.size {
		return at
	}
	return 0
}

// between reports whether x lies behind from and not behind to, around the end.
func (s *shard) between(from, x, to int) bool {
	if from < to {
		return from < x && x <= to
	}
	return from < x || x <= to
}

func (t *Table) resize(s *shard, size int) {
	old := *s
	n := t.cell()
	*s = shard{cells: make([]byte, size*n), size: size, used: old.used}
	t.cells += size - old.size
	for from := range old.size {
		if !t.taken(&old, from) {
			continue
		}
		cell := old.cells[from*n : (from+1)*n]
		at := t.place(s, t.hash(cell[:IDBytes]))
		for t.taken(s, at) {
			at = s.next(at)
		}
		copy(s.cells[at*n:], cell)
	}
}
