package personal

import (
	"google.golang.org/protobuf/proto"

	"altavoz/schemas"
	"altavoz/schemas/es"
	"altavoz/schemas/rules"
	"altavoz/schemas/shape"
)

// FaultError is why the message of one recipient can't be made.
type FaultError struct {
	Code     int    // one of schemas.Code...: that with which the recipient fails
	Field    string // as a request calls it
	Variable string // of schemas.CodeVariable: its name
	Says     es.Sentence
}

func (f *FaultError) Error() string { return f.Says.Spanish() }

func fault(code int, field string, says es.Code, args ...any) *FaultError {
	return &FaultError{Code: code, Field: field, Says: es.Say(says, args...)}
}

// FileOf returns which of the content's files a recipient has for itself, from 1; 0: none.
func FileOf(p *schemas.Personal) uint32 {
	if p.GetOwn().GetHeader().MaxBytes() == 0 {
		return 0
	}
	return p.GetOwn().GetFile()
}

// Names of fields, as requests have them.
const (
	fieldBody       = "body_text"
	fieldHeader     = "header_content"
	fieldButton     = "button_text"
	fieldButtonLink = "button_url"
	fieldFooter     = "footer_text"
)

// Of returns the message of one recipient of a content; p is what it has of its own, nil if nothing. The message has no variables and no
// files but its own: nothing in it is filled again. Its error is a *FaultError.
func Of(c *schemas.Content, p *schemas.Personal) (*schemas.Content, error) {
	out, f := build(c, p)
	if f != nil {
		return nil, f
	}
	return out, nil
}

// Check returns why the message of one recipient can't be made; nil: it can.
func Check(c *schemas.Content, p *schemas.Personal) *FaultError {
	_, f := build(c, p)
	return f
}

// Large reports whether what a recipient has of its own, used or not, is more than a record of it may hold.
func Large(p *schemas.Personal) bool { return proto.Size(p) > schemas.MaxPersonalBytes }

func build(c *schemas.Content, p *schemas.Personal) (*schemas.Content, *FaultError) {
	if Large(p) { //mutant:what-is-too-large-for-a-send-fails
		return nil, fault(schemas.CodeTooLong, "", es.OwnTooLarge)
	}
	out, f := merge(c, p.GetOwn())
	if f == nil && len(c.GetVariables()) > 0 { //mutant:braces-are-text-without-variables
		f = fillAll(out, c.GetVariables(), p)
	}
	if f == nil {
		f = check(out)
	}
	return out, f
}

// merge puts the members of a recipient's own message in the place of the content's.
func merge(c *schemas.Content, own *schemas.Own) (*schemas.Content, *FaultError) {
	out := &schemas.Content{
		Body: c.GetBody(), Footer: c.GetFooter(), ButtonText: c.GetButtonText(), ButtonUrl: c.GetButtonUrl(),
		Header: c.GetHeader(), HeaderText: c.GetHeaderText(), Media: c.GetMedia(), Category: c.GetCategory(), Shape: c.GetShape(), Template: c.GetTemplate(), Route: c.GetRoute(),
	}
	if own == nil {
		return out, nil
	}
	if t := c.GetTemplate(); t != nil {
		if f := ownOfTemplate(t, own); f != nil {
			return nil, f
		}
	}
	if own.GetShape() != nil { //mutant:own-buttons-have-the-place-of-those-of-all
		out.Shape, out.ButtonText, out.ButtonUrl = own.GetShape(), "", ""
	}
	for _, m := range []struct{ from, to *string }{
		{own.Body, &out.Body}, {own.Footer, &out.Footer}, {own.ButtonText, &out.ButtonText}, {own.ButtonUrl, &out.ButtonUrl},
	} {
		if m.from != nil {
			*m.to = *m.from
		}
	}
	if own.Header == nil {
		return out, nil
	}
	out.Header, out.HeaderText, out.Media = own.GetHeader(), own.GetHeaderText(), nil
	if out.GetHeader().MaxBytes() == 0 {
		return out, nil
	}
	file := own.GetFile()
	if file == 0 || file > uint32(len(c.GetFiles())) || c.GetFiles()[file-1].GetKind() != out.GetHeader() {
		return nil, fault(schemas.CodePersonal, fieldHeader, es.FileNumber)
	}
	out.Media = c.GetFiles()[file-1]
	return out, nil
}

// fillAll fills the placeholders of the texts.
func fillAll(out *schemas.Content, names []string, p *schemas.Personal) *FaultError {
	value := valuesOf(names, p)
	for _, t := range []struct {
		field string
		text  *string
		fill  func(string, func(string) (string, bool)) (string, string)
	}{
		{fieldHeader, &out.HeaderText, fill}, {fieldBody, &out.Body, fill}, {fieldFooter, &out.Footer, fill}, {fieldButton, &out.ButtonText, fill}, {fieldButtonLink, &out.ButtonUrl, fillLink},
	} {
		filled, missing := t.fill(*t.text, value)
		if missing != "" {
			f := fault(schemas.CodeVariable, t.field, es.VariableMissing, missing, t.field)
			f.Variable = missing
			return f
		}
		if t.field == fieldButtonLink && climbs(*t.text, filled) && Literals(*t.text) != "" {
			return fault(schemas.CodePersonal, t.field, es.FieldURL, t.field)
		}
		*t.text = filled
	}
	if f := fillShape(out, value); f != nil {
		return f
	}
	return fillTemplate(out, value)
}

