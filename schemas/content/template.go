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
	if field := cmp.Or(use.Member(x), shape.Of(x.GetShape())); field != "" {
		f := fault.New("template", fault.CodeValue, es.UseWith, field)
		f.Hint = es.Say(es.UseWithHint)
		return []*fault.FieldError{f}
	}
	out = use.Faults(x.GetTemplate())
	if kind := x.GetTemplate().GetHeader(); x.GetHeader() != kind && (kind.MaxBytes() > 0 || x.GetHeader() != schemas.HeaderKind_HEADER_KIND_NONE) {
		out = append(out, fault.New("template.header.type", fault.CodeValue, es.UseHeaderNone, "header"))
	}
	if field, found := use.Unfilled(x.GetTemplate()); field != "" && !literal {
		out = append(out, Unfilled(field, found))
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
