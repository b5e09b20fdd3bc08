package ledger

import (
	"cmp"
	"slices"
	"time"
)

// FreeService is how many free-form messages a number has free in a calendar month (UTC), unless a rule says otherwise.
const FreeService = 1000

// Price is what Meta says that a message costs.
type Price struct {
	Number   string `json:"number"`
	Category string `json:"category"`
	Type     string `json:"type"`
	Billable bool   `json:"billable"`
}

// Priced is how many delivered messages have a price, of those whose price a webhook told that was taken.
type Priced struct {
	Price
	Messages int `json:"messages"`
}

// Prices is what messages cost. It is not safe for concurrent use.
type Prices struct {
	service map[numbersMonth]int
	told    map[Price]int
}

type numbersMonth struct {
	number, month string
}

// NewPrices returns what has priced nothing.
func NewPrices() *Prices {
	return &Prices{service: make(map[numbersMonth]int), told: make(map[Price]int)}
}

// Of prices a message of a number. A free-form one is of the category service, and so many of a month that are delivered are free.
func (p *Prices) Of(number, category string, at time.Time, free int, delivered bool) Price {
	if category = cmp.Or(category, "service"); category != "service" {
		return Price{number, category, "regular", true}
	}
	m := numbersMonth{number, at.UTC().Format("2006-01")}
	if p.service[m] >= free {
		return Price{number, category, "regular", true}
	}
	if delivered {
		p.service[m]++
	}
	return Price{number, category, "free_customer_service", false}
}

// Told counts a message whose price was told with the word that it was delivered.
func (p *Prices) Told(one Price) { p.told[one]++ }

// All returns what was told, in order.
func (p *Prices) All() []Priced {
	all := make([]Priced, 0, len(p.told))
	for one, n := range p.told {
		all = append(all, Priced{one, n})
	}
	slices.SortFunc(all, func(a, b Priced) int {
		return cmp.Or(cmp.Compare(a.Number, b.Number), cmp.Compare(a.Category, b.Category), cmp.Compare(a.Type, b.Type))
	})
	return all
}
