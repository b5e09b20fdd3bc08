package use

import (
	"fmt"
	"regexp"
	"strings"

	"altavoz/schemas"
	"altavoz/schemas/es"
	"altavoz/schemas/request/fault"
	"altavoz/schemas/rules"
)

// What the use of a template may have, as Meta has it. Lengths are in characters (rules.Characters).
const (
	MaxName    = 512
	MaxValues  = 100 // of a body of 1,024 characters that is little else
	MaxButtons = 10
	MaxPayload = 256
	MaxCode    = 20
	MaxBytes   = 32 << 10 // of all values: what a broadcast may have beside them fits into a record of content too
	maxSpaces  = 4        // in a row
	maxVarName = 64
)

var (
	nameForm     = regexp.MustCompile(`^[a-z0-9_]+$`)
	languageForm = regexp.MustCompile(`^[a-z]{2,3}(_[A-Z]{2})?$`)
	variableForm = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
)

// Text is one of a template's values.
type Text struct {
	Field string // as a request calls it: template.body.nombre, template.body[0]
	Value *string
	Kind  Kind
}

// Kind is what a value is for, which says what it may be.
type Kind uint8

// The kinds.
const (
	Header Kind = iota
	Body
	Suffix
	Payload
	Copied
)

// most is how long a value of the kind may be.
func (k Kind) most() int {
	return [...]int{Header: rules.MaxHeaderText, Body: rules.MaxBodyText, Suffix: rules.MaxURL, Payload: MaxPayload, Copied: MaxCode}[k]
}

// Texts returns the values of a template, in the order of its parts; of nil there are none. Whoever changes one changes the template.
func Texts(t *schemas.Template) (all []Text) {
	if v := t.GetHeaderValue(); v != nil {
		all = append(all, Text{"template.header.content", &v.Text, Header})
	}
	for i, v := range t.GetBody() {
		field := fmt.Sprintf("template.body[%d]", i)
		if v.GetName() != "" {
			field = "template.body." + v.GetName()
		}
		all = append(all, Text{field, &v.Text, Body})
	}
	for i, b := range t.GetButtons() {
		if k, ok := kinds[b.GetKind()]; ok {
			all = append(all, Text{fmt.Sprintf("template.buttons[%d].%s", i, k.member), &b.Value, k.kind})
		}
	}
	return all
}

// kinds are the kinds of buttons that have a value.
var kinds = map[schemas.TemplateButtonKind]struct {
	member string
	kind   Kind
}{
	schemas.TemplateButtonKind_TEMPLATE_BUTTON_KIND_URL_SUFFIX:  {"url_suffix", Suffix},
	schemas.TemplateButtonKind_TEMPLATE_BUTTON_KIND_QUICK_REPLY: {"payload", Payload},
	schemas.TemplateButtonKind_TEMPLATE_BUTTON_KIND_COPY_CODE:   {"copy_code", Copied},
}

// Check returns what is wrong with a value that is filled in; nil: nothing.
func (t Text) Check() *fault.FieldError {
	if rules.Blank(*t.Value) { //mutant:an-empty-value-of-a-template-is-refused
		return hinted(t.Field, fault.CodeRequired, es.UseValueEmpty, t.Field)
	}
	if n := rules.Characters(*t.Value); n > t.Kind.most() {
		return fault.New(t.Field, fault.CodeTooLong, es.FieldLong, t.Field, t.Kind.most(), n)
	}
	switch {
	case t.Kind == Payload: // nobody sees it
	case !rules.OneLine(*t.Value) || strings.Contains(*t.Value, strings.Repeat(" ", maxSpaces+1)): //mutant:a-value-of-a-template-is-one-line
		return hinted(t.Field, fault.CodeValue, es.UseValueForm, t.Field, maxSpaces)
	case t.Kind == Suffix && (strings.Contains(*t.Value, "://") || strings.ContainsRune(*t.Value, ' ')):
		return fault.New(t.Field, fault.CodeURL, es.UseSuffix, t.Field)
	}
	return nil
}

func hinted(field, code string, says es.Code, args ...any) *fault.FieldError {
	f := fault.New(field, code, says, args...)
	f.Hint = es.Say(es.UseValueHint)
	return f
}

// Faults returns what is wrong with the use of a template as it was given, but for its file, and for what looks like a placeholder.
func Faults(t *schemas.Template) (all []*fault.FieldError) {
	add := func(field, code string, says es.Code, args ...any) *fault.FieldError {
		f := fault.New(field, code, says, append([]any{field}, args...)...)
		all = append(all, f)
		return f
	}
	switch {
	case t.GetName() == "":
		_ = add("template.name", fault.CodeRequired, es.UseMember)
	case !nameForm.MatchString(t.GetName()) || len(t.GetName()) > MaxName:
		_ = add("template.name", fault.CodeValue, es.UseName, MaxName)
	}
	switch l := t.GetLanguage(); {
	case l == "":
		add("template.language", fault.CodeRequired, es.UseMember).Hint = es.Say(es.UseLanguageHint)
	case !languageForm.MatchString(l):
		f := add("template.language", fault.CodeValue, es.UseLanguage)
		if f.Hint = es.Say(es.UseLanguageHint); languageForm.MatchString(near(l)) {
			f.Hint = es.Say(es.UseLanguageNear, near(l))
		}
	}
	all = append(all, headerFaults(t)...)
	all = append(all, bodyFaults(t)...)
	all = append(all, buttonFaults(t)...)
	bytes := 0
	for _, v := range Texts(t) {
		if f := v.Check(); f != nil {
			all = append(all, f)
		}
		bytes += len(*v.Value)
	}
	if bytes > MaxBytes { //mutant:values-of-a-template-fit-into-its-record
		_ = add("template", fault.CodeTooLong, es.UseBytes, MaxBytes, bytes)
	}
	return all
}

