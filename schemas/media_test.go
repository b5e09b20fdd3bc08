package schemas_test

import (
	"strings"
	"testing"

	"altavoz/schemas"
)

func TestThreatS09TheTypeComesFromTheBytes(t *testing.T) {
	t.Parallel()
	const (
		image    = schemas.HeaderKind_HEADER_KIND_IMAGE
		video    = schemas.HeaderKind_HEADER_KIND_VIDEO
		document = schemas.HeaderKind_HEADER_KIND_DOCUMENT
		docx     = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
	)
	png := "\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"
	zip := "PK\x03\x04\x14\x00\x00\x00\x08\x00" + strings.Repeat("x", 40)
	ole := "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + strings.Repeat("\x00", 600)
	tests := map[string]struct {
		kind     schemas.HeaderKind
		head     string
		declared string
		want     string // empty: refused
	}{
		"png":                         {image, png, "", "image/png"},
		"png called jpeg":             {image, png, "image/jpeg", "image/png"},
		"jpeg":                        {image, "\xff\xd8\xff\xe0\x00\x10JFIF", "", "image/jpeg"},
		"webp is no image":            {image, "RIFF\x24\x00\x00\x00WEBPVP8 ", "image/webp", ""},
		"svg is no image":             {image, `<svg xmlns="http://www.w3.org/2000/svg"></svg>`, "image/png", ""},
		"pdf is no image":             {image, "%PDF-1.7\n", "image/png", ""},
		"mp4":                         {video, "\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00mp42isom", "", "video/mp4"},
		"3gp":                         {video, "\x00\x00\x00\x18ftyp3gp5\x00\x00\x00\x003gp5isom", "", "video/3gpp"},
		"png is no video":             {video, png, "video/mp4", ""},
		"pdf":                         {document, "%PDF-1.7\n", "", "application/pdf"},
		"zip called docx":             {document, zip, docx, docx},
		"zip called docx, parameters": {document, zip, docx + "; charset=binary", docx},
		"zip called zip":              {document, zip, "application/zip", ""},
		"zip called pdf":              {document, zip, "application/pdf", ""},
		"zip called msword":           {document, zip, "application/msword", ""},
		"ole called msword":           {document, ole, "application/msword", "application/msword"},
		"text":                        {document, "hola\n", "application/pdf", "text/plain"},
		"csv":                         {document, "a,b,c\n1,2,3\n4,5,6\n", "text/csv", "text/plain"},
		"html":                        {document, "<!DOCTYPE html><html><body>404</body></html>", "application/pdf", ""},
		"empty":                       {document, "", "text/plain", ""},
		"text header":                 {schemas.HeaderKind_HEADER_KIND_TEXT, "hola", "", ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, ok := schemas.MediaType(tt.kind, []byte(tt.head), tt.declared)
			if ok != (tt.want != "") || (ok && got != tt.want) {
				t.Errorf("MediaType = %q, %v; want %q", got, ok, tt.want)
			}
		})
	}
}
