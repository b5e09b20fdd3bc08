// Package interactive renders a free-form interactive message as the Cloud API takes it: everything but the recipient. Pure.
package interactive

import (
	"fmt"
	"strings"

	"github.com/go-json-experiment/json"

	"altavoz/schemas"
	"altavoz/schemas/es"
	"altavoz/whatsapp/action"
)

type (
	message struct {
		Type        string      `json:"type"`
		Category    string      `json:"category,omitzero"`
		Interactive interactive `json:"interactive"`
	}
	interactive struct {
		Type   string        `json:"type"`
		Header *header       `json:"header,omitzero"`
		Body   text          `json:"body"`
		Footer *text         `json:"footer,omitzero"`
		Action action.Action `json:"action"`
	}
	header struct {
		Type     string `json:"type"`
		Text     string `json:"text,omitzero"`
		Image    *media `json:"image,omitzero"`
		Video    *media `json:"video,omitzero"`
		Document *media `json:"document,omitzero"`
	}
	text struct {
		Text string `json:"text"`
	}
	media struct {
		ID       string `json:"id,omitzero"`
		Link     string `json:"link,omitzero"`
		Filename string `json:"filename,omitzero"` // documents only
	}
)

// Render returns what stands behind the recipient of a message: from a comma to its closing brace. The content's media is resolved. Its errors are a
// *schemas.ContentError.
func Render(c *schemas.Content) ([]byte, error) {
	h, err := headerOf(c)
	if err != nil {
		return nil, err
	}
	if c.GetBody() == "" {
		return nil, &schemas.ContentError{Why: es.Say(es.BodyEmpty)}
	}
	m := message{
		Type:        "interactive",
		Category:    strings.TrimSuffix(c.GetCategory(), "service"),
		Interactive: interactive{Header: h, Body: text{c.GetBody()}},
	}
	m.Interactive.Type, m.Interactive.Action = action.Of(c)
	if c.GetFooter() != "" {
		m.Interactive.Footer = &text{c.GetFooter()}
	}
	b, err := json.Marshal(m)
	if err != nil {
		return nil, fmt.Errorf("rendering a message: %w", err)
	}
	b[0] = ',' // was the opening brace
	return b, nil
}

func headerOf(c *schemas.Content) (*header, error) {
	switch c.GetHeader() {
	case schemas.HeaderKind_HEADER_KIND_NONE:
		return nil, nil // a message without header is no error
	case schemas.HeaderKind_HEADER_KIND_TEXT:
		return &header{Type: "text", Text: c.GetHeaderText()}, nil
	case schemas.HeaderKind_HEADER_KIND_IMAGE, schemas.HeaderKind_HEADER_KIND_VIDEO, schemas.HeaderKind_HEADER_KIND_DOCUMENT:
	default:
		return nil, &schemas.ContentError{Why: es.Say(es.HeaderUnknown)}
	}
	ref := c.GetMedia()
	m := &media{ID: ref.GetMediaId()}
	if m.ID == "" {
		m.Link = ref.GetLink()
	}
	if m.ID == "" && m.Link == "" {
		return nil, &schemas.ContentError{Why: es.Say(es.FileMissing)}
	}
	switch c.GetHeader() { //nolint:exhaustive // the others returned above
	case schemas.HeaderKind_HEADER_KIND_IMAGE:
		return &header{Type: "image", Image: m}, nil
	case schemas.HeaderKind_HEADER_KIND_VIDEO:
		return &header{Type: "video", Video: m}, nil
	default:
		m.Filename = ref.GetFilename()
		return &header{Type: "document", Document: m}, nil
	}
}
