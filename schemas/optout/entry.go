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
	// Phone and User are what the person is called: digits, and the business-scoped user id. Either may be empty.
	Phone, User string
	Out         bool // or in again
	At          time.Time
	By          schemas.OptOutSource
}

// AtS is when it was said, in Unix seconds. Meta's times are taken as they are, or who hears with a clock that is behind would put a STOP before the START
// that it followed. Nobody says anything in the future: what claims to be of later than clocks differ is of now.
func (s *Said) AtS(now time.Time) int64 {
	if s.At.After(now.Add(maxAhead)) {
		return now.Unix()
	}
	return s.At.Unix() //mutant:a-clock-that-is-behind-moves-no-opt-out
}

// Persons are the names under which it is remembered.
func (s *Said) Persons() []string { return Persons(s.Phone, s.User) }

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

// Entry is what is known of a person.
type Entry struct {
	Person      string
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
		Business: business, Person: e.Person, OutS: e.OutS, InS: e.InS, OutBy: e.OutBy, InBy: e.InBy,
	})
}

// Decode reads what Encode wrote.
func Decode(rec *stream.Record) (business string, e Entry, err error) {
	var o schemas.OptOut
	if err := schemas.Decode(rec, &o); err != nil {
		return "", e, err
	}
	e = Entry{Person: o.GetPerson(), OutS: o.GetOutS(), InS: o.GetInS(), OutBy: o.GetOutBy(), InBy: o.GetInBy()}
	if p, ok := Person(e.Person); !ok || p != e.Person {
		return "", e, fmt.Errorf("record %s/%d at %d: %w: %w", rec.Topic, rec.Partition, rec.Offset, schemas.ErrDecode, ErrPerson)
	}
	return o.GetBusiness(), e, nil
}
