// Package templated renders a message by template as the Cloud API takes it: everything but the recipient. Pure.
package templated

import (
	"fmt"
	"strconv"

	"github.com/go-json-experiment/json"

	"altavoz/schemas"
	"altavoz/schemas/es"
)

type (
	message struct {
		Type     string `json:"type"`
		Template use    `json:"template"`
	}
	use struct {
		Name       string      `json:"name"`
		Language   language    `json:"language"`
		Components []component `json:"components,omitempty"`
	}
	language struct {
		Code string `json:"code"`
	}
	component struct {
		Type       string      `json:"type"`
		SubType    string      `json:"sub_type,omitzero"`
		Index      string      `json:"index,omitzero"`
		Parameters []parameter `json:"parameters"`
	}
	parameter struct {
		Type     string `json:"type"`
		Name     string `json:"parameter_name,omitzero"`
		Text     string `json:"text,omitzero"`
		Image    *file  `json:"image,omitzero"`
		Video    *file  `json:"video,omitzero"`
		Document *file  `json:"document,omitzero"`
		Payload  string `json:"payload,omitzero"`
		Code     string `json:"coupon_code,omitzero"`
	}
	file struct {
		ID       string `json:"id,omitzero"`
		Link     string `json:"link,omitzero"`
		Filename string `json:"filename,omitzero"` // documents only
	}
)

// Render returns what stands behind the recipient of a message: from a comma to its closing brace. The content's media is resolved. Its errors are a
// *schemas.ContentError.
func Render(c *schemas.Content) ([]byte, error) {
	t := c.GetTemplate()
	m := message{Type: "template", Template: use{Name: t.GetName(), Language: language{t.GetLanguage()}}}
	add := func(x component) { m.Template.Components = append(m.Template.Components, x) }
	header, err := headerOf(c)
	if err != nil {
		return nil, err
	}
	if header != nil {
		add(component{Type: "header", Parameters: []parameter{*header}})
	}
	var body []parameter
	for _, v := range t.GetBody() {
		body = append(body, text(v))
	}
	if len(body) > 0 {
		add(component{Type: "body", Parameters: body})
	}
	for _, b := range t.GetButtons() {
		x := component{Type: "button", Index: strconv.FormatUint(uint64(b.GetIndex()), 10)}
		switch b.GetKind() {
		case schemas.TemplateButtonKind_TEMPLATE_BUTTON_KIND_URL_SUFFIX:
			x.SubType, x.Parameters = "url", []parameter{{Type: "text", Text: b.GetValue()}}
		case schemas.TemplateButtonKind_TEMPLATE_BUTTON_KIND_QUICK_REPLY:
			x.SubType, x.Parameters = "quick_reply", []parameter{{Type: "payload", Payload: b.GetValue()}}
		case schemas.TemplateButtonKind_TEMPLATE_BUTTON_KIND_COPY_CODE:
			x.SubType, x.Parameters = "copy_code", []parameter{{Type: "coupon_code", Code: b.GetValue()}}
		case schemas.TemplateButtonKind_TEMPLATE_BUTTON_KIND_UNSPECIFIED:
			continue
		}
		add(x)
	}
	b, err := json.Marshal(m)
	if err != nil {
		return nil, fmt.Errorf("rendering a template: %w", err)
	}
	b[0] = ',' // was the opening brace
	return b, nil
}

func text(v *schemas.TemplateValue) parameter {
	return parameter{Type: "text", Name: v.GetName(), Text: v.GetText()}
}

// headerOf is the parameter of the header; nil: it has none.
func headerOf(c *schemas.Content) (*parameter, error) {
	kind := c.GetTemplate().GetHeader()
	switch kind { //nolint:exhaustive // the others have a file
	case schemas.HeaderKind_HEADER_KIND_NONE:
		return nil, nil //nolint:nilnil // a template without a value for its header is no error
	case schemas.HeaderKind_HEADER_KIND_TEXT:
		p := text(c.GetTemplate().GetHeaderValue())
		return &p, nil
	}
	m := c.GetMedia()
	f := &file{ID: m.GetMediaId()}
	if f.ID == "" {
		f.Link = m.GetLink()
	}
	if f.ID == "" && f.Link == "" {
		return nil, &schemas.ContentError{Why: es.Say(es.FileMissing)}
	}
	switch kind { //nolint:exhaustive // the others returned above
	case schemas.HeaderKind_HEADER_KIND_IMAGE:
		return &parameter{Type: "image", Image: f}, nil
	case schemas.HeaderKind_HEADER_KIND_VIDEO:
		return &parameter{Type: "video", Video: f}, nil
	case schemas.HeaderKind_HEADER_KIND_DOCUMENT:
		f.Filename = m.GetFilename()
		return &parameter{Type: "document", Document: f}, nil
	}
	return nil, &schemas.ContentError{Why: es.Say(es.HeaderUnknown)}
}
