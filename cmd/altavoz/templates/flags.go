package templates

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"altavoz/client"
	"altavoz/schemas"
)

// Flags are the flags of a message by template. The server judges what they say.
type Flags struct {
	name, language, header    string
	route, beside             string
	values                    []string
	suffixes, payloads, codes []string
}

// The flags that are about --template, and those of a message in whose place it is.
var (
	about       = []string{"route", "template-header", "language", "template-value", "template-header-name", "template-url-suffix", "template-payload", "template-code"}
	interactive = []string{"body", "footer", "button", "reply", "list", "location-request"}
)

// Add adds them to a command's.
func (t *Flags) Add(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&t.name, "template", "", "a message template, by its name, in the place of --body; its image, video or document is --header")
	f.StringVar(&t.route, "route", "", "auto: beside --body; who wrote to the number within 24 hours gets that, everybody else the template")
	f.StringVar(&t.beside, "template-header", "", "with --route: the template's header, text=TEXT, or image, video or document, whose file is that of --header")
	f.StringVar(&t.language, "language", "", "the template's language, as es_CO")
	f.StringArrayVar(&t.values, "template-value", nil, "a value of its body, as nombre=Ana; for {{1}}, {{2}} without a name, in their order ('=TEXT' where the text has =)")
	f.StringVar(&t.header, "template-header-name", "", "the variable of its header, whose value is --header text=; only where its variables have names")
	f.StringArrayVar(&t.suffixes, "template-url-suffix", nil, "the end of a button's link, as 0=TEXT; the first button is 0")
	f.StringArrayVar(&t.payloads, "template-payload", nil, "what taps on a quick reply say to programs, as 0=TEXT")
	f.StringArrayVar(&t.codes, "template-code", nil, "the code that a button copies, as 0=TEXT")
}

// Fill has a draft say what they say. Its error names the flag.
func (t *Flags) Fill(cmd *cobra.Command, d *client.Draft) error {
	given := cmd.Flags().Changed
	if !given("template") {
		if !given("body") {
			return errors.New("--body or --template is missing")
		}
		for _, name := range about {
			if given(name) {
				return fmt.Errorf("--%s is about --template", name)
			}
		}
		return nil
	}
	if d.Route = t.route; d.Route == "" {
		for _, name := range interactive {
			if given(name) {
				return fmt.Errorf("--template and --%s exclude each other: a template has its own text and buttons (both: --route auto)", name)
			}
		}
		if given("template-header") {
			return errors.New("--template-header is about --route: the header is --header")
		}
	} else if d.Route != client.RouteAuto {
		return fmt.Errorf("--route %q is not auto", d.Route)
	} else if !given("body") {
		return errors.New("--route auto needs --body too: what who wrote within 24 hours gets")
	}
	if t.language == "" {
		return errors.New("--language is missing: that of the template, as es_CO (altavoz templates list shows it)")
	}
	u := &client.TemplateUse{Name: t.name, Language: t.language, HeaderName: t.header}
	u.HeaderType, u.HeaderText, _ = strings.Cut(t.beside, "=")
	for _, value := range t.values {
		name, text, ok := strings.Cut(value, "=")
		if !ok {
			name, text = "", value
		}
		u.Body = append(u.Body, client.TemplateValue{Name: name, Text: text})
		if _, err := strconv.Atoi(name); err == nil {
			return fmt.Errorf("--template-value %q: the variable {{%s}} has no name: give the values alone, in their order", value, name)
		}
		if (name == "") != (u.Body[0].Name == "") {
			return fmt.Errorf("--template-value %q: all values have a name, as name=TEXT, or none has", value)
		}
	}
	for _, of := range []struct {
		flag   string
		values []string
		button func(index int, text string) client.TemplateButton
	}{
		{"template-url-suffix", t.suffixes, func(i int, text string) client.TemplateButton {
			return client.TemplateButton{Index: i, URLSuffix: text}
		}},
		{"template-payload", t.payloads, func(i int, text string) client.TemplateButton { return client.TemplateButton{Index: i, Payload: text} }},
		{"template-code", t.codes, func(i int, text string) client.TemplateButton { return client.TemplateButton{Index: i, CopyCode: text} }},
	} {
		for _, value := range of.values {
			number, text, ok := strings.Cut(value, "=")
			i, err := strconv.Atoi(number)
			if !ok || err != nil || text == "" {
				return fmt.Errorf("--%s %q is not like 0=TEXT, where 0 is the first button", of.flag, value)
			}
			u.Buttons = append(u.Buttons, of.button(i, text))
		}
	}
	d.Template = u
	return nil
}

// Content is the texts of a draft, for what may be said of them before they are sent.
func Content(d *client.Draft) *schemas.Content {
	c := &schemas.Content{Body: d.BodyText, Footer: d.FooterText, ButtonText: d.ButtonText, ButtonUrl: d.ButtonURL}
	text := ""
	if d.HeaderType == "text" {
		text = d.HeaderContent
	}
	if d.Template == nil || d.Route == client.RouteAuto {
		c.HeaderText = text
	}
	if d.Template == nil {
		return c
	}
	if d.Route == client.RouteAuto {
		text, c.Route = d.Template.HeaderText, schemas.Route_ROUTE_AUTO
	}
	c.Template = &schemas.Template{HeaderValue: &schemas.TemplateValue{Text: text}}
	for _, v := range d.Template.Body {
		c.Template.Body = append(c.Template.Body, &schemas.TemplateValue{Name: v.Name, Text: v.Text})
	}
	for _, b := range d.Template.Buttons {
		button := &schemas.TemplateButton{Kind: schemas.TemplateButtonKind_TEMPLATE_BUTTON_KIND_URL_SUFFIX, Value: b.URLSuffix}
		switch {
		case b.Payload != "":
			button.Kind, button.Value = schemas.TemplateButtonKind_TEMPLATE_BUTTON_KIND_QUICK_REPLY, b.Payload
		case b.CopyCode != "":
			button.Kind, button.Value = schemas.TemplateButtonKind_TEMPLATE_BUTTON_KIND_COPY_CODE, b.CopyCode
		}
		c.Template.Buttons = append(c.Template.Buttons, button)
	}
	return c
}
