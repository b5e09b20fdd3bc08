package request

import (
	"fmt"
	"unicode/utf16"

	"altavoz/schemas"
	"altavoz/schemas/rules"
)

// ContentFaults returns what is wrong with a content as it was given, whichever way it came in: over HTTP, as JSON or as Protobuf. Literal: what
// looks like a placeholder is meant as text.
func ContentFaults(x *schemas.Content, literal bool) (out []*FieldError) {
	add := func(field, code, spanish string, args ...any) {
		out = append(out, &FieldError{Field: field, Code: code, Spanish: fmt.Sprintf(spanish, args...)})
	}
	if rules.Blank(x.GetBody()) {
		add("body_text", CodeRequired, BodyMissing)
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
		if n := characters(t.text); n > t.most {
			add(t.field, CodeTooLong, "El campo '%s' admite como máximo %d caracteres y tiene %d", t.field, t.most, n)
		}
		if t.oneLine && !rules.OneLine(t.text) {
			add(t.field, CodeValue, "El campo '%s' no admite saltos de línea ni tabulaciones", t.field)
		}
		if found, sure := rules.Placeholder(t.text); sure && !literal {
			out = append(out, unfilled(t.field, found))
		}
	}
	if text := x.GetButtonUrl(); text != "" {
		out = append(out, linkFault("button_url", text, "una URL completa que empiece por http:// o https://", true, literal)...)
	}
	return append(out, mediaFaults(x, literal)...)
}

func mediaFaults(x *schemas.Content, literal bool) []*FieldError {
	m := x.GetMedia()
	switch {
	case x.GetHeader().MaxBytes() == 0 && m != nil:
		return []*FieldError{{Field: "header_type", Code: CodeValue, Spanish: "Un archivo necesita 'header_type' image, video o document"}}
	case m.GetMediaId() != "" || m.GetLink() != "": // what altavoz resolves files to: given, nobody has looked at it
		return []*FieldError{{Field: "header_content", Code: CodeValue, Spanish: "El archivo debe darse como URL o con su contenido, no con 'media_id' ni 'link'"}}
	case m.GetUrl() != "":
		return linkFault("header_content", m.GetUrl(), "una URL http:// o https://, o un archivo data:<tipo>;base64,...", false, literal)
	}
	return nil
}

func unfilled(field, found string) *FieldError {
	return &FieldError{
		Field: field, Code: CodePlaceholder, Spanish: "El campo '" + field + "' tiene un marcador sin reemplazar: " + found,
		Hint: `reemplácelo antes de enviar; si de verdad es texto: "literal": true`,
	}
}

// linkFault wants an absolute link that a phone can open.
func linkFault(field, text, what string, public, literal bool) []*FieldError {
	fault := func(code, spanish string) []*FieldError {
		return []*FieldError{{Field: field, Code: code, Spanish: spanish}}
	}
	if n := characters(text); n > MaxURL {
		return fault(CodeTooLong, fmt.Sprintf("El campo '%s' admite como máximo %d caracteres y tiene %d", field, MaxURL, n))
	}
	if found, sure := rules.LinkPlaceholder(text); sure && !literal {
		return []*FieldError{unfilled(field, found)}
	}
	switch rules.Link(text, public) {
	case rules.LinkBroken:
		return fault(CodeURL, "El campo '"+field+"' debe ser "+what)
	case rules.LinkUser:
		return fault(CodeURL, "El campo '"+field+"' no puede llevar usuario ni contraseña")
	case rules.LinkPrivate:
		return fault(CodeURL, "El campo '"+field+"' lleva a una dirección que solo existe en una red privada: nadie podrá abrirla")
	case rules.LinkGood:
	}
	return nil
}

// Doubts returns what may be a placeholder that nobody filled in, or text: a person decides. Field by field, Spanish.
func Doubts(x *schemas.Content) (out []string) {
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
			out = append(out, "El campo '"+t.field+"' tiene "+found+": ¿un marcador sin reemplazar? Se envía tal cual")
		}
	}
	return out
}

// characters counts as the Cloud API is feared to: it does not say what a character is, so UTF-16 units, the larger count.
func characters(text string) int {
	n := 0
	for _, c := range text {
		n += utf16.RuneLen(c)
	}
	return n
}
