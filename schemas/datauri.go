package schemas

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"hash"
	"mime"
	"net/url"
	"strings"
	"unicode/utf8"
)

const (
	dataScheme   = "data:"
	base64Mark   = ";base64"
	maxDataLabel = 512 // bytes of what stands before the comma
	maxFilename  = 240 // bytes, as most file systems have it

	quadChars, quadBytes = 4, 3 // base64: so many characters are so many bytes
	decodeChars          = 32 << 10
)

// dataURI decodes the text of a data: URI as it comes, and cuts the file into parts. What is wrong with it is kept for
// fault; then the rest is dropped.
type dataURI struct {
	emit  func([]byte) error
	label []byte // up to the comma
	open  bool   // the comma was seen
	mime  string // as the label says
	name  string // of the file, as the label says

	quad   []byte // characters that make no whole quad yet
	padded bool   // the end was seen
	bytes  []byte // of one decoding
	part   []byte
	head   []byte // the file's first SniffBytes
	size   int64
	sum    hash.Hash
	fault  *FieldError
}

func newDataURI(emit func([]byte) error) *dataURI {
	return &dataURI{emit: emit, sum: sha256.New()}
}

func (d *dataURI) refuse(code, spanish string) {
	if d.fault == nil {
		d.fault = &FieldError{Field: "header_content", Code: code, Spanish: spanish}
	}
}

func (d *dataURI) refused() bool { return d.fault != nil }

// Text takes the next text. Its errors are those of emit.
func (d *dataURI) Text(text []byte) error {
	if !d.open && !d.refused() {
		comma := bytes.IndexByte(text, ',')
		if comma < 0 {
			comma = len(text)
		} else {
			d.open = true
		}
		d.label = append(d.label, text[:min(comma, maxDataLabel+1-len(d.label))]...) // one too many tells
		if text = text[min(comma+1, len(text)):]; d.open || len(d.label) > maxDataLabel {
			d.readLabel()
		}
	}
	if d.refused() || !d.open {
		return nil
	}
	if bytes.ContainsAny(text, "\r\n") { // base64 as mail and command lines wrap it
		text = bytes.ReplaceAll(bytes.ReplaceAll(text, []byte("\n"), nil), []byte("\r"), nil)
	}
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
func (d *dataURI) readLabel() {
	label := string(d.label)
	if len(label) < len(dataScheme) || !strings.EqualFold(label[:len(dataScheme)], dataScheme) {
		d.refuse(CodeTooLong, fmt.Sprintf("El campo 'header_content' es demasiado largo: una URL admite %d caracteres", MaxURL))
		return
	}
	end := len(label) - len(base64Mark)
	if !d.open || len(label) > maxDataLabel || end < len(dataScheme) || !strings.EqualFold(label[end:], base64Mark) {
		d.refuse(CodeBase64, "El campo 'header_content' debe tener la forma data:<tipo>;base64,<archivo>")
		return
	}
	if label = label[len(dataScheme):end]; label == "" {
		return
	}
	kind, params, err := mime.ParseMediaType(label)
	if err != nil {
		d.refuse(CodeBase64, "El tipo de archivo de 'header_content' no se entiende: se espera data:<tipo>;base64,<archivo>")
		return
	}
	name, err := url.PathUnescape(params["name"])
	if err == nil && utf8.ValidString(name) {
		d.name = cutText(name, maxFilename)
	}
	d.mime = kind
}

// decode takes whole quads.
func (d *dataURI) decode(quads []byte) error {
	if d.bytes == nil {
		d.bytes = make([]byte, decodeChars/quadChars*quadBytes)
	}
	n, err := base64.StdEncoding.Strict().Decode(d.bytes, quads)
	if err != nil || d.padded {
		d.refuse(CodeBase64, "El archivo de 'header_content' no es base64 válido")
		return nil //nolint:nilerr // it is kept
	}
	d.padded = n < len(quads)/quadChars*quadBytes
	b := d.bytes[:n]
	if d.size += int64(n); d.size > MaxDocumentBytes {
		d.refuse(CodeFileSize, tooLarge(HeaderKind_HEADER_KIND_DOCUMENT))
		return nil
	}
	d.sum.Write(b)
	d.head = append(d.head, b[:min(len(b), SniffBytes-len(d.head))]...)
	for len(b) > 0 {
		if d.part == nil {
			d.part = make([]byte, 0, PartBytes)
		}
		c := min(len(b), PartBytes-len(d.part))
		d.part, b = append(d.part, b[:c]...), b[c:]
		if len(d.part) == PartBytes {
			if err := d.flush(); err != nil {
				return err
			}
		}
	}
	return nil
}

func (d *dataURI) flush() error {
	part := d.part
	d.part = nil // the sink may keep it
	return d.emit(part)
}

// End takes the end of the text.
func (d *dataURI) End() error {
	if !d.open && !d.refused() {
		d.readLabel()
	}
	if len(d.quad) > 0 {
		d.refuse(CodeBase64, "El archivo de 'header_content' no es base64 válido")
	}
	if d.size == 0 {
		d.refuse(CodeBase64, "El archivo de 'header_content' está vacío")
	}
	if d.refused() || len(d.part) == 0 {
		return nil
	}
	return d.flush()
}

// media is the file as a header of the given kind.
func (d *dataURI) media(kind HeaderKind) (*MediaRef, *FieldError) {
	if d.refused() {
		return nil, d.fault
	}
	seen, ok := MediaType(kind, d.head, d.mime)
	switch {
	case !ok:
		d.refuse(CodeFileType, "El archivo de 'header_content' no es "+wantedFile(kind))
	case !sameType(d.mime, seen):
		d.refuse(CodeFileType, "El archivo de 'header_content' dice ser "+d.mime+" y es "+seen)
	case d.size > kind.MaxBytes():
		d.refuse(CodeFileSize, tooLarge(kind))
	}
	return &MediaRef{Sha256: d.sum.Sum(nil), MimeType: seen, Size: uint64(d.size), Filename: d.name}, d.fault
}

// sameType reports whether a file declared so may be of the type seen. Text has many names, and some say nothing.
func sameType(declared, seen string) bool {
	switch declared {
	case "", "application/octet-stream", seen:
		return true
	case "image/jpg":
		return seen == "image/jpeg"
	case "video/3gp":
		return seen == "video/3gpp"
	}
	return seen == plainText && (strings.HasPrefix(declared, "text/") || declared == "application/json")
}

func tooLarge(kind HeaderKind) string {
	const mega = 1000 * 1000
	return fmt.Sprintf("El archivo de 'header_content' supera el máximo de %d MB", kind.MaxBytes()/mega)
}

func wantedFile(kind HeaderKind) string {
	switch kind {
	case HeaderKind_HEADER_KIND_IMAGE:
		return "una imagen JPEG o PNG"
	case HeaderKind_HEADER_KIND_VIDEO:
		return "un video MP4 o 3GP"
	case HeaderKind_HEADER_KIND_DOCUMENT, HeaderKind_HEADER_KIND_NONE, HeaderKind_HEADER_KIND_TEXT:
	}
	return "un documento PDF, de texto o de Office"
}
