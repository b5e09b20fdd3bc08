package content

import (
	"cmp"
	"slices"
	"strings"

	"altavoz/schemas"
	"altavoz/schemas/es"
	"altavoz/schemas/request/fault"
	"altavoz/schemas/shape"
	"altavoz/schemas/template/use"
)

// templateFaults returns what is wrong with a content that has a template.
func templateFaults(x *schemas.Content, literal bool) (out []*fault.FieldError) {
	if x.GetRoute() == schemas.Route_ROUTE_AUTO {
		return besideInteractive(x, literal)
	}
	if field := cmp.Or(use.Member(x), shape.Of(x.GetShape())); field != "" {
		f := fault.New("template", fault.CodeValue, es.UseWith, field)
		f.Hint = es.Say(es.UseWithHint)
		return []*fault.FieldError{f}
	}
	out = ofUse(x, literal)
	if kind := x.GetTemplate().GetHeader(); x.GetHeader() != kind && (kind.MaxBytes() > 0 || x.GetHeader() != schemas.HeaderKind_HEADER_KIND_NONE) {
		out = append(out, fault.New("template.header.type", fault.CodeValue, es.UseHeaderNone, "header"))
	}
	for _, f := range mediaFaults(x, literal) {
		i := slices.Index(f.Says.Args, f.Field)
		if f.Field = strings.Replace(f.Field, "header_", "template.header.", 1); i >= 0 {
			f.Says.Args[i] = f.Field
		}
		out = append(out, f)
	}
	return out
}

// ofUse returns what is wrong with a template whatever stands beside it.
func ofUse(x *schemas.Content, literal bool) []*fault.FieldError {
	out := use.Faults(x.GetTemplate())
	if field, found := use.Unfilled(x.GetTemplate()); field != "" && !literal {
		out = append(out, Unfilled(field, found))
	}
	return out
}

// besideInteractive returns what is wrong with a template that some get in the place of the interactive message: both have one file.
func besideInteractive(x *schemas.Content, literal bool) []*fault.FieldError {
	out := ofUse(x, literal)
	if kind := x.GetTemplate().GetHeader(); kind.MaxBytes() > 0 && x.GetHeader() != kind {
		f := fault.New("template.header.type", fault.CodeValue, es.RouteFile, "template.header.type")
		f.Hint = es.Say(es.RouteFileHint)
		out = append(out, f)
	}
	return out
}
