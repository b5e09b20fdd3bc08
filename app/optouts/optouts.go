// Package optouts joins the view of who opted out with the configuration that says which sender numbers are ours, and one business's. It reads no
// webhooks and answers no requests.
package optouts

import (
	"fmt"
	"slices"
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

// Out reports whether a recipient has opted out, under that name or a user id beside it, of what the business of a sender number sends.
func (b *Book) Out(number string, to schemas.Phone, user string) bool {
	business, _ := b.Business(number)
	return b.OptOuts.Out(business, to.Person().Digits()) || user != "" && b.OptOuts.Out(business, user) //mutant:opt-out-of-a-user-id-beside-the-phone-holds
}

// PhoneOf returns the phone of a user id, as the business of a sender number knows it; "" where it does not.
func (b *Book) PhoneOf(number string, id schemas.Phone) schemas.Phone {
	business, _ := b.Business(number)
	return schemas.Phone(b.Get(business, id.Digits()).Phone)
}

// Windows is when people wrote to our numbers last, under that of their names under which it is known.
type Windows struct {
	*table.Inbound

	people *Book
}

// Windows returns a view of when people wrote that knows their names.
func (b *Book) Windows(v *table.Inbound) Windows { return Windows{v, b} }

// At returns when the person of a recipient wrote to a sender number last; false where nothing is known of that.
func (w Windows) At(number string, to schemas.Phone) (at time.Time, ok bool) {
	at, ok = w.Inbound.At(number, to)
	if phone := w.people.PhoneOf(number, to.Person()); phone != "" {
		if later, known := w.Inbound.At(number, phone); known && later.After(at) {
			at, ok = later, true
		}
	}
	return at, ok
}

// RefusedBy makes the record that a person has opted out, because Meta refused a message to them for that; false where it is known.
func (b *Book) RefusedBy(number string, to schemas.Phone, now time.Time) (stream.Record, bool) {
	said := optout.Said{Number: number, Phone: to.Digits(), Out: true, At: now, By: schemas.OptOutSource_OPT_OUT_SOURCE_CODE}
	recs := b.records(&optout.Heard{Said: []optout.Said{said}}, now)
	if len(recs) == 0 {
		return stream.Record{}, false
	}
	return recs[0], true
}

// Heard makes the records of what a webhook says of people. Its error is optout.ErrBehind. Pairs, which nearly every receipt has, do not wait: one
// that is written again costs little, and what its record lacks of what is known is put back (Complete).
func (b *Book) Heard(h *optout.Heard, now time.Time) ([]stream.Record, error) {
	if !b.Ready() && len(h.Said)+len(h.Renamed) > 0 {
		return nil, optout.ErrBehind
	}
	return b.records(h, now), nil
}

// Wrote makes the records of messages that people wrote to numbers of ours, also under the phones that are known to be theirs.
func (b *Book) Wrote(all []lastinbound.Message, now time.Time) []stream.Record {
	for i := range all {
		m := &all[i]
		business, _ := b.Business(m.Number)
		for _, user := range optout.Persons(m.User, m.Parent) {
			if phone := b.Get(business, user).Phone; m.Phone == "" {
				m.Phone = phone
			}
		}
	}
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

// records makes the records of what was heard, each with what this process knows already; none of what changes nothing, nor of numbers that
// are not ours.
func (b *Book) records(h *optout.Heard, now time.Time) (recs []stream.Record) {
	c := changes{book: b}
	for i := range h.Pairs {
		if p := &h.Pairs[i]; b.ours(p.Number) {
			c.pair(p)
		}
	}
	for i := range h.Renamed {
		if r := &h.Renamed[i]; b.ours(r.Number) {
			c.rename(r, now)
		}
	}
	for i := range h.Said {
		if s := &h.Said[i]; b.ours(s.Number) {
			c.say(s, now)
		}
	}
	for _, k := range c.order {
		e := c.entries[k]
		recs = append(recs, e.Encode(k.business))
	}
	return recs
}

func (b *Book) ours(number string) bool {
	_, ours := b.Business(number)
	return ours
}

type key struct{ business, person string }

// changes are what becomes of people by what one webhook says: of one body each has all.
type changes struct {
	book    *Book
	entries map[key]optout.Entry
	order   []key
}

func (c *changes) get(k key) optout.Entry {
	if e, changed := c.entries[k]; changed {
		return e
	}
	return c.book.Get(k.business, k.person)
}

func (c *changes) put(k key, e optout.Entry) {
	if c.entries == nil {
		c.entries = make(map[key]optout.Entry)
	}
	if _, again := c.entries[k]; !again {
		c.order = append(c.order, k)
	}
	c.entries[k] = e
}

// pair takes in who goes by a phone and by a user id. Nearly always that is known.
func (c *changes) pair(p *optout.Pair) {
	phone, user, ok := p.Names()
	business, _ := c.book.Business(p.Number)
	if !ok || c.book.Paired(business, user, phone) { //mutant:known-pairs-are-not-written
		return
	}
	k := key{business, user}
	was := c.get(k)
	if was.Phone != "" && was.Out() { //mutant:opt-out-stays-with-the-phone-of-before
		before := key{business, was.Phone} // it may stand in the record of the id alone, which is of another phone now
		e, _ := c.get(before).With(true, was.OutS, was.OutBy)
		c.put(before, e)
	}
	if e := was.Paired(c.get(key{business, phone})); c.book.Learns(was, e.Out()) {
		c.put(k, e)
	}
}

// rename takes in that a person has other names than before.
func (c *changes) rename(r *optout.Renamed, now time.Time) {
	business, _ := c.book.Business(r.Number)
	for _, old := range c.names(business, r.Old...) {
		for _, name := range optout.Persons(r.New...) {
			k := key{business, name}
			if e, news := c.get(k).RenamedFrom(c.get(key{business, old}), r.AtS(now)); news {
				c.put(k, e)
			}
		}
	}
}

// say takes in what a person said, under all names of the person.
func (c *changes) say(s *optout.Said, now time.Time) {
	business, _ := c.book.Business(s.Number)
	for _, name := range c.names(business, s.Persons()...) {
		k := key{business, name}
		if e, news := c.get(k).With(s.Out, s.AtS(now), s.By); news {
			c.put(k, e)
		}
	}
}

// names returns the names under which people are remembered, and the phones that are known to be theirs.
func (c *changes) names(business string, names ...string) (all []string) {
	for _, name := range optout.Persons(names...) {
		for _, n := range []string{name, c.get(key{business, name}).Phone} {
			if n != "" && !slices.Contains(all, n) {
				all = append(all, n)
			}
		}
	}
	return all
}