// fillShape fills the placeholders of what the recipient taps, in a copy.
func fillShape(out *schemas.Content, value func(string) (string, bool)) *FaultError {
	out.Shape = proto.CloneOf(out.GetShape()) //mutant:a-recipients-buttons-are-its-own
	for _, t := range shape.Texts(out.GetShape()) {
		filled, missing := fill(*t.Value, value)
		if missing != "" {
			f := fault(schemas.CodeVariable, t.Field, es.VariableMissing, missing, t.Field)
			f.Variable = missing
			return f
		}
		*t.Value = filled
	}
	return nil
}

// valuesOf returns what finds the value of a variable.
func valuesOf(names []string, p *schemas.Personal) func(name string) (string, bool) {
	return func(name string) (string, bool) {
		for i, v := range p.GetVariables() {
			if i < len(p.GetValues()) && v < uint32(len(names)) && names[v] == name {
				return p.GetValues()[i], true
			}
		}
		return "", false
	}
}

// check holds a message to the rules for what a recipient reads.
func check(c *schemas.Content) *FaultError {
	if c.GetTemplate() != nil {
		if f := checkTemplate(c); f != nil || c.GetRoute() != schemas.Route_ROUTE_AUTO {
			return f
		}
	}
	text, link := c.GetHeader() == schemas.HeaderKind_HEADER_KIND_TEXT, c.GetShape() == nil
	for _, t := range []struct {
		field, text string
		most        int
		oneLine     bool
		needed      bool
	}{
		{fieldBody, c.GetBody(), rules.MaxBodyText, false, true},
		{fieldHeader, c.GetHeaderText(), rules.MaxHeaderText, true, text},
		{fieldButton, c.GetButtonText(), rules.MaxButtonText, true, link},
		{fieldButtonLink, c.GetButtonUrl(), rules.MaxURL, true, link},
		{fieldFooter, c.GetFooter(), rules.MaxFooterText, false, false},
	} {
		if t.needed && rules.Blank(t.text) {
			return fault(schemas.CodePersonal, t.field, es.FieldRequired, t.field)
		}
		if n := rules.Characters(t.text); n > t.most {
			return fault(schemas.CodeTooLong, t.field, es.FieldLong, t.field, t.most, n)
		}
		if t.oneLine && !rules.OneLine(t.text) {
			return fault(schemas.CodePersonal, t.field, es.FieldLines, t.field)
		}
	}
	if f := shape.Check(c); f != nil {
		code := schemas.CodePersonal
		if f.Says.Code == es.FieldLong {
			code = schemas.CodeTooLong
		}
		return &FaultError{Code: code, Field: f.Field, Says: f.Says}
	}
	if !link {
		return nil
	}
	switch rules.Link(c.GetButtonUrl(), true) {
	case rules.LinkBroken:
		return fault(schemas.CodePersonal, fieldButtonLink, es.FieldURL, fieldButtonLink)
	case rules.LinkUser:
		return fault(schemas.CodePersonal, fieldButtonLink, es.FieldUser, fieldButtonLink)
	case rules.LinkPrivate:
		return fault(schemas.CodePersonal, fieldButtonLink, es.FieldPrivate, fieldButtonLink)
	case rules.LinkGood:
	}
	return nil
}

// Sample returns what the rules for a content can judge of one that recipients have values or texts for: it is without its placeholders, and has
// a body where it has none of its own, and no link where that is made of values alone.
func Sample(c *schemas.Content) *schemas.Content {
	out, _ := merge(c, nil)
	if len(c.GetVariables()) > 0 {
		for _, t := range []*string{&out.HeaderText, &out.Body, &out.Footer, &out.ButtonText} {
			*t = Literals(*t)
		}
		if out.ButtonUrl, _ = fill(out.GetButtonUrl(), func(string) (string, bool) { return "x", true }); Literals(c.GetButtonUrl()) == "" {
			out.ButtonUrl = ""
		}
		out.Shape = proto.CloneOf(out.GetShape())
		for i, t := range shape.Texts(out.GetShape()) {
			*t.Value = sample(*t.Value, rune('一'+i))
		}
		_ = fillTemplate(out, func(string) (string, bool) { return "x", true }) // a value has one character at least
	}
	if rules.Blank(out.GetBody()) && (c.GetTemplate() == nil || c.GetRoute() == schemas.Route_ROUTE_AUTO) {
		out.Body = "x"
	}
	return out
}

// sample fills a text with as little as its values may be: one letter, which no other text has, so that two that values make different differ.
func sample(text string, letter rune) string {
	put := false
	out, _ := fill(text, func(string) (string, bool) {
		if put {
			return "", true
		}
		put = true
		return string(letter), true
	})
	return out
}
