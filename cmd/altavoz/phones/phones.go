// Package phones is where the recipients of a command come from: the command line, a file, or standard input.
package phones

import (
	"errors"
	"fmt"
	"io"
	"os"

	"altavoz/client"
	"altavoz/lists"
	"altavoz/schemas/personal"
)

// stdin is how standard input is named.
const stdin = "-"

// List is the recipients of a broadcast. A file, and standard input or another pipe once it is kept, is read as often as it is needed.
type List struct {
	Inline []string
	Path   string // of a file with a phone a line, or a table; "-": standard input
	Column string // of the table, by its name or number; empty: found out
	Region string // of phones without a country code
	In     io.Reader
	// Variables are the placeholders of the texts, for which the table has columns; none: everybody gets the same.
	Variables []string
	Only      string // a phone that gets it in the place of the list; with the values of the list's first row

	Count int   // how many were read
	Err   error // why the list ended before its end
	kept  *os.File
}

// once reports whether the list can be read only once: it is no file that stays, but standard input or another pipe.
func (l *List) once() bool {
	if l.Path == stdin {
		return true
	}
	info, err := os.Stat(l.Path)
	return err == nil && !info.Mode().IsRegular()
}

// Keep copies what can be read only once to a temporary file, so that what is there can be told before it is sent.
func (l *List) Keep() error {
	if l.Rewindable() {
		return nil
	}
	src, end, err := l.open()
	if err != nil {
		return err
	}
	defer end()
	f, err := os.CreateTemp("", "altavoz-list-")
	if err != nil {
		return fmt.Errorf("keeping %s: %w", l.Name(), err)
	}
	l.kept = f
	if _, err := io.Copy(f, src); err != nil {
		return errors.Join(fmt.Errorf("keeping %s: %w", l.Name(), err), l.Close())
	}
	return nil
}

// Close removes what was kept.
func (l *List) Close() error {
	if l.kept == nil {
		return nil
	}
	f := l.kept
	l.kept = nil
	return errors.Join(f.Close(), os.Remove(f.Name()))
}

// Rewindable reports whether the list can be read twice.
func (l *List) Rewindable() bool { return l.kept != nil || !l.once() }

// Name is how the list is called where people read of it.
func (l *List) Name() string {
	if l.Path == stdin {
		return "standard input"
	}
	return l.Path
}

// Summary reads the file once and says what is in it.
func (l *List) Summary() (*lists.Summary, error) {
	src, end, err := l.open()
	if err != nil {
		return nil, err
	}
	defer end()
	s, err := lists.Summarize(src, l.options())
	if err != nil {
		return nil, fmt.Errorf("%s: %w", l.Name(), err)
	}
	return s, nil
}

// All hands over every phone. What keeps it from doing so is in Err: whoever writes the phones must not finish then.
func (l *List) All(yield func(string) bool) {
	l.Count, l.Err = 0, nil
	if l.Only != "" {
		yield(l.Only)
		return
	}
	for _, p := range l.Inline {
		l.Count++
		if !yield(p) {
			return
		}
	}
	if l.Path != "" {
		l.Err = l.file(func(e lists.Entry) bool { return yield(e.Text) })
	}
}

// People is All with the values of each.
func (l *List) People(yield func(client.Person) bool) {
	l.Count = 0
	l.Err = l.file(func(e lists.Entry) bool {
		p := client.Person{Phone: e.Text, Variables: make(map[string]string, len(e.Values))}
		for i, text := range e.Values {
			if text != "" {
				p.Variables[l.Variables[i]] = text
			}
		}
		if l.Only != "" {
			p.Phone = l.Only
			yield(p)
			return false
		}
		return yield(p)
	})
}

// Fill has the list fill in the placeholders of a draft, if it can: a table can. Inline phones have no values, which the server says.
func (l *List) Fill(d *client.Draft) {
	if l.Variables = personal.Placeholders(d.Texts()...); d.Literal || l.Path == "" || len(l.Inline) > 0 {
		l.Variables = nil
	}
	if len(l.Variables) > 0 {
		d.Recipients = l.People
		return
	}
	d.Phones = l.All
}

func (l *List) options() lists.Options {
	return lists.Options{Column: l.Column, Region: l.Region, Variables: l.Variables}
}

// open returns the file from its beginning; end must be called once it is read.
func (l *List) open() (src io.Reader, end func(), err error) {
	switch {
	case l.kept != nil:
		if _, err := l.kept.Seek(0, io.SeekStart); err != nil {
			return nil, nil, fmt.Errorf("reading %s again: %w", l.Name(), err)
		}
		return l.kept, func() {}, nil
	case l.Path == stdin:
		return l.In, func() {}, nil
	}
	f, err := os.Open(l.Path)
	if err != nil {
		return nil, nil, err
	}
	return f, func() { _ = f.Close() }, nil // it was only read
}

func (l *List) file(yield func(lists.Entry) bool) error {
	src, end, err := l.open()
	if err != nil {
		return err
	}
	defer end()
	t, err := lists.Open(src, l.options())
	if err != nil {
		return fmt.Errorf("%s: %w", l.Name(), err)
	}
	for {
		e, err := t.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("%s: %w", l.Name(), err)
		}
		l.Count++
		if !yield(e) {
			return nil
		}
	}
}
