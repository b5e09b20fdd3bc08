// Package scan finds in what the Cloud API writes what is wanted of the usual form, without decoding it.
package scan

import (
	"bytes"

	"altavoz/schemas/price"
)

// maxDepth is how deep in each other values may be; real answers have two levels.
const maxDepth = 16

// MessageID finds the id in the answer to a send that was accepted, without decoding the rest, which it only checks: an answer that is not
// JSON as a whole proves nothing. It reports false for all that has to be decoded: an error, another form, an escaped id.
func MessageID(body []byte) (id []byte, ok bool) {
	s := scanner{rest: body}
	ok = s.object(0, func(name []byte) bool {
		switch string(name) {
		case "messages":
			if id != nil || !s.messages(&id) {
				return false
			}
			return len(id) > 0
		case "error", "id":
			return false
		}
		return s.value(1)
	})
	s.blank()
	return id, ok && id != nil && len(s.rest) == 0
}

// messages reads the list of messages, of which the first one counts.
func (s *scanner) messages(first *[]byte) bool {
	n := 0
	return s.array(func() bool {
		var id []byte
		ok := s.object(2, func(name []byte) bool {
			if string(name) != "id" {
				return s.value(3)
			}
			v, plain := s.text()
			if id != nil || !plain || len(v) == 0 {
				return false
			}
			id = v
			return true
		})
		if n == 0 {
			*first = id
		}
		n++
		return ok
	})
}

// Price reads what a status says of the price of its message, which is JSON; None where it says nothing, or in another form.
func Price(pricing []byte) price.Class {
	var category, kind []byte
	var says, billed bool
	s := scanner{rest: pricing}
	word := func(into *[]byte) bool {
		before := s.rest
		v, plain := s.text()
		if !plain {
			s.rest = before
			return s.value(1)
		}
		*into = v
		return true
	}
	ok := s.object(0, func(name []byte) bool {
		s.blank()
		switch string(name) {
		case "category":
			return word(&category)
		case "type":
			return word(&kind)
		case "billable":
			billed = s.word("true")
			says = billed || s.word("false")
			return says || s.value(1)
		}
		return s.value(1)
	})
	if !ok {
		return price.None
	}
	return price.Of(category, kind, says, billed)
}

// scanner reads JSON and gives up, by false, on what is none and on what it does not know.
type scanner struct{ rest []byte }

func (s *scanner) blank() {
	for len(s.rest) > 0 && (s.rest[0] == ' ' || s.rest[0] == '\n' || s.rest[0] == '\r' || s.rest[0] == '\t') {
		s.rest = s.rest[1:]
	}
}

// take takes a character, after blanks.
func (s *scanner) take(c byte) bool {
	s.blank()
	if len(s.rest) == 0 || s.rest[0] != c {
		return false
	}
	s.rest = s.rest[1:]
	return true
}

// list reads what is between two characters, separated by commas.
func (s *scanner) list(begin, end byte, element func() bool) bool {
	if !s.take(begin) {
		return false
	}
	if s.take(end) {
		return true
	}
	for element() {
		if s.take(end) {
			return true
		}
		if !s.take(',') {
			return false
		}
	}
	return false
}

func (s *scanner) array(element func() bool) bool { return s.list('[', ']', element) }

// object has member read the value of each name.
func (s *scanner) object(depth int, member func(name []byte) bool) bool {
	return depth < maxDepth && s.list('{', '}', func() bool {
		s.blank()
		name, plain := s.text()
		return plain && s.take(':') && member(name)
	})
}

// value skips any value.
func (s *scanner) value(depth int) bool {
	s.blank()
	if depth >= maxDepth || len(s.rest) == 0 {
		return false
	}
	switch s.rest[0] {
	case '"':
		_, ok := s.skipText()
		return ok
	case '{':
		return s.object(depth, func([]byte) bool { return s.value(depth + 1) })
	case '[':
		return s.array(func() bool { return s.value(depth + 1) })
	case 't':
		return s.word("true")
	case 'f':
		return s.word("false")
	case 'n':
		return s.word("null")
	}
	return s.number()
}

func (s *scanner) word(w string) bool {
	ok := bytes.HasPrefix(s.rest, []byte(w))
	if ok {
		s.rest = s.rest[len(w):]
	}
	return ok
}

// text reads a string of ASCII without escapes, after blanks.
func (s *scanner) text() (text []byte, plain bool) {
	s.blank()
	whole, ok := s.skipText()
	if !ok {
		return nil, false
	}
	text = whole[1 : len(whole)-1]
	for _, c := range text {
		if c == '\\' || c >= 0x80 {
			return nil, false
		}
	}
	return text, true
}

// skipText reads a string with its quotes. Of escapes it knows those of one character.
func (s *scanner) skipText() (whole []byte, ok bool) {
	if len(s.rest) == 0 || s.rest[0] != '"' {
		return nil, false
	}
	for i := 1; i < len(s.rest); i++ {
		switch c := s.rest[i]; {
		case c == '"':
			whole, s.rest = s.rest[:i+1], s.rest[i+1:]
			return whole, true
		case c < ' ':
			return nil, false
		case c == '\\':
			i++
			if i == len(s.rest) || !bytes.ContainsRune([]byte(`"\/bfnrt`), rune(s.rest[i])) {
				return nil, false
			}
		}
	}
	return nil, false
}

func (s *scanner) number() bool {
	s.word("-")
	if !s.word("0") && !s.digits() {
		return false
	}
	if s.word(".") && !s.digits() {
		return false
	}
	if s.word("e") || s.word("E") {
		if !s.word("+") {
			s.word("-")
		}
		return s.digits()
	}
	return true
}

func (s *scanner) digits() bool {
	n := 0
	for n < len(s.rest) && s.rest[n] >= '0' && s.rest[n] <= '9' {
		n++
	}
	s.rest = s.rest[n:]
	return n > 0
}
