package lists

import (
	"fmt"
	"slices"
	"strings"
)

// columnsOf finds the columns that have the names, however their case, accents and blanks are written.
func columnsOf(names, header []string) ([]int, error) {
	if len(names) == 0 {
		return nil, nil
	}
	if header == nil {
		return nil, &Error{"the list has no header, which names the variables", "its first line has to have a name for each column, as phone,nombre"}
	}
	out := make([]int, len(names))
	for i, name := range names {
		out[i] = slices.Index(header, name)
		if out[i] < 0 {
			out[i] = slices.IndexFunc(header, func(column string) bool { return sameName(name, column) })
		}
		if out[i] < 0 {
			return nil, &Error{fmt.Sprintf("the list has no column for {{%s}}", name), "its first line reads " + strings.Join(header, ", ")}
		}
	}
	return out, nil
}

// aligned refuses a row of a table that has not as many cells as the header: a value could be another one's. Blank cells may follow.
func (t *Table) aligned(r row) error {
	if len(t.columns) == 0 || t.json || r.bare {
		return nil
	}
	n := len(r.cells)
	for n > len(t.header) && strings.TrimSpace(r.cells[n-1]) == "" {
		n--
	}
	if n == len(t.header) { //mutant:values-are-of-their-column
		return nil
	}
	return &Error{
		fmt.Sprintf("line %d of the list has %d columns, and its header %d", r.line, n, len(t.header)),
		"a cell with a separator, a quote or a line break has to stand in quotes",
	}
}

// values are the cells of the variables in a row.
func (t *Table) values(r row) []string {
	if len(t.columns) == 0 {
		return nil
	}
	out := make([]string, len(t.columns))
	for i, column := range t.columns {
		if column < len(r.cells) && !r.bare {
			out[i] = strings.TrimSpace(r.cells[column])
		}
	}
	return out
}

// Filled is a variable of a list.
type Filled struct {
	Name, Column string
	Lacking      int // entries that are phones and have no value for it
}

// filled counts who lacks a value.
func (s *Summary) filled(e Entry) {
	for i, text := range e.Values {
		if text == "" {
			s.Variables[i].Lacking++
		}
	}
}

// variables are those of a table, of which nobody is counted yet.
func (t *Table) variables(names []string) []Filled {
	out := make([]Filled, len(t.columns))
	for i, column := range t.columns {
		out[i] = Filled{Name: names[i], Column: strings.TrimSpace(t.header[column])}
	}
	return out
}

func (f Filled) String() string {
	text := fmt.Sprintf("{{%s}} is column `%s`", f.Name, f.Column)
	if f.Lacking > 0 {
		text += fmt.Sprintf(" (%d without a value)", f.Lacking)
	}
	return text
}
