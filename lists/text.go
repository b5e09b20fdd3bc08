package lists

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/encoding/unicode/utf32"
	"golang.org/x/text/transform"
)

// headBytes is how much of a list is looked at to find out how it is written.
const headBytes = 64 << 10

// Error says why a list can't be read, and what to do about it.
type Error struct{ text, hint string }

func (e *Error) Error() string { return e.text }

// Hint returns what to do about it.
func (e *Error) Hint() string { return e.hint }

// The names of the encodings that a list may have.
const (
	encodingUTF8    = "UTF-8"
	encodingUTF16   = "UTF-16"
	encodingUTF32   = "UTF-32"
	encodingWindows = "Windows-1252"
)

// containers are files that hold tables and are no text.
var containers = []struct{ magic, within, name string }{
	{"PK\x03\x04", "opendocument.spreadsheet", "an OpenDocument spreadsheet"},
	{"PK\x03\x04", "Index/", "a Numbers spreadsheet"},
	{"PK\x03\x04", "xl/", "an Excel workbook (xlsx)"},
	{"PK\x03\x04", "[Content_Types].xml", "an Excel workbook (xlsx)"},
	{"PK\x03\x04", "", "a zip file"},
	{"\xd0\xcf\x11\xe0", "", "an Excel workbook (xls)"},
	{"%PDF-", "", "a PDF"},
	{"\x1f\x8b", "", "a gzip file"},
}

// text is a list's text in UTF-8 with plain line ends.
type text struct {
	*bufio.Reader
	encoding func() string
}

// open finds out the encoding: by the byte order mark, else by what the bytes can be.
func open(src io.Reader) (*text, error) {
	raw := bufio.NewReaderSize(src, headBytes)
	head, err := raw.Peek(headBytes)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("reading the list: %w", err)
	}
	for _, c := range containers {
		if bytes.HasPrefix(head, []byte(c.magic)) && bytes.Contains(head, []byte(c.within)) {
			return nil, &Error{"this is " + c.name + ", not text", "save the sheet as CSV (UTF-8) and give that file"}
		}
	}
	m, wide := &mender{}, ""
	var plain io.Reader = raw
	order, marked := utf16Order(head)
	switch wider := utf32Order(head); {
	case wider != nil:
		plain, wide = utf32.UTF32(*wider, utf32.ExpectBOM).NewDecoder().Reader(raw), encodingUTF32
	case order != nil:
		policy := unicode.IgnoreBOM
		if marked {
			policy = unicode.ExpectBOM
		}
		plain, wide = unicode.UTF16(*order, policy).NewDecoder().Reader(raw), encodingUTF16
	case bytes.IndexByte(head, 0) >= 0:
		return nil, &Error{"this is not text", "a list is a file with a phone a line, or a table as CSV"}
	default:
		if mark := []byte("\ufeff"); bytes.HasPrefix(head, mark) {
			_, _ = raw.Discard(len(mark)) // it is there
		}
	}
	return &text{bufio.NewReaderSize(transform.NewReader(plain, m), headBytes), func() string {
		switch {
		case wide != "":
			return wide
		case m.foreign:
			return encodingWindows
		}
		return encodingUTF8
	}}, nil
}

// utf32Order tells UTF-32 by its mark. That of the one order begins as UTF-16's does.
func utf32Order(head []byte) *utf32.Endianness {
	little, big := utf32.LittleEndian, utf32.BigEndian
	switch {
	case bytes.HasPrefix(head, []byte{0xff, 0xfe, 0, 0}):
		return &little
	case bytes.HasPrefix(head, []byte{0, 0, 0xfe, 0xff}):
		return &big
	}
	return nil
}

// utf16Order tells UTF-16 by its mark, or, without, by the zeros that every other byte of Latin letters and digits is.
func utf16Order(head []byte) (order *unicode.Endianness, marked bool) {
	little, big := unicode.LittleEndian, unicode.BigEndian
	switch {
	case bytes.HasPrefix(head, []byte{0xff, 0xfe}):
		return &little, true
	case bytes.HasPrefix(head, []byte{0xfe, 0xff}):
		return &big, true
	}
	var zeros [2]int
	for i, c := range head {
		if c == 0 {
			zeros[i%2]++
		}
	}
	const part = 4 // of the letters at least one in two must be Latin
	switch {
	case zeros[1] > len(head)/part && zeros[0] == 0:
		return &little, false
	case zeros[0] > len(head)/part && zeros[1] == 0:
		return &big, false
	}
	return nil, false
}

