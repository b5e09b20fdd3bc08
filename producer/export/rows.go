package export

import (
	"context"
	"errors"
	"slices"

	"altavoz/processor/fanout/normalize"
	"altavoz/producer/tasks"
	"altavoz/schemas"
	"altavoz/schemas/es"
	"altavoz/schemas/personal"
	"altavoz/schemas/phone"
	"altavoz/schemas/shown"
)

// Row is one recipient.
type Row struct {
	Index     uint32               `json:"index"` // its place in the list, from 0
	Phone     string               `json:"phone"` // its digits; as given where it is no phone
	Outcome   schemas.OutcomeClass `json:"outcome"`
	Code      int                  `json:"code,omitzero"` // Meta's
	Reason    string               `json:"reason,omitzero"`
	Retryable bool                 `json:"retryable"` // it has not got the message, and may get it if it is sent again
	Route     Route                `json:"route,omitzero"`

	invalid bool
}

// Route is which message of a broadcast with two a recipient got; "": none, or its broadcast has one.
type Route string

// The routes.
const (
	FreeForm Route = "free_form"
	Template Route = "template"
	Direct   Route = "direct_send"
)

// Page is a page of recipients.
type Page struct {
	TaskID     string `json:"task_id"`
	Reference  string `json:"reference,omitzero"`
	Version    uint64 `json:"version"`
	Exact      bool   `json:"exact"`
	Total      uint32 `json:"total"` // of the list, whatever was asked for
	Recipients []Row  `json:"recipients"`
	NextCursor string `json:"next_cursor,omitzero"` // there are more
}

// errFull ends the reading of a page.
var errFull = errors.New("the page is full")

// Page returns the page that was asked for.
func (t *Task) Page(ctx context.Context, q *Query) (*Page, error) {
	p := &Page{TaskID: t.ID.String(), Reference: t.status.GetPlan().GetReference(), Version: t.Version, Exact: t.Exact, Total: t.Total, Recipients: make([]Row, 0, q.limit)}
	err := t.Rows(ctx, q, func(r *Row) error {
		if len(p.Recipients) == q.limit {
			p.NextCursor = cursor(r.Index)
			return errFull
		}
		p.Recipients = append(p.Recipients, *r)
		return nil
	})
	if errors.Is(err, errFull) {
		err = nil
	}
	return p, err
}

// Rows hands over the recipients that were asked for, in the order of the list. The row is only valid until each returns. Slices in which
// nobody has a state that is wanted are not read.
func (t *Task) Rows(ctx context.Context, q *Query, each func(*Row) error) error {
	v := t.view(q.Language)
	walk := func(first uint32, some *schemas.Slice) error {
		for i, text := range some.GetPhones() {
			index := first + uint32(i)
			if state := t.marks.states[index]; index < q.after || !q.states[state] {
				continue
			}
			row, person := v.row(index, text)
			v.own(row, some, i)
			if q.person == "" || q.person == person {
				if err := each(row); err != nil {
					return err
				}
			}
		}
		return nil
	}
	return t.Slices(ctx, func(from, to uint32) bool {
		return to > q.after && slices.ContainsFunc(t.marks.states[max(from, q.after):to], func(state byte) bool { return q.states[state] })
	}, walk)
}

// view makes rows in one language.
type view struct {
	task    *Task
	l       es.Language
	reasons [256]string // of each state
	one     Row
}

func (t *Task) view(l es.Language) *view {
	v := &view{task: t, l: l}
	for i := range v.reasons {
		v.reasons[i] = tasks.ReasonOf(t.status, schemas.RecipientState(i), l)
	}
	return v
}

// row tells of a recipient, and who it is.
func (v *view) row(index uint32, text string) (*Row, schemas.Phone) {
	state := v.task.State(index)
	row, person := RowOf(index, text, v.task.Region, state, v.reasons[state], v.l)
	if v.task.broadcast.GetContent().GetRoute() == schemas.Route_ROUTE_AUTO && state.Succeeded() {
		switch row.Route = FreeForm; {
		case state.GotTemplate() && v.task.broadcast.GetContent().GetTemplate() == nil:
			row.Route = Direct
		case state.GotTemplate():
			row.Route = Template
		}
	}
	v.one = row
	return &v.one, person
}

// own has the row say what is wrong with a recipient's own message, if that is why it failed.
func (v *view) own(row *Row, some *schemas.Slice, i int) {
	code, ok := v.task.State(row.Index).Code()
	if !ok || !slices.Contains([]int{schemas.CodeVariable, schemas.CodeTooLong, schemas.CodePersonal}, code) {
		return
	}
	own := &schemas.Personal{}
	if i < len(some.GetPersonal()) {
		own = some.GetPersonal()[i]
	}
	if fault := personal.Check(v.task.broadcast.GetContent(), own); fault != nil {
		row.Reason = fault.Says.In(v.l)
	}
}

// RowOf tells of an entry of a list in a state, for a reason, and who it is; "": it is no phone, and its reason says why.
func RowOf(index uint32, text, region string, state schemas.RecipientState, reason string, l es.Language) (Row, schemas.Phone) {
	row := Row{Index: index, Outcome: state.Outcome(), Reason: reason, Retryable: state.Retryable()}
	if code, ok := state.Code(); ok && code > 0 {
		row.Code = code
	}
	p, err := schemas.ParsePhone(text, region)
	if err == nil {
		row.Phone = p.Digits()
		return row, p.Person()
	}
	row.Phone, row.invalid, row.Retryable = shown.Line(normalize.Shown(text)), true, false
	if why := new(phone.Error); errors.As(err, &why) && state == schemas.Failed(schemas.CodeInvalidPhone) {
		row.Reason = phone.ErrInvalid.Error() + ": " + why.Why.In(l)
	}
	return row, ""
}
