package lists

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"altavoz/schemas/phone"
)

const (
	maxExamples = 3
	// maxTold is how many persons are remembered to count who is there twice: 16 bytes each in a map, some 20 MB.
	maxTold = 1 << 20
)

// Summary is what was understood of a list.
type Summary struct {
	Encoding string
	Column   string // as people are told: column 2 `Celular` (57300...)
	Phones   int    // entries that are a phone, of as many persons
	Invalid  int    // entries that are none
	Twice    int    // entries of persons who came before; counted among the first 1,048,576 persons
	Several  int    // cells with more than one phone, each of which is an entry
	Above    int    // rows above the table that were passed over
	Examples []string
	// Variables are those of Options.Variables.
	Variables []Filled
}

// Entries is how many entries the list has.
func (s *Summary) Entries() int { return s.Phones + s.Invalid + s.Twice }

// Summarize reads a list to its end.
func Summarize(src io.Reader, o Options) (*Summary, error) {
	t, err := Open(src, o)
	if err != nil {
		return nil, err
	}
	s, seen, first := &Summary{Variables: t.variables(o.Variables)}, make(map[uint64]struct{}), ""
	for {
		e, err := t.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		p, err := phone.Parse(e.Text, o.Region)
		if err != nil {
			s.Invalid++
			s.example(t.unit(), e, err)
			continue
		}
		if first == "" {
			first = p
		}
		number, err := strconv.ParseUint(phone.Person(p), 10, 64)
		if _, came := seen[number]; came && err == nil {
			s.Twice++
			continue
		}
		s.filled(e)
		if s.Phones++; err == nil && len(seen) < maxTold {
			seen[number] = struct{}{}
		}
	}
	if s.Entries() == 0 {
		return nil, &Error{"the list has no phones", "its " + t.called("") + " is empty"}
	}
	s.Encoding, s.Column, s.Several = t.text.encoding(), t.called(first), t.several
	s.Above = t.above()
	return s, nil
}

func (s *Summary) example(unit string, e Entry, err error) {
	var why *phone.Error
	if len(s.Examples) < maxExamples && errors.As(err, &why) {
		s.Examples = append(s.Examples, fmt.Sprintf("%s %d: %s: %s", unit, e.Line, cut(e.Text), why.Why.Spanish()))
	}
}

func cut(text string) string {
	const most = 40
	if r := []rune(text); len(r) > most {
		return string(r[:most]) + "…"
	}
	return text
}

func (s *Summary) String() string {
	parts := []string{s.Column, count(s.Phones, "phone", "phones")}
	if s.Invalid > 0 {
		parts = append(parts, strconv.Itoa(s.Invalid)+" not a phone")
	}
	if s.Twice > 0 {
		parts = append(parts, strconv.Itoa(s.Twice)+" twice")
	}
	if s.Several > 0 {
		parts = append(parts, count(s.Several, "cell has", "cells have")+" several, and all are taken")
	}
	if s.Above > 0 {
		parts = append(parts, count(s.Above, "row above it is", "rows above it are")+" no part of the table")
	}
	if s.Encoding != encodingUTF8 {
		parts = append(parts, "read as "+s.Encoding)
	}
	for _, v := range s.Variables {
		parts = append(parts, v.String())
	}
	return strings.Join(parts, ", ")
}

func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return strconv.Itoa(n) + " " + many
}
