// Package attached is a file that stands in a request, as base64: decoded as it comes, and held to what its header takes.
package attached

import (
	"errors"
	"strings"

	"altavoz/schemas"
	"altavoz/schemas/datauri"
	"altavoz/schemas/es"
	"altavoz/schemas/request/fault"
	"altavoz/schemas/rules"
)

// New returns a decoder that hands over the file in parts of schemas.PartBytes. An error of part ends it.
func New(part func([]byte) error) *datauri.Decoder {
	return datauri.New(datauri.Limits{Head: schemas.SniffBytes, Part: schemas.PartBytes, File: schemas.MaxDocumentBytes}, part)
}

// Media is what a header has: the file that was decoded as it came, nil if none was, or that of content, which is a URL or base64. What is
// decoded here goes to part, whose error is returned as it is.
func Media(streamed *datauri.Decoder, content string, part func([]byte) error, kind schemas.HeaderKind, field, name string) (*schemas.MediaRef, *fault.FieldError, error) {
	if streamed == nil && datauri.Is(content) {
		streamed = New(part)
		if err := streamed.Text([]byte(content)); err != nil {
			return nil, nil, err //nolint:wrapcheck // part's
		}
		if err := streamed.End(); err != nil {
			return nil, nil, err //nolint:wrapcheck // part's
		}
	}
	if streamed == nil {
		return &schemas.MediaRef{Url: rules.CleanLink(content), Filename: schemas.FileName(name, "")}, nil, nil
	}
	m, wrong := File(streamed, kind, field, name)
	return m, wrong, nil
}

// File is a decoded file as the header of the given kind; field is the member that it stood in, and name what the request calls it, if it does.
func File(d *datauri.Decoder, kind schemas.HeaderKind, field, name string) (*schemas.MediaRef, *fault.FieldError) {
	refuse := func(code string, says es.Code, args ...any) (*schemas.MediaRef, *fault.FieldError) {
		return nil, fault.New(field, code, says, args...)
	}
	switch err := d.Err(); {
	case errors.Is(err, datauri.ErrLong):
		return refuse(fault.CodeTooLong, es.ContentLong, rules.MaxURL)
	case errors.Is(err, datauri.ErrForm):
		return refuse(fault.CodeBase64, es.DataForm)
	case errors.Is(err, datauri.ErrType):
		return refuse(fault.CodeBase64, es.DataType)
	case errors.Is(err, datauri.ErrEmpty):
		return refuse(fault.CodeBase64, es.DataEmpty)
	case errors.Is(err, datauri.ErrLarge):
		return refuse(fault.CodeFileSize, es.DataLarge, megabytes(schemas.HeaderKind_HEADER_KIND_DOCUMENT))
	case err != nil:
		return refuse(fault.CodeBase64, es.DataBase64)
	}
	seen, ok := schemas.MediaType(kind, d.Head(), d.MIME())
	switch {
	case !ok:
		return refuse(fault.CodeFileType, wantedFile(kind))
	case !sameType(d.MIME(), seen):
		return refuse(fault.CodeFileType, es.DataOther, d.MIME(), seen)
	case d.Size() > kind.MaxBytes():
		return refuse(fault.CodeFileSize, es.DataLarge, megabytes(kind))
	}
	if name = schemas.FileName(name, seen); name == "" {
		name = schemas.FileName(d.Name(), seen)
	}
	return &schemas.MediaRef{Sha256: d.Sum(), MimeType: seen, Size: uint64(d.Size()), Filename: name}, nil
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
	return seen == "text/plain" && (strings.HasPrefix(declared, "text/") || declared == "application/json")
}

// megabytes is the size of the largest file of a kind.
func megabytes(kind schemas.HeaderKind) int64 { return kind.MaxBytes() / (1000 * 1000) }

// wantedFile says what the file of a kind is not.
func wantedFile(kind schemas.HeaderKind) es.Code {
	switch kind {
	case schemas.HeaderKind_HEADER_KIND_IMAGE:
		return es.DataNoImage
	case schemas.HeaderKind_HEADER_KIND_VIDEO:
		return es.DataNoVideo
	case schemas.HeaderKind_HEADER_KIND_DOCUMENT, schemas.HeaderKind_HEADER_KIND_NONE, schemas.HeaderKind_HEADER_KIND_TEXT:
	}
	return es.DataNoDocument
}
