package lists

import (
	"errors"
	"io"
	"strings"
)

// sampleRows is how many rows are looked at to find the phones.
const sampleRows = 200

// Options is what is known of a list before it is read.
type Options struct {
	Column string // its name, or its number from 1; empty: found out
	Region string // of phones without a country code
}

// Entry is one recipient of a list.
type Entry struct {
	Line int    // where its row begins, from 1
	Text string // as it is written, without blanks around it
}

// Table is a list that is being read.
type Table struct {
	text   *text
	rows   rows
	sample []row // read and not handed over yet
	index  int
	header []string
}

// Open reads as much of a list as it takes to know how it is written. What makes no list of it is an *Error.
func Open(src io.Reader, o Options) (*Table, error) {
	in, err := open(src)
	if err != nil {
		return nil, err
	}
	t := &Table{text: in, rows: rows{src: in.Reader, sep: in.separator()}}
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
	index, header, err := choose(o.Column, o.Region, t.sample)
	if err != nil {
		return nil, err
	}
	if t.index = index; header {
		t.header, t.sample = t.sample[0].cells, t.sample[1:]
		if len(t.sample) == 0 {
			return nil, &Error{"the list has a header and no rows", "the first line reads " + strings.Join(t.header, ", ")}
		}
	}
	return t, nil
}

// Next returns the next recipient, and io.EOF behind the last one. A row without a phone is nobody.
func (t *Table) Next() (Entry, error) {
	for {
		var r row
		if len(t.sample) > 0 {
			r, t.sample = t.sample[0], t.sample[1:]
		} else {
			var err error
			if r, err = t.rows.next(); err != nil {
				return Entry{}, err
			}
		}
		if t.index >= len(r.cells) {
			continue
		}
		if text := strings.TrimSpace(r.cells[t.index]); text != "" {
			return Entry{r.line, text}, nil
		}
	}
}
