package client

import "github.com/go-json-experiment/json/jsontext"

// TemplateUse is a message template that Meta has approved, in the place of a draft's texts, with the values of its variables. Values may have
// {{name}} of the recipients' variables, also within a text. Where the template's header has a variable or a file, that is the draft's HeaderContent
// or File, with its HeaderType.
type TemplateUse struct {
	Name       string           // as Meta has it: a-z, 0-9 and _, at most 512 characters
	Language   string           // as the template has it: es, es_CO
	HeaderName string           // the variable of a text header, where the template's variables have names
	Body       []TemplateValue  // at most 100: all with names, or none, in the order of {{1}}, {{2}}
	Buttons    []TemplateButton // those that take a value
	// Only with Draft.Route: what the template's header is, text, or image, video or document, whose file is then the draft's; and the value of a text one.
	// Otherwise the draft's header is the template's.
	HeaderType, HeaderText string
}

// TemplateValue is the value of a variable of the body, of one line and at most 1,024 characters.
type TemplateValue struct {
	Name string // empty for variables with numbers
	Text string
}

// TemplateButton is the value of a button: one of URLSuffix, Payload and CopyCode.
type TemplateButton struct {
	Index     int    `json:"index"`               // the first button is 0
	URLSuffix string `json:"url_suffix,omitzero"` // the end of a link, at most 2,000 characters
	Payload   string `json:"payload,omitzero"`    // what the webhook of a quick reply has, at most 256
	CopyCode  string `json:"copy_code,omitzero"`  // at most 20
}

// templateBody is an object where values have names, and otherwise an array. Names that are missing or come twice are the service's to refuse.
type templateBody []TemplateValue

// MarshalJSONTo writes the values in their order.
func (b templateBody) MarshalJSONTo(enc *jsontext.Encoder) error {
	begin, end, named := jsontext.BeginArray, jsontext.EndArray, false
	for _, v := range b {
		if v.Name != "" {
			begin, end, named = jsontext.BeginObject, jsontext.EndObject, true
		}
	}
	tokens := []jsontext.Token{begin}
	for _, v := range b {
		if named {
			tokens = append(tokens, jsontext.String(v.Name))
		}
		tokens = append(tokens, jsontext.String(v.Text))
	}
	for _, t := range append(tokens, end) {
		if err := enc.WriteToken(t); err != nil {
			return err //nolint:wrapcheck // the encoder's, for its user
		}
	}
	return nil
}

// texts are the values in which {{name}} is filled in, but for the draft's header.
func (t *TemplateUse) texts() (all []string) {
	if t.HeaderText != "" {
		all = append(all, t.HeaderText)
	}
	for _, v := range t.Body {
		all = append(all, v.Text)
	}
	for _, b := range t.Buttons {
		all = append(all, b.URLSuffix, b.Payload, b.CopyCode)
	}
	return all
}

// writeTemplate writes the member template. Its header comes last, and its file at the end of that: it is not held in memory. Beside texts of the draft
// (both) it has no file of its own.
func (d *Draft) writeTemplate(out *draftWriter, both bool) error {
	t := d.Template
	out.member("template")
	if err := out.open(struct {
		Name     string           `json:"name"`
		Language string           `json:"language"`
		Body     templateBody     `json:"body,omitempty"`
		Buttons  []TemplateButton `json:"buttons,omitempty"`
	}{t.Name, t.Language, t.Body, t.Buttons}); err != nil {
		return err
	}
	kind, content, file := d.HeaderType, d.HeaderContent, d.File != nil
	if both {
		kind, content, file = t.HeaderType, t.HeaderText, false
	}
	if kind != "" || content != "" || file || t.HeaderName != "" {
		out.member("header")
		if err := out.open(struct {
			Type    string `json:"type"`
			Name    string `json:"name,omitzero"`
			Content string `json:"content,omitzero"`
		}{kind, t.HeaderName, content}); err != nil {
			return err
		}
		if file {
			if err := d.writeFile(out, "content"); err != nil {
				return err
			}
		}
		out.text(`}`)
	}
	out.text(`}`)
	return nil
}
