// Package optouts joins the view of who opted out with the configuration that says which sender numbers are ours, and one business's. It reads no
// webhooks and answers no requests.
package optouts

import (
	"fmt"
	"time"

	"altavoz/app/numbers"
	"altavoz/kafka"
	"altavoz/kafka/table"
	"altavoz/schemas"
	"altavoz/schemas/lastinbound"
	"altavoz/schemas/optout"
	"altavoz/stream"
)

// Book is who opted out of what our numbers send. It is safe for concurrent use.
type Book struct {
	*table.OptOuts

	numbers *numbers.Book
}

// Open returns a book whose view is not started.
func Open(c kafka.Config, l kafka.Layout, n *numbers.Book) (*Book, error) {
	view, err := table.NewOptOuts(c, l)
	if err != nil {
		return nil, fmt.Errorf("opening the view of opt-outs: %w", err)
	}
	return &Book{view, n}, nil
}

// Business returns the one that a sender number belongs to, and whether the number is one of ours. Where none are configured, whoever sends
// knows them, and all are one business's.
func (b *Book) Business(number string) (string, bool) {
	if n, ok := b.numbers.Number(number); ok {
		return n.Business, true
	}
	return "", len(b.numbers.List()) == 0
}

// Out reports whether the person of a recipient has opted out of what the business of a sender number sends.
func (b *Book) Out(number string, to schemas.Phone) bool {
	business, _ := b.Business(number)
	return b.OptOuts.Out(business, to.Person().Digits())
}

// RefusedBy makes the record that a person has opted out, because Meta refused a message to them for that; false where it is known.
func (b *Book) RefusedBy(number string, to schemas.Phone, now time.Time) (stream.Record, bool) {
	recs := b.Records([]optout.Said{{Number: number, Phone: to.Digits(), Out: true, At: now, By: schemas.OptOutSource_OPT_OUT_SOURCE_CODE}}, now)
	if len(recs) == 0 {
		return stream.Record{}, false
	}
	return recs[0], true
}

// Heard makes the records of what was said. Its error is optout.ErrBehind.
func (b *Book) Heard(all []optout.Said, now time.Time) ([]stream.Record, error) {
	if !b.Ready() {
		return nil, optout.ErrBehind
	}
	return b.Records(all, now), nil
}

// Wrote makes the records of messages that people wrote to numbers of ours.
func (b *Book) Wrote(all []lastinbound.Message, now time.Time) []stream.Record {
	return lastinbound.Records(all, func(number string) bool { _, ours := b.Business(number); return ours }, now)
}

// Ready reports whether all is known that there was when the process started.
func (b *Book) Ready() bool {
	select {
	case <-b.CaughtUp():
		return true
	default:
		return false
	}
}

// Records makes the records of what was said, each with what this process knows already; none of what changes nothing, nor of numbers that
// are not ours.
func (b *Book) Records(all []optout.Said, now time.Time) (recs []stream.Record) {
	type key struct{ business, person string }
	changed, order := make(map[key]optout.Entry), []key(nil)
	for i := range all {
		said := &all[i]
		business, ours := b.Business(said.Number)
		if !ours {
			continue
		}
		for _, person := range said.Persons() {
			k := key{business, person}
			e, again := changed[k] // of one body each has all
			if !again {
				e = b.Get(business, person)
			}
			e, news := e.With(said.Out, said.AtS(now), said.By)
			if !news {
				continue
			}
			if changed[k] = e; !again {
				order = append(order, k)
			}
		}
	}
	for _, k := range order {
		e := changed[k]
		recs = append(recs, e.Encode(k.business))
	}
	return recs
}
