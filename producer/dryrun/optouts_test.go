package dryrun

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"altavoz/producer/export"
	"altavoz/producer/senders"
	"altavoz/schemas"
	"altavoz/schemas/es"
	"altavoz/schemas/request"
)

// peopleOf has the businesses that people opted out of; a number is the business of its own name.
type peopleOf map[string][]string

func (p peopleOf) OutOf(names ...string) (all []string) {
	for _, name := range names {
		all = append(all, p[name]...)
	}
	return all
}

func (p peopleOf) Business(number string) (string, bool) { return number, true }

// TestDryRunCountsWhoOptedOutWhereThatHolds: of the business of the number that would send, in whatever writing, and not for a service message.
func TestDryRunCountsWhoOptedOutWhereThatHolds(t *testing.T) {
	t.Parallel()
	promo := &schemas.Template{Name: "promo", Language: "es"}
	for _, c := range []struct {
		name, sender, category string
		template               *schemas.Template
		pending, out           uint32
		first                  string
	}{
		{"its business", "1065", "", nil, 1, 2, "573001234567"},
		{"another business", "1066", "", nil, 2, 1, "573001234567"},
		{"a third business", "9", "service", nil, 3, 0, "573001234567"},
		{"a service message", "1065", "utility", nil, 3, 0, "573001234567"},
		{"a template of marketing, whatever it is called", "1065", "utility", promo, 1, 2, "573001234567"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := &Run{Ports: &Ports{
				Region: "CO", Templates: billed("MARKETING"), People: peopleOf{"525512345678": {"1065", "1066"}, "573001234568": {"1065"}},
				Render: func(_ string, _ *schemas.Content, to schemas.Phone, _ string) (string, []byte, error) {
					return "messages", fmt.Appendf(nil, "%q", to.Digits()), nil
				},
			}}
			r.Take = func() func() { return func() {} }
			sink, err := r.Begin()
			if err != nil {
				t.Fatal(err)
			}
			if err := sink.Slice([]string{"5215512345678", "573001234567", "573001234568", "12"}, nil); err != nil {
				t.Fatal(err)
			}
			req := &request.Request{Content: &schemas.Content{Body: "b", Category: c.category, Template: c.template}, Total: 4}
			report, err := r.Report(t.Context(), req, Number{Row: &senders.Row{ID: c.sender}}, time.Now())
			if err != nil {
				t.Fatal(err)
			}
			got := report.Recipients
			if got.Pending != c.pending || got.OptedOut != c.out || got.Pending+got.Invalid+got.Repeated+got.OptedOut != got.Total {
				t.Errorf("%+v; want %d pending and %d who opted out", got, c.pending, c.out)
			}
			if string(report.Call) != `"`+c.first+`"` {
				t.Errorf("the call is for %s; want %s", report.Call, c.first)
			}
			n := uint32(0)
			for _, row := range got.Rows {
				if row.Reason == schemas.StateOptedOut.In(es.Spanish) {
					n++
				}
			}
			if n != c.out || !slices.IsSortedFunc(got.Rows, func(a, b export.Row) int { return int(a.Index) - int(b.Index) }) {
				t.Errorf("%d rows of who opted out; want %d, in order", n, c.out)
			}
		})
	}
}
