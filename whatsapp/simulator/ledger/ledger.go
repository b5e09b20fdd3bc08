// Package ledger is what the simulator remembers: who was sent what, and what was asked for more than once. It is the judge in
// every test of altavoz, so it is written before the simulator answers, and knows nothing of HTTP.
package ledger

import (
	"math"
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
	Text     string    `json:"text,omitempty"`    // of the body of an interactive message
	Media    string    `json:"media,omitempty"`   // the id of the file in its header
	Type     string    `json:"type,omitempty"`    // of an interactive message
	Choices  []Choice  `json:"choices,omitempty"` // what the recipient can tap
	Time     time.Time `json:"time"`
	// Marketing says that it came to /marketing_messages.
	Marketing bool `json:"marketing,omitempty"`
	// Answered says that the acceptance was written back whole. Where it is false the sender can't know of it.
	Answered bool `json:"answered"`
	// Status is how far the message got, by the webhooks that were taken; Code why it failed.
	Status Status `json:"status,omitempty"`
	Code   int    `json:"code,omitempty"`
}

// Choice is a button or a row that a recipient can tap.
type Choice struct {
	Kind        string `json:"kind"` // ChoiceButton or ChoiceRow, as webhooks call a tap on it
	ID          string `json:"id"`
	Title       string `json:"title"`
	Description string `json:"description,omitempty"`
}

// Kinds of a Choice.
const (
	ChoiceButton = "button_reply"
	ChoiceRow    = "list_reply"
	// Not of what an interactive message has: a quick reply of a template, and a location.
	ChoiceQuick    = "button"
	ChoiceLocation = "location"
)

// Uploads counts files.
type Uploads struct {
	Files int   `json:"files"`
	Bytes int64 `json:"bytes"`
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
	// Dropped counts calls that were not accepted and got no answer of the Cloud API that says so.
	Dropped int `json:"dropped"`
	// Foreign counts answers that were not the Cloud API's, be it that the message was accepted or not.
	Foreign int `json:"foreign"`
	// Untouched counts calls that HTTP/2 itself refused, as REFUSED_STREAM and GOAWAY do: nothing was accepted, and the sender can know.
	Untouched int `json:"untouched"`
	// Reads counts calls that asked for a number's own data, answered or not.
	Reads int `json:"reads"`
	// Refused counts refusals by code.
	Refused map[string]int `json:"refused"`
	Uploads Uploads        `json:"uploads"`
	// MaxRate is the most messages accepted within one second, by all numbers together and by each.
	MaxRate         int            `json:"max_rate"`
	MaxRateByNumber map[string]int `json:"max_rate_by_number"`
	// PeopleADay is to how many people messages by template or Direct Send were accepted within 24 hours, outside their windows, at most.
	PeopleADay int      `json:"people_a_day"`
	Webhooks   Webhooks `json:"webhooks"`
	// Prices are those of delivered messages.
	Prices []Priced `json:"prices"`
}

// Ledger is what was received. Its memory is bounded but for one tally of some 20 bytes a callback data. Not safe for concurrent use.
type Ledger struct {
	keep    int // records kept in full
	records []Received
	byPhone map[string][]int32
	tallies map[uint64]tally
	refused map[int]int
	sum     Summary
	rate    Window
}

// tally counts the calls for one callback data.
type tally struct {
	calls    uint16
	open     uint16 // not plainly refused: a message may have come of it
	accepted uint16
	withheld uint16 // by a fault: the caller got no answer of the Cloud API
}

// New returns a ledger that remembers keep messages in full.
func New(keep int) *Ledger {
	return &Ledger{keep: keep, byPhone: map[string][]int32{}, tallies: map[uint64]tally{}, refused: map[int]int{}}
}

// Called counts a call that passed validation and returns which one it is for its key, from 0. From here until Closed, a
// message may come of it. counts says whether the key is callback data, which should come once.
func (l *Ledger) Called(key uint64, counts bool) int {
	t := l.tallies[key]
	n := t.calls
	if counts && t.open > 0 {
		l.sum.Repeated++
	}
	up(&t.calls)
	up(&t.open)
	l.tallies[key] = t
	return int(n)
}

