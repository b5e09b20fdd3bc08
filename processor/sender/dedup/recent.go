package dedup

import (
	"math/bits"
	"math/rand/v2"

	"altavoz/schemas"
)

// Size is how many sends are remembered. The fanout repeats at most a turn of 1,000 recipients, spread over all partitions.
const Size = 20_000

const (
	// firstSlots is how many a table has at first. It grows when 5 of 8 are taken, so that Size take 32,768 slots.
	firstSlots   = 64
	fullOf8      = 5
	hashBits     = 16 // of a slot
	positionMask = 1<<hashBits - 1
)

// seed makes hashes unlike those of other processes, so that no list can be made whose recipients lie in one place.
var seed = rand.Uint64()

// recent holds the last Size sends of a partition, to find those that a fanout repeats after a takeover: 248 KB once they are so
// many. They are a ring, the oldest next, in arrays that the garbage collector does not look into; slots finds them in it.
type recent struct {
	indexes []uint32 // in their tasks' lists
	tasks   []uint16 // their tasks, as known numbers them
	oldest  int      // 0 until there are Size
	known   taskNumbers
	// slots is a table with open addressing and linear probing: the position in the ring plus one, and 16 bits of the hash, which say
	// where to look first. 0 is a free slot.
	slots []uint32
	shift int // of 16 bits of a hash, to a slot
}

// add remembers a send and reports whether it was new.
func (m *recent) add(t schemas.TaskID, index uint32) bool {
	number, known := m.known.find(t)
	if !known {
		number = m.known.add(t)
	}
	h := hash(number, index)
	if known && m.find(number, index, h) {
		return false
	}
	m.known.count(number, 1)
	at := len(m.indexes)
	if at < Size {
		if at == cap(m.indexes) {
			m.grow()
		}
		m.indexes, m.tasks = append(m.indexes, index), append(m.tasks, number)
	} else {
		at = m.oldest
		m.forget(at)
		m.indexes[at], m.tasks[at] = index, number
		if m.oldest = at + 1; m.oldest == Size {
			m.oldest = 0
		}
	}
	m.insert(h<<hashBits | uint32(at+1))
	return true
}

// has reports whether the send is remembered.
func (m *recent) has(t schemas.TaskID, index uint32) bool {
	number, ok := m.known.find(t)
	return ok && m.find(number, index, hash(number, index))
}

// hash returns 16 bits.
func hash(task uint16, index uint32) uint32 {
	hi, lo := bits.Mul64((uint64(task)<<32|uint64(index))^seed, 0x9e3779b97f4a7c15)
	return uint32((hi ^ lo) >> (64 - hashBits))
}

func (m *recent) find(task uint16, index, h uint32) bool {
	for i := h >> m.shift; m.slots[i] != 0; i = m.after(i) {
		if s := m.slots[i]; s>>hashBits == h {
			if at := s&positionMask - 1; m.indexes[at] == index && m.tasks[at] == task {
				return true
			}
		}
	}
	return false
}

func (m *recent) after(slot uint32) uint32 { return (slot + 1) & uint32(len(m.slots)-1) }

// home is where the send of a slot would lie if nothing else lay there.
func (m *recent) home(slot uint32) uint32 { return slot >> hashBits >> m.shift }

func (m *recent) insert(slot uint32) {
	i := m.home(slot)
	for m.slots[i] != 0 {
		i = m.after(i)
	}
	m.slots[i] = slot
}

// forget takes the send at a position out of the table.
func (m *recent) forget(at int) {
	task := m.tasks[at]
	slot := hash(task, m.indexes[at])<<hashBits | uint32(at+1)
	hole := m.home(slot)
	for m.slots[hole] != slot {
		hole = m.after(hole)
	}
	// What lies behind moves up, unless it would come to lie before its own place.
	mask := uint32(len(m.slots) - 1)
	for i := m.after(hole); m.slots[i] != 0; i = m.after(i) {
		if (i-m.home(m.slots[i]))&mask >= (i-hole)&mask {
			m.slots[hole] = m.slots[i]
			hole = i
		}
	}
	m.slots[hole] = 0
	m.known.count(task, -1)
}

// grow makes the table twice as large, and the ring as large as fits into it.
func (m *recent) grow() {
	was := m.slots
	m.slots = make([]uint32, max(firstSlots, 2*len(was)))
	m.shift = hashBits - bits.Len(uint(len(m.slots)-1))
	for _, s := range was {
		if s != 0 {
			m.insert(s)
		}
	}
	room := min(len(m.slots)*fullOf8/8, Size)
	m.indexes = append(make([]uint32, 0, room), m.indexes...)
	m.tasks = append(make([]uint16, 0, room), m.tasks...)
}

// taskNumbers numbers the tasks of which sends are remembered, so that one is 2 bytes in each of them.
type taskNumbers struct {
	numbers map[schemas.TaskID]uint16
	tasks   []numbered
	free    []uint16
	last    uint16 // the one that was found last: most sends are of the task of the one before
}

type numbered struct {
	id    schemas.TaskID
	sends uint16
}

func (k *taskNumbers) find(t schemas.TaskID) (number uint16, ok bool) {
	if int(k.last) < len(k.tasks) && k.tasks[k.last].sends > 0 && k.tasks[k.last].id == t {
		return k.last, true
	}
	if number, ok = k.numbers[t]; ok {
		k.last = number
	}
	return number, ok
}

// add numbers a task that has no number.
func (k *taskNumbers) add(t schemas.TaskID) (number uint16) {
	if n := len(k.free); n > 0 {
		number, k.free = k.free[n-1], k.free[:n-1]
	} else {
		number = uint16(len(k.tasks))
		k.tasks = append(k.tasks, numbered{})
	}
	if k.numbers == nil {
		k.numbers = make(map[schemas.TaskID]uint16)
	}
	k.tasks[number], k.numbers[t], k.last = numbered{id: t}, number, number
	return number
}

// count counts the sends of a task. One without sends has no number any more.
func (k *taskNumbers) count(number uint16, more int) {
	t := &k.tasks[number]
	t.sends = uint16(int(t.sends) + more)
	if t.sends == 0 {
		delete(k.numbers, t.id)
		k.free = append(k.free, number)
	}
}
