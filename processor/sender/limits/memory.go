package limits

import "altavoz/schemas"

// Remembered is how many sends are remembered at least. The fanout repeats at most a turn of 1,000 recipients, spread over all
// partitions.
const Remembered = 20_000

// Memory knows the last 20,000 to 40,000 sends of a partition, to find those that a fanout repeats after a takeover. It
// forgets by halves.
type Memory struct {
	now, before half
}

// half keeps pairs of task and index. Tasks are numbered, so that a pair is 8 bytes.
type half struct {
	tasks map[schemas.TaskID]uint32
	pairs map[uint64]struct{}
}

func newHalf() half {
	return half{tasks: make(map[schemas.TaskID]uint32), pairs: make(map[uint64]struct{})}
}

// Add remembers a send and reports whether it was new.
func (m *Memory) Add(t schemas.TaskID, index uint32) bool {
	if m.Has(t, index) {
		return false
	}
	if len(m.now.pairs) >= Remembered || m.now.pairs == nil {
		m.before, m.now = m.now, newHalf()
	}
	number, ok := m.now.tasks[t]
	if !ok {
		number = uint32(len(m.now.tasks))
		m.now.tasks[t] = number
	}
	m.now.pairs[uint64(number)<<32|uint64(index)] = struct{}{}
	return true
}

// Has reports whether the send is remembered.
func (m *Memory) Has(t schemas.TaskID, index uint32) bool {
	return m.now.has(t, index) || m.before.has(t, index)
}

func (h *half) has(t schemas.TaskID, index uint32) bool {
	number, ok := h.tasks[t]
	if !ok {
		return false
	}
	_, ok = h.pairs[uint64(number)<<32|uint64(index)]
	return ok
}
