package request

import (
	"fmt"
	"slices"

	"altavoz/schemas"
	"altavoz/schemas/content"
	"altavoz/schemas/es"
	"altavoz/schemas/shape"
)

// shape reads a member that is what recipients tap.
func (r *reader) shape(name string) error {
	text, err := r.raw(shape.MaxJSON)
	if err != nil {
		return err
	}
	s, ignored, fault := shape.Read(name, text, r.lim.Lenient)
	for _, field := range ignored {
		r.ignores(field)
	}
	if fault != nil {
		r.bad[name] = fault
	}
	if s != nil {
		r.req.Content.Shape = s
		r.shapes = append(r.shapes, name)
	}
	return nil
}

// ownShape reads that of one recipient.
func (r *reader) ownShape(p *person, name string) error {
	skipped := r.skipped
	text, err := r.raw(shape.MaxJSON)
	if r.skipped = skipped; err != nil {
		return err
	}
	s, ignored, fault := shape.Read(name, text, r.lim.Lenient)
	for _, field := range ignored {
		r.ignores("recipients[]." + field)
	}
	if before := shape.Of(p.shape); s != nil && before != "" { //mutant:one-shape-a-recipient
		s, fault = nil, shape.Apart(min(before, name), max(before, name))
	}
	if fault != nil {
		fault.Under(r.path)
		p.faults = append(p.faults, fault)
	}
	if s != nil {
		p.shape = s
		p.put(name, s.Digest()) //mutant:other-buttons-are-another-request
		p.bytes += s.Bytes()
	}
	return nil
}

// ignores warns, once, of an unknown member.
func (r *reader) ignores(field string) {
	s := es.Say(es.FieldIgnored, field)
	if len(r.req.Warnings) < maxWarnings && !slices.ContainsFunc(r.req.Warnings, func(w es.Sentence) bool { return slices.Equal(w.Args, s.Args) && w.Code == s.Code }) {
		r.req.Warnings = append(r.req.Warnings, s)
	}
}

// ownOptOuts warns of the first recipient with a button of its own that opts out.
func (r *reader) ownOptOuts(c *schemas.Content) {
	q := r.people
	if q.optsOut {
		return
	}
	for _, w := range content.OptOuts(c) {
		w.Args[0] = r.path(w.Args[0])
		q.optsOut, r.req.Warnings = true, append(r.req.Warnings, w)
	}
}

// shapesApart refuses what a recipient taps of its own where it does not go with what all have.
func (r *reader) shapesApart() {
	if at, f := r.people.shapes.Fault(r.req.Content); f != nil && !r.isBad("recipients") { //mutant:own-list-goes-with-the-header-of-all
		r.people.at = at
		if f.Field = r.path(f.Field); len(f.Says.Args) > 0 {
			f.Says.Args[0] = f.Field
		}
		r.bad["recipients"] = f
	}
}

// oneShape refuses a second shape, and a link of somebody's own beside one that all have.
func (r *reader) oneShape() {
	slices.Sort(r.shapes)
	if len(r.shapes) > 1 { //mutant:one-shape-a-message
		r.bad[r.shapes[0]] = shape.Apart(r.shapes[0], r.shapes[1])
		return
	}
	name := shape.Of(r.req.Content.GetShape())
	if q := r.people; name != "" && q != nil && q.link.is && !r.isBad("recipients") {
		r.bad["recipients"] = shape.Apart(fmt.Sprintf("recipients[%d].%s", q.link.at, q.linkField), name)
	}
}

// shapeTexts are the texts of a content's shape that are filled in.
func shapeTexts(c *schemas.Content) (all []fieldText) {
	for _, t := range shape.Texts(c.GetShape()) {
		all = append(all, fieldText{t.Field, *t.Value})
	}
	return all
}
