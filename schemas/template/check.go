package template

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"altavoz/schemas/es"
	"altavoz/schemas/request/fault"
	"altavoz/schemas/rules"
)

// Limits of a message that uses a template, in characters.
const (
	maxHeader   = 60
	maxBody     = 1024
	maxBodyOnly = 32768 // of a template with nothing but a body
	maxURL      = 2000
	maxSpaces   = 4 // in a row
)

// Problem is one reason why a use does not fit.
type Problem struct {
	Field      string // name, language, header, header.content, body, body[0], body.name or buttons[0]
	Code       string
	Hint, Says es.Sentence
}

// Waits reports whether the problem is one that Meta ends by itself: the template is paused.
func (p *Problem) Waits() bool {
	return p.Says.Code == es.TemplateStatus && slices.Contains(p.Says.Args, paused)
}

// paused is the status of a template that may be sent again later.
const paused = "PAUSED"

// unusable are the statuses in which a template can't be sent. One that is not known here may be Meta's newest.
var unusable = []string{
	"PENDING", "REJECTED", paused, "DISABLED", "IN_APPEAL", "PENDING_DELETION", "DELETED", "ARCHIVED", "LIMIT_EXCEEDED",
}

// maxListed bounds the languages that a hint names.
const maxListed = 20

// Find returns the definition that a use names, among those of its account, or why there is none.
func Find(all []Definition, name, language string) (*Definition, *Problem) {
	var languages []string
	for i := range all {
		d := &all[i]
		if d.Name != name {
			continue
		}
		if d.Language == language {
			return d, nil
		}
		languages = append(languages, d.Language)
	}
	if len(languages) == 0 {
		return nil, &Problem{"name", fault.CodeTemplate, es.Say(es.TemplateUnknownHint), es.Say(es.TemplateUnknown, name)}
	}
	slices.Sort(languages)
	list := strings.Join(languages[:min(len(languages), maxListed)], ", ")
	return nil, &Problem{"language", fault.CodeTemplate, es.Say(es.TemplateLanguageHint, list), es.Say(es.TemplateLanguage, name, language)}
}

// Check returns why Meta would not send a message that uses the template; nothing where it would. What stands in an open value is not known and
// not judged.
func Check(d *Definition, u *Use) (all []Problem) {
	add := func(field, code string, hint es.Sentence, says es.Code, args ...any) {
		all = append(all, Problem{field, code, hint, es.Say(says, args...)})
	}
	if slices.Contains(unusable, d.Status) { //mutant:template-that-is-not-approved-is-refused
		add("name", fault.CodeTemplate, es.Say(es.TemplateStatusHint), es.TemplateStatus, d.Name, d.Status, cmp.Or(d.Reason, "-"))
	}
	for _, kind := range d.Others {
		add("name", fault.CodeTemplate, es.Say(es.TemplateOtherHint), es.TemplateOther, d.Name, kind)
	}
	all = append(all, checkHeader(d, u)...)
	all = append(all, checkBody(d, u)...)
	all = append(all, checkButtons(d, u)...)
	return all
}

func checkHeader(d *Definition, u *Use) (all []Problem) {
	wants := d.Header.Kind
	if wants == KindText && len(names(d.Header.Text)) == 0 {
		wants = "" // it is part of the template
	}
	if u.Header != wants {
		switch {
		case wants == "":
			return []Problem{{partHeader, fault.CodeTooMany, es.Say(es.TemplateNoHeaderHint), es.Say(es.TemplateNoHeader, d.Name)}}
		case u.Header == "":
			return []Problem{{partHeader, fault.CodeRequired, es.Say(es.TemplateHeaderHint, wants), es.Say(es.TemplateHeader, d.Name, wants)}}
		}
		return []Problem{{"header.type", fault.CodeValue, es.Say(es.TemplateHeaderHint, wants), es.Say(es.TemplateHeaderKind, d.Name, wants, u.Header)}}
	}
	if wants != KindText {
		return nil
	}
	if u.HeaderValue == nil {
		return []Problem{{partHeader, fault.CodeRequired, es.Say(es.TemplateHeaderHint, wants), es.Say(es.TemplateHeader, d.Name, wants)}}
	}
	v, name := u.HeaderValue, names(d.Header.Text)[0]
	switch {
	case d.Named && v.Name == "":
		return []Problem{{"header.name", fault.CodeRequired, es.Say(es.TemplateNamesHint, name), es.Say(es.TemplateNameMissing, d.Name)}}
	case d.Named && v.Name != name:
		return []Problem{{"header.name", fault.CodeValue, es.Say(es.TemplateNamesHint, name), es.Say(es.TemplateNameUnknown, d.Name, v.Name)}}
	case !d.Named && v.Name != "":
		return []Problem{{"header.name", fault.CodeValue, es.Sentence{}, es.Say(es.TemplateNumbered, d.Name)}}
	}
	if p := forbidden("header.content", v.Text, v.Open); p != nil {
		return []Problem{*p}
	}
	return long("header.content", fill(d.Header.Text, d.headerValue(u)), maxHeader, v.Open)
}

func checkBody(d *Definition, u *Use) (all []Problem) {
	want := d.numbered(names(d.Body))
	if d.Named {
		want = names(d.Body)
		all = namesOf(d, u, want)
	} else {
		all = numbersOf(d, u, want)
	}
	if len(all) > 0 {
		return all
	}
	open := false
	for i, v := range u.Body {
		open = open || v.Open
		if p := forbidden(bodyField(i, v.Name), v.Text, v.Open); p != nil {
			all = append(all, *p)
		}
	}
	most := maxBody
	if d.Header.Kind == "" && d.Footer == "" && len(d.Buttons) == 0 {
		most = maxBodyOnly
	}
	return append(all, long(partBody, fill(d.Body, d.bodyValue(u)), most, open)...)
}