// Closed says that the call will be plainly refused, in the Cloud API's own words: no message comes of it, and the sender can know.
func (l *Ledger) Closed(key uint64) {
	t := l.tallies[key]
	t.open--
	l.tallies[key] = t
}

// Dropped says that nothing was accepted, and that the call will get no answer that says so.
func (l *Ledger) Dropped(key uint64) {
	l.sum.Dropped++
	l.withhold(key)
}

func (l *Ledger) withhold(key uint64) {
	t := l.tallies[key]
	up(&t.withheld)
	l.tallies[key] = t
}

// Withheld says how many calls for a key got no answer of the Cloud API because a fault took it.
func (l *Ledger) Withheld(key uint64) int { return int(l.tallies[key].withheld) }

// Untouched says that HTTP/2 itself refuses the call: no message comes of it, and the sender can know.
func (l *Ledger) Untouched(key uint64) {
	l.Closed(key)
	l.sum.Untouched++
}

// Read counts a call that asks for a number's own data.
func (l *Ledger) Read() { l.sum.Reads++ }

// Foreign counts an answer that is not the Cloud API's.
func (l *Ledger) Foreign() { l.sum.Foreign++ }

// up counts, as far as it goes.
func up(n *uint16) {
	if *n < math.MaxUint16 {
		*n++
	}
}

// Accepted writes a message down and returns its place, or -1 where it is only counted.
func (l *Ledger) Accepted(key uint64, counts bool, r Received) int {
	t := l.tallies[key]
	up(&t.accepted)
	l.tallies[key] = t
	if counts && t.accepted > 1 {
		l.sum.Duplicates++
	}
	l.sum.Accepted++
	l.rate.Add(r.Time)
	if !r.Answered {
		l.sum.Unanswered++
		l.withhold(key)
	}
	if len(l.records) >= l.keep {
		return -1
	}
	l.byPhone[r.Phone] = append(l.byPhone[r.Phone], int32(len(l.records)))
	l.records = append(l.records, r)
	return len(l.records) - 1
}

// Unanswered takes back that the acceptance at place, of a call for the key, was written.
func (l *Ledger) Unanswered(key uint64, place int) {
	l.withhold(key)
	l.sum.Unanswered++
	if place >= 0 {
		l.records[place].Answered = false
	}
}

// Refused counts a refusal.
func (l *Ledger) Refused(code int) { l.refused[code]++ }

// Uploaded counts a file.
func (l *Ledger) Uploaded(size int64) {
	l.sum.Uploads.Files++
	l.sum.Uploads.Bytes += size
}

// Messages returns how many were accepted.
func (l *Ledger) Messages() int { return l.sum.Accepted }

// Files returns how many were uploaded.
func (l *Ledger) Files() int { return l.sum.Uploads.Files }

// Of returns the messages that a phone got, in order; of all phones where phone is empty. Those beyond the number remembered in full are
// not among them.
func (l *Ledger) Of(phone string) []Received {
	if phone == "" {
		return append([]Received{}, l.records...)
	}
	out := []Received{}
	for _, i := range l.byPhone[strings.TrimPrefix(strings.TrimSpace(phone), "+")] {
		out = append(out, l.records[i])
	}
	return out
}

// Calls says how often a key was asked for, how many of these calls were not plainly refused, and how many were accepted. It knows
// every message, remembered in full or not.
func (l *Ledger) Calls(key uint64) (calls, open, accepted int) {
	t := l.tallies[key]
	return int(t.calls), int(t.open), int(t.accepted)
}

// Summary returns the ledger in numbers, but for the rates of single numbers.
func (l *Ledger) Summary() Summary {
	sum := l.sum
	sum.Refused = make(map[string]int, len(l.refused))
	for code, n := range l.refused {
		sum.Refused[strconv.Itoa(code)] = n
	}
	sum.MaxRate = l.rate.Highest()
	sum.MaxRateByNumber = map[string]int{}
	return sum
}
