package dryrun

import (
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
}

// NewList returns an empty list; phones without a country are of the region.
func NewList(region string) *List {
	return &List{region: region, seen: recipients.NewSeen(), shown: make(map[schemas.RecipientState]int), allKnown: true}
}

// Slice looks at the next recipients.
func (l *List) Slice(phones []string, _ []*schemas.Personal) error {
	for _, text := range phones {
		l.judge(text)
	}
	return nil
}

// Part forgets a part of a file, which the request decodes and holds to the rules.
func (l *List) Part([]byte) error { return nil }

func (l *List) judge(text string) {
	index := l.total
	l.total++
	if l.allKnown && l.seen.Bytes() > maxSeenBytes { //mutant:dry-run-has-bounded-memory
		l.allKnown, l.seen = false, nil
	}
	var phone schemas.Phone
	state := schemas.Failed(schemas.CodeInvalidPhone)
	if l.seen != nil {
		phone, state = l.seen.Judge(text, l.region)
	} else if p, err := schemas.ParsePhone(text, l.region); err == nil {
		phone, state = p, schemas.StatePending
	}
	switch state { //nolint:exhaustive // Judge returns no others
	case schemas.StatePending:
		if l.pending++; l.pending == 1 {
			l.first, l.firstAt = phone, index
		}
		return
	case schemas.StateDuplicate:
		l.repeated++
	default:
		l.invalid++
	}
	if l.shown[state] < maxRows { //mutant:dry-run-shows-a-bounded-sample
		l.shown[state]++
		l.rows = append(l.rows, judged{index, text, state})
	}
}

// Recipients is what becomes of a list: Pending + Invalid + Repeated = Total.
type Recipients struct {
	Total    uint32 `json:"total"`
	Pending  uint32 `json:"pending"`  // who would be sent to
	Invalid  uint32 `json:"invalid"`  // no phones
	Repeated uint32 `json:"repeated"` // came before in the list
	// Rows are the first of those who get no message, maxRows of either kind, in the order of the list.
	Rows []export.Row `json:"rows"`
}

func (l *List) recipients(in es.Language) Recipients {
	r := Recipients{Total: l.total, Pending: l.pending, Invalid: l.invalid, Repeated: l.repeated, Rows: make([]export.Row, 0, len(l.rows))}
	for _, j := range l.rows {
		row, _ := export.RowOf(j.index, j.text, l.region, j.state, j.state.In(in), in)
		r.Rows = append(r.Rows, row)
	}
	return r
}
