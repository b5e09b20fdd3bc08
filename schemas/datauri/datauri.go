// Package datauri decodes files that come as text, in pieces: base64 with a data: label before it or without, as people and programs write it.
// What is wrong with one is kept; then the rest is dropped.
package datauri

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"hash"
	"mime"
	"strconv"
	"strings"

	"altavoz/schemas/rules"
)

const (
	scheme   = "data:"
	mark     = ";base64"
	maxLabel = 512 // bytes of what stands before the comma

	quadChars, quadBytes = 4, 3 // base64: so many characters are so many bytes
	decodeChars          = 32 << 10
)

// What may be wrong with a text.
var (
	ErrLong   = errors.New("it is no file, and too long for anything else")
	ErrForm   = errors.New("the label is not data:<type>;base64,")
	ErrType   = errors.New("the type in the label is none")
	ErrBase64 = errors.New("the file is not base64")
	ErrEmpty  = errors.New("the file is empty")
	ErrLarge  = errors.New("the file is larger than it may be")
)

// Limits of a Decoder, in bytes.
type Limits struct {
	Head int   // of the file's beginning that are kept
	Part int   // of each part
	File int64 // of the whole
}

// Decoder takes the text of a file as it comes, and cuts the file into parts.
type Decoder struct {
	lim   Limits
	emit  func([]byte) error
	label []byte // up to the comma
	open  bool   // the file has begun
	mime  string // as the label says
	name  string // of the file, as the label says

	escape []byte // the beginning of one, as %2
	quad   []byte // characters that make no whole quad yet
	text   []byte // of one piece, in the alphabet
	blanks int    // seen since the last character; each is a "+" that a form has decoded, if another follows
	wrap   bool   // nothing but blanks since the last break of a line
	padded bool   // the end was seen
	bytes  []byte // of one decoding
	part   []byte
	head   []byte // the file's beginning
	size   int64
	sum    hash.Hash
	fault  error
}

// New returns a decoder that hands over parts, which the receiver may keep.
func New(lim Limits, emit func(part []byte) error) *Decoder {
	return &Decoder{lim: lim, emit: emit, sum: sha256.New()}
}

// Err returns what is wrong with the text.
func (d *Decoder) Err() error { return d.fault }

// MIME returns the type that the label says.
func (d *Decoder) MIME() string { return d.mime }

// Name returns the file name that the label says.
func (d *Decoder) Name() string { return d.name }

// Head returns the file's beginning.
func (d *Decoder) Head() []byte { return d.head }

// Size returns how many bytes the file has.
func (d *Decoder) Size() int64 { return d.size }

// Sum returns the file's SHA-256.
func (d *Decoder) Sum() []byte { return d.sum.Sum(nil) }

func (d *Decoder) refuse(fault error) {
	if d.fault == nil {
		d.fault = fault
	}
}

func (d *Decoder) refused() bool { return d.fault != nil }

// Text takes the next text. Its errors are those of emit.
func (d *Decoder) Text(text []byte) error {
	if !d.open && !d.refused() {
		comma := bytes.IndexByte(text, ',')
		if comma < 0 {
			comma = len(text)
		} else {
			d.open = true
		}
		took := min(comma, maxLabel+1-len(d.label)) // one too many tells
		d.label = append(d.label, text[:took]...)
		if rest := text[min(comma+1, len(text)):]; d.open || len(d.label) > maxLabel {
			if !d.open && d.bare() { // base64 has no comma
				return d.begin(text[took:])
			}
			d.readLabel()
			text = rest
		}
	}
	if d.refused() || !d.open {
		return nil
	}
	return d.file(text)
}

// bare reports whether what came so far is a file without anything before it.
func (d *Decoder) bare() bool {
	label := strings.TrimSpace(string(d.label))
	return len(label) < len(scheme) || !strings.EqualFold(label[:len(scheme)], scheme) && !strings.ContainsAny(label, ":;")
}

// begin takes the label for the file that it is.
func (d *Decoder) begin(rest []byte) error {
	d.open = true
	if err := d.file(d.label); err != nil {
		return err
	}
	return d.file(rest)
}

// unescape decodes what is percent-encoded, as programs do that make a URL of the text: %2B, %2F, %3D. An escaped blank is only a blank.
func (d *Decoder) unescape(text []byte) []byte {
	const whole = len("%3D")
	out := make([]byte, 0, len(d.escape)+len(text))
	for _, c := range text {
		if len(d.escape) == 0 && c != '%' {
			out = append(out, c)
			continue
		}
		if d.escape = append(d.escape, c); len(d.escape) < whole {
			continue
		}
		v, err := strconv.ParseUint(string(d.escape[1:]), 16, 8)
		if d.escape = d.escape[:0]; err != nil {
			d.refuse(ErrBase64)
		} else if v != ' ' {
			out = append(out, byte(v))
		}
	}
	return out
}

