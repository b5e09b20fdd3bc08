package dryrun

import (
	"cmp"
	"slices"

	"altavoz/processor/fanout/recipients"
	"altavoz/producer/export"
	"altavoz/schemas"
	"altavoz/schemas/es"
)

const (
	// maxRows is how many recipients of one kind are shown, at some 300 bytes each.
	maxRows = 50
	// maxSeenBytes is how much a dry run remembers of who came before: 10,000,000 phones of one country are 30 MiB.
	maxSeenBytes = 48 << 20
)

// List counts recipients. It is the sink of a request that is a dry run: what the other sink would write it looks at and forgets.
type List struct {
	region string
	seen   *recipients.Seen // nil: there is no room for more
	total  uint32
	// pending are those who would be sent to.
	pending, invalid, repeated uint32
	faulty                     uint32    // whose own message can't be made: not known before judgeOwn
	countries                  countries // of those pending
	priced                     bool      // their countries are asked for
	owns                       owns

	people   People           // nil: nobody knows who opted out
	outs     map[string]*outs // by business
	optedOut uint32           // of the one that would send it
	spare    schemas.Phone    // the first one who opted out of something
	spareAt  uint32

	first    schemas.Phone // of those pending
	firstAt  uint32
	rows     []judged
	shown    map[schemas.RecipientState]int
	allKnown bool // seen has all
}

// judged is a recipient who gets no message.
type judged struct {
	index uint32
	text  string
	state schemas.RecipientState
	why   es.Sentence // that of the state, if it says nothing
}

// NewList returns an empty list; phones without a country are of the region. Without people nobody has opted out.
func NewList(region string, people People) *List {
	return &List{region: region, people: people, countries: make(countries), outs: make(map[string]*outs), seen: recipients.NewSeen(), shown: make(map[schemas.RecipientState]int), allKnown: true}
}

// Slice looks at the next recipients.
func (l *List) Slice(phones []string, own []*schemas.Personal) error {
	for i, text := range phones {
		r := owner{index: l.total, text: text}
		if i < len(own) {
			r.own = own[i]
		}
		if r.phone, r.country = l.judge(text, r.own.GetUserId()); r.phone == "" {
			continue
		}
		if err := l.owns.add(r); err != nil {
			return err
		}
	}
	return nil
}

// Part forgets a part of a file, which the request decodes and holds to the rules.
func (l *List) Part([]byte) error { return nil }

// judge returns the phone of a recipient who would be sent to, and its country.
func (l *List) judge(text, user string) (phone schemas.Phone, country string) {
	index := l.total
	l.total++
	if l.allKnown && l.seen.Bytes() > maxSeenBytes { //mutant:dry-run-has-bounded-memory
		l.allKnown, l.seen = false, nil
	}
	state := schemas.Failed(schemas.CodeInvalidPhone)
	if l.seen != nil {
		phone, state = l.seen.Judge(text, l.region, "", nil)
	} else if p, err := schemas.ParsePhone(text, l.region); err == nil {
		phone, state = p, schemas.StatePending
	}
	switch state { //nolint:exhaustive // Judge returns no others
	case schemas.StatePending:
		l.pending++
		country = l.country(phone)
		l.countries[country]++
		if l.optsOut(index, text, phone, user, country) { // nothing of its own is looked at
			return "", ""
		}
		if l.first == "" {
			l.first, l.firstAt = phone, index
		}
		return phone, country
	case schemas.StateDuplicate:
		l.repeated++
	default:
		l.invalid++
	}
	l.show(judged{index: index, text: text, state: state})
	return "", ""
}

func (l *List) show(j judged) {
	if l.shown[j.state] < maxRows { //mutant:dry-run-shows-a-bounded-sample
		l.shown[j.state]++
		l.rows = append(l.rows, j)
	}
}

// Recipients is what becomes of a list: Pending + Invalid + Repeated + OptedOut + Faulty = Total.
type Recipients struct {
	Total    uint32 `json:"total"`
	Pending  uint32 `json:"pending"`  // who would be sent to
	Invalid  uint32 `json:"invalid"`  // no phones
	Repeated uint32 `json:"repeated"` // came before in the list
	OptedOut uint32 `json:"opted_out,omitzero"`
	Faulty   uint32 `json:"faulty,omitzero"` // whose own message can't be made: a variable without value, a text that is too long
	// Rows are the first of those who get no message, maxRows of each kind, in the order of the list.
	Rows []export.Row `json:"rows"`
}

func (l *List) recipients(in es.Language) Recipients {
	r := Recipients{Total: l.total, Pending: l.pending, Invalid: l.invalid, Repeated: l.repeated, OptedOut: l.optedOut, Faulty: l.faulty, Rows: make([]export.Row, 0, len(l.rows))}
	slices.SortFunc(l.rows, func(a, b judged) int { return cmp.Compare(a.index, b.index) })
	for _, j := range l.rows {
		row, _ := export.RowOf(j.index, j.text, l.region, j.state, cmp.Or(j.why.In(in), j.state.In(in)), in)
		r.Rows = append(r.Rows, row)
	}
	return r
}
