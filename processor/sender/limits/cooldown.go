package limits

import (
	"hash/maphash"
	"time"
)

const (
	// CooldownTime is Meta's limit: one message to a phone in 6 s. While Meta refuses a phone for it, it waits twice as long each
	// time, up to cooldownMax: a burst of others' messages may have used up the next minutes (45 of them 270 s), and every call
	// that finds that out costs the number's rate.
	CooldownTime = 6 * time.Second
	cooldownMax  = time.Minute
	// maxPhones bounds the phones remembered for it, twice: 40,000 a second for 6 s, 16 MB. As many may be refused.
	maxPhones = 1 << 18
)

// Cooldown holds until when each pair of a sender number and a phone is to be left alone. It drops the older of two generations, after CooldownTime or, beyond maxPhones,
// earlier: then Meta refuses the call (131056). Its refusals are kept until the phone is reached, or for a while.
// What is remembered of who was called is 64 bits of hash and a time, without pointers: the garbage collector need not look at it. Two with one hash, which is one of 10^14
// calls, wait for each other.
type Cooldown[K comparable] struct {
	current, previous map[uint64]time.Duration // since from
	from              time.Time                // the first call
	seed              maphash.Seed
	rotatedAt         time.Time
	refused           map[K]refusals
	sweptAt           time.Time
}

// refusals are those of a phone since it was last reached.
type refusals struct {
	until time.Time
	n     int
}

// Until returns when the phone may be called again.
func (p *Cooldown[K]) Until(k K) (at time.Time) {
	if p.current == nil {
		return p.refused[k].until
	}
	h := maphash.Comparable(p.seed, k)
	since, ok := p.current[h]
	if !ok {
		since, ok = p.previous[h]
	}
	if ok {
		at = p.from.Add(since)
	}
	if len(p.refused) > 0 {
		if said := p.refused[k].until; said.After(at) {
			return said
		}
	}
	return at
}

// Refuse records that Meta refused the phone, and how long it asked to wait.
func (p *Cooldown[K]) Refuse(k K, now time.Time, after time.Duration) {
	said := p.refused[k]
	if said.n == 0 && len(p.refused) >= maxPhones {
		p.Start(k, now)
		return
	}
	if p.refused == nil {
		p.refused = make(map[K]refusals)
	}
	said.n++
	said.until = now.Add(max(after, min(CooldownTime<<min(said.n-1, 10), cooldownMax)))
	p.refused[k] = said
}

// Reset ends the refusals of a phone.
func (p *Cooldown[K]) Reset(k K) { delete(p.refused, k) }

// Sweep forgets old refusals.
func (p *Cooldown[K]) Sweep(now time.Time) {
	if now.Sub(p.sweptAt) < cooldownMax {
		return
	}
	p.sweptAt = now
	for k, said := range p.refused {
		if now.Sub(said.until) > cooldownMax {
			delete(p.refused, k)
		}
	}
}

// Start begins the cooldown of a phone.
func (p *Cooldown[K]) Start(k K, now time.Time) {
	if p.current == nil {
		p.from, p.seed = now, maphash.MakeSeed()
	}
	if p.current == nil || now.Sub(p.rotatedAt) >= CooldownTime || len(p.current) >= maxPhones {
		p.previous, p.current, p.rotatedAt = p.current, make(map[uint64]time.Duration, len(p.current)), now
	}
	p.current[maphash.Comparable(p.seed, k)] = now.Sub(p.from) + CooldownTime
}

// Cancel ends the cooldown of a phone: it was not reached.
func (p *Cooldown[K]) Cancel(k K) {
	if p.current == nil {
		return
	}
	h := maphash.Comparable(p.seed, k)
	delete(p.current, h)
	delete(p.previous, h)
}
