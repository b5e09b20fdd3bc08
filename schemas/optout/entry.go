package optout

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"altavoz/schemas"
	"altavoz/stream"
)

const (
	// maxPerson is the longest name of a person, a business-scoped user id.
	maxPerson = 135
	// MaxBusiness is the longest name of a business.
	MaxBusiness = 64
	// maxAhead is how far Meta's clock may be ahead of ours.
	maxAhead = 10 * time.Minute
)

// ErrBehind is the error of what can't be remembered yet: a record takes in what was known before, and that is not read.
var ErrBehind = errors.New("not all opt-outs are read yet")

// ErrPerson is the error of a name that no person has.
var ErrPerson = errors.New("not a person")

// Said is what was said of whether a person wants to be written to.
type Said struct {
	Number string // the sender number (phone_number_id) through which it came
	// Phone, User and Parent are what the person is called: digits, the business-scoped user id, and that of linked portfolios. Any may be empty.
	Phone, User, Parent string
	Out                 bool // or in again
	At                  time.Time
	By                  schemas.OptOutSource
}

// Pair is a phone and a business-scoped user id of one person, who was named by both in a webhook of a sender number.
type Pair struct{ Number, Phone, User string }

// maxPhone is the digits of a phone; the id of a group has more.
const maxPhone = 15

// Names returns the names as Person does; false for what is no pair.
func (p *Pair) Names() (phone, user string, ok bool) {
	phone, isPhone := Person(p.Phone)
	user, isUser := Person(p.User)
	return phone, user, isPhone && isUser && len(phone) <= maxPhone && IsPhone(phone) && !IsPhone(user)
}

// Renamed is that a person has other names than before, because the phone changed.
type Renamed struct {
	Number   string
	Old, New []string
	At       time.Time
}

// AtS is when the names changed, as that of Said.
func (r *Renamed) AtS(now time.Time) int64 { return atS(r.At, now) }

// Heard is what a webhook says of people.
type Heard struct {
	Said    []Said
	Pairs   []Pair
	Renamed []Renamed
}

// AtS is when it was said, in Unix seconds. Meta's times are taken as they are, or who hears with a clock that is behind would put a STOP before the START
// that it followed. Nobody says anything in the future: what claims to be of later than clocks differ is of now.
func (s *Said) AtS(now time.Time) int64 { return atS(s.At, now) }

func atS(at, now time.Time) int64 {
	if at.After(now.Add(maxAhead)) {
		return now.Unix()
	}
	return at.Unix() //mutant:a-clock-that-is-behind-moves-no-opt-out
}

// Persons are the names under which it is remembered.
func (s *Said) Persons() []string { return Persons(s.Phone, s.User, s.Parent) }

// Persons returns the names under which whoever is called so is remembered, as Person does.
func Persons(names ...string) (out []string) {
	for _, name := range names {
		if p, ok := Person(name); ok {
			out = append(out, p)
		}
	}
	return out
}

// Person returns the name under which a recipient is remembered: all national writings of a line have one. It reports false for what is no
// recipient's name.
func Person(name string) (string, bool) {
	odd := func(r rune) bool {
		return (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z') && r != '.'
	}
	name = strings.TrimPrefix(name, "+")
	if name == "" || len(name) > maxPerson || strings.ContainsFunc(name, odd) {
		return "", false
	}
	return schemas.Phone(name).Person().Digits(), true
}

// IsPhone reports whether a name that Person gave is a phone's.
func IsPhone(person string) bool {
	_, ok := digitsOf(person)
	return ok
}

// Entry is what is known of a person.
type Entry struct {
	Person string
	// Phone is, of a business-scoped user id, the phone of the same person; empty: not known.
	Phone       string
	OutS, InS   int64 // Unix seconds; 0: never
	OutBy, InBy schemas.OptOutSource
}

// Out reports whether the person has opted out. Of two that were said in the same second the opt-out counts: Meta's times have whole ones.
func (e *Entry) Out() bool { return e.OutS > 0 && e.OutS >= e.InS } //mutant:later-of-out-and-in-counts

// With returns the entry with what was said, and whether that changes it.
func (e Entry) With(out bool, atS int64, by schemas.OptOutSource) (Entry, bool) {
	switch {
	case out && atS > e.OutS:
		e.OutS, e.OutBy = atS, by
	case !out && atS > e.InS:
		e.InS, e.InBy = atS, by
	default:
		return e, false
	}
	return e, true
}

// Paired returns the entry of a user id as one whose phone is known from now on, with what is known of that. Of an id that had another phone
// before only silence goes on: what the holder of that phone said else is not said by the holder of this one, nor the other way round.
func (e Entry) Paired(phone Entry) Entry {
	if e.Phone != "" {
		e = e.silence(phone.InS)
	}
	e.Phone = phone.Person
	e, _ = e.With(true, phone.OutS, phone.OutBy)
	e, _ = e.With(false, phone.InS, phone.InBy)
	return e
}

// silence returns of what is known only that the person has opted out, if that is so. It is not undone by what somebody else said, who came back at
// the given time.
func (e Entry) silence(inS int64) Entry {
	s := Entry{Person: e.Person, Phone: e.Phone}
	if e.Out() {
		s.OutS, s.OutBy = max(e.OutS, inS), e.OutBy //mutant:return-of-an-earlier-holder-undoes-no-opt-out
	}
	return s
}

// RenamedFrom returns the entry of a name that a person has from a time on, with the opt-out of a name that the person had before. Until then
// somebody else had the new one, so that person's return does not count, and this one's is not taken over: the other may have opted out.
func (e Entry) RenamedFrom(old Entry, atS int64) (Entry, bool) {
	inS := e.InS
	if inS > atS { //mutant:who-came-back-with-the-new-phone-stays
		inS = 0
	}
	old = old.silence(inS)
	return e.With(true, old.OutS, old.OutBy) //mutant:opt-out-follows-who-changes-the-phone
}

// Decided returns the entry as somebody wants it who knows it, at a time, and whether that changes anything: it is later than all that was
// said before, whatever clocks say.
func (e Entry) Decided(out bool, atS int64, by schemas.OptOutSource) (Entry, bool) {
	if e.Out() == out {
		return e, false
	}
	if !out {
		atS = max(atS, e.OutS+1)
	}
	return e.With(out, max(atS, e.InS), by)
}

// Encode makes the record of an entry.
func (e *Entry) Encode(business string) stream.Record {
	return schemas.Encode(schemas.TopicOptOuts, business+"/"+e.Person, &schemas.OptOut{
		Business: business, Person: e.Person, OutS: e.OutS, InS: e.InS, OutBy: e.OutBy, InBy: e.InBy, Phone: e.Phone,
	})
}

// Decode reads what Encode wrote.
func Decode(rec *stream.Record) (business string, e Entry, err error) {
	var o schemas.OptOut
	if err := schemas.Decode(rec, &o); err != nil {
		return "", e, err
	}
	e = Entry{Person: o.GetPerson(), OutS: o.GetOutS(), InS: o.GetInS(), OutBy: o.GetOutBy(), InBy: o.GetInBy(), Phone: o.GetPhone()}
	p, ok := Person(e.Person)
	if e.Phone != "" && ok {
		phone, known := Person(e.Phone)
		ok = known && phone == e.Phone && IsPhone(phone) && !IsPhone(p)
	}
	if !ok || p != e.Person {
		return "", e, fmt.Errorf("record %s/%d at %d: %w: %w", rec.Topic, rec.Partition, rec.Offset, schemas.ErrDecode, ErrPerson)
	}
	return o.GetBusiness(), e, nil
}
