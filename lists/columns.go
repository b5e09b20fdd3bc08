package lists

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"altavoz/schemas/phone"
)

// usual are the names under which tables have their phones, without accents, blanks and signs.
var usual = []string{
	"phone", "phones", "phonenumber", "phoneno", "phonenumbers", "telephone", "telephonenumber", "mobile", "mobilephone", "mobilenumber", "mobileno",
	"cell", "cellphone", "cellnumber", "cellphonenumber", "number", "msisdn", "whatsapp", "whatsappnumber", "wa", "wanumber", "waid", "phone1value", "phone2value",
	"tel", "telf", "tlf", "tlfno", "fono", "telefono", "telefonos", "numerotelefonico", "numerodetelefono", "numerotelefono", "nrotelefono", "nrodetelefono", "notelefono",
	"telefonocelular", "telefonomovil", "telefonofijo", "telefono1", "telefono2", "cel", "celu", "celular", "celulares", "celular1", "celular2", "numerodecelular", "numerocelular",
	"nrocelular", "nrodecelular", "movil", "moviles", "numeromovil", "numerodemovil", "numero", "numeros", "numerowhatsapp", "numerodewhatsapp", "telefonowhatsapp",
	"celularwhatsapp", "whatsappcelular", "telefone", "telemovel", "numerodotelefone", "numerodocelular", "telefonecelular",
}

// userIDs are the names under which tables have WhatsApp's user ids.
var userIDs = []string{"userid", "bsuid", "wauserid", "whatsappuserid"}

// userColumn finds the column that has user ids for who has no phone; -1: there is none.
func userColumn(header []string, phones int) int {
	return slices.IndexFunc(header, func(name string) bool {
		return (phones >= len(header) || name != header[phones]) && slices.Contains(userIDs, folded(name))
	})
}

// hasUserIDs reports whether one stands in a column. Many a table has ids of its own under that name.
func hasUserIDs(column int, sample []row) bool {
	return slices.ContainsFunc(sample, func(r row) bool {
		if column >= len(r.cells) {
			return false
		}
		_, ok := phone.UserID(r.cells[column])
		return ok
	})
}

// folded is a header without what people write differently.
func folded(name string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case unicode.IsLetter(r):
			return unicode.ToLower(r)
		case unicode.IsDigit(r):
			return r
		}
		return -1
	}, norm.NFKD.String(name)) // accents become signs of their own
}

// column is what a sample says of a column.
type column struct {
	index                int
	filled, valid, fixed int
	first                string
}

// phones reports whether it is a column of phones: half of what stands in it is.
func (c column) phones() bool { return c.valid > 0 && 2*c.valid >= c.filled }

func (c column) mobile() bool { return 2*c.fixed < c.valid }

// survey looks at a sample, column by column.
func survey(sample []row, region string) []column {
	var out []column
	for _, r := range sample {
		for i, cell := range r.cells {
			if i == len(out) {
				out = append(out, column{index: i})
			}
			c := &out[i]
			cell = strings.TrimSpace(cell)
			if cell == "" {
				continue
			}
			c.filled++
			p, err := phone.Parse(cell, region)
			if err != nil {
				continue
			}
			if c.valid++; c.first == "" {
				c.first = p
			}
			if phone.Fixed(p) {
				c.fixed++
			}
		}
	}
	return out
}

// layout is where the phones of a table stand.
type layout struct {
	index  int
	header []string // nil: it has none
	skip   int      // rows before the first one with people
	across bool     // every cell is somebody
}

const (
	// maxTitles is how many rows there may be above a header: a title, a date, who made it.
	maxTitles = 10
	// acrossCells are enough phones in the only row of a list to be the list. Two may be two columns of one person.
	acrossCells = 3
)

// choose finds the column with the phones, and the header, if there is one.
func choose(asked, region string, sample []row) (layout, error) {
	if len(sample) == 0 {
		return layout{}, errEmpty
	}
	if asked == "" && across(sample, region) {
		return layout{across: true}, nil
	}
	skip := titles(asked, region, sample)
	index, header, err := find(asked, region, sample[skip:])
	out := layout{index: index, skip: skip}
	if header {
		out.header = sample[skip].cells
		out.skip++
	}
	return out, err
}

// across reports whether a list is phones and nothing else, of which some share a line: all of it in one, or few of many lines.
func across(sample []row, region string) bool {
	single, cells := 0, 0
	for _, r := range sample {
		n := len(phones(r.cells, region))
		if n == 0 {
			return false
		}
		if cells += n; len(r.cells) == 1 { // a separator at its end would be a table's
			single++
		}
	}
	return cells > len(sample) && (2*single > len(sample) || len(sample) == 1 && cells >= acrossCells)
}

// chooseMember is choose for JSON, whose names are those of its objects' members.
func chooseMember(asked, region string, names []string, sample []row) (layout, error) {
	table := slices.DeleteFunc(slices.Clone(sample), func(r row) bool { return r.bare })
	switch {
	case len(sample) == 0:
		return layout{}, errEmpty
	case len(table) == 0 && asked != "":
		return layout{}, &Error{fmt.Sprintf("the list has no column %q", asked), "it is a list of phones, without names"}
	case len(table) == 0:
		return layout{}, nil
	case len(names) == 0: // rows are arrays
		out, err := choose(asked, region, table)
		if len(table) < len(sample) {
			out.skip = 0 // it is not known where they are: what is no phone is reported
		}
		return out, err
	}
	index, _, err := find(asked, region, append([]row{{cells: names}}, table...))
	return layout{index: index, header: names}, err
}