// mender makes text of what comes: every line ends with \n, and bytes that are no UTF-8 are taken for Windows-1252, the code page
// of spreadsheets in half of the world.
type mender struct {
	transform.NopResetter
	foreign bool // some were
}

func (m *mender) Transform(dst, src []byte, atEOF bool) (nDst, nSrc int, err error) {
	for nSrc < len(src) {
		if nDst+utf8.UTFMax > len(dst) {
			return nDst, nSrc, transform.ErrShortDst
		}
		c, size := src[nSrc], 1
		switch {
		case c == '\r':
			if nSrc+1 == len(src) && !atEOF {
				return nDst, nSrc, transform.ErrShortSrc
			}
			if nSrc+1 < len(src) && src[nSrc+1] == '\n' {
				size = 2
			}
			dst[nDst] = '\n'
			nDst++
		case c < utf8.RuneSelf:
			dst[nDst] = c
			nDst++
		case !utf8.FullRune(src[nSrc:]) && !atEOF:
			return nDst, nSrc, transform.ErrShortSrc
		default:
			var r rune
			if r, size = utf8.DecodeRune(src[nSrc:]); r == utf8.RuneError && size == 1 {
				r, m.foreign = charmap.Windows1252.DecodeByte(c), true
			}
			nDst += utf8.EncodeRune(dst[nDst:], r)
		}
		nSrc += size
	}
	return nDst, nSrc, nil
}

// separators are what may stand between columns. The comma is last: it also stands in numbers and names.
const separators = ";\t|,"

// separator finds what stands between the columns, and takes a line away that says it (sep=;).
func (t *text) separator() byte {
	head, _ := t.Peek(headBytes) // what it ends with comes with the first row
	lines := strings.Split(string(head), "\n")
	for len(lines) > 1 && strings.TrimSpace(lines[0]) == "" {
		lines = lines[1:]
	}
	if first := strings.ToLower(strings.Trim(lines[0], "\" ")); len(first) == len("sep=;") && strings.HasPrefix(first, "sep=") {
		end := bytes.IndexByte(head, '=')
		if end += max(bytes.IndexByte(head[end:], '\n'), 0); head[end] != '\n' {
			end = len(head)
		}
		_, _ = t.Discard(end) // it is there; its end counts as a blank line
		return first[len(first)-1]
	}
	best, most := byte(','), 0
	for _, sep := range []byte(separators) {
		if n := alike(lines, sep); n > most {
			best, most = sep, n
		}
	}
	return best
}

// alike counts lines that a separator parts into as many columns as the first one, or as one of the next, where most of what follows is
// parted like that: above a table there may be a title.
func alike(lines []string, sep byte) (most int) {
	const enough = 100 // lines
	lines = lines[:min(len(lines), enough)]
	columns := make([]int, 0, len(lines))
	for _, line := range lines {
		if n := strings.Count(outsideQuotes(line), string(sep)); strings.TrimSpace(line) != "" {
			columns = append(columns, n)
		}
	}
	for i, want := range columns[:min(len(columns), maxTitles+1)] {
		n := 0
		for _, other := range columns[i:] {
			if other == want {
				n++
			}
		}
		if table := n >= max(2, i) && 2*n > len(columns)-i; want > 0 && (i == 0 || table) { // a header and somebody at least
			most = max(most, n)
		}
	}
	return most
}

// outsideQuotes drops what stands within quotes.
func outsideQuotes(line string) string {
	parts := strings.Split(line, `"`)
	if len(parts)%2 == 0 {
		return line // they don't pair
	}
	var b strings.Builder
	for i := 0; i < len(parts); i += 2 {
		b.WriteString(parts[i])
	}
	return b.String()
}
