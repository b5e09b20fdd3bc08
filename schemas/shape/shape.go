// Package shape knows the messages that people answer with a tap: reply buttons, a list, and the request for a location. It reads them from
// JSON, lists their texts, and holds them to the limits of the Cloud API. Pure functions.
package shape

import (
	"fmt"
	"strings"

	"altavoz/schemas"
	"altavoz/schemas/es"
	"altavoz/schemas/request/fault"
	"altavoz/schemas/rules"
)

// Limits of the Cloud API; lengths in characters (rules.Characters).
const (
	MaxButtons     = 3
	MaxSections    = 10
	MaxRows        = 10 // of all sections together
	MaxButtonID    = 256
	MaxRowID       = 200
	MaxButtonTitle = 20
	MaxTitle       = 24 // of a section, and of a row
	MaxDescription = 72
)

// The members of a request that have a shape. A request has at most one of them.
const (
	Buttons  = "buttons"
	List     = "list"
	Location = "location_request"
)

// Members are all of them.
func Members() []string { return []string{Buttons, List, Location} }

// Of returns the member that a shape is of; empty: there is none.
func Of(s *schemas.Shape) string {
	switch s.GetKind().(type) {
	case *schemas.Shape_Buttons:
		return Buttons
	case *schemas.Shape_List:
		return List
	case *schemas.Shape_Location:
		return Location
	}
	return ""
}

// Member returns the member that a field stands in: list of list.sections[0].rows[1].title.
func Member(field string) string {
	if end := strings.IndexAny(field, ".["); end >= 0 {
		return field[:end]
	}
	return field
}

// Apart is that two fields do not go together.
func Apart(field, other string) *fault.FieldError {
	f := fault.New(field, fault.CodeValue, es.FieldsApart, field, other)
	f.Hint = es.Say(es.OneShape)
	return f
}

// Text is a text of a shape, and the rules for it.
type Text struct {
	Field  string
	Value  *string // where it stands
	Most   int     // characters
	Needed bool
}

// Texts returns the texts of a shape in the order in which a person writes them.
func Texts(s *schemas.Shape) (all []Text) {
	for i, b := range s.GetButtons().GetButtons() {
		at := fmt.Sprintf("%s[%d].", Buttons, i)
		all = append(all, Text{at + "id", &b.Id, MaxButtonID, true}, Text{at + "title", &b.Title, MaxButtonTitle, true})
	}
	l := s.GetList()
	if l == nil {
		return all
	}
	all = append(all, Text{List + ".button", &l.Button, MaxButtonTitle, true})
	for i, section := range l.GetSections() {
		at := fmt.Sprintf("%s.sections[%d].", List, i)
		all = append(all, Text{at + "title", &section.Title, MaxTitle, len(l.GetSections()) > 1})
		for j, row := range section.GetRows() {
			at := fmt.Sprintf("%srows[%d].", at, j)
			all = append(all, Text{at + "id", &row.Id, MaxRowID, true}, Text{at + "title", &row.Title, MaxTitle, true},
				Text{at + "description", &row.Description, MaxDescription, false})
		}
	}
	return all
}

// Check returns the first thing that is wrong with the shape of a content, and with what stands beside it; nil: nothing is, or it has no shape.
func Check(c *schemas.Content) *fault.FieldError {
	s := c.GetShape()
	if s == nil {
		return nil
	}
	if f := beside(c, Of(s)); f != nil {
		return f
	}
	if f := count(s); f != nil {
		return f
	}
	for _, t := range Texts(s) {
		switch n := rules.Characters(*t.Value); {
		case t.Needed && rules.Blank(*t.Value):
			return fault.New(t.Field, fault.CodeRequired, es.FieldRequired, t.Field)
		case n > t.Most: //mutant:text-of-a-shape-has-its-limit
			return fault.New(t.Field, fault.CodeTooLong, es.FieldLong, t.Field, t.Most, n)
		case !rules.OneLine(*t.Value):
			return fault.New(t.Field, fault.CodeValue, es.FieldLines, t.Field)
		}
	}
	return twice(s)
}

// beside judges what a message has besides its shape.
func beside(c *schemas.Content, member string) *fault.FieldError {
	none := schemas.HeaderKind_HEADER_KIND_NONE
	switch {
	case member == "":
		return fault.New(Buttons, fault.CodeRequired, es.FieldRequired, Buttons)
	case c.GetButtonText() != "": //mutant:one-thing-to-tap
		return Apart(member, "button_text")
	case c.GetButtonUrl() != "":
		return Apart(member, "button_url")
	case member == Location && c.GetHeader() != none:
		return Apart(member, "header_type")
	case member == Location && c.GetFooter() != "":
		return Apart(member, "footer_text")
	case member == List && c.GetHeader() != none && c.GetHeader() != schemas.HeaderKind_HEADER_KIND_TEXT:
		return fault.New("header_type", fault.CodeValue, es.ListHeader)
	case member != Buttons && c.GetCategory() != "" && c.GetCategory() != "service":
		return Apart(member, "category")
	}
	return nil
}

// count judges how many parts a shape has.
func count(s *schemas.Shape) *fault.FieldError {
	few := func(field string) *fault.FieldError {
		return fault.New(field, fault.CodeRequired, es.FieldRequired, field)
	}
	many := func(field string, most, n int) *fault.FieldError {
		f := fault.New(field, fault.CodeTooMany, es.FieldMany, field, most, n)
		f.Hint = es.Say(es.FewerParts)
		return f
	}
	switch Of(s) {
	case Buttons:
		switch n := len(s.GetButtons().GetButtons()); {
		case n == 0:
			return few(Buttons)
		case n > MaxButtons: //mutant:three-buttons
			return many(Buttons, MaxButtons, n)
		}
	case List:
		sections, rows := s.GetList().GetSections(), 0
		switch n := len(sections); {
		case n == 0:
			return few(List + ".sections")
		case n > MaxSections:
			return many(List+".sections", MaxSections, n)
		}
		for i, section := range sections {
			if len(section.GetRows()) == 0 {
				return few(fmt.Sprintf("%s.sections[%d].rows", List, i))
			}
			rows += len(section.GetRows())
		}
		if rows > MaxRows { //mutant:ten-rows
			return many(List+".sections[].rows", MaxRows, rows)
		}
	}
	return nil
}

// twice finds what has to differ and does not: ids, by which a tap is known, and titles of buttons.
func twice(s *schemas.Shape) *fault.FieldError {
	first := map[string]string{} // the field by kind and text
	for _, t := range Texts(s) {
		kind := t.Field[strings.LastIndexByte(t.Field, '.')+1:]
		if kind != "id" && (kind != "title" || Of(s) != Buttons) {
			continue
		}
		key := kind + "\x00" + strings.TrimSpace(*t.Value)
		if before, known := first[key]; known { //mutant:a-tap-is-known-by-its-id
			return fault.New(t.Field, fault.CodeDuplicate, es.FieldsAlike, t.Field, before)
		}
		first[key] = t.Field
	}
	return nil
}