// errEmpty is the error of a list with nothing in it.
var errEmpty = &Error{"the list is empty", "a list is a file with a phone a line, or a table with a column of phones"}

// titles counts the rows above the header: those before a row with a name that is asked for or usual, or, where there is none, those with
// one cell above a table of several. None of them has a phone.
func titles(asked, region string, sample []row) int {
	first, open := sample[:min(len(sample), maxTitles+1)], true
	if i := slices.IndexFunc(first, func(r row) bool { return hasPhone(r, region) }); i >= 0 {
		first, open = first[:i], false
	}
	if i := slices.IndexFunc(first, func(r row) bool {
		return slices.ContainsFunc(r.cells, func(name string) bool {
			return asked == "" && slices.Contains(usual, folded(name)) || asked != "" && sameName(asked, name)
		})
	}); i >= 0 {
		return i
	}
	several := func(r row) bool { return filled(r) > 1 }
	if i := slices.IndexFunc(first, several); i >= 0 {
		return i
	}
	if !open && slices.ContainsFunc(sample[len(first):], several) {
		return len(first)
	}
	return 0
}

func sameName(asked, name string) bool {
	return strings.EqualFold(strings.TrimSpace(name), strings.TrimSpace(asked)) || folded(asked) != "" && folded(name) == folded(asked)
}

func hasPhone(r row, region string) bool {
	return slices.ContainsFunc(r.cells, func(cell string) bool {
		_, err := phone.Parse(cell, region)
		return err == nil
	})
}

// filled counts the cells of a row that are not blank.
func filled(r row) (n int) {
	for _, cell := range r.cells {
		if strings.TrimSpace(cell) != "" {
			n++
		}
	}
	return n
}

// find finds the column with the phones, and whether the first row is a header.
func find(asked, region string, sample []row) (index int, header bool, err error) {
	names := sample[0].cells
	if asked != "" {
		return byName(asked, region, names)
	}
	var known []int
	for i, name := range names {
		if slices.Contains(usual, folded(name)) {
			known = append(known, i)
		}
	}
	if len(known) == 0 {
		for i, name := range names {
			if slices.Contains(userIDs, folded(name)) && hasUserIDs(i, sample[1:]) {
				known = append(known, i)
			}
		}
	}
	switch {
	case len(known) == 1:
		return known[0], true, nil
	case len(known) > 1:
		index, err = byContent(survey(sample[1:], region), known, names)
		return index, true, err
	case len(names) == 1 && !entry(names[0], region):
		return 0, true, nil
	}
	if !slices.ContainsFunc(names, func(name string) bool { return entry(name, region) }) { // a header, with names of its own
		return 0, false, &Error{
			"no column of the list is called what phones usually are",
			"name it with --column; the first line reads " + strings.Join(names, ", "),
		}
	}
	index, err = byContent(survey(sample, region), nil, nil)
	return index, false, err
}

// byName finds a column by its name, or by its place, from 1, which needs no header.
func byName(asked, region string, names []string) (index int, header bool, err error) {
	for i, name := range names {
		if strings.EqualFold(strings.TrimSpace(name), strings.TrimSpace(asked)) {
			return i, true, nil
		}
	}
	if i := slices.IndexFunc(names, func(name string) bool { return folded(asked) != "" && folded(name) == folded(asked) }); i >= 0 {
		return i, true, nil
	}
	if n, err := strconv.Atoi(asked); err == nil && n >= 1 && n <= len(names) {
		return n - 1, !entry(names[n-1], region), nil
	}
	return 0, false, &Error{fmt.Sprintf("the list has no column %q", asked), "its first line reads " + strings.Join(names, ", ")}
}

// byContent finds the column that is phones: mobiles before fixed lines. Where two are, and not the same, a person has to choose.
func byContent(columns []column, among []int, names []string) (int, error) {
	var mobile, fixed, some []column
	for _, c := range columns {
		switch {
		case among != nil && !slices.Contains(among, c.index), c.valid == 0:
		case c.phones() && c.mobile():
			mobile = append(mobile, c)
		case c.phones():
			fixed = append(fixed, c)
		default:
			some = append(some, c)
		}
	}
	for _, found := range [][]column{mobile, fixed, some} {
		switch len(found) {
		case 0:
			continue
		case 1:
			return found[0].index, nil
		}
		called := make([]string, len(found))
		for i, c := range found {
			called[i] = named(c.index, names, c.first)
		}
		return 0, &Error{"several columns of the list are phones: " + strings.Join(called, " and "), "say which with --column, by its name or its number"}
	}
	if among != nil { // names are all that there is to go by
		return among[0], nil
	}
	return 0, &Error{"no column of the list looks like phones", "name it with --column, by its name or its number"}
}

// named is how a column is told to people.
func named(index int, names []string, example string) string {
	text := "column " + strconv.Itoa(index+1)
	if index < len(names) && strings.TrimSpace(names[index]) != "" {
		text += " `" + strings.TrimSpace(names[index]) + "`"
	}
	if example != "" {
		text += " (" + beginning(example) + ")"
	}
	return text
}

// beginning shows as much of a phone as tells where it belongs.
func beginning(p string) string {
	const shown = 5
	return p[:min(len(p), shown)] + "..."
}

// entry reports whether a cell is a phone or has the digits of one: no header has.
func entry(cell, region string) bool {
	if _, err := phone.Parse(cell, region); err == nil {
		return true
	}
	const least = 5
	n := 0
	for _, r := range cell {
		if unicode.IsDigit(r) {
			n++
		}
	}
	return n >= least
}
