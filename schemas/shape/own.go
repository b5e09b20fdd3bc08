package shape

import (
	"slices"

	"altavoz/schemas"
	"altavoz/schemas/request/fault"
)

// Own is what recipients tap of their own, in a list of any length: of each kind, beside each header and footer of their own, the first one.
type Own struct{ first []own }

type own struct {
	at     uint32
	shape  *schemas.Shape
	member string
	header schemas.HeaderKind // none: it has that of all
	footer bool
}

// Note takes in what a recipient has of its own; no shape: nothing.
func (o *Own) Note(at uint32, s *schemas.Shape, header schemas.HeaderKind, footer bool) {
	if s == nil {
		return
	}
	one := own{at, s, Of(s), header, footer}
	if !slices.ContainsFunc(o.first, func(x own) bool { return x.member == one.member && x.header == header && x.footer == footer }) {
		o.first = append(o.first, one)
	}
}

// Fault returns the first recipient whose shape does not go with what all have, and why not; no fault: there is none.
func (o *Own) Fault(c *schemas.Content) (at uint32, f *fault.FieldError) {
	for _, x := range o.first {
		with := &schemas.Content{Shape: x.shape, Header: c.GetHeader(), Footer: c.GetFooter(), Category: c.GetCategory()}
		if x.header != schemas.HeaderKind_HEADER_KIND_NONE {
			with.Header = x.header
		}
		if f := beside(with, x.member); f != nil {
			f.Field = x.member // not the header, which may be that of all
			return x.at, f
		}
	}
	return 0, nil
}
