package dryrun

import (
	"altavoz/schemas"
	"altavoz/schemas/es"
	"altavoz/schemas/request"
)

// People is who opted out. A request names its number behind its recipients, so each is looked for in all businesses.
type People interface {
	// OutOf returns the businesses that a person of several names has opted out of.
	OutOf(names ...string) []string
	// Business returns the one that a sender number belongs to.
	Business(number string) (string, bool)
}

// outs is who opted out of what one business sends.
type outs struct {
	n         uint32
	countries countries
	rows      []judged
}

// optsOut counts a recipient who opted out, under that name or a user id beside it, of what some business sends, and reports whether it is one.
func (l *List) optsOut(index uint32, text string, to schemas.Phone, user, country string) bool {
	if l.people == nil {
		return false
	}
	all := l.people.OutOf(to.Person().Digits(), user)
	for _, business := range all {
		o := l.outs[business]
		if o == nil {
			o = &outs{countries: make(countries)}
			l.outs[business] = o
		}
		o.countries[country]++
		if o.n++; len(o.rows) < maxRows {
			o.rows = append(o.rows, judged{index, text, schemas.StateOptedOut, es.Sentence{}})
		}
	}
	if len(all) > 0 && l.spare == "" {
		l.spare, l.spareAt = to, index
	}
	return len(all) > 0
}

// without takes out of those who would be sent to who opted out of what the number's business sends, where that holds for the request.
func (l *List) without(req *request.Request, n Number) {
	number := ""
	if n.Row != nil {
		number = n.Row.ID
	}
	if l.people != nil && !req.Content.Exempt() { //mutant:dry-run-counts-opt-outs-where-they-hold
		business, _ := l.people.Business(number)
		if o := l.outs[business]; o != nil {
			l.pending, l.optedOut = l.pending-o.n, o.n
			l.countries.without(o.countries)
			for _, j := range o.rows {
				l.show(j)
			}
		}
	}
	if l.first == "" && l.pending > 0 {
		l.first, l.firstAt = l.spare, l.spareAt
	}
}