// file takes base64 as people have it: wrapped by mail and command lines, in the alphabet of URLs, percent-encoded, with blanks where forms
// decoded a "+".
func (d *Decoder) file(text []byte) error {
	if len(d.escape) > 0 || bytes.IndexByte(text, '%') >= 0 {
		text = d.unescape(text)
	}
	if d.refused() {
		return nil
	}
	d.text = d.text[:0]
	for _, c := range text {
		switch c {
		case '\r', '\n', '\t':
			d.blanks, d.wrap = 0, true
			continue
		case ' ':
			if !d.wrap && (d.size > 0 || len(d.quad)+len(d.text) > 0) {
				d.blanks++
			}
			continue
		case '-':
			c = '+'
		case '_':
			c = '/'
		}
		for ; d.blanks > 0 && c != '='; d.blanks-- {
			d.text = append(d.text, '+')
		}
		d.text, d.wrap = append(d.text, c), false
	}
	return d.quads(d.text)
}

// quads decodes what is whole.
func (d *Decoder) quads(text []byte) error {
	if len(d.quad) > 0 {
		n := min(quadChars-len(d.quad), len(text))
		d.quad, text = append(d.quad, text[:n]...), text[n:]
		if len(d.quad) < quadChars {
			return nil
		}
		if err := d.decode(d.quad); err != nil {
			return err
		}
		d.quad = d.quad[:0]
	}
	for len(text) >= quadChars && !d.refused() {
		n := min(len(text), decodeChars) / quadChars * quadChars
		if err := d.decode(text[:n]); err != nil {
			return err
		}
		text = text[n:]
	}
	d.quad = append(d.quad, text...)
	return nil
}

// readLabel reads what stands before the comma: data:image/png;name=a.png;base64.
func (d *Decoder) readLabel() {
	label := strings.TrimSpace(string(d.label))
	if i := len(label) - len(mark); i > 0 && !strings.Contains(label, ":") && strings.EqualFold(label[i:], mark) {
		label = scheme + label // image/png;base64,
	} else if strings.EqualFold(label, mark[1:]) {
		label = scheme + mark
	}
	if len(label) < len(scheme) || !strings.EqualFold(label[:len(scheme)], scheme) {
		d.refuse(ErrLong)
		return
	}
	if i := strings.LastIndexByte(label, ';'); i > 0 { // "; base64"
		label = strings.TrimSpace(label[:i]) + ";" + strings.TrimSpace(label[i+1:])
	}
	end := len(label) - len(mark)
	if !d.open || len(label) > maxLabel || end < len(scheme) || !strings.EqualFold(label[end:], mark) {
		d.refuse(ErrForm)
		return
	}
	if label = label[len(scheme):end]; label == "" {
		return
	}
	says, params, _ := strings.Cut(label, ";")
	kind, _, err := mime.ParseMediaType(says)
	if err != nil && strings.TrimSpace(says) != "" {
		d.refuse(ErrType)
		return
	}
	d.mime, d.name = kind, rules.NameIn(params)
}

// decode takes whole quads.
func (d *Decoder) decode(quads []byte) error {
	if d.bytes == nil {
		d.bytes = make([]byte, decodeChars/quadChars*quadBytes)
	}
	n, err := base64.StdEncoding.Strict().Decode(d.bytes, quads)
	if err != nil || d.padded {
		d.refuse(ErrBase64)
		return nil //nolint:nilerr // it is kept
	}
	d.padded = n < len(quads)/quadChars*quadBytes
	b := d.bytes[:n]
	if d.size += int64(n); d.size > d.lim.File {
		d.refuse(ErrLarge)
		return nil
	}
	d.sum.Write(b)
	d.head = append(d.head, b[:min(len(b), d.lim.Head-len(d.head))]...)
	for len(b) > 0 {
		if d.part == nil {
			d.part = make([]byte, 0, d.lim.Part)
		}
		c := min(len(b), d.lim.Part-len(d.part))
		d.part, b = append(d.part, b[:c]...), b[c:]
		if len(d.part) == d.lim.Part {
			if err := d.flush(); err != nil {
				return err
			}
		}
	}
	return nil
}

func (d *Decoder) flush() error {
	part := d.part
	d.part = nil // the sink may keep it
	return d.emit(part)
}

// End takes the end of the text.
func (d *Decoder) End() error {
	if !d.open && !d.refused() {
		if !d.bare() {
			d.readLabel()
		} else if err := d.begin(nil); err != nil {
			return err
		}
	}
	if len(d.escape) > 0 {
		d.refuse(ErrBase64)
	}
	if n := len(d.quad); n > 1 { // the padding was cut off
		if err := d.decode(append(d.quad, "=="[:quadChars-n]...)); err != nil {
			return err
		}
	} else if n > 0 {
		d.refuse(ErrBase64)
	}
	if d.size == 0 {
		d.refuse(ErrEmpty)
	}
	if d.refused() || len(d.part) == 0 {
		return nil
	}
	return d.flush()
}

// Is tells a file as base64, with its label or without, from an address or a text.
func Is(text string) bool {
	const least = 20 // characters: no file is as small, and many a wrong address
	text = strings.TrimSpace(text)
	labelled := len(text) >= len(scheme) && strings.EqualFold(text[:len(scheme)], scheme)
	if labelled || strings.Contains(text[:min(len(text), maxLabel)], "base64,") {
		return true
	}
	return len(text) >= least && strings.Trim(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_=% \r\n\t") == ""
}
