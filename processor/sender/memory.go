package sender

import (
	"time"

	"altavoz/schemas"
)

// memory knows the last 20,000 to 40,000 sends of a partition, to find those that a fanout repeats after a takeover. It
// forgets by halves.
type memory struct {
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

// add remembers a send and reports whether it was new.
func (m *memory) add(t schemas.TaskID, index uint32) bool {
	if m.now.has(t, index) || m.before.has(t, index) {
		return false
	}
	if len(m.now.pairs) >= rewindRecords || m.now.pairs == nil {
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

func (h *half) has(t schemas.TaskID, index uint32) bool {
	number, ok := h.tasks[t]
	if !ok {
		return false
	}
	_, ok = h.pairs[uint64(number)<<32|uint64(index)]
	return ok
}

// pair is a sender number and a phone.
type pair struct {
	number *number
	phone  schemas.Phone
}

// pairs knows until when each phone is to be left alone. It forgets by halves, after pairWait or, beyond maxPhones,
// earlier: then Meta says so (131056). What Meta says is kept until the phone is reached, or for a while.
type pairs struct {
	now, before map[pair]time.Time
	turned      time.Time
	refused     map[pair]refusals
	swept       time.Time
}

// refusals are those of a phone since it was last reached.
type refusals struct {
	until time.Time
	n     int
}

// until returns when the phone may be called again.
func (p *pairs) until(k pair) time.Time {
	at, ok := p.now[k]
	if !ok {
		at = p.before[k]
	}
	if said := p.refused[k].until; said.After(at) {
		return said
	}
	return at
}

// refuse takes in that Meta refused the phone, and how long it asked to wait.
func (p *pairs) refuse(k pair, now time.Time, after time.Duration) {
	said := p.refused[k]
	if said.n == 0 && len(p.refused) >= maxPhones {
		p.hold(k, now)
		return
	}
	if p.refused == nil {
		p.refused = make(map[pair]refusals)
	}
	said.n++
	said.until = now.Add(max(after, min(pairWait<<min(said.n-1, 10), pairMost)))
	p.refused[k] = said
}

// reached takes in that the phone is not refused any more.
func (p *pairs) reached(k pair) { delete(p.refused, k) }

// sweep forgets refusals that nobody came back after.
func (p *pairs) sweep(now time.Time) {
	if now.Sub(p.swept) < pairMost {
		return
	}
	p.swept = now
	for k, said := range p.refused {
		if now.Sub(said.until) > pairMost {
			delete(p.refused, k)
		}
	}
}

// hold leaves the phone alone for pairWait.
func (p *pairs) hold(k pair, now time.Time) {
	if p.now == nil || now.Sub(p.turned) >= pairWait || len(p.now) >= maxPhones {
		p.before, p.now, p.turned = p.now, make(map[pair]time.Time, len(p.now)), now
	}
	p.now[k] = now.Add(pairWait)
}

// release forgets the phone: it was not reached.
func (p *pairs) release(k pair) {
	delete(p.now, k)
	delete(p.before, k)
}
