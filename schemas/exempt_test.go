package schemas_test

import (
	"testing"

	"altavoz/schemas"
)

// TestOptOutsHoldForMarketingWhateverItIsCalled: Meta is not told the category of a broadcast by template, and so refuses nothing because of it.
func TestOptOutsHoldForMarketingWhateverItIsCalled(t *testing.T) {
	t.Parallel()
	template := func(category string) *schemas.Template { return &schemas.Template{Name: "a", Category: category} }
	for name, c := range map[string]struct {
		content *schemas.Content
		exempt  bool
	}{
		"nothing said":                          {&schemas.Content{Body: "b"}, false},
		"service":                               {&schemas.Content{Body: "b", Category: "service"}, false},
		"by Direct Send":                        {&schemas.Content{Body: "b", Category: "utility"}, true},
		"a code":                                {&schemas.Content{Template: template("AUTHENTICATION"), Category: "authentication"}, true},
		"a template of utility":                 {&schemas.Content{Template: template("UTILITY"), Category: "utility"}, true},
		"a template of which nobody knows":      {&schemas.Content{Template: template(""), Category: "utility"}, true},
		"a template of marketing":               {&schemas.Content{Template: template("MARKETING"), Category: "utility"}, false},
		"either, the template one of marketing": {&schemas.Content{Body: "b", Template: template("MARKETING"), Category: "utility", Route: schemas.Route_ROUTE_AUTO}, false},
	} {
		if got := c.content.Exempt(); got != c.exempt {
			t.Errorf("%s: exempt is %v, want %v", name, got, c.exempt)
		}
	}
}
