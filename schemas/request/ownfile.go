package request

import (
	"altavoz/schemas"
	"altavoz/schemas/es"
	"altavoz/schemas/request/attached"
)

// ownFile reads the file of a recipient's own header: a URL, or one that is small enough for a JSON text.
func (r *reader) ownFile(p *person, content string) {
	var inline []byte
	keep := func(b []byte) error {
		inline = append(inline, b...)
		return nil
	}
	m, wrong, _ := attached.Media(nil, content, keep, p.header, r.path("header_content"), p.texts["filename"])
	if wrong != nil {
		p.faults = append(p.faults, wrong)
		return
	}
	m.Inline, m.Kind = inline, p.header
	if p.texts["header_content"] = string(m.GetSha256()) + m.GetFilename(); inline == nil { // what it means
		p.media, p.texts["header_content"] = m, m.GetUrl()
	}
	number, ok := r.people.files.Keep(m)
	if !ok {
		p.refuse(r.path("header_content"), CodeTooMany, es.OwnFiles, schemas.MaxFiles)
	}
	p.file = number
}
