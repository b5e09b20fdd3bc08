// Package phones reads lists of phones as people keep them: a phone a line, or a table in which it finds out where they stand.
package phones

import (
	"bufio"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// csvHead is how much of a list is looked at to find out how it is written.
const csvHead = 64 << 10

// usualColumns are the names under which lists have their phones.
var usualColumns = []string{"phone", "phones", "phone_number", "telefono", "teléfono", "celular", "movil", "móvil", "numero", "número", "whatsapp"}

// List is where the recipients of a broadcast come from: the command line, or a list that is read as it is sent.
type List struct {
	Inline []string
	Path   string // of a CSV file; "-": standard input
	Column string // its name; empty: found out
	In     io.Reader

	Count int   // how many were read
	Err   error // why the list ended before its end
}

// ColumnError is the error of a table in which the phones are not found.
type ColumnError struct{ text, hint string }

func (e *ColumnError) Error() string { return e.text }

// Hint returns what to do about it.
func (e *ColumnError) Hint() string { return e.hint }

// Rewindable reports whether the list can be read twice.
func (l *List) Rewindable() bool { return l.Path != "-" }

// All hands over every phone. What keeps it from doing so is in Err: whoever writes the phones must not finish then.
func (l *List) All(yield func(string) bool) {
	l.Count, l.Err = 0, nil
	for _, p := range l.Inline {
		l.Count++
		if !yield(p) {
			return
		}
	}
	if l.Path != "" {
		l.Err = l.file(yield)
	}
}

func (l *List) file(yield func(string) bool) error {
	src := l.In
	if l.Path != "-" {
		f, err := os.Open(l.Path)
		if err != nil {
			return err
		}
		defer func() { _ = f.Close() }() // it was only read
		src = f
	}
	buf := bufio.NewReaderSize(src, csvHead)
	head, err := buf.Peek(csvHead)
	if err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("reading %s: %w", l.Path, err)
	}
	if bom := []byte("\ufeff"); strings.HasPrefix(string(head), string(bom)) {
		_, _ = buf.Discard(len(bom)) // it is there
		head = head[len(bom):]
	}
	r := csv.NewReader(buf)
	r.Comma, r.FieldsPerRecord, r.ReuseRecord, r.TrimLeadingSpace = separator(head), -1, true, true
	column := -1
	for {
		row, err := r.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("reading %s: %w", l.Path, err)
		}
		if column < 0 {
			found, header, err := l.find(row)
			if err != nil {
				return err
			}
			if column = found; header {
				continue
			}
		}
		if column >= len(row) || strings.TrimSpace(row[column]) == "" {
			continue // a line without a phone is nobody
		}
		if !utf8.ValidString(row[column]) {
			line, _ := r.FieldPos(column)
			return fmt.Errorf("%s, line %d: the phone is not UTF-8", l.Path, line)
		}
		l.Count++
		if !yield(strings.TrimSpace(row[column])) {
			return nil
		}
	}
}

// find says which column has the phones, and whether the first row is a header.
func (l *List) find(first []string) (column int, header bool, err error) {
	names := make([]string, len(first))
	for i, name := range first {
		names[i] = strings.ToLower(strings.TrimSpace(name))
	}
	if l.Column != "" {
		if i := slices.Index(names, strings.ToLower(strings.TrimSpace(l.Column))); i >= 0 {
			return i, true, nil
		}
		return 0, false, &ColumnError{fmt.Sprintf("%s has no column %q", l.Path, l.Column), "its first line reads " + strings.Join(first, ", ")}
	}
	if i := slices.IndexFunc(names, func(name string) bool { return slices.Contains(usualColumns, name) }); i >= 0 {
		return i, true, nil
	}
	if len(first) == 1 && !hasDigit(first[0]) {
		return 0, true, nil
	}
	if i := slices.IndexFunc(first, looksLikePhone); i >= 0 {
		return i, false, nil
	}
	return 0, false, &ColumnError{
		"no column of " + l.Path + " looks like phones", "name it with --column; the first line reads " + strings.Join(first, ", "),
	}
}

func hasDigit(s string) bool { return strings.ContainsFunc(s, unicode.IsDigit) }

// looksLikePhone takes what has the digits of a phone and nothing that a phone has not.
func looksLikePhone(s string) bool {
	digits := 0
	for _, r := range s {
		switch {
		case unicode.IsDigit(r):
			digits++
		case !strings.ContainsRune("+-(). \u00a0", r):
			return false
		}
	}
	return digits >= 7 && digits <= 15
}

// separator finds what stands between the columns: in half of the world it is the semicolon.
func separator(head []byte) rune {
	line, _, _ := strings.Cut(string(head), "\n")
	best, most := ',', 0
	for _, c := range []rune{',', ';', '\t'} {
		if n := strings.Count(line, string(c)); n > most {
			best, most = c, n
		}
	}
	return best
}
