package lists

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"
)

const (
	// A quoted cell may go on over several lines. One that goes on for longer was never closed: then its row ends with its line, and
	// costs nobody else.
	maxRowLines = 16
	maxRowBytes = 64 << 10
)

// row is a row of a table.
type row struct {
	cells []string
	line  int  // where it begins, from 1; of JSON, which one it is
	bare  bool // a recipient by itself, in whatever column the others are
}

// rows reads a table as RFC 4180 has it, and what people's programs make of that: one bad row is one bad row.
type rows struct {
	src   *bufio.Reader
	sep   byte
	line  int      // read so far
	ahead []string // lines read beyond the last row
	err   error    // that came with the last line
}

// next returns the next row that is not blank, and io.EOF behind the last one.
func (r *rows) next() (row, error) {
	for {
		first, err := r.read()
		if err != nil {
			return row{}, err
		}
		if strings.Trim(first, " \t"+string(r.sep)) == "" {
			continue
		}
		at := r.line
		cells, open, bad := parse(first, r.sep)
		whole, more := first, []string(nil)
		for open && !bad && len(more) < maxRowLines && len(whole) < maxRowBytes {
			line, err := r.read()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				return row{}, err
			}
			more = append(more, line)
			whole += "\n" + line
			cells, open, bad = parse(whole, r.sep)
		}
		if open || bad && len(more) > 0 {
			r.line -= len(more)
			r.ahead = append(more, r.ahead...)
			cells = strings.Split(strings.ReplaceAll(first, `"`, ""), string(r.sep))
		}
		return row{cells: cells, line: at}, nil
	}
}

// read returns the next line without its end. What is longer than a row may be is cut.
func (r *rows) read() (string, error) {
	if len(r.ahead) > 0 {
		line := r.ahead[0]
		r.ahead = r.ahead[1:]
		r.line++
		return line, nil
	}
	if r.err != nil {
		return "", r.err
	}
	var b strings.Builder
	for {
		part, err := r.src.ReadSlice('\n')
		b.Write(part[:min(len(part), maxRowBytes-b.Len())])
		if errors.Is(err, bufio.ErrBufferFull) {
			continue
		}
		if err != nil {
			if r.err = err; !errors.Is(err, io.EOF) {
				r.err = fmt.Errorf("reading the list: %w", err)
			}
			if b.Len() == 0 || !errors.Is(err, io.EOF) {
				return "", r.err
			}
		}
		r.line++
		return strings.TrimSuffix(b.String(), "\n"), nil
	}
}

// parse takes a row apart. Open: a quoted cell is not closed. Bad: something stands behind a closing quote. A quote within
// a cell that does not begin with one is only a sign (5" pipe).
func parse(line string, sep byte) (cells []string, open, bad bool) {
	for {
		line = strings.TrimLeft(line, " ")
		if !strings.HasPrefix(line, `"`) {
			cell, rest, more := strings.Cut(line, string(sep))
			cells = append(cells, cell)
			if !more {
				return cells, false, bad
			}
			line = rest
			continue
		}
		var cell strings.Builder
		for line = line[1:]; ; {
			inner, rest, closed := strings.Cut(line, `"`)
			cell.WriteString(inner)
			if !closed {
				return append(cells, cell.String()), true, bad
			}
			line = rest
			if !strings.HasPrefix(line, `"`) {
				break
			}
			cell.WriteByte('"')
			line = line[1:]
		}
		behind, rest, more := strings.Cut(line, string(sep))
		if strings.TrimSpace(behind) != "" {
			bad = true
			cell.WriteString(behind)
		}
		cells = append(cells, cell.String())
		if !more {
			return cells, false, bad
		}
		line = rest
	}
}
