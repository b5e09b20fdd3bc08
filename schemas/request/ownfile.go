package request

import (
	"altavoz/schemas"
	"altavoz/schemas/datauri"
	"altavoz/schemas/es"
	"altavoz/schemas/request/attached"
	"altavoz/schemas/rules"
)

// files are those of recipients' own messages, each once.
type files struct {
	refs    []*schemas.MediaRef
	numbers map[string]uint32 // from 1
}

// ownFile reads the file of a recipient's own header: a URL, or one that is small enough for a JSON text.
func (r *reader) ownFile(p *person, content string) {
	name := p.texts["filename"]
	if !datauri.Is(content) {
		p.media = &schemas.MediaRef{Url: rules.CleanLink(content), Filename: schemas.FileName(name, ""), Kind: p.header}
		p.texts["header_content"] = p.media.GetUrl()
		r.keep(p, p.media)
		return
	}
	var inline []byte
	d := attached.New(func(b []byte) error {
		inline = append(inline, b...)
		return nil
	})
	_ = d.Text([]byte(content)) // what is wrong with it File says
	_ = d.End()
	m, wrong := attached.File(d, p.header, r.path("header_content"), name)
	if wrong != nil {
		p.faults = append(p.faults, wrong)
		return
	}
	m.Inline, m.Kind = inline, p.header
	p.texts["header_content"] = string(m.GetSha256()) + m.GetFilename() // what it means
	r.keep(p, m)
}

// keep finds the number of a file among those that recipients have, or gives it one.
func (r *reader) keep(p *person, m *schemas.MediaRef) {
	fs := &r.people.files
	key := m.GetKind().String() + "\x00" + m.GetUrl() + "\x00" + string(m.GetSha256()) + "\x00" + m.GetMimeType() + "\x00" + m.GetFilename()
	number, known := fs.numbers[key]
	switch {
	case known: //mutant:same-file-is-kept-once
	case len(fs.refs) == schemas.MaxFiles:
		p.refuse(r.path("header_content"), CodeTooMany, es.OwnFiles, schemas.MaxFiles)
	default:
		fs.refs = append(fs.refs, m)
		number = uint32(len(fs.refs))
		fs.numbers[key] = number
	}
	p.file = number
}
