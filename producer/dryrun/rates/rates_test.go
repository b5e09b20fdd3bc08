package rates

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

const head = "country,category,price,currency\n"

func TestEstimate(t *testing.T) {
	t.Parallel()
	card, err := Parse(strings.NewReader(head + "CO,marketing,0.0125,USD\nCO,utility,0.0008,USD\nMX,utility,0.0085,USD\n*,marketing,0.0604,USD\nAR,service,0,USD\n"))
	if err != nil {
		t.Fatal(err)
	}
	people := map[string]uint32{"CO": 10_000, "MX": 300, "AR": 50, "": 2}
	for _, c := range []struct {
		category Category
		want     Cost
	}{
		{Marketing, Cost{Most: "146.260800", Least: "146.260800", Countries: []Country{
			{"CO", 10_000, "0.012500", "125.000000"}, {"MX", 300, "0.060400", "18.120000"}, {"AR", 50, "0.060400", "3.020000"}, {"", 2, "0.060400", "0.120800"},
		}}},
		// 300 of the costliest and 700 of the others are free.
		{Service, Cost{Most: "10.550000", Least: "7.440000", Unpriced: 2, Countries: []Country{
			{"CO", 10_000, "0.000800", "8.000000"}, {"MX", 300, "0.008500", "2.550000"}, {"AR", 50, "0.000000", "0.000000"},
		}}},
		{Authentication, Cost{Most: "0.000000", Least: "0.000000", Unpriced: 10_352, Countries: []Country{}}},
	} {
		c.want.Currency, c.want.Category = "USD", c.category
		if diff := cmp.Diff(c.want, card.Estimate(people, c.category)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.category, diff)
		}
	}
}

func TestFaultyFiles(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ text, says string }{
		{"", "reading the first line: EOF"},
		{"a,b,c,d\n", `the first line is "a,b,c,d"`},
		{head, "no price"},
		{head + "CO,marketing,1\n", "wrong number of fields"},
		{head + "co,marketing,1,USD\n", `line 2: country "co"`},
		{head + "CO,promo,1,USD\n", `line 2: category "promo"`},
		{head + "CO,marketing,-1,USD\n", `price "-1"`},
		{head + "CO,marketing,.5,USD\n", `price ".5"`},
		{head + "CO,marketing,1e3,USD\n", `price "1e3"`},
		{head + "CO,marketing,1,5,USD\n", "wrong number of fields"},
		{head + "CO,marketing,$1,USD\n", `price "$1"`},
		{head + "CO,marketing,10001,USD\n", `price "10001"`},
		{head + "CO,marketing,1.0000001,USD\n", `price "1.0000001"`},
		{head + "CO,marketing,1,dollars\n", `currency "dollars"`},
		{head + "CO,marketing,1,USD\nMX,marketing,1,EUR\n", "line 3: currency EUR after USD: a file has one"},
		{head + "CO,marketing,1,USD\nCO,marketing,2,USD\n", "line 3: a second price for CO, marketing"},
		{head + strings.Repeat(" ", MaxBytes) + "CO,marketing,1,U", fmt.Sprintf("more than %d bytes", MaxBytes)},
	} {
		if _, err := Parse(strings.NewReader(c.text)); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%.60q: %v, want %s", c.text, err, c.says)
		}
	}
}

// Whoever is counted is in a country or unpriced, the sum is that of the countries, and the free ones make it no less than nothing and no more than
// it was.
func TestEstimateCountsEverybodyOnce(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		c := &Card{currency: "USD", prices: make(map[key]int64)}
		people := make(map[string]uint32)
		var all uint32
		for _, country := range []string{"CO", "MX", "AR", ""} {
			for _, category := range []Category{Utility, Service} {
				if rapid.Bool().Draw(t, "priced") {
					c.prices[key{country, category}] = rapid.Int64Range(0, maxPrice).Draw(t, "price")
				}
			}
			people[country] = rapid.Uint32Range(0, 2_000_000).Draw(t, "people")
			all += people[country]
		}
		got := c.Estimate(people, Service)
		sum, counted := int64(0), got.Unpriced
		for _, at := range got.Countries {
			price, err := parsePrice(at.Price)
			if err != nil {
				t.Fatal(err)
			}
			sum += price * int64(at.Messages)
			counted += at.Messages
		}
		if decimal(sum) != got.Most || counted != all {
			t.Fatalf("%+v; the sum is %s of %d", got, decimal(sum), all)
		}
		var least, fraction int64
		if _, err := fmt.Sscanf(got.Least, "%d.%d", &least, &fraction); err != nil || least*million+fraction > sum || least < 0 || all <= FreeService && got.Unpriced == 0 && least+fraction != 0 {
			t.Fatalf("%+v; least %d.%06d", got, least, fraction)
		}
	})
}
