package lastinbound

import (
	"fmt"
	"time"

	"altavoz/schemas"
	"altavoz/schemas/optout"
	"altavoz/stream"
)

const (
	// Window is for how long Meta delivers free-form messages to who wrote.
	Window = 24 * time.Hour
	// MaxAhead is how far Meta's clock may be ahead of ours, or ours behind.
	MaxAhead = 10 * time.Minute
)

// Message is one that a person wrote to a sender number (phone_number_id). Phone, User and Parent are what the person is called: digits, the
// business-scoped user id, and that of linked portfolios; any may be empty.
type Message struct {
	Number, Phone, User, Parent string
	At                          time.Time
}

// Entry is when a person wrote to a sender number last, in Unix seconds by Meta's clock. The person is named as in package optout.
type Entry struct {
	Number, Person string
	AtS            int64
}

// Records makes the records of messages to numbers that are ours: the last one of each person, which was written now where its time is later. It
// leaves out messages whose window is over, and those of later than clocks differ, since nobody knows when they were written.
func Records(all []Message, ours func(number string) bool, now time.Time) (recs []stream.Record) {
	type key struct{ number, person string }
	last, order := make(map[key]int64), []key(nil)
	for _, m := range all {
		if m.At.After(now.Add(MaxAhead)) || !m.At.After(now.Add(-Window)) || !ours(m.Number) {
			continue
		}
		for _, person := range optout.Persons(m.Phone, m.User, m.Parent) {
			k := key{m.Number, person}
			if _, again := last[k]; !again {
				order = append(order, k)
			}
			last[k] = max(last[k], min(m.At.Unix(), now.Unix())) //mutant:nobody-wrote-later-than-now
		}
	}
	for _, k := range order {
		e := Entry{Number: k.number, Person: k.person, AtS: last[k]}
		recs = append(recs, e.Encode())
	}
	return recs
}

// Encode makes the record of an entry.
func (e *Entry) Encode() stream.Record {
	return schemas.Encode(schemas.TopicInbound, e.Number+"/"+e.Person, &schemas.Inbound{Number: e.Number, Person: e.Person, AtS: e.AtS})
}

// Decode reads what Encode wrote. Its error is schemas.ErrDecode.
func Decode(rec *stream.Record) (e Entry, err error) {
	var in schemas.Inbound
	if err := schemas.Decode(rec, &in); err != nil {
		return e, err
	}
	e = Entry{Number: in.GetNumber(), Person: in.GetPerson(), AtS: in.GetAtS()}
	if p, ok := optout.Person(e.Person); !ok || p != e.Person {
		return Entry{}, fmt.Errorf("record %s/%d at %d: %w: %w", rec.Topic, rec.Partition, rec.Offset, schemas.ErrDecode, optout.ErrPerson)
	}
	return e, nil
}
