// Package rates estimates what messages cost, by a file of prices that an operator keeps: Meta publishes its rates as files and not by an API. It
// is pure.
package rates

import (
	"cmp"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
)

// Category is what Meta bills a message as.
type Category string

// The categories. Since 1 October 2026 a free-form message is billed beyond FreeService a number and month; where the file has no price for
// service, that is the one for utility, as Meta has it.
const (
	Marketing      Category = "marketing"
	Utility        Category = "utility"
	Authentication Category = "authentication"
	Service        Category = "service"
)

// FreeService is how many free-form messages a number has free in a calendar month.
const FreeService = 1000

const (
	// Rest is the country of a price that holds for all that have none of their own.
	Rest = "*"
	// MaxBytes bounds a file: Meta has some 250 countries and four categories.
	MaxBytes = 1 << 20
	// maxPrice bounds the price of a message, in millionths: that of 10,000,000 messages is far from what an int64 has.
	maxPrice = 10_000 * million
	million  = 1_000_000
)

type key struct {
	country  string
	category Category
}

// Card is the prices of one currency.
type Card struct {
	currency string // as in the file, three letters
	prices   map[key]int64
}

// Read reads the file at a path, as Parse does; nil if there is no path.
func Read(path string) (*Card, error) {
	if path == "" {
		return nil, nil //nolint:nilnil // no card, and no error
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("ALTAVOZ_RATES_FILE: %w", err)
	}
	defer f.Close() //nolint:errcheck // it was read
	c, err := Parse(f)
	if err != nil {
		return nil, fmt.Errorf("ALTAVOZ_RATES_FILE: %s: %w", path, err)
	}
	return c, nil
}

// Parse reads a CSV with the columns country (two letters, or Rest), category, price (at most six decimals) and currency (three letters, one in the
// whole file). Errors name the line.
func Parse(r io.Reader) (*Card, error) {
	limited := &io.LimitedReader{R: r, N: MaxBytes + 1}
	in := csv.NewReader(limited)
	in.TrimLeadingSpace, in.FieldsPerRecord = true, 4
	head, err := in.Read()
	if err != nil {
		return nil, fmt.Errorf("reading the first line: %w", err)
	}
	if got := strings.Join(head, ","); got != "country,category,price,currency" {
		return nil, fmt.Errorf("the first line is %q: it must be country,category,price,currency, and another one as CO,marketing,0.0125,USD", got)
	}
	c := &Card{prices: make(map[key]int64)}
	for {
		row, err := in.Read()
		switch {
		case limited.N <= 0:
			return nil, fmt.Errorf("more than %d bytes", MaxBytes)
		case errors.Is(err, io.EOF) && len(c.prices) == 0:
			return nil, errors.New("no price")
		case errors.Is(err, io.EOF):
			return c, nil
		case err != nil:
			return nil, fmt.Errorf("reading a row: %w", err)
		}
		if err := c.add(row); err != nil {
			line, _ := in.FieldPos(0)
			return nil, fmt.Errorf("line %d: %w", line, err)
		}
	}
}

func (c *Card) add(row []string) error {
	k := key{row[0], Category(row[1])}
	switch k.category {
	case Marketing, Utility, Authentication, Service:
	default:
		return fmt.Errorf("category %q: it must be marketing, utility, authentication or service", row[1])
	}
	if k.country != Rest && !letters(k.country, 2) {
		return fmt.Errorf("country %q: it must be two capital letters, or %s for all others", row[0], Rest)
	}
	price, err := parsePrice(row[2])
	if err != nil {
		return err
	}
	switch {
	case !letters(row[3], 3):
		return fmt.Errorf("currency %q: it must be three capital letters", row[3])
	case c.currency != "" && c.currency != row[3]:
		return fmt.Errorf("currency %s after %s: a file has one", row[3], c.currency)
	}
	if _, twice := c.prices[k]; twice {
		return fmt.Errorf("a second price for %s, %s", k.country, k.category)
	}
	c.currency, c.prices[k] = row[3], price
	return nil
}

func letters(s string, n int) bool {
	return len(s) == n && strings.Trim(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == ""
}

// parsePrice returns a decimal in millionths.
func parsePrice(s string) (int64, error) {
	whole, fraction, _ := strings.Cut(s, ".")
	digits := whole + fraction + strings.Repeat("0", max(0, 6-len(fraction)))
	n, err := strconv.ParseUint(digits, 10, 63)
	if err != nil || whole == "" || len(fraction) > 6 || n > maxPrice {
		return 0, fmt.Errorf("price %q: it must be a number up to %d with a point and at most six decimals", s, maxPrice/million)
	}
	return int64(n), nil
}

// price returns what a message to a country costs, in millionths.
func (c *Card) price(country string, category Category) (int64, bool) {
	for _, k := range []key{{country, category}, {Rest, category}} {
		if p, ok := c.prices[k]; ok {
			return p, true
		}
	}
	if category == Service {
		return c.price(country, Utility)
	}
	return 0, false
}

// Cost is what messages cost if all are delivered, in decimals of the currency.
type Cost struct {
	Currency string   `json:"currency"`
	Category Category `json:"category"`
	// Most is the sum of Countries, and Least what is left of it if none of the number's free messages of the month was used.
	Most      string    `json:"most"`
	Least     string    `json:"least"`
	Countries []Country `json:"countries"`
	// Unpriced is how many go to countries for which the file has no price: they are in no sum.
	Unpriced uint32 `json:"unpriced,omitzero"`
}

// Country is what the messages to one country cost.
type Country struct {
	Country  string `json:"country"` // two letters; empty: it is not known of the phone
	Messages uint32 `json:"messages"`
	Price    string `json:"price"` // of one
	Cost     string `json:"cost"`
}

// Estimate says what messages of a category to so many people of each country cost. The costliest countries come first.
func (c *Card) Estimate(people map[string]uint32, category Category) Cost {
	out := Cost{Currency: c.currency, Category: category, Countries: make([]Country, 0, len(people))}
	type row struct {
		country string
		n       uint32
		price   int64
	}
	rows := make([]row, 0, len(people))
	for country, n := range people {
		price, ok := c.price(country, category)
		switch {
		case !ok:
			out.Unpriced += n
		case n > 0:
			rows = append(rows, row{country, n, price})
		}
	}
	slices.SortFunc(rows, func(a, b row) int {
		return cmp.Or(cmp.Compare(int64(b.n)*b.price, int64(a.n)*a.price), cmp.Compare(a.country, b.country))
	})
	var most int64
	for _, r := range rows {
		cost := int64(r.n) * r.price
		most += cost
		out.Countries = append(out.Countries, Country{r.country, r.n, decimal(r.price), decimal(cost)})
	}
	free, least := int64(0), most
	if category == Service {
		free = FreeService
	}
	slices.SortFunc(rows, func(a, b row) int { return cmp.Compare(b.price, a.price) })
	for _, r := range rows {
		n := min(free, int64(r.n))
		free -= n
		least -= n * r.price
	}
	out.Most, out.Least = decimal(most), decimal(least)
	return out
}

// decimal writes millionths.
func decimal(n int64) string { return fmt.Sprintf("%d.%06d", n/million, n%million) }
