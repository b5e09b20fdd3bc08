package dedup

import "altavoz/schemas"

// Size is how many sends are remembered at least. The fanout repeats at most a turn of 1,000 recipients, spread over all
// partitions.
const Size = 20_000

// generations holds the last 20,000 to 40,000 sends of a partition, to find those that a fanout repeats after a takeover. It
// drops the older of two generations.
type generations struct {
	current, previous generation
}

// generation keeps pairs of task and index. Tasks are numbered, so that a pair is 8 bytes.
type generation struct {
	tasks map[schemas.TaskID]uint32
	sends map[uint64]struct{}
}

func newGeneration() generation {
	return generation{tasks: make(map[schemas.TaskID]uint32), sends: make(map[uint64]struct{})}
}

// add remembers a send and reports whether it was new.
func (m *generations) add(t schemas.TaskID, index uint32) bool {
	if m.has(t, index) {
		return false
	}
	if m.current.sends == nil || len(m.current.sends) >= Size {
		m.rotate()
	}
	number, ok := m.current.tasks[t]
	if !ok {
		number = uint32(len(m.current.tasks))
		m.current.tasks[t] = number
	}
	m.current.sends[uint64(number)<<32|uint64(index)] = struct{}{}
	return true
}

// rotate drops the older generation, and begins another in its place: maps that grow anew each time cost more than all else here.
func (m *generations) rotate() {
	m.previous, m.current = m.current, m.previous
	if m.current.sends == nil {
		m.current = newGeneration()
	}
	clear(m.current.tasks)
	clear(m.current.sends)
}

// has reports whether the send is remembered.
func (m *generations) has(t schemas.TaskID, index uint32) bool {
	return m.current.has(t, index) || m.previous.has(t, index)
}

func (h *generation) has(t schemas.TaskID, index uint32) bool {
	number, ok := h.tasks[t]
	if !ok {
		return false
	}
	_, ok = h.sends[uint64(number)<<32|uint64(index)]
	return ok
}
