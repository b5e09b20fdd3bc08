package request

import (
	"errors"
	"fmt"
	"strings"

	"altavoz/schemas"
	"altavoz/schemas/datauri"
)

func (r *reader) newFile() *datauri.Decoder {
	return datauri.New(datauri.Limits{Head: schemas.SniffBytes, Part: schemas.PartBytes, File: schemas.MaxDocumentBytes}, r.part)
}

// fileOf is a decoded file as a header of the given kind.
func fileOf(d *datauri.Decoder, kind schemas.HeaderKind) (*schemas.MediaRef, *FieldError) {
	refuse := func(code, spanish string) (*schemas.MediaRef, *FieldError) {
		return nil, &FieldError{Field: "header_content", Code: code, Spanish: spanish}
	}
	switch err := d.Err(); {
	case errors.Is(err, datauri.ErrLong):
		return refuse(CodeTooLong, fmt.Sprintf("El campo 'header_content' es demasiado largo: una URL admite %d caracteres", MaxURL))
	case errors.Is(err, datauri.ErrForm):
		return refuse(CodeBase64, "El campo 'header_content' debe tener la forma data:<tipo>;base64,<archivo>")
	case errors.Is(err, datauri.ErrType):
		return refuse(CodeBase64, "El tipo de archivo de 'header_content' no se entiende: se espera data:<tipo>;base64,<archivo>")
	case errors.Is(err, datauri.ErrEmpty):
		return refuse(CodeBase64, "El archivo de 'header_content' está vacío")
	case errors.Is(err, datauri.ErrLarge):
		return refuse(CodeFileSize, tooLarge(schemas.HeaderKind_HEADER_KIND_DOCUMENT))
	case err != nil:
		return refuse(CodeBase64, "El archivo de 'header_content' no es base64 válido")
	}
	seen, ok := schemas.MediaType(kind, d.Head(), d.MIME())
	switch {
	case !ok:
		return refuse(CodeFileType, "El archivo de 'header_content' no es "+wantedFile(kind))
	case !sameType(d.MIME(), seen):
		return refuse(CodeFileType, "El archivo de 'header_content' dice ser "+d.MIME()+" y es "+seen)
	case d.Size() > kind.MaxBytes():
		return refuse(CodeFileSize, tooLarge(kind))
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

func tooLarge(kind schemas.HeaderKind) string {
	const mega = 1000 * 1000
	return fmt.Sprintf("El archivo de 'header_content' supera el máximo de %d MB", kind.MaxBytes()/mega)
}

func wantedFile(kind schemas.HeaderKind) string {
	switch kind {
	case schemas.HeaderKind_HEADER_KIND_IMAGE:
		return "una imagen JPEG o PNG"
	case schemas.HeaderKind_HEADER_KIND_VIDEO:
		return "un video MP4 o 3GP"
	case schemas.HeaderKind_HEADER_KIND_DOCUMENT, schemas.HeaderKind_HEADER_KIND_NONE, schemas.HeaderKind_HEADER_KIND_TEXT:
	}
	return "un documento PDF, de texto o de Office"
}
