// Package recipients is what the fanout knows of a list: who has come before, and who has an outcome.
package recipients

import (
	"strconv"

	"altavoz/schemas"
)

const (
	// NumberBytes is the most that a number takes of a set of any size worth weighing: see numbers.
	NumberBytes = 8
	// idBytes is what an id takes beside its text: a string and its place in a map.
	idBytes = 48
	// maxIDBytes bounds the business-scoped user ids that a task remembers to find repeats: 900,000 of 24 characters. They are
	// kept whole: a shorter form could take two people for one.
	maxIDBytes = 64 << 20
)

// Seen finds repeats within a task, however they are written. It is exact: nobody is taken for another.
type Seen struct {
	numbers numbers
	ids     map[schemas.Phone]struct{}
	held    int // bytes of ids
}

// NewSeen returns what has seen nobody.
func NewSeen() *Seen { return &Seen{} }

// Phones returns the phone of a user id, as those who send from a number know it; "" where they do not. Nil: none is known.
type Phones func(number string, id schemas.Phone) schemas.Phone

// Judge reads a recipient of a broadcast from a number, and remembers it. The mark is pending for one who is to be sent to.
func (n *Seen) Judge(text, region, number string, phones Phones) (schemas.Phone, schemas.RecipientState) {
	phone, err := schemas.ParsePhone(text, region)
	if err != nil {
		return "", schemas.Failed(schemas.CodeInvalidPhone)
	}
	fresh := n.Add(phone.Person())
	if _, isNumber := numberOf(phone); fresh && !isNumber && phones != nil {
		if same := phones(number, phone); same != "" {
			fresh = n.Add(same.Person()) //mutant:both-names-of-a-person-are-one-recipient
		}
	}
	if !fresh {
		return "", schemas.StateDuplicate
	}
	return phone, schemas.StatePending
}

// numberOf returns a phone as a number. A leading zero would be lost, but no country code has one.
func numberOf(person schemas.Phone) (uint64, bool) {
	number, err := strconv.ParseUint(person.Digits(), 10, 64)
	return number, err == nil && number <= maxNumber && person[0] != '0'
}

// Add remembers a person, and reports whether it is new.
func (n *Seen) Add(person schemas.Phone) (fresh bool) {
	if number, ok := numberOf(person); ok {
		return n.numbers.add(number)
	}
	if _, ok := n.ids[person]; ok {
		return false
	}
	if size := len(person) + idBytes; n.held+size <= maxIDBytes {
		if n.ids == nil {
			n.ids = make(map[schemas.Phone]struct{})
		}
		n.ids[person] = struct{}{}
		n.held += size
	}
	return true
}

// Bytes is what the set takes in memory.
func (n *Seen) Bytes() int64 { return int64(n.numbers.bytes() + n.held) }

// Mask says which recipients of a run have an outcome. Every record says so of its time, and none takes it back.
type Mask struct {
	from    uint32
	decided []bool
}

// NewMask returns the mask of a run of which nothing is known.
func NewMask(from, n uint32) *Mask { return &Mask{from: from, decided: make([]bool, n)} }

// Covers reports whether a part has recipients of the run.
func (m *Mask) Covers(part uint32) bool {
	last := m.from + uint32(len(m.decided)) - 1
	return part >= m.from/schemas.PageRecipients && part <= last/schemas.PageRecipients
}

// Fold takes in the marks of a part.
func (m *Mask) Fold(part uint32, marks []byte) {
	for i := range m.decided {
		index := m.from + uint32(i)
		if at := index % schemas.PageRecipients; index/schemas.PageRecipients == part && at < uint32(len(marks)) {
			m.decided[i] = m.decided[i] || schemas.RecipientState(marks[at]).Decided()
		}
	}
}

// Pending returns the recipients of a run, which may have moved on meanwhile, that have no outcome.
func (m *Mask) Pending(from, n uint32) []bool {
	out := make([]bool, n)
	for i := range out {
		at := from + uint32(i) - m.from
		out[i] = at >= uint32(len(m.decided)) || !m.decided[at]
	}
	return out
}

// maxRuns is how many runs of lost outcomes are told apart, some 100 bytes each; another one reaches to the end of the list.
const maxRuns = 10_000

// Run is a run of recipients: from From up to, and without, To.
type Run struct{ From, To uint32 }

// Undecided returns the runs that have no outcome, counted from the mask's first recipient.
func (m *Mask) Undecided() (runs []Run) {
	total := uint32(len(m.decided))
	for at := uint32(0); at < total; at++ {
		from := at
		for at < total && !m.decided[at] {
			at++
		}
		if len(runs) == maxRuns {
			at = total
		}
		if at > from {
			runs = append(runs, Run{from, at})
		}
	}
	return runs
}
