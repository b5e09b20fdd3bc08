package request

import (
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"altavoz/schemas"
	"altavoz/schemas/content"
	"altavoz/schemas/es"
	"altavoz/schemas/personal"
	"altavoz/schemas/rules"
	"altavoz/schemas/shape"
	"altavoz/schemas/template/use"
)

// own reads a member of a recipient's own message. What is blank says nothing, as in the request.
func (r *reader) own(p *person, name string) error {
	kind := r.dec.PeekKind()
	switch {
	case kind == jsontext.KindNull:
		return r.skipEntry()
	case r.lim.Lists == ListVariables:
		f := Fault(r.path(name), CodeUnknown, es.OwnElsewhere, r.path(name))
		f.Hint = es.Say(es.OwnElsewhereHint, PathBulk)
		p.faults = append(p.faults, f)
		return r.skipEntry()
	case slices.Contains(shape.Members(), name):
		return r.ownShape(p, name)
	case kind != jsontext.KindString:
		p.refuse(r.path(name), CodeWrongType, es.FieldText, r.path(name))
		return r.skipEntry()
	}
	tok, err := r.dec.ReadToken()
	if err != nil {
		return err
	}
	text := tok.String()
	if rules.Blank(text) {
		return nil
	}
	if p.put(name, text); name != "header_content" { // it may be a file, which stands elsewhere
		p.bytes += len(text)
	}
	return nil
}

// put keeps a member of a recipient's own message.
func (p *person) put(name, text string) {
	if p.texts == nil {
		p.texts = map[string]string{}
	}
	p.texts[name] = text
}

// judge holds a recipient's own message to the rules that need nothing else than it, but for its placeholders: those are looked at when
// literal is known, and all names.
func (r *reader) judge(p *person) {
	if len(p.texts) == 0 {
		return
	}
	r.ownHeader(p)
	c := &schemas.Content{
		Body: p.texts["body_text"], Footer: p.texts["footer_text"], ButtonText: p.texts["button_text"], ButtonUrl: rules.TightLink(p.texts["button_url"]),
		Header: p.header, HeaderText: p.headerText, Media: p.media, Shape: p.shape,
	}
	if c.ButtonUrl != "" {
		p.texts["button_url"] = c.ButtonUrl
	}
	if !r.req.Literal {
		r.people.placeholders(c, r.path)
	}
	c.Variables = []string{"any"}
	for _, f := range content.Faults(personal.Sample(c), true) {
		f.Under(r.path)
		p.faults = append(p.faults, f)
	}
	r.ownOptOuts(c)
}

// ownHeader reads the header of a recipient's own message.
func (r *reader) ownHeader(p *person) {
	content, kind := p.texts["header_content"], strings.ToLower(strings.TrimSpace(p.texts["header_type"]))
	switch {
	case content == "" && kind != "":
		p.refuse(r.path("header_content"), CodeRequired, es.OwnHeaderContent, r.path("header_content"))
		return
	case content == "" && p.texts["filename"] != "":
		p.refuse(r.path("filename"), CodeRequired, es.OwnFilename, r.path("filename"))
		return
	case content == "":
		return
	case kind == "":
		kind = strings.ToLower(strings.TrimSpace(r.texts["header_type"]))
	}
	if kind == "" {
		p.refuse(r.path("header_type"), CodeRequired, es.OwnHeaderType, r.path("header_type"))
		return
	}
	if !slices.Contains(headerTypes, kind) {
		p.refuse(r.path("header_type"), CodeValue, es.FieldOneOf, r.path("header_type"), strings.Join(headerTypes, ", "))
		return
	}
	p.header, p.texts["header_type"] = kindOf(kind), kind
	if p.header == schemas.HeaderKind_HEADER_KIND_TEXT {
		p.headerText = content
		p.bytes += len(content)
		return
	}
	r.ownFile(p, content)
}

// message is a recipient's own message; nil: it has none.
func (q *people) message(p *person) *schemas.Own {
	if len(p.texts) == 0 {
		return nil
	}
	own := &schemas.Own{Body: p.own("body_text"), Footer: p.own("footer_text"), ButtonText: p.own("button_text"), ButtonUrl: p.own("button_url"), Shape: p.shape}
	if p.header != schemas.HeaderKind_HEADER_KIND_NONE {
		own.Header, own.HeaderText, own.File = p.header.Enum(), p.headerText, p.file
	}
	return own
}

