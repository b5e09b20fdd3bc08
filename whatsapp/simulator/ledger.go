package simulator

import (
	"strconv"
	"strings"
	"time"
)

// Received is one message that was accepted, and that a real Cloud API would have sent.
type Received struct {
	Number   string    `json:"number"`
	Phone    string    `json:"phone"` // digits, or a user id
	Callback string    `json:"biz_opaque_callback_data,omitempty"`
	WAMID    string    `json:"wamid"`
	Time     time.Time `json:"time"`
	// Answered says that the acceptance was written back whole. Where it is false the sender can't know of it.
	Answered bool `json:"answered"`
}

// Summary is the ledger in numbers.
type Summary struct {
	// Accepted counts messages; Unanswered those whose acceptance did not reach the sender.
	Accepted   int `json:"accepted"`
	Unanswered int `json:"unanswered"`
	// Duplicates counts messages accepted beyond the first with the same callback data.
	Duplicates int `json:"duplicates"`
	// Repeated counts calls for callback data of which an earlier call was not plainly refused, whatever became of both: what a
	// sender that promises to send at most once must not do.
	Repeated int `json:"repeated"`
	// Dropped counts calls that were neither accepted nor answered.
	Dropped int `json:"dropped"`
	// Refused counts refusals by code; "html" those without an envelope.
	Refused map[string]int `json:"refused"`
	Uploads uploadTotals   `json:"uploads"`
	// MaxRate is the most messages accepted within one second, by all numbers together and by each.
	MaxRate int            `json:"max_rate"`
	ByRate  map[string]int `json:"max_rate_by_number"`
}

const codeHTML = -1 // in refused: an answer without an envelope

// ledger is what was received. Its memory is bounded but for one tally of 16 bytes a callback data.
type ledger struct {
	keep    int // records kept in full
	records []Received
	byPhone map[string][]int32
	tallies map[uint64]tally
	refused map[int]int
	sum     Summary
	rate    window
}

// tally counts the calls for one callback data.
type tally struct {
	calls    uint16
	open     uint16 // not plainly refused: a message may have come of it
	accepted uint16
}

func newLedger(keep int) *ledger {
	return &ledger{keep: keep, byPhone: map[string][]int32{}, tallies: map[uint64]tally{}, refused: map[int]int{}}
}

// called counts a call that passed validation and returns which one it is for its key, from 0.
func (l *ledger) called(key uint64, counts bool) uint16 {
	t := l.tallies[key]
	n := t.calls
	t.calls++
	if counts && t.open > 0 {
		l.sum.Repeated++
	}
	l.tallies[key] = t
	return n
}

// dropped says that the call will get no answer, though nothing was accepted.
func (l *ledger) dropped(key uint64) {
	t := l.tallies[key]
	t.open++
	l.tallies[key] = t
	l.sum.Dropped++
}

// accepted writes a message down and returns its place, or -1 where it is only counted.
func (l *ledger) accepted(key uint64, counts bool, r Received) int {
	t := l.tallies[key]
	t.open++
	t.accepted++
	l.tallies[key] = t
	if counts && t.accepted > 1 {
		l.sum.Duplicates++
	}
	l.sum.Accepted++
	l.rate.add(r.Time)
	if !r.Answered {
		l.sum.Unanswered++
	}
	if len(l.records) >= l.keep {
		return -1
	}
	l.byPhone[r.Phone] = append(l.byPhone[r.Phone], int32(len(l.records)))
	l.records = append(l.records, r)
	return len(l.records) - 1
}

// unanswered takes back that the acceptance at place was written.
func (l *ledger) unanswered(place int) {
	l.sum.Unanswered++
	if place >= 0 {
		l.records[place].Answered = false
	}
}

// Ledger returns the messages that a phone got, in order; of all phones where phone is empty. Messages beyond Config.Records are
// not among them.
func (s *Simulator) Ledger(phone string) []Received {
	s.mu.Lock()
	defer s.mu.Unlock()
	if phone == "" {
		return append([]Received{}, s.ledger.records...)
	}
	out := []Received{}
	for _, i := range s.ledger.byPhone[strings.TrimPrefix(strings.TrimSpace(phone), "+")] {
		out = append(out, s.ledger.records[i])
	}
	return out
}

// Calls says how often a message with this callback data was asked for, how many of these calls were not plainly refused, and
// how many were accepted. It knows every message, remembered in full or not.
func (s *Simulator) Calls(callback string) (calls, open, accepted int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.ledger.tallies[hash(callback)]
	return int(t.calls), int(t.open), int(t.accepted)
}

// Summary returns the ledger in numbers.
func (s *Simulator) Summary() Summary {
	s.mu.Lock()
	defer s.mu.Unlock()
	sum := s.ledger.sum
	sum.Refused = make(map[string]int, len(s.ledger.refused))
	for code, n := range s.ledger.refused {
		if code == codeHTML {
			sum.Refused["html"] = n
		} else {
			sum.Refused[strconv.Itoa(code)] = n
		}
	}
	sum.Uploads = s.uploads
	sum.MaxRate = s.ledger.rate.highest
	sum.ByRate = make(map[string]int, len(s.numbers))
	for id, n := range s.numbers {
		sum.ByRate[id] = n.rate.highest
	}
	return sum
}
