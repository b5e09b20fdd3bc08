package http1

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
)

const (
	maxInterim = 8   // answers of 1xx before the real one
	maxChunk   = 256 // bytes of the line that says how long a chunk is
	version    = "HTTP/1."
	endOfLine  = "\r\n"
	endOfHead  = "\r\n\r\n"
)

var (
	errMalformed = errors.New("the answer is not HTTP/1.1")
	errInterim   = fmt.Errorf("more than %d interim answers", maxInterim)

	// ErrTooLarge is the error of an answer whose body is larger than any that is wanted.
	ErrTooLarge = errors.New("the answer is too large")
)

// Answer is what came back from a call: a whole answer, or Err. It may be used again for another call.
type Answer struct {
	Status int // also with Err, if the answer's head was whole; 0: it was not
	Body   []byte
	Err    error
	Unsent bool // with Err: no byte of the request can have left

	head []byte // status line and headers
}

// Get returns the first header of that name.
func (a *Answer) Get(name string) string {
	_, rest, _ := bytes.Cut(a.head, []byte(endOfLine))
	for len(rest) > 0 {
		var line []byte
		line, rest, _ = bytes.Cut(rest, []byte(endOfLine))
		if key, value, ok := bytes.Cut(line, []byte(":")); ok && bytes.EqualFold(key, []byte(name)) {
			return string(bytes.Trim(value, " \t"))
		}
	}
	return ""
}

// head is what the head of an answer says about what follows.
type head struct {
	status  int
	length  int64 // of the body; -1: not said
	chunked bool
	close   bool // no other answer follows
}

// read reads the answer to a request that was sent. It reports whether the connection can be used for another one.
func (a *Answer) read(cn *conn, limit int) (reusable bool, err error) {
	for range maxInterim {
		h, raw, err := cn.head()
		if err != nil {
			return false, err
		}
		if h.status == 101 { // nothing was asked for that could be switched to
			return false, errMalformed
		}
		if h.status < 200 {
			continue
		}
		a.Status, a.head = h.status, append(a.head[:0], raw...)
		if err := a.readBody(cn, h, limit); err != nil {
			return false, err
		}
		return !h.close && len(cn.unused()) == 0, nil
	}
	return false, errInterim
}

func (a *Answer) readBody(cn *conn, h head, limit int) error {
	switch {
	case h.empty():
		return nil
	case h.chunked:
		return a.readChunks(cn, limit)
	case h.length >= 0:
		return a.take(cn, h.length, limit)
	}
	for {
		a.Body = append(a.Body, cn.unused()...)
		cn.next = len(cn.in)
		if len(a.Body) > limit {
			return ErrTooLarge
		}
		if err := cn.fill(); errors.Is(err, errEnd) {
			return nil
		} else if err != nil {
			return err
		}
	}
}

// take appends the next n bytes to the body.
func (a *Answer) take(cn *conn, n int64, limit int) error {
	if n > int64(limit-len(a.Body)) {
		return ErrTooLarge
	}
	have := cn.unused()
	have = have[:min(int64(len(have)), n)]
	cn.next += len(have)
	a.Body = append(a.Body, have...)
	missing := int(n) - len(have)
	if missing == 0 {
		return nil
	}
	at := len(a.Body)
	a.Body = slices.Grow(a.Body, missing)[:at+missing]
	read, err := io.ReadFull(cn.Conn, a.Body[at:])
	a.Body = a.Body[:at+read]
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return errEnd
	}
	return ended(err)
}

func (a *Answer) readChunks(cn *conn, limit int) error {
	for {
		line, err := cn.until(endOfLine, maxChunk, errMalformed)
		if err != nil {
			return err
		}
		line = line[:len(line)-len(endOfLine)]
		digits, _, _ := bytes.Cut(line, []byte(";"))
		digits = bytes.TrimRight(digits, " \t")
		size, err := strconv.ParseUint(string(digits), 16, 32)
		if err != nil || !printable(line) {
			return errMalformed
		}
		if size == 0 {
			break
		}
		if err := a.take(cn, int64(size), limit); err != nil {
			return err
		}
		if _, err := cn.until(endOfLine, len(endOfLine), errMalformed); err != nil {
			return err
		}
	}
	for left := maxHead; ; { // the trailer says nothing that is wanted
		line, err := cn.until(endOfLine, left, errHead)
		if err != nil {
			return err
		}
		if len(line) == len(endOfLine) {
			return nil
		}
		if _, _, ok := field(line[:len(line)-2]); !ok {
			return errMalformed
		}
		left -= len(line)
	}
}

