package lists

import (
	"errors"
	"io"
	"strings"

	"altavoz/schemas/phone"
)

// sampleRows is how many rows are looked at to find the phones.
const sampleRows = 200

// Options is what is known of a list before it is read.
type Options struct {
	Column string // its name, or its number from 1; empty: found out
	Region string // of phones without a country code
	// Variables are names of columns whose cells each entry is to have. The list needs a header then, and each row as many cells as that.
	Variables []string
}

// Entry is one recipient of a list.
type Entry struct {
	Line int    // where its row begins, from 1; of JSON, which entry it is
	Text string // as it is written, without blanks around it
	// Values are the cells of Options.Variables, without blanks around them; empty: the row has none.
	Values []string
}

// source is what rows come from.
type source interface{ next() (row, error) }

// Table is a list that is being read.
type Table struct {
	text   *text
	rows   source
	sample []row // read and not handed over yet
	layout
	columns []int   // of Options.Variables
	users   int     // the column with user ids, for who has no phone; -1: none
	ahead   []Entry // of a row with several
	several int     // cells with several so far
	region  string
	json    bool
}

// Open reads as much of a list as it takes to know how it is written. What makes no list of it is an *Error.
func Open(src io.Reader, o Options) (*Table, error) {
	in, err := open(src)
	if err != nil {
		return nil, err
	}
	t := &Table{text: in, region: o.Region}
	head, _ := in.Peek(headBytes) // what it ends with comes with the first row
	var members *records
	if isJSON(string(head)) {
		members = newRecords(in)
		t.rows, t.json = members, true
	} else {
		t.rows = &rows{src: in.Reader, sep: in.separator()}
	}
	for len(t.sample) < sampleRows {
		r, err := t.rows.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		t.sample = append(t.sample, r)
	}
	if members != nil {
		t.layout, err = chooseMember(o.Column, o.Region, members.names, t.sample)
	} else {
		t.layout, err = choose(o.Column, o.Region, t.sample)
	}
	if err != nil {
		return nil, err
	}
	if t.users = -1; t.header != nil && !t.across {
		t.users = userColumn(t.header, t.index)
	}
	if t.columns, err = columnsOf(o.Variables, t.header); err != nil {
		return nil, err
	}
	if t.sample = t.sample[t.skip:]; t.header != nil && len(t.sample) == 0 {
		return nil, &Error{"the list has a header and no rows", "the first line reads " + strings.Join(t.header, ", ")}
	}
	return t, nil
}

// called is what people are told of the place of the phones.
func (t *Table) called(example string) string {
	begins := ""
	if example != "" {
		begins = " (" + beginning(example) + ")"
	}
	switch {
	case t.across:
		return "phones only, several on a line" + begins
	case t.json && t.header == nil && t.index == 0:
		return "JSON" + begins
	case t.json:
		return "JSON, " + named(t.index, t.header, example)
	}
	return named(t.index, t.header, example)
}

// unit is what entries are counted by.
func (t *Table) unit() string {
	if t.json {
		return "entry"
	}
	return "line"
}

// above is how many rows above the table, or above its header, are no part of it.
func (t *Table) above() int {
	if t.header != nil {
		return max(t.skip-1, 0)
	}
	return t.skip
}

// Next returns the next recipient, and io.EOF behind the last one. A row without a phone is nobody.
func (t *Table) Next() (Entry, error) {
	for len(t.ahead) == 0 {
		var r row
		if len(t.sample) > 0 {
			r, t.sample = t.sample[0], t.sample[1:]
		} else {
			var err error
			if r, err = t.rows.next(); err != nil {
				return Entry{}, err
			}
		}
		if err := t.aligned(r); err != nil {
			return Entry{}, err
		}
		t.entries(r)
	}
	e := t.ahead[0]
	t.ahead = t.ahead[1:]
	return e, nil
}

// name returns what a row calls its recipient: the phone, or the user id of who has none.
func (t *Table) name(cells []string) string {
	text := ""
	if t.index < len(cells) {
		text = strings.TrimSpace(cells[t.index])
	}
	if text == "" && t.users >= 0 && t.users < len(cells) {
		text, _ = phone.UserID(cells[t.users])
	}
	return text
}

// entries puts the recipients of a row into ahead.
func (t *Table) entries(r row) {
	cells := r.cells
	switch {
	case t.across || r.bare: // all of them
	default:
		cells = []string{t.name(cells)}
	}
	t.ahead = t.ahead[:0:cap(t.ahead)]
	values := t.values(r)
	for _, cell := range cells {
		text := strings.TrimSpace(cell)
		if text == "" {
			continue
		}
		parts := several(text, t.region)
		if parts == nil {
			t.ahead = append(t.ahead, Entry{r.line, text, values})
			continue
		}
		t.several++
		for _, part := range parts {
			t.ahead = append(t.ahead, Entry{r.line, part, values})
		}
	}
}