// own is a text of a recipient's own message; nil: it has none.
func (p *person) own(field string) *string {
	if text := p.texts[field]; text != "" {
		return &text
	}
	return nil
}

// fieldText is a text, and the member that it is.
type fieldText struct{ field, text string }

// textsOf are the texts of a content that are filled in.
func textsOf(c *schemas.Content) []fieldText {
	all := append([]fieldText{
		{"body_text", c.GetBody()}, {"header_content", c.GetHeaderText()}, {"button_text", c.GetButtonText()}, {"button_url", c.GetButtonUrl()}, {"footer_text", c.GetFooter()},
	}, shapeTexts(c)...)
	for _, t := range use.Texts(c.GetTemplate()) {
		all = append(all, fieldText{t.Field, *t.Value})
	}
	return all
}

// placeholders takes note of what the texts of a recipient's own message want filled in.
func (q *people) placeholders(c *schemas.Content, path func(string) string) {
	for _, t := range textsOf(c) {
		if !rules.Marked(t.text) { // nearly every one
			continue
		}
		for _, name := range personal.Placeholders(t.text) {
			known := slices.ContainsFunc(q.uses, func(u wanted) bool { return u.name == name })
			if !known && len(q.uses) <= personal.MaxVariables { // of one more than there can be one is no variable
				q.uses = append(q.uses, wanted{name, path(t.field)})
			}
		}
		if found, sure := rules.Placeholder(personal.Literals(t.text)); sure && q.unfit == nil {
			q.unfit = content.Unfilled(path(t.field), found)
		}
	}
	if url := c.GetMedia().GetUrl(); q.unfit == nil && rules.Marked(url) {
		if found, sure := rules.LinkPlaceholder(url); sure {
			q.unfit = content.Unfilled(path("header_content"), found)
		}
	}
}

// filled holds what is filled in for each recipient to its rules: every placeholder has somebody's value.
func (r *reader) filled() {
	q, c := r.people, r.req.Content
	if !r.req.Literal {
		c.Variables = q.names
		r.values()
	}
	if r.texts["body_text"] == "" && q.noBody.is && r.given == nil && !r.isBad("recipients") {
		q.at = q.noBody.at
		r.bad["recipients"] = Fault(r.path("body_text"), CodeRequired, es.OwnBody, r.path("body_text"))
	}
	c.Files = q.files.All()
}

// values refuses a placeholder that nobody has a value for, and warns of variables that no text uses.
func (r *reader) values() {
	q, used := r.people, map[string]bool{}
	lacks := func(key, field, name string) {
		if used[name] = true; !slices.Contains(q.names, name) && !r.isBad(key) { //mutant:placeholder-without-any-value-is-refused
			r.bad[key] = q.nobody(field, name)
		}
	}
	c := r.req.Content
	for _, t := range textsOf(c) {
		for _, name := range personal.Placeholders(t.text) {
			lacks(shape.Member(t.field), t.field, name)
		}
	}
	if _, sure := rules.LinkPlaceholder(c.GetMedia().GetUrl()); sure && !r.isBad("header_content") {
		f := Fault("header_content", CodePlaceholder, es.VariableInFile, "header_content")
		f.Hint = es.Say(es.VariableInFileHint, PathBulk)
		r.bad["header_content"] = f
	}
	for _, u := range q.uses {
		lacks("recipients", u.field, u.name)
	}
	if q.unfit != nil && !r.isBad("recipients") {
		r.bad["recipients"] = q.unfit
	}
	if idle := slices.DeleteFunc(slices.Clone(q.names), func(name string) bool { return used[name] }); len(idle) > 0 {
		r.req.Warnings = append(r.req.Warnings, es.Say(es.VariablesUnused, rules.Cut(strings.Join(idle, ", "), maxKept)))
	}
}

func (q *people) nobody(field, name string) *FieldError {
	f := Fault(field, CodePlaceholder, es.VariableNobody, field, name)
	switch near := rules.NearestMember(name, q.names); {
	case len(q.names) == 0:
		f.Hint = es.Say(es.VariablesNoneHint)
	case near != "":
		f.Hint = es.Say(es.VariableNearHint, near)
	default:
		f.Hint = es.Say(es.VariablesAreHint, rules.Cut(strings.Join(q.names, ", "), maxKept))
	}
	return f
}
