package dryrun

import (
	"context"
	"strings"
	"testing"

	"altavoz/producer/dryrun/rates"
	"altavoz/producer/senders"
	"altavoz/schemas"
	"altavoz/schemas/es"
	"altavoz/schemas/request"
)

// billed says that all templates are of one category.
type billed string

func (b billed) Report(_ context.Context, _ string, c *schemas.Content) []es.Sentence {
	if c.GetTemplate() != nil {
		c.Template.Category = string(b)
	}
	return nil
}

// The cost is of those who would be sent to, by their countries: not of who opted out, came before, or has a message that can't be made.
func TestCostIsOfThoseWhoWouldBeSentTo(t *testing.T) {
	t.Parallel()
	card, err := rates.Parse(strings.NewReader("country,category,price,currency\n*,marketing,1,COP\n*,utility,0.1,COP\n*,service,0.01,COP\n"))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name      string
		content   *schemas.Content
		templates Templates
		rates     *rates.Card
		category  rates.Category
		most      string
		says      es.Sentence
	}{
		{"free-form", &schemas.Content{Body: "Hola"}, nil, card, rates.Service, "0.040000", es.Say(es.CostService, 1000)},
		{"by Direct Send", &schemas.Content{Body: "Hola", Category: "utility"}, nil, card, rates.Utility, "0.500000", es.Say(es.CostDirect, "utility")},
		{"either, the other one by Direct Send", &schemas.Content{Body: "Hola", Category: "utility", Route: schemas.Route_ROUTE_AUTO}, nil, card, rates.Utility, "0.500000", es.Say(es.CostDirect, "utility")},
		{"a category that is none", &schemas.Content{Body: "Hola", Category: "service"}, nil, card, rates.Service, "0.040000", es.Say(es.CostService, 1000)},
		{"with a value of each", &schemas.Content{Body: "Hola {{n}}", ButtonText: "Ver", ButtonUrl: "https://example.com", Variables: []string{"n"}}, nil, card, rates.Service, "0.020000", es.Say(es.CostService, 1000)},
		{"a template of an unknown account", &schemas.Content{Template: &schemas.Template{Name: "a"}}, nil, card, rates.Marketing, "4.000000", es.Say(es.CostTemplate, "marketing")},
		{"a template", &schemas.Content{Template: &schemas.Template{Name: "a"}}, billed("UTILITY"), card, rates.Utility, "0.400000", es.Say(es.CostTemplate, "utility")},
		{"a category of a later version", &schemas.Content{Template: &schemas.Template{Name: "a"}}, billed("OTHER"), card, rates.Marketing, "4.000000", es.Say(es.CostTemplate, "marketing")},
		{"no prices", &schemas.Content{Body: "Hola"}, nil, nil, "", "", es.Sentence{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := &Run{Ports: &Ports{
				Region: "CO", People: peopleOf{"573001234568": {"1065"}}, Rates: c.rates, Templates: c.templates,
				Render: func(string, *schemas.Content, schemas.Phone, string) (string, []byte, error) {
					return "messages", []byte("{}"), nil
				},
			}, Take: func() func() { return func() {} }}
			sink, err := r.Begin()
			if err != nil {
				t.Fatal(err)
			}
			value := &schemas.Personal{Variables: []uint32{0}, Values: []string{"x"}}
			own := []*schemas.Personal{value, value, value, value, {}, value, {}}
			if len(c.content.GetVariables()) == 0 {
				own = nil
			}
			if err := sink.Slice([]string{"573001234567", "573001234567", "573001234568", "12", "5215512345678", "12025550123", "573001234569"}, own); err != nil {
				t.Fatal(err)
			}
			report, err := r.Report(t.Context(), &request.Request{Content: c.content}, Number{Row: &senders.Row{ID: "1065"}}, monday)
			if err != nil {
				t.Fatal(err)
			}
			if c.rates == nil {
				if report.Cost != nil {
					t.Errorf("%+v without prices", report.Cost)
				}
				return
			}
			n := uint32(0)
			for _, at := range report.Cost.Countries {
				n += at.Messages
			}
			if got := report.Cost; got.Most != c.most || got.Category != c.category || n != report.Recipients.Pending || got.Assumptions[1] != c.says.Spanish() {
				t.Errorf("%+v of %+v, want %s as %s", got, report.Recipients, c.most, c.category)
			}
		})
	}
}