// bodyField is what a request calls a value of the body.
func bodyField(i int, name string) string {
	if name != "" {
		return "body." + name
	}
	return fmt.Sprintf("body[%d]", i)
}

// namesOf judges the names of a body's values.
func namesOf(d *Definition, u *Use, want []string) (all []Problem) {
	hint := es.Say(es.TemplateNamesHint, listed(want))
	seen := map[string]bool{}
	for i, v := range u.Body {
		field := bodyField(i, v.Name)
		switch {
		case v.Name == "":
			all = append(all, Problem{field, fault.CodeRequired, hint, es.Say(es.TemplateNameMissing, d.Name)})
		case seen[v.Name]:
			all = append(all, Problem{field, fault.CodeTooMany, hint, es.Say(es.TemplateNameTwice, v.Name)})
		case !slices.Contains(want, v.Name):
			all = append(all, Problem{field, fault.CodeValue, hint, es.Say(es.TemplateNameUnknown, d.Name, v.Name)})
		}
		seen[v.Name] = true
	}
	for _, name := range want {
		if !seen[name] { //mutant:each-variable-of-a-template-has-a-value
			all = append(all, Problem{partBody, fault.CodeRequired, hint, es.Say(es.TemplateValueMissing, name, d.Name)})
		}
	}
	return all
}

// numbersOf judges how many values a body has.
func numbersOf(d *Definition, u *Use, want []string) []Problem {
	if len(u.Body) != len(want) {
		code := fault.CodeRequired
		if len(u.Body) > len(want) {
			code = fault.CodeTooMany
		}
		return []Problem{{partBody, code, es.Say(es.TemplateCountHint, len(want)), es.Say(es.TemplateCount, d.Name, len(want), len(u.Body))}}
	}
	for i, v := range u.Body {
		if v.Name != "" {
			return []Problem{{bodyField(i, v.Name), fault.CodeValue, es.Say(es.TemplateCountHint, len(want)), es.Say(es.TemplateNumbered, d.Name)}}
		}
	}
	return nil
}

func listed(names []string) string {
	if len(names) == 0 {
		return "-"
	}
	return strings.Join(names[:min(len(names), maxListed)], ", ")
}

func checkButtons(d *Definition, u *Use) (all []Problem) {
	given := map[int]bool{}
	for i, v := range u.Buttons {
		field := partButton(i)
		if given[v.Index] {
			all = append(all, Problem{field, fault.CodeTooMany, es.Sentence{}, es.Say(es.TemplateButtonTwice, v.Index)})
			continue
		}
		given[v.Index] = true
		if v.Index < 0 || v.Index >= len(d.Buttons) {
			all = append(all, Problem{field, fault.CodeValue, es.Say(es.TemplateButtonHint, len(d.Buttons)), es.Say(es.TemplateButton, d.Name, v.Index)})
			continue
		}
		b := d.Buttons[v.Index]
		switch {
		case b.Kind != v.Kind:
			all = append(all, Problem{field, fault.CodeValue, es.Say(es.TemplateButtonKindHint, v.Index, b.Kind), es.Say(es.TemplateButtonKind, v.Index, d.Name, b.Kind)})
		case b.Kind == KindURL && len(names(b.URL)) == 0:
			all = append(all, Problem{field, fault.CodeTooMany, es.Sentence{}, es.Say(es.TemplateButtonFixed, v.Index, d.Name)})
		case b.Kind == KindQuickReply: // nobody sees its value
		default:
			if p := forbidden(field, v.Text, v.Open); p != nil {
				all = append(all, *p)
				continue
			}
			if b.Kind == KindURL {
				all = append(all, long(field, fill(b.URL, buttonValue(u, v.Index)), maxURL, v.Open)...)
			}
		}
	}
	for i, b := range d.Buttons {
		if !given[i] && (b.Kind == KindCopyCode || len(names(b.URL)) > 0) {
			all = append(all, Problem{"buttons", fault.CodeRequired, es.Say(es.TemplateButtonKindHint, i, b.Kind), es.Say(es.TemplateButtonMissing, i, d.Name)})
		}
	}
	return all
}

// forbidden returns what Meta does not take in a value.
func forbidden(field, text string, open bool) *Problem {
	switch {
	case !open && rules.Blank(text):
		return &Problem{field, fault.CodeRequired, es.Say(es.TemplateValueHint), es.Say(es.TemplateValueEmpty)}
	case strings.ContainsAny(text, "\n\r\t") || strings.Contains(text, strings.Repeat(" ", maxSpaces+1)): //mutant:lines-in-a-value-are-refused
		return &Problem{field, fault.CodeValue, es.Say(es.TemplateValueHint), es.Say(es.TemplateValueForm, maxSpaces)}
	}
	return nil
}

// long judges the length of a text with its values. Of an open one nothing is known.
func long(field, text string, most int, open bool) []Problem {
	if n := rules.Characters(text); n > most && !open { //mutant:a-filled-template-that-is-too-long-is-refused
		return []Problem{{field, fault.CodeTooLong, es.Say(es.TemplateLongHint), es.Say(es.TemplateLong, most, n)}}
	}
	return nil
}
