// Package content holds the content of a broadcast to the rules that every way in has: over HTTP, as JSON or as Protobuf. Pure functions.
package content

import (
	"altavoz/schemas"
	"altavoz/schemas/es"
	"altavoz/schemas/optout"
	"altavoz/schemas/request/fault"
	"altavoz/schemas/rules"
	"altavoz/schemas/shape"
	"altavoz/schemas/template/use"
)

// Faults returns what is wrong with a content as it was given, whichever way it came in: over HTTP, as JSON or as Protobuf. Literal: what
// looks like a placeholder is meant as text.
func Faults(x *schemas.Content, literal bool) (out []*fault.FieldError) {
	add := func(field, code string, says es.Code, args ...any) {
		out = append(out, fault.New(field, code, says, args...))
	}
	switch auto := x.GetRoute() == schemas.Route_ROUTE_AUTO; {
	case auto && !x.HasBoth():
		f := fault.New("route", fault.CodeValue, es.RouteTemplate)
		f.Hint = es.Say(es.RouteTemplateHint)
		return []*fault.FieldError{f}
	case auto && x.GetTemplate() != nil:
		return append(Faults(x.Interactive(), literal), templateFaults(x, literal)...)
	case x.GetTemplate() != nil:
		return templateFaults(x, literal)
	}
	if rules.Blank(x.GetBody()) {
		add("body_text", fault.CodeRequired, es.BodyMissing)
	}
	for _, t := range []struct {
		field, text string
		most        int
		oneLine     bool
	}{
		{"body_text", x.GetBody(), rules.MaxBodyText, false},
		{"header_content", x.GetHeaderText(), rules.MaxHeaderText, true},
		{"button_text", x.GetButtonText(), rules.MaxButtonText, true},
		{"footer_text", x.GetFooter(), rules.MaxFooterText, false},
	} {
		if n := rules.Characters(t.text); n > t.most {
			add(t.field, fault.CodeTooLong, es.FieldLong, t.field, t.most, n)
		}
		if t.oneLine && !rules.OneLine(t.text) {
			add(t.field, fault.CodeValue, es.FieldLines, t.field)
		}
		if literal {
			continue
		}
		if found, sure := rules.Placeholder(t.text); sure {
			out = append(out, Unfilled(t.field, found))
		}
	}
	for _, t := range shape.Texts(x.GetShape()) {
		if found, sure := rules.Placeholder(*t.Value); sure && !literal {
			out = append(out, Unfilled(t.Field, found))
		}
	}
	if f := shape.Check(x); f != nil {
		out = append(out, f)
	}
	if text := x.GetButtonUrl(); text != "" {
		out = append(out, LinkFault("button_url", text, es.FieldURL, true, literal)...)
	}
	return append(out, mediaFaults(x, literal)...)
}

func mediaFaults(x *schemas.Content, literal bool) []*fault.FieldError {
	m := x.GetMedia()
	switch {
	case x.GetHeader().MaxBytes() == 0 && m != nil:
		return []*fault.FieldError{fault.New("header_type", fault.CodeValue, es.FileNeedsHeader)}
	case m.GetMediaId() != "" || m.GetLink() != "": // what altavoz resolves files to: given, nobody has looked at it
		return []*fault.FieldError{fault.New("header_content", fault.CodeValue, es.FileByURL)}
	case m.GetUrl() != "":
		return LinkFault("header_content", m.GetUrl(), es.FieldURLOrFile, false, literal)
	}
	return nil
}

// Unfilled is that a field has a placeholder that nobody fills in.
func Unfilled(field, found string) *fault.FieldError {
	e := fault.New(field, fault.CodePlaceholder, es.Placeholder, field, found)
	e.Hint = es.Say(es.PlaceholderHint)
	return e
}

// LinkFault wants an absolute link, public one that a phone can open; form is what is said of what is none.
func LinkFault(field, text string, form es.Code, public, literal bool) []*fault.FieldError {
	refuse := func(code string, says es.Code, args ...any) []*fault.FieldError {
		return []*fault.FieldError{fault.New(field, code, says, args...)}
	}
	if n := rules.Characters(text); n > rules.MaxURL {
		return refuse(fault.CodeTooLong, es.FieldLong, field, rules.MaxURL, n)
	}
	if found, sure := rules.LinkPlaceholder(text); sure && !literal {
		return []*fault.FieldError{Unfilled(field, found)}
	}
	switch rules.Link(text, public) {
	case rules.LinkBroken:
		return refuse(fault.CodeURL, form, field)
	case rules.LinkUser:
		return refuse(fault.CodeURL, es.FieldUser, field)
	case rules.LinkPrivate:
		return refuse(fault.CodeURL, es.FieldPrivate, field)
	case rules.LinkGood:
	}
	return nil
}

// Doubts returns what may be a placeholder that nobody filled in, or text: a person decides. Field by field.
func Doubts(x *schemas.Content) (out []es.Sentence) {
	out = use.Doubts(x.GetTemplate())
	for _, t := range shape.Texts(x.GetShape()) {
		if found, sure := rules.Placeholder(*t.Value); found != "" && !sure {
			out = append(out, es.Say(es.PlaceholderDoubt, t.Field, found))
		}
	}
	for _, t := range []struct {
		field, text string
		find        func(string) (string, bool)
	}{
		{"body_text", x.GetBody(), rules.Placeholder},
		{"header_content", x.GetHeaderText(), rules.Placeholder},
		{"button_text", x.GetButtonText(), rules.Placeholder},
		{"footer_text", x.GetFooter(), rules.Placeholder},
		{"button_url", x.GetButtonUrl(), rules.LinkPlaceholder},
		{"header_content", x.GetMedia().GetUrl(), rules.LinkPlaceholder},
	} {
		if found, sure := t.find(t.text); found != "" && !sure {
			out = append(out, es.Say(es.PlaceholderDoubt, t.field, found))
		}
	}
	return out
}

// OptOuts returns which reply buttons opt out who taps them, because their id or title is one of the words for it: it may be meant otherwise.
func OptOuts(x *schemas.Content) (out []es.Sentence) {
	if x.GetShape().GetButtons() == nil { // of rows nothing is read
		return nil
	}
	for _, t := range shape.Texts(x.GetShape()) {
		if optout.Read(*t.Value) == optout.WishOut { //mutant:a-button-that-opts-out-is-told
			out = append(out, es.Say(es.TapOptsOut, t.Field, *t.Value))
		}
	}
	return out
}
