package simulator

import (
	"time"

	"altavoz/whatsapp/simulator/faults"
)

const maxMagicPhones = 10_000 // with an ending that counts calls; the rest is accepted

// meet counts the call and decides what it meets with: what its phone's ending asks for, else what the faults do. What Meta says
// in a webhook is said at once where there are none.
func (s *Simulator) meet(x *exchange, req request) (faults.Fate, faults.Call) {
	s.mu.Lock()
	nth := s.ledger.Called(req.key, req.callback != "")
	c := s.call(x.number, req.key^mix(uint64(nth)))
	c.Phone = req.phone
	s.mu.Unlock()
	now := time.Now()
	f := s.rules.Load().Fate(c, now)
	if f.Outage {
		return f, c
	}
	s.mu.Lock()
	ending, stopped := s.endingOf(req.person), s.people.Stopped(hash(req.person))
	s.mu.Unlock()
	switch {
	case ending.Later:
		f.Late = faults.Late{Code: ending.Code}
	case ending.Effect != faults.None:
		f.Effect, f.Code, f.Late = ending.Effect, ending.Code, faults.Late{}
	case stopped && (req.category == "" || req.category == "marketing"):
		f.Late = faults.Late{Code: codeStopped}
	case f.Window && req.category == "" && !s.windowOpen(x.number, req.person, now):
		f.Late = faults.Late{Code: codeWindow}
	}
	if f.Late.Code != 0 && s.hooks == nil && (ending.Later || f.Effect == faults.None) {
		f.Effect, f.Code = faults.Refuse, f.Late.Code
	}
	return f, c
}

// call counts one of a number and returns what rules look at; salt tells it from others. The caller holds s.mu.
func (s *Simulator) call(number string, salt uint64) faults.Call {
	n := s.stateOf(number)
	n.calls++
	return faults.Call{Number: number, Accepted: s.ledger.Messages(), Turn: n.calls - 1, Chance: s.cfg.Seed ^ mix(salt)}
}

// endingOf returns what the phone's ending does to this call. The caller holds s.mu.
func (s *Simulator) endingOf(phone string) faults.Ending {
	if s.cfg.PlainPhones || !isDigits(phone) {
		return faults.Ending{}
	}
	ending := faults.EndingOf(phone, s.cfg.AnyEndings)
	if ending.Times == 0 {
		return ending
	}
	n, seen := s.magic[phone]
	if n >= ending.Times || (!seen && len(s.magic) >= maxMagicPhones) {
		return faults.Ending{}
	}
	s.magic[phone] = n + 1
	return ending
}

func (s *Simulator) limit(x *exchange, req request, f faults.Fate) *apiError {
	s.mu.Lock()
	defer s.mu.Unlock()
	now, n := time.Now(), s.stateOf(x.number)
	if n.limits.TooFast(now, f.Rate) {
		e := ofCode(130429)
		e.status = f.RateStatus
		return e
	}
	if f.Pair && n.limits.TooOften(now, hash(req.person)) {
		return ofCode(131056)
	}
	if (req.template || req.category != "") && !s.isOpen(x.number, req.person, now) && !s.reach.Add(hash(req.person), s.account.Load().MessagingLimit, now) {
		return ofCode(codePeople)
	}
	return nil
}

// stateOf returns what is kept of a number. The caller holds s.mu.
func (s *Simulator) stateOf(number string) *numberState {
	n := s.numbers[number]
	if n == nil {
		n = &numberState{limits: faults.NewLimits()}
		s.numbers[number] = n
	}
	return n
}
