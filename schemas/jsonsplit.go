package schemas

import (
	"bytes"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

const (
	splitRead = 32 << 10 // bytes read from the body at a time
	maxHeld   = 4 << 10  // bytes of a header_content that is left to the decoder; a longer one is a file, or refused
	maxString = 64 << 10 // bytes of any other string
	maxRawKey = 512      // bytes of a member's name as written: six a character when escaped
)

// splitter stands between a body and the JSON decoder, which buffers a string whole. It passes JSON on byte for byte, but a
// long value of the top-level member header_content goes to a dataURI as it comes, and the decoder sees "" in its place.
// It follows strings and brackets only; what is no JSON it passes on, for the decoder to refuse.
type splitter struct {
	src     io.Reader
	left    int64 // bytes that the body may still have
	emit    func([]byte) error
	err     error // of the body or of emit; io.EOF at the end
	buf     []byte
	in      []byte // read and not looked at yet
	out     []byte // to be passed on before anything else
	removed int64  // bytes that the decoder did not see

	state  splitState
	depth  int
	escape bool   // the next byte is escaped
	length int    // of the string so far
	isName bool   // the next string at depth 1 is a member's name
	inName bool   // this string is one
	name   []byte // the member's name, as written
	held   []byte // header_content as written, from its quote on, or the escape that is not whole yet
	file   *dataURI
}

type splitState uint8

const (
	outside   splitState = iota // of strings
	inString                    // one that is passed on
	inHeld                      // header_content, not yet too long
	inDataURI                   // header_content, too long
)

func newSplitter(src io.Reader, limit int64, emit func([]byte) error) *splitter {
	return &splitter{src: src, left: limit, emit: emit, buf: make([]byte, splitRead)}
}

// failed returns the error that the body or the sink ended with, if it did.
func (s *splitter) failed() error {
	if s.err == io.EOF { //nolint:errorlint // as Read promises; a wrapped one is an error
		return nil
	}
	return s.err
}

// Read fills p with what the decoder is to see. It returns before it starts with header_content, so that the decoder has
// agreed with all that came before.
func (s *splitter) Read(p []byte) (int, error) {
	for n := 0; ; {
		switch {
		case n == len(p):
			return n, nil
		case len(s.out) > 0:
			c := copy(p[n:], s.out)
			s.out, n = s.out[c:], n+c
		case n > 0 && (len(s.in) == 0 || s.state >= inHeld):
			return n, nil
		case len(s.in) == 0:
			if err := s.fill(); err != nil {
				return 0, err
			}
		case s.state >= inHeld:
			if err := s.divert(); err != nil {
				s.err, s.in = err, nil
				return 0, err
			}
		default:
			n += s.pass(p[n:])
		}
	}
}

func (s *splitter) fill() error {
	for len(s.in) == 0 {
		if s.err != nil {
			return s.err
		}
		n, err := s.src.Read(s.buf)
		switch {
		case err == io.EOF:
			s.err = err
		case err != nil:
			s.err = fmt.Errorf("reading the body: %w", err)
		}
		if s.left -= int64(n); s.left < 0 {
			s.err = &FieldError{Code: CodeBodyTooBig, Spanish: "El cuerpo de la solicitud es demasiado grande"}
			return s.err
		}
		s.in = s.buf[:n]
	}
	return nil
}

// pass copies to p what is read, up to the beginning of a header_content. An error comes with the next fill: the decoder
// sees first what led to it.
func (s *splitter) pass(p []byte) int {
	n := min(len(p), len(s.in))
	for i, c := range s.in[:n] {
		if s.state == inString {
			if err := s.stringByte(c); err != nil {
				copy(p, s.in[:i])
				s.err, s.in = err, nil
				return i
			}
			continue
		}
		switch c {
		case '{', '[':
			s.depth++
			s.isName = s.depth == 1 && c == '{'
		case '}', ']':
			s.depth--
		case ',':
			s.isName = s.depth == 1
		case ':':
			s.isName = false
		case '"':
			s.state, s.length, s.inName = inString, 0, s.isName && s.depth == 1
			if s.inName {
				s.name = s.name[:0]
			} else if s.depth == 1 && s.file == nil && s.namesFile() {
				s.state, s.held = inHeld, s.held[:0]
				copy(p, s.in[:i])
				s.in = s.in[i:]
				return i
			}
		}
	}
	copy(p, s.in[:n])
	s.in = s.in[n:]
	return n
}

// stringByte follows a string that is passed on.
func (s *splitter) stringByte(c byte) error {
	switch {
	case s.escape:
		s.escape = false
	case c == '\\':
		s.escape = true
	case c == '"':
		s.state = outside
		return nil
	}
	s.length++
	if s.inName && s.length <= maxRawKey {
		s.name = append(s.name, c)
	}
	if s.length > maxString {
		return &FieldError{Code: CodeTooLong, Spanish: fmt.Sprintf("El JSON tiene un texto de más de %d bytes", maxString)}
	}
	return nil
}

// namesFile reports whether the member is header_content, however that is written.
func (s *splitter) namesFile() bool {
	const want = "header_content"
	if !bytes.ContainsRune(s.name, '\\') {
		return string(s.name) == want
	}
	name, err := jsontext.AppendUnquote(nil, append(append([]byte{'"'}, s.name...), '"'))
	return err == nil && string(name) == want
}

// divert takes what is read of a header_content.
func (s *splitter) divert() error {
	if s.state == inDataURI {
		before := len(s.in)
		err := s.stream()
		s.removed += int64(before - len(s.in))
		return err
	}
	for i, c := range s.in {
		s.held = append(s.held, c)
		opening := len(s.held) == 1
		switch {
		case s.escape:
			s.escape = false
		case c == '\\':
			s.escape = true
		case c == '"' && !opening:
			s.state, s.out, s.in = outside, s.held, s.in[i+1:]
			return nil
		}
		if len(s.held) > maxHeld {
			rest := s.in[i+1:]
			s.file, s.state, s.escape = newDataURI(s.emit), inDataURI, false
			s.removed = int64(len(s.held) - len(`""`))
			s.in, s.held = s.held[1:], nil
			if err := s.stream(); err != nil { // it holds no closing quote
				return err
			}
			s.in = rest
			return nil
		}
	}
	s.in = nil
	return nil
}

// stream gives a data URI what is read of it, without its escapes.
func (s *splitter) stream() error {
	for len(s.in) > 0 {
		c := s.in[0]
		switch {
		case len(s.held) > 0:
			s.held, s.in = append(s.held, c), s.in[1:]
			if err := s.unescape(); err != nil {
				return err
			}
		case c == '"':
			s.state, s.out, s.in = outside, []byte(`""`), s.in[1:]
			return s.file.close()
		case c == '\\':
			s.held, s.in = append(s.held, c), s.in[1:]
		case c < ' ':
			return badString()
		default:
			i := 1
			for i < len(s.in) && s.in[i] != '"' && s.in[i] != '\\' && s.in[i] >= ' ' {
				i++
			}
			if err := s.file.write(s.in[:i]); err != nil {
				return err
			}
			s.in = s.in[i:]
		}
	}
	return nil
}

// unescape gives the data URI what the escape in held stands for, once it is whole. Half a pair of surrogates becomes
// U+FFFD: neither it nor what the pair would be is base64.
func (s *splitter) unescape() error {
	const escapes, meanings = `"\/bfnrt`, "\"\\/\b\f\n\r\t"
	var text []byte
	if i := strings.IndexByte(escapes, s.held[1]); i >= 0 {
		text = []byte{meanings[i]}
	} else if s.held[1] != 'u' {
		return badString()
	} else if len(s.held) < len(`\u0000`) {
		return nil
	} else if n, err := strconv.ParseUint(string(s.held[2:]), 16, 16); err != nil {
		return badString()
	} else {
		text = utf8.AppendRune(nil, rune(n))
	}
	s.held = s.held[:0]
	return s.file.write(text)
}

func badString() error {
	return &FieldError{Field: "header_content", Code: CodeJSON, Spanish: "El campo 'header_content' no es un texto JSON válido"}
}
