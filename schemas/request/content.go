package request

import (
	"altavoz/schemas"
	"altavoz/schemas/es"
	"altavoz/schemas/rules"
)

// ContentFaults returns what is wrong with a content as it was given, whichever way it came in: over HTTP, as JSON or as Protobuf. Literal: what
// looks like a placeholder is meant as text.
func ContentFaults(x *schemas.Content, literal bool) (out []*FieldError) {
	add := func(field, code string, says es.Code, args ...any) {
		out = append(out, Fault(field, code, says, args...))
	}
	if rules.Blank(x.GetBody()) {
		add("body_text", CodeRequired, es.BodyMissing)
	}
	for _, t := range []struct {
		field, text string
		most        int
		oneLine     bool
	}{
		{"body_text", x.GetBody(), MaxBodyText, false},
		{"header_content", x.GetHeaderText(), MaxHeaderText, true},
		{"button_text", x.GetButtonText(), MaxButtonText, true},
		{"footer_text", x.GetFooter(), MaxFooterText, false},
	} {
		if n := rules.Characters(t.text); n > t.most {
			add(t.field, CodeTooLong, es.FieldLong, t.field, t.most, n)
		}
		if t.oneLine && !rules.OneLine(t.text) {
			add(t.field, CodeValue, es.FieldLines, t.field)
		}
		if literal {
			continue
		}
		if found, sure := rules.Placeholder(t.text); sure {
			out = append(out, unfilled(t.field, found))
		}
	}
	if text := x.GetButtonUrl(); text != "" {
		out = append(out, linkFault("button_url", text, es.FieldURL, true, literal)...)
	}
	return append(out, mediaFaults(x, literal)...)
}

func mediaFaults(x *schemas.Content, literal bool) []*FieldError {
	m := x.GetMedia()
	switch {
	case x.GetHeader().MaxBytes() == 0 && m != nil:
		return []*FieldError{Fault("header_type", CodeValue, es.FileNeedsHeader)}
	case m.GetMediaId() != "" || m.GetLink() != "": // what altavoz resolves files to: given, nobody has looked at it
		return []*FieldError{Fault("header_content", CodeValue, es.FileByURL)}
	case m.GetUrl() != "":
		return linkFault("header_content", m.GetUrl(), es.FieldURLOrFile, false, literal)
	}
	return nil
}

func unfilled(field, found string) *FieldError {
	e := Fault(field, CodePlaceholder, es.Placeholder, field, found)
	e.Hint = es.Say(es.PlaceholderHint)
	return e
}

// linkFault wants an absolute link that a phone can open.
func linkFault(field, text string, form es.Code, public, literal bool) []*FieldError {
	fault := func(code string, says es.Code, args ...any) []*FieldError {
		return []*FieldError{Fault(field, code, says, args...)}
	}
	if n := rules.Characters(text); n > MaxURL {
		return fault(CodeTooLong, es.FieldLong, field, MaxURL, n)
	}
	if found, sure := rules.LinkPlaceholder(text); sure && !literal {
		return []*FieldError{unfilled(field, found)}
	}
	switch rules.Link(text, public) {
	case rules.LinkBroken:
		return fault(CodeURL, form, field)
	case rules.LinkUser:
		return fault(CodeURL, es.FieldUser, field)
	case rules.LinkPrivate:
		return fault(CodeURL, es.FieldPrivate, field)
	case rules.LinkGood:
	}
	return nil
}

// Doubts returns what may be a placeholder that nobody filled in, or text: a person decides. Field by field.
func Doubts(x *schemas.Content) (out []es.Sentence) {
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
