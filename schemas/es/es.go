// Package es holds every sentence that altavoz says to people, by code: the Spanish of the public contract and its English twin.
//
//	a fault, a reason ──► Sentence{code, arguments} ──► In(language) at the edge
//
// Inside altavoz, and in Kafka, a sentence is its code and its arguments: nobody compares texts, and nobody writes one anywhere else. A code
// is never renamed and never given another meaning: it stands in records. A new sentence is a constant and a row in the table of its file.
package es

import (
	"fmt"
	"strconv"
	"strings"
)

// Language is one of those that sentences are written in.
type Language uint8

// The languages. Spanish is what the public contract is written in, and what everybody reads who asks for no other.
const (
	Spanish Language = iota
	English
)

// Code names a sentence: a closed set.
type Code string

// Words is the code of words that have no code of their own: what another version, or Meta, wrote.
const Words Code = "words"

// text is a sentence in both languages, with a verb %s (or %[1]s) for each argument.
type text struct{ spanish, english string }

// Sentence is one sentence with what it is about. The zero one says nothing.
type Sentence struct {
	Code Code
	Args []string
}

// Say makes a sentence.
func Say(code Code, args ...any) Sentence {
	s := Sentence{Code: code, Args: make([]string, len(args))}
	for i, a := range args {
		s.Args[i] = strings.ToValidUTF8(fmt.Sprint(a), "?") // records hold nothing else
	}
	return s
}

// Literal is a sentence of words as they are, in whatever language; of none it says nothing.
func Literal(words string) Sentence {
	if words == "" {
		return Sentence{}
	}
	return Say(Words, words)
}

// None reports whether it says nothing.
func (s Sentence) None() bool { return s.Code == "" }

// Known reports whether this version has words for it: another one may know more, or other arguments.
func (s Sentence) Known() bool {
	t, ok := find(s.Code)
	return ok && len(s.Args) == arguments(t.spanish)
}

// In returns the words; none for a sentence that is not known.
func (s Sentence) In(l Language) string {
	t, ok := find(s.Code)
	if !ok || len(s.Args) != arguments(t.spanish) {
		return ""
	}
	format := t.spanish
	if l == English {
		format = t.english
	}
	args := make([]any, len(s.Args))
	for i, a := range s.Args {
		args[i] = a
	}
	return fmt.Sprintf(format, args...)
}

// All returns the words of sentences.
func All(sentences []Sentence, l Language) (out []string) {
	for _, s := range sentences {
		out = append(out, s.In(l))
	}
	return out
}

// Spanish returns the words of the public contract.
func (s Sentence) Spanish() string { return s.In(Spanish) }

func find(code Code) (text, bool) {
	if number, ok := strings.CutPrefix(string(code), refusedPrefix); ok {
		n, err := strconv.Atoi(number)
		t, known := refusals[n]
		return t, err == nil && known
	}
	for _, table := range tables {
		if t, ok := table[code]; ok {
			return t, true
		}
	}
	return text{}, false
}

// tables are all sentences but the refusals, which have numbers.
var tables = []map[Code]text{general, tasks, faults, files, phones, answers, hints, retries, dryRuns, personal, templates, shapes, useTemplate, route}

// general is what belongs to no part.
var general = map[Code]text{
	Words: {"%s", "%s"},
}

// arguments counts the verbs of a format.
func arguments(format string) (n int) {
	for i := 0; i < len(format)-1; i++ {
		if format[i] != '%' {
			continue
		}
		i++
		if format[i] != '%' {
			n++
		}
	}
	return n
}

// Match reports whether words are the sentence in Spanish, and returns its argument: only for sentences with at most one, at their end or
// within. It is for records of versions that wrote no codes.
func (c Code) Match(words string) (argument string, ok bool) {
	t, _ := find(c)
	before, after, one := strings.Cut(t.spanish, "%s")
	if !one {
		return "", words == t.spanish
	}
	if len(words) < len(before)+len(after) || !strings.HasPrefix(words, before) || !strings.HasSuffix(words, after) {
		return "", false
	}
	return words[len(before) : len(words)-len(after)], true
}
