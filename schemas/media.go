package schemas

import (
	"mime"
	"slices"

	"github.com/gabriel-vasile/mimetype"
	"google.golang.org/protobuf/proto"

	"altavoz/schemas/rules"
)

// Largest files that the Cloud API takes, by kind of header. Meta does not say which megabyte it means: this is the smaller.
const (
	MaxImageBytes    = 5 * 1000 * 1000
	MaxVideoBytes    = 16 * 1000 * 1000
	MaxDocumentBytes = 100 * 1000 * 1000

	// SniffBytes is how much of a file's beginning MediaType wants to see.
	SniffBytes = 3072
)

const (
	plainText = "text/plain"
	zipFile   = "application/zip"
	oleFile   = "application/x-ole-storage"
)

// mediaTypes are the types that the Cloud API takes for each kind of header (WebP, for one, is no image to it).
var mediaTypes = map[HeaderKind][]string{
	HeaderKind_HEADER_KIND_IMAGE:    {"image/jpeg", "image/png"},
	HeaderKind_HEADER_KIND_VIDEO:    {"video/mp4", "video/3gpp"},
	HeaderKind_HEADER_KIND_DOCUMENT: {"application/pdf", "application/msword", "application/vnd.ms-excel", "application/vnd.ms-powerpoint", wordFile, excelFile, slidesFile},
}

const (
	wordFile   = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
	excelFile  = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
	slidesFile = "application/vnd.openxmlformats-officedocument.presentationml.presentation"
)

// MaxBytes is the size of the largest file for this kind of header; 0 where it takes none.
func (x HeaderKind) MaxBytes() int64 {
	switch x {
	case HeaderKind_HEADER_KIND_IMAGE:
		return MaxImageBytes
	case HeaderKind_HEADER_KIND_VIDEO:
		return MaxVideoBytes
	case HeaderKind_HEADER_KIND_DOCUMENT:
		return MaxDocumentBytes
	case HeaderKind_HEADER_KIND_NONE, HeaderKind_HEADER_KIND_TEXT:
	}
	return 0
}

// MediaType tells the type under which the Cloud API takes a file for this kind of header, from the file's first SniffBytes;
// false where it takes no such file. What the sender of the file declared decides only between office formats, whose
// beginnings may be alike: the bytes are never called anything that they are not.
func MediaType(kind HeaderKind, head []byte, declared string) (string, bool) {
	seen := mimetype.Detect(head)
	for _, t := range mediaTypes[kind] {
		if seen.Is(t) {
			return t, true
		}
	}
	if kind != HeaderKind_HEADER_KIND_DOCUMENT || len(head) == 0 {
		return "", false
	}
	if t, _, err := mime.ParseMediaType(declared); err == nil {
		packed := slices.Contains([]string{wordFile, excelFile, slidesFile}, t)
		legacy := slices.Contains([]string{"application/msword", "application/vnd.ms-excel", "application/vnd.ms-powerpoint"}, t)
		if (packed && seen.Is(zipFile)) || (legacy && seen.Is(oleFile)) {
			return t, true
		}
	}
	return plainText, isPlainText(seen)
}

// WithMedia returns a copy of the content that has another file.
func (x *Content) WithMedia(m *MediaRef) *Content {
	c := proto.CloneOf(x)
	c.Media = m
	return c
}

// WithOwnFile returns a copy of the content that has another file in the place of one of recipients' own, from 1.
func (x *Content) WithOwnFile(number uint32, m *MediaRef) *Content {
	c, f := proto.CloneOf(x), proto.CloneOf(m)
	f.Kind = c.GetFiles()[number-1].GetKind()
	c.Files[number-1] = f
	return c
}

// FileName is a file's name as its recipient may see it, with the ending of its type; an empty type is not known.
func FileName(name, mimeType string) string {
	ending := ""
	if t := mimetype.Lookup(mimeType); t != nil {
		ending = t.Extension()
	}
	return rules.FileName(name, ending)
}

// DocumentName is the name of a document that has none.
func DocumentName(mimeType string) string {
	name := "documento"
	if m := mimetype.Lookup(mimeType); m != nil {
		name += m.Extension()
	}
	return name
}

// NameIn finds the file name in a Content-Disposition as hosts write it; empty: it has none.
func NameIn(disposition string) string { return rules.NameIn(disposition) }

// isPlainText takes what can be read as it is, CSV and the like too, which the Cloud API only knows as text/plain. HTML is no
// document: it is nearly always the error page of whoever should have given one.
func isPlainText(seen *mimetype.MIME) bool {
	for m := seen; m != nil; m = m.Parent() {
		if m.Is("text/html") || m.Is("text/xml") {
			return false
		}
		if m.Is(plainText) {
			return true
		}
	}
	return false
}
