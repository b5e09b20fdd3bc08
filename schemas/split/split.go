package split

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

const (
	// MaxString is how many bytes any string may have that is not the member's.
	MaxString = 64 << 10

	readBytes = 32 << 10 // read from the body at a time
	maxHeld   = 4 << 10  // bytes of the member's value that are left to the decoder; a longer one goes to its Writer
	maxRawKey = 512      // bytes of a member's name as written: six a character when escaped
)

// What a body is refused for here. Anything else that is no JSON is the decoder's to refuse.
var (
	ErrLarge  = errors.New("the body is larger than it may be")
	ErrString = errors.New("a string is longer than it may be")
	ErrMember = errors.New("the member's value is not a JSON string")
)

// Writer takes the text of a long string as it comes. Its errors end the reading.
type Writer interface {
	// Text takes the next of it. It must not keep b.
	Text(b []byte) error
	// End says that the string is over.
	End() error
}

// maxPath is how deep a member that is looked for may lie.
const maxPath = 3

// Reader passes JSON on to its decoder byte for byte, but the first long string that is the value of one of the named members goes to
// a Writer, and the decoder sees "" in its place. It follows strings and brackets only.
type Reader struct {
	src     io.Reader
	left    int64      // bytes that the body may still have
	members [][]string // the path of each: names from the top
	open    func(path string) Writer
	err     error // of the body or of the Writer; io.EOF at the end
	buf     []byte
	in      []byte // read and not looked at yet
	out     []byte // to be passed on before anything else
	removed int64  // bytes that the decoder did not see

	state  state
	depth  int
	escape bool              // the next byte is escaped
	length int               // of the string so far
	isName bool              // the next string is a member's name
	inName bool              // this string is one
	path   [maxPath]struct { // where it is: what is open at each depth
		object bool
		name   []byte // of the member, as written
	}
	held []byte // the member's value as written, from its quote on, or the escape that is not whole yet
	to   Writer // nil: no long value came yet
}

type state uint8

const (
	outside  state = iota // of strings
	inString              // one that is passed on
	inHeld                // the member's value, not yet long
	inLong                // the member's value, long
)

// New returns a reader of a body of at most limit bytes. It calls open with the path when the value of a member turns out to be long: a path
// is up to three names with dots between them.
func New(body io.Reader, limit int64, open func(path string) Writer, paths ...string) *Reader {
	s := &Reader{src: body, left: limit, open: open, buf: make([]byte, readBytes)}
	for _, path := range paths {
		s.members = append(s.members, strings.Split(path, "."))
	}
	return s
}

// Removed is how many bytes of the body the decoder did not see.
func (s *Reader) Removed() int64 { return s.removed }

// Failed returns the error that the body or the Writer ended with, if it did.
func (s *Reader) Failed() error {
	if s.err == io.EOF { //nolint:errorlint // as Read promises; a wrapped one is an error
		return nil
	}
	return s.err
}

// Read fills p with what the decoder is to see. It returns before it starts with the member's value, so that the decoder
// has agreed with all that came before.
func (s *Reader) Read(p []byte) (int, error) {
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

func (s *Reader) fill() error {
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
			s.err = ErrLarge
			return s.err
		}
		s.in = s.buf[:n]
	}
	return nil
}

// pass copies to p what is read, up to the beginning of the member's value. An error comes with the next fill: the decoder
// sees first what led to it.
func (s *Reader) pass(p []byte) int {
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
			if s.isName = s.named() && c == '{'; s.named() {
				s.path[s.depth-1].object = c == '{'
			}
		case '}', ']':
			s.depth--
		case ',':
			s.isName = s.named() && s.path[s.depth-1].object
		case ':':
			s.isName = false
		case '"':
			s.state, s.length, s.inName = inString, 0, s.isName
			if s.inName {
				s.path[s.depth-1].name = s.path[s.depth-1].name[:0]
			} else if s.to == nil && s.named() && s.member() != nil {
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
func (s *Reader) stringByte(c byte) error {
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
		s.path[s.depth-1].name = append(s.path[s.depth-1].name, c)
	}
	if s.length > MaxString {
		return ErrString
	}
	return nil
}

// named reports whether names of members are looked at here.
func (s *Reader) named() bool { return s.depth > 0 && s.depth <= maxPath }

// member returns the path of the member whose value comes; nil: it is none of those that are looked for.
func (s *Reader) member() []string {
	for _, path := range s.members {
		if len(path) != s.depth {
			continue
		}
		is := true
		for i, name := range path {
			is = is && s.path[i].object && called(s.path[i].name, name)
		}
		if is {
			return path
		}
	}
	return nil
}

// called reports whether a name is the one that is written so, however it is.
func called(written []byte, name string) bool {
	if !bytes.ContainsRune(written, '\\') {
		return string(written) == name
	}
	text, err := jsontext.AppendUnquote(nil, append(append([]byte{'"'}, written...), '"'))
	return err == nil && string(text) == name
}

// divert takes what is read of the member's value.
func (s *Reader) divert() error {
	if s.state == inLong {
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
			s.to, s.state, s.escape = s.open(strings.Join(s.member(), ".")), inLong, false
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

// stream gives the Writer what is read of its string, without escapes.
func (s *Reader) stream() error {
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
			return s.to.End()
		case c == '\\':
			s.held, s.in = append(s.held, c), s.in[1:]
		case c < ' ':
			return ErrMember
		default:
			i := 1
			for i < len(s.in) && s.in[i] != '"' && s.in[i] != '\\' && s.in[i] >= ' ' {
				i++
			}
			if err := s.to.Text(s.in[:i]); err != nil {
				return err
			}
			s.in = s.in[i:]
		}
	}
	return nil
}

// unescape gives the Writer what the escape in held stands for, once it is whole. A pair of surrogates becomes U+FFFD twice:
// neither that nor what it stands for is base64, which is all that is expected.
func (s *Reader) unescape() error {
	const escapes, meanings = `"\/bfnrt`, "\"\\/\b\f\n\r\t"
	var text []byte
	if i := strings.IndexByte(escapes, s.held[1]); i >= 0 {
		text = []byte{meanings[i]}
	} else if s.held[1] != 'u' {
		return ErrMember
	} else if len(s.held) < len(`\u0000`) {
		return nil
	} else if n, err := strconv.ParseUint(string(s.held[2:]), 16, 16); err != nil {
		return ErrMember
	} else {
		text = utf8.AppendRune(nil, rune(n))
	}
	s.held = s.held[:0]
	return s.to.Text(text)
}

// SkipMark returns a reader of a body without the byte order mark that it may begin with.
func SkipMark(body io.Reader) io.Reader { return &markSkipper{src: body} }

type markSkipper struct {
	src  io.Reader
	head []byte // read and not passed on
	err  error
	read bool
}

func (m *markSkipper) Read(p []byte) (int, error) {
	if !m.read {
		m.read = true
		m.head = make([]byte, len("\ufeff"))
		n, err := io.ReadFull(m.src, m.head)
		if m.head = m.head[:n]; err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
			m.err = err
		}
		m.head = bytes.TrimPrefix(m.head, []byte("\ufeff"))
	}
	if len(m.head) > 0 {
		n := copy(p, m.head)
		m.head = m.head[n:]
		return n, nil
	}
	if m.err != nil {
		return 0, m.err
	}
	return m.src.Read(p)
}
