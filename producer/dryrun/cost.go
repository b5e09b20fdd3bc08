package dryrun

import (
	"strings"

	"altavoz/producer/dryrun/rates"
	"altavoz/schemas"
	"altavoz/schemas/es"
	"altavoz/schemas/phone"
)

// countries is how many people each country has.
type countries map[string]uint32

// country returns that of a recipient; empty where nobody has said what messages cost, and nobody asks.
func (l *List) country(p schemas.Phone) string {
	if !l.priced {
		return ""
	}
	return phone.Country(p.Digits())
}

// without takes people out who are counted.
func (c countries) without(some countries) {
	for country, n := range some {
		c[country] -= n
	}
}

// Cost is what a broadcast would cost.
type Cost struct {
	rates.Cost

	Assumptions []string `json:"assumptions"`
}

// costOf estimates what the messages of a content to those pending cost.
func (l *List) costOf(card *rates.Card, c *schemas.Content, in es.Language) *Cost {
	category := categoryOf(c)
	assumed := []es.Sentence{es.Say(es.CostDelivered), es.Say(es.CostTemplate, string(category))}
	switch {
	case category == rates.Service:
		assumed[1] = es.Say(es.CostService, rates.FreeService)
	case c.GetTemplate() == nil:
		assumed[1] = es.Say(es.CostDirect, string(category))
	}
	return &Cost{card.Estimate(l.countries, category), es.All(assumed, in)}
}

// categoryOf is what a message is billed as: a template as its account has it or, where that is not known, as the costliest; by Direct Send, for which
// Meta makes a template, as the category that the message says.
func categoryOf(c *schemas.Content) rates.Category {
	switch {
	case c.GetTemplate() != nil:
	case c.Exempt():
		return rates.Category(c.GetCategory())
	default:
		return rates.Service
	}
	switch known := rates.Category(strings.ToLower(c.GetTemplate().GetCategory())); known {
	case rates.Utility, rates.Authentication:
		return known
	case rates.Marketing, rates.Service: // a template is never service
	}
	return rates.Marketing
}
