package personal

import (
	"google.golang.org/protobuf/proto"

	"altavoz/schemas"
	"altavoz/schemas/es"
	wrong "altavoz/schemas/request/fault"
	"altavoz/schemas/shape"
	"altavoz/schemas/template/use"
)

// anyHost stands before the end of a link.
const anyHost = "https://example.com/"

// ownOfTemplate returns what of a recipient's own message can't be had with a template: its texts, and a header of another kind.
func ownOfTemplate(t *schemas.Template, own *schemas.Own) *FaultError {
	for _, m := range []struct {
		field string
		is    bool
	}{
		{fieldBody, own.Body != nil},
		{fieldFooter, own.Footer != nil},
		{fieldButton, own.ButtonText != nil},
		{fieldButtonLink, own.ButtonUrl != nil},
		{shape.Of(own.GetShape()), own.GetShape() != nil},
		{fieldHeader, own.Header != nil && (own.GetHeader() != t.GetHeader() || own.GetHeader().MaxBytes() == 0)},
	} {
		if m.is {
			return fault(schemas.CodePersonal, m.field, es.UseOwn, m.field)
		}
	}
	return nil
}

// fillTemplate fills the placeholders of a template's values, in a copy.
func fillTemplate(out *schemas.Content, value func(name string) (string, bool)) *FaultError {
	if out.GetTemplate() == nil {
		return nil
	}
	out.Template = proto.CloneOf(out.GetTemplate()) //mutant:a-recipients-template-is-its-own
	for _, t := range use.Texts(out.GetTemplate()) {
		put := fill
		if t.Kind == use.Suffix {
			put = fillLink
		}
		filled, missing := put(*t.Value, value)
		if missing != "" {
			f := fault(schemas.CodeVariable, t.Field, es.VariableMissing, missing, t.Field)
			f.Variable = missing
			return f
		}
		if t.Kind == use.Suffix && climbs(anyHost+*t.Value, anyHost+filled) {
			return fault(schemas.CodePersonal, t.Field, es.UseSuffix, t.Field)
		}
		*t.Value = filled
	}
	return nil
}

// checkTemplate holds the values of a recipient's template to the rules for them.
func checkTemplate(c *schemas.Content) *FaultError {
	for _, t := range use.Texts(c.GetTemplate()) {
		if f := t.Check(); f != nil {
			code := schemas.CodePersonal
			if f.Code == wrong.CodeTooLong {
				code = schemas.CodeTooLong
			}
			return &FaultError{Code: code, Field: t.Field, Says: f.Says}
		}
	}
	if c.GetTemplate().GetHeader().MaxBytes() > 0 && c.GetMedia() == nil {
		return fault(schemas.CodePersonal, fieldHeader, es.UseMember, "template.header.content")
	}
	return nil
}