// head reads the head of an answer.
func (cn *conn) head() (h head, raw []byte, err error) {
	for len(cn.unused()) < len(version) { // what speaks another protocol may never end a head
		if err := cn.fill(); err != nil {
			return head{}, nil, err
		}
	}
	if !bytes.HasPrefix(cn.unused(), []byte(version)) {
		return head{}, nil, errMalformed
	}
	raw, err = cn.until(endOfHead, maxHead, errHead)
	if err != nil {
		return head{}, nil, err
	}
	h = head{length: -1}
	line, rest, _ := bytes.Cut(raw[:len(raw)-2], []byte(endOfLine))
	if h.status = statusOf(line); h.status == 0 {
		return head{}, nil, errMalformed
	}
	old := line[len(version)] == '0'
	for len(rest) > 0 {
		line, rest, _ = bytes.Cut(rest, []byte(endOfLine))
		name, value, ok := field(line)
		if !ok || !h.apply(name, value) {
			return head{}, nil, errMalformed
		}
	}
	if h.chunked && (h.length >= 0 || old) { // two ends are none
		return head{}, nil, errMalformed
	}
	h.close = h.close || old || !h.chunked && h.length < 0 && !h.empty()
	return h, raw, nil
}

// empty reports whether an answer has no body, whatever its headers say.
func (h *head) empty() bool { return h.status < 200 || h.status == 204 || h.status == 304 }

// apply takes a header that says where the answer ends.
func (h *head) apply(name, value []byte) bool {
	switch {
	case equal(name, "content-length"):
		n, err := strconv.ParseUint(string(value), 10, 62)
		if err != nil || (h.length >= 0 && h.length != int64(n)) {
			return false
		}
		h.length = int64(n)
	case equal(name, "transfer-encoding"):
		if h.chunked || !equal(value, "chunked") {
			return false
		}
		h.chunked = true
	case equal(name, "connection"):
		for token := range bytes.SplitSeq(value, []byte(",")) {
			h.close = h.close || equal(bytes.Trim(token, " \t"), "close")
		}
	}
	return true
}

func equal(b []byte, lower string) bool {
	return len(b) == len(lower) && bytes.EqualFold(b, []byte(lower))
}

// statusOf reads a status line; 0: it is none.
func statusOf(line []byte) int {
	spoken, rest, _ := bytes.Cut(line, []byte(" "))
	code, _, _ := bytes.Cut(rest, []byte(" "))
	n, err := strconv.ParseUint(string(code), 10, 16)
	if err != nil || len(code) != 3 || n < 100 || !printable(line) || (string(spoken) != version+"1" && string(spoken) != version+"0") {
		return 0
	}
	return int(n)
}

// field splits a header line. A line that goes on with the one before it is none.
func field(line []byte) (name, value []byte, ok bool) {
	name, value, ok = bytes.Cut(line, []byte(":"))
	return name, bytes.Trim(value, " \t"), ok && token(name) && printable(value)
}

// token reports whether b can be a header's name.
func token(b []byte) bool {
	for _, c := range b {
		if c <= ' ' || c >= 0x7f || strings.IndexByte(`"(),/:;<=>?@[\]{}`, c) >= 0 {
			return false
		}
	}
	return len(b) > 0
}

// printable reports whether b has no control character but tabs, so nothing that ends a line.
func printable[T string | []byte](b T) bool {
	for i := range len(b) {
		if c := b[i]; c < ' ' && c != '\t' || c == 0x7f {
			return false
		}
	}
	return true
}