// near is a language as Meta writes it: es-co is es_CO.
func near(language string) string {
	l, country, _ := strings.Cut(strings.ReplaceAll(language, "-", "_"), "_")
	return strings.TrimSuffix(strings.ToLower(l)+"_"+strings.ToUpper(country), "_")
}

func headerFaults(t *schemas.Template) []*fault.FieldError {
	v, text := t.GetHeaderValue(), t.GetHeader() == schemas.HeaderKind_HEADER_KIND_TEXT
	named := len(t.GetBody()) > 0 && t.GetBody()[0].GetName() != ""
	switch {
	case !text && v != nil:
		return []*fault.FieldError{fault.New("template.header.content", fault.CodeValue, es.UseHeaderNone, "template.header.content")}
	case text && v == nil:
		return []*fault.FieldError{fault.New("template.header.content", fault.CodeRequired, es.UseMember, "template.header.content")}
	case !text:
		return nil
	case v.GetName() == "" && named:
		return []*fault.FieldError{fault.New("template.header.name", fault.CodeRequired, es.UseHeaderName, "template.header.name")}
	case v.GetName() != "" && len(t.GetBody()) > 0 && !named:
		return []*fault.FieldError{fault.New("template.header.name", fault.CodeValue, es.UseHeaderUnname, "template.header.name")}
	case v.GetName() != "" && !validVariable(v.GetName()):
		return []*fault.FieldError{fault.New("template.header.name", fault.CodeValue, es.UseVariableName, "template.header.name", maxVarName)}
	}
	return nil
}

func validVariable(name string) bool {
	return len(name) <= maxVarName && variableForm.MatchString(name)
}

func bodyFaults(t *schemas.Template) (all []*fault.FieldError) {
	if n := len(t.GetBody()); n > MaxValues {
		return []*fault.FieldError{fault.New("template.body", fault.CodeTooMany, es.UseMany, "template.body", MaxValues)}
	}
	seen := map[string]bool{}
	for _, v := range t.GetBody() {
		name := v.GetName()
		field := "template.body." + name
		switch {
		case (name == "") != (t.GetBody()[0].GetName() == ""):
			return append(all, fault.New("template.body", fault.CodeValue, es.UseMixed, "template.body"))
		case name == "":
		case !validVariable(name):
			f := fault.New(field, fault.CodeValue, es.UseVariableName, field, maxVarName)
			f.Hint = es.Say(es.UseVariableHint)
			all = append(all, f)
		case seen[name]:
			all = append(all, fault.New(field, fault.CodeDuplicate, es.UseTwice, field))
		}
		seen[name] = true
	}
	return all
}

func buttonFaults(t *schemas.Template) (all []*fault.FieldError) {
	if n := len(t.GetButtons()); n > MaxButtons {
		return []*fault.FieldError{fault.New("template.buttons", fault.CodeTooMany, es.UseMany, "template.buttons", MaxButtons)}
	}
	seen := map[uint32]bool{}
	for i, b := range t.GetButtons() {
		field := fmt.Sprintf("template.buttons[%d]", i)
		switch _, ok := kinds[b.GetKind()]; {
		case b.GetIndex() >= MaxButtons:
			all = append(all, fault.New(field+".index", fault.CodeValue, es.UseIndex, field+".index", MaxButtons-1))
		case !ok:
			all = append(all, fault.New(field, fault.CodeRequired, es.UseButtonKind, field, membersOf))
		case seen[b.GetIndex()]:
			all = append(all, fault.New(field+".index", fault.CodeDuplicate, es.UseIndexTwice, b.GetIndex()))
		}
		seen[b.GetIndex()] = true
	}
	return all
}

// membersOf are the members of a button of which it needs one.
const membersOf = "url_suffix, payload, copy_code"

// Unfilled returns the first value that has what find is sure to be a placeholder, and that; nothing where there is none.
func Unfilled(t *schemas.Template) (field, found string) {
	for _, v := range Texts(t) {
		if found, sure := rules.Placeholder(*v.Value); sure {
			return v.Field, found
		}
	}
	return "", ""
}

// Doubts returns the values that may have a placeholder that nobody filled in, or text.
func Doubts(t *schemas.Template) (out []es.Sentence) {
	for _, v := range Texts(t) {
		if found, sure := rules.Placeholder(*v.Value); found != "" && !sure {
			out = append(out, es.Say(es.PlaceholderDoubt, v.Field, found))
		}
	}
	return out
}

// Member is the first of a content's members that a template takes the place of, as a request calls it; empty: it has none of them.
func Member(c *schemas.Content) string {
	text := map[bool]string{true: "header_content"}[c.GetHeaderText() != "" || c.GetHeader() == schemas.HeaderKind_HEADER_KIND_TEXT]
	for _, m := range []struct{ name, text string }{{"body_text", c.GetBody()}, {"button_text", c.GetButtonText()}, {"button_url", c.GetButtonUrl()}, {"footer_text", c.GetFooter()}} {
		if m.text != "" {
			return m.name
		}
	}
	return text
}
