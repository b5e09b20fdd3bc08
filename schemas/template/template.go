// Package template knows message templates as Meta returns them: reads their definitions, tells whether a use fits one, and shows the text that a
// recipient would see. It makes no calls and remembers nothing.
package template

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Definition is one language of a template.
type Definition struct {
	ID       string `json:"id,omitzero"`
	Name     string `json:"name"`
	Language string `json:"language"` // as es_CO
	Status   string `json:"status"`   // Meta's word
	Category string `json:"category,omitzero"`
	Reason   string `json:"rejected_reason,omitzero"`
	Quality  string `json:"quality,omitzero"`
	// Named says that its variables have names; otherwise they have numbers.
	Named   bool     `json:"named"`
	Header  Header   `json:"header,omitzero"`
	Body    string   `json:"body,omitzero"`
	Footer  string   `json:"footer,omitzero"`
	Buttons []Button `json:"buttons,omitempty"`
	// Others are the kinds of its components that altavoz fills nothing into, as CAROUSEL.
	Others []string `json:"others,omitempty"`
}

// Header is a template's header.
type Header struct {
	Kind string `json:"kind"` // text, image, video, document, location, or Meta's word in lower case
	Text string `json:"text,omitzero"`
}

// Button is one button of a template.
type Button struct {
	Kind string `json:"kind"` // url, quick_reply, copy_code, phone_number, or Meta's word in lower case
	Text string `json:"text,omitzero"`
	URL  string `json:"url,omitzero"`
}

// The kinds of headers and buttons that can have a value.
const (
	KindText       = "text"
	KindImage      = "image"
	KindVideo      = "video"
	KindDocument   = "document"
	KindURL        = "url"
	KindQuickReply = "quick_reply"
	KindCopyCode   = "copy_code"
)

// Use is how a message uses a template.
type Use struct {
	Name, Language string
	Header         string // kind of the header that it has a value or a file for; "": of none
	HeaderValue    *Value // of a text header
	Body           []Value
	Buttons        []ButtonValue
}

// Value is what stands in the place of a variable.
type Value struct {
	Name string // "" for numbered variables
	Text string
	// Open says that text is completed for each recipient: its length is not known, nor whether it is empty.
	Open bool
}

// ButtonValue is the value of one button.
type ButtonValue struct {
	Index int    // of the template's buttons, from 0
	Kind  string // url, quick_reply, copy_code
	Text  string
	Open  bool
}

// Variable is a variable of a template.
type Variable struct {
	Part string `json:"part"` // header, body, or buttons[0]
	Name string `json:"name"` // or its number
}

// The parts of a template that have variables.
const (
	partHeader = "header"
	partBody   = "body"
)

func partButton(i int) string { return fmt.Sprintf("buttons[%d]", i) }

var placeholder = regexp.MustCompile(`\{\{\s*([A-Za-z0-9_]+)\s*\}\}`)

// names returns the variables of a text, each once, in the order in which they come up.
func names(text string) (all []string) {
	for _, m := range placeholder.FindAllStringSubmatch(text, -1) {
		if !slices.Contains(all, m[1]) {
			all = append(all, m[1])
		}
	}
	return all
}

// Variables returns what a use of the template has to have values for. A quick reply, whose value may be left out, is not among them.
func (d *Definition) Variables() (all []Variable) {
	for _, name := range names(d.Header.Text) {
		all = append(all, Variable{partHeader, name})
	}
	for _, name := range names(d.Body) {
		all = append(all, Variable{partBody, name})
	}
	for i, b := range d.Buttons {
		if b.Kind == KindCopyCode {
			all = append(all, Variable{partButton(i), "1"})
			continue
		}
		for _, name := range names(b.URL) {
			all = append(all, Variable{partButton(i), name})
		}
	}
	return all
}

// Preview returns the text of a message that uses the template: header, body, footer and buttons, each on lines of its own. A variable without a
// value stays as it is.
func (d *Definition) Preview(u *Use) string {
	var parts []string
	switch {
	case d.Header.Text != "":
		parts = append(parts, fill(d.Header.Text, d.headerValue(u)))
	case d.Header.Kind != "":
		parts = append(parts, "["+d.Header.Kind+"]")
	}
	parts = append(parts, fill(d.Body, d.bodyValue(u)))
	if d.Footer != "" {
		parts = append(parts, d.Footer)
	}
	for i, b := range d.Buttons {
		line := "[" + b.Text + "]"
		if b.URL != "" {
			line += " " + fill(b.URL, buttonValue(u, i))
		}
		parts = append(parts, line)
	}
	return strings.Join(parts, "\n")
}

// fill puts values in the place of a text's variables. What is put in is not read again.
func fill(text string, value func(name string) (string, bool)) string {
	return placeholder.ReplaceAllStringFunc(text, func(found string) string {
		if v, ok := value(placeholder.FindStringSubmatch(found)[1]); ok {
			return v
		}
		return found
	})
}

func (d *Definition) headerValue(u *Use) func(string) (string, bool) {
	return func(string) (string, bool) {
		if u.HeaderValue == nil {
			return "", false
		}
		return u.HeaderValue.Text, true
	}
}

func (d *Definition) bodyValue(u *Use) func(string) (string, bool) {
	order := names(d.Body)
	return func(name string) (string, bool) {
		i := slices.IndexFunc(u.Body, func(v Value) bool { return v.Name == name })
		if !d.Named {
			i = slices.Index(d.numbered(order), name)
		}
		if i < 0 || i >= len(u.Body) {
			return "", false
		}
		return u.Body[i].Text, true
	}
}

// numbered returns numbered variables in the order of their numbers, which is that of the values.
func (d *Definition) numbered(all []string) []string {
	out := slices.Clone(all)
	slices.SortFunc(out, func(a, b string) int {
		if len(a) != len(b) {
			return len(a) - len(b)
		}
		return strings.Compare(a, b)
	})
	return out
}

func buttonValue(u *Use, index int) func(string) (string, bool) {
	return func(string) (string, bool) {
		for _, b := range u.Buttons {
			if b.Index == index {
				return b.Text, true
			}
		}
		return "", false
	}
}
