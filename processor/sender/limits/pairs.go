package limits

import "time"

const (
	// PairWait is Meta's limit: one message to a phone in 6 s. While Meta refuses a phone for it, it waits twice as long each
	// time, up to pairMost: a burst of others' messages may have used up the next minutes (45 of them 270 s), and every call
	// that finds that out costs the number's rate.
	PairWait = 6 * time.Second
	pairMost = time.Minute
	// maxPhones bounds the phones remembered for it, twice: 40,000 a second for 6 s, 16 MB. As many may be refused.
	maxPhones = 1 << 18
)

// Pairs knows until when each pair of a sender number and a phone is to be left alone. It forgets by halves, after PairWait or, beyond maxPhones,
// earlier: then Meta says so (131056). What Meta says is kept until the phone is reached, or for a while.
type Pairs[K comparable] struct {
	now, before map[K]time.Time
	turned      time.Time
	refused     map[K]refusals
	swept       time.Time
}

// refusals are those of a phone since it was last reached.
type refusals struct {
	until time.Time
	n     int
}

// Until returns when the phone may be called again.
func (p *Pairs[K]) Until(k K) time.Time {
	at, ok := p.now[k]
	if !ok {
		at = p.before[k]
	}
	if said := p.refused[k].until; said.After(at) {
		return said
	}
	return at
}

// Refuse takes in that Meta refused the phone, and how long it asked to wait.
func (p *Pairs[K]) Refuse(k K, now time.Time, after time.Duration) {
	said := p.refused[k]
	if said.n == 0 && len(p.refused) >= maxPhones {
		p.Hold(k, now)
		return
	}
	if p.refused == nil {
		p.refused = make(map[K]refusals)
	}
	said.n++
	said.until = now.Add(max(after, min(PairWait<<min(said.n-1, 10), pairMost)))
	p.refused[k] = said
}

// Reached takes in that the phone is not refused any more.
func (p *Pairs[K]) Reached(k K) { delete(p.refused, k) }

// Sweep forgets refusals that nobody came back after.
func (p *Pairs[K]) Sweep(now time.Time) {
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

// Hold leaves the phone alone for PairWait.
func (p *Pairs[K]) Hold(k K, now time.Time) {
	if p.now == nil || now.Sub(p.turned) >= PairWait || len(p.now) >= maxPhones {
		p.before, p.now, p.turned = p.now, make(map[K]time.Time, len(p.now)), now
	}
	p.now[k] = now.Add(PairWait)
}

// Release forgets the phone: it was not reached.
func (p *Pairs[K]) Release(k K) {
	delete(p.now, k)
	delete(p.before, k)
}
