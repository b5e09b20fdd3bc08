package dryrun

import (
	"context"
	"errors"
	"time"

	"altavoz/schemas"
	"altavoz/schemas/es"
	"altavoz/schemas/request"
)

// mediaTimeout is how long a file is looked at: one fetch of 15 s, and a wait for its turn.
const mediaTimeout = 20 * time.Second

// mediaID stands where the id of an uploaded file would.
const mediaID = "MEDIA_ID"

// Media looks at a file by its URL.
type Media interface {
	// Check returns m with the type, the size and the name of the file, or with a link that would be passed on. A *schemas.ContentError says
	// that the file can't be used; any other error may pass. Nothing is uploaded.
	Check(ctx context.Context, kind schemas.HeaderKind, m *schemas.MediaRef) (*schemas.MediaRef, error)
}

// Verdict is what is known of a file: a closed set.
type Verdict string

// The verdicts.
const (
	FileGood    Verdict = "ok"      // it was looked at, and is one that the header takes
	FileLink    Verdict = "link"    // its URL would be passed on, and nobody has looked at it
	FileRefused Verdict = "refused" // the broadcast would fail
	FileUnknown Verdict = "unknown" // it could not be looked at
)

// Verdicts returns all of them.
func Verdicts() []Verdict { return []Verdict{FileGood, FileLink, FileRefused, FileUnknown} }

// File is the file of a header.
type File struct {
	Verdict  Verdict `json:"verdict"`
	Why      string  `json:"why,omitzero"`
	MIMEType string  `json:"mime_type,omitzero"`
	Size     uint64  `json:"size,omitzero"` // bytes
	Filename string  `json:"filename,omitzero"`
}

// file looks at the file of a request, and returns the content with what stands for it in a call; nil: it has none. A file that came with the
// request was decoded and held to the rules when that was read.
func (p *Ports) file(ctx context.Context, req *request.Request, l es.Language) (*File, *schemas.Content) {
	c := req.Content
	m := c.GetMedia()
	if m == nil {
		return nil, c
	}
	stands := &schemas.MediaRef{MediaId: mediaID, Filename: m.GetFilename()}
	f := &File{Verdict: FileUnknown}
	says := func(s es.Sentence) { f.Why = s.In(l) }
	switch {
	case m.GetUrl() == "":
		if f.Verdict = FileGood; stands.GetFilename() == "" && c.GetHeader() == schemas.HeaderKind_HEADER_KIND_DOCUMENT {
			stands.Filename = schemas.DocumentName(m.GetMimeType())
		}
		f.MIMEType, f.Size = m.GetMimeType(), m.GetSize()
	case p.Media == nil:
		says(es.Say(es.FileUnchecked))
	default:
		ctx, cancel := context.WithTimeout(ctx, mediaTimeout)
		defer cancel()
		found, err := p.Media.Check(ctx, c.GetHeader(), m)
		refused := new(schemas.ContentError)
		switch {
		case errors.As(err, &refused):
			f.Verdict = FileRefused
			says(refused.Why)
		case err != nil: // which may name addresses of our own network
			says(es.Say(es.FileNotNow))
		case found.GetLink() != "":
			f.Verdict, stands = FileLink, &schemas.MediaRef{Link: found.GetLink(), Filename: found.GetFilename()}
			says(es.Say(es.FileLinked))
		default:
			f.Verdict, f.MIMEType, f.Size = FileGood, found.GetMimeType(), found.GetSize()
			stands.Filename = found.GetFilename()
		}
	}
	f.Filename = stands.GetFilename()
	return f, c.WithMedia(stands)
}
