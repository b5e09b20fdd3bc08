package request

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/go-json-experiment/json/jsontext"

	"altavoz/schemas"
	"altavoz/schemas/es"
	"altavoz/schemas/shape"
)

// shape reads a member that is what a recipient taps.
func (r *reader) shape(name string) error {
	var text bytes.Buffer
	enc := jsontext.NewEncoder(&text)
	err := r.tokens(func(tok jsontext.Token) error {
		if text.Len() > shape.MaxJSON { // it is read to its end and refused
			return nil
		}
		return enc.WriteToken(tok)
	})
	if err != nil {
		return err
	}
	s, ignored, fault := shape.Read(name, text.Bytes(), r.lim.Lenient)
	for _, field := range ignored {
		if len(r.req.Warnings) < maxWarnings {
			r.req.Warnings = append(r.req.Warnings, es.Say(es.FieldIgnored, field))
		}
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
