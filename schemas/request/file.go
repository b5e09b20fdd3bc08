package request

import (
	"errors"
	"strings"

	"altavoz/schemas"
	"altavoz/schemas/datauri"
	"altavoz/schemas/es"
)

func (r *reader) newFile() *datauri.Decoder {
	return datauri.New(datauri.Limits{Head: schemas.SniffBytes, Part: schemas.PartBytes, File: schemas.MaxDocumentBytes}, r.part)
}

// fileOf is a decoded file as a header of the given kind.
func fileOf(d *datauri.Decoder, kind schemas.HeaderKind) (*schemas.MediaRef, *FieldError) {
	refuse := func(code string, says es.Code, args ...any) (*schemas.MediaRef, *FieldError) {
		return nil, Fault("header_content", code, says, args...)
	}
	switch err := d.Err(); {
	case errors.Is(err, datauri.ErrLong):
		return refuse(CodeTooLong, es.ContentLong, MaxURL)
	case errors.Is(err, datauri.ErrForm):
		return refuse(CodeBase64, es.DataForm)
	case errors.Is(err, datauri.ErrType):
		return refuse(CodeBase64, es.DataType)
	case errors.Is(err, datauri.ErrEmpty):
		return refuse(CodeBase64, es.DataEmpty)
	case errors.Is(err, datauri.ErrLarge):
		return refuse(CodeFileSize, es.DataLarge, megabytes(schemas.HeaderKind_HEADER_KIND_DOCUMENT))
	case err != nil:
		return refuse(CodeBase64, es.DataBase64)
	}
	seen, ok := schemas.MediaType(kind, d.Head(), d.MIME())
	switch {
	case !ok:
		return refuse(CodeFileType, wantedFile(kind))
	case !sameType(d.MIME(), seen):
		return refuse(CodeFileType, es.DataOther, d.MIME(), seen)
	case d.Size() > kind.MaxBytes():
		return refuse(CodeFileSize, es.DataLarge, megabytes(kind))
	}
	return &schemas.MediaRef{Sha256: d.Sum(), MimeType: seen, Size: uint64(d.Size()), Filename: schemas.FileName(d.Name(), seen)}, nil
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
