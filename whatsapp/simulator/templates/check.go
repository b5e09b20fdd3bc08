package templates

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"

	"altavoz/whatsapp/simulator/ledger"
)

// Lengths of a message by template, in characters.
const (
	maxHeaderText = 60
	maxBodyText   = 1024
	maxBodyOnly   = 32768 // of a template that is nothing but a body
	maxLink       = 2000
	maxCode       = 20
	maxSpaces     = "    "
)

// Codes of refusals.
const (
	codeInvalid   = 100
	codeMissing   = 131008
	codeCount     = 132000
	codeUnknown   = 132001
	codeLong      = 132005
	codeFormat    = 132012
	codePaused    = 132015
	codeDisabled  = 132016
	codeParameter = 132018
)

// Refusal is why a message by template is not taken.
type Refusal struct {
	Code    int
	Details string
}

func refuse(code int, format string, args ...any) *Refusal {
	return &Refusal{code, fmt.Sprintf(format, args...)}
}

// Sent is a message by template that can be sent.
type Sent struct {
	Text     string // of the body, filled in
	Category string // of the template, in small letters
	Media    string // id of the header's file; "": none
	Path     string // where the id stands
	Kind     string // image, video, document
	Choices  []ledger.Choice
}

// wire is the member template of a message.
type wire struct {
	Name     string `json:"name"`
	Language struct {
		Code   string `json:"code"`
		Policy string `json:"policy"`
	} `json:"language"`
	Components []part `json:"components"`
}

type part struct {
	Type       string          `json:"type"`
	SubType    string          `json:"sub_type"`
	Index      json.RawMessage `json:"index"`
	Parameters []param         `json:"parameters"`
}

type param struct {
	Type     string `json:"type"`
	Name     string `json:"parameter_name"`
	Text     string `json:"text"`
	Image    *file  `json:"image"`
	Video    *file  `json:"video"`
	Document *file  `json:"document"`
	Payload  string `json:"payload"`
	Code     string `json:"coupon_code"`
}

type file struct {
	ID       string `json:"id"`
	Link     string `json:"link"`
	Filename string `json:"filename"`
}

// component is a part of a definition.
type component struct {
	Type    string
	Format  string
	Text    string
	Buttons []struct{ Type, Text, URL string }
}

// Check reads the member template of a message, and holds it to the template that it names.
func (s *Store) Check(raw json.RawMessage) (Sent, *Refusal) {
	if len(raw) == 0 || string(raw) == "null" {
		return Sent{}, refuse(codeMissing, "The parameter template is required.")
	}
	var w wire
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(&w); err != nil {
		return Sent{}, refuse(codeInvalid, "Param template is not valid: %v", err)
	}
	t, ok := s.Find(w.Name, w.Language.Code)
	switch {
	case w.Name == "" || w.Language.Code == "":
		return Sent{}, refuse(codeMissing, "template name and language code are required")
	case ok && t.Status == "PAUSED":
		return Sent{}, refuse(codePaused, "template (%s) is paused", w.Name)
	case ok && t.Status == "DISABLED":
		return Sent{}, refuse(codeDisabled, "template (%s) is disabled", w.Name)
	case !ok || t.Status != "APPROVED":
		return Sent{}, refuse(codeUnknown, "template name (%s) does not exist in %s", w.Name, w.Language.Code)
	}
	var all []component
	if err := json.Unmarshal(t.Components, &all); err != nil {
		return Sent{}, refuse(codeInvalid, "the components of the template are none: %v", err)
	}
	c := &checking{named: strings.EqualFold(t.Format, "NAMED"), only: len(all) == 1, sent: Sent{Category: strings.ToLower(t.Category)}}
	for i := range w.Components {
		if r := c.add(&w.Components[i]); r != nil {
			return Sent{}, r
		}
	}
	for _, x := range all {
		if r := c.hold(x); r != nil {
			return Sent{}, r
		}
	}
	return c.sent, c.rest(all)
}

// checking is a message while it is checked.
type checking struct {
	named, only  bool
	header, body *part
	buttons      map[int]*part
	sent         Sent
}

func (c *checking) add(p *part) *Refusal {
	switch p.Type {
	case "header":
		c.header = p
	case "body":
		c.body = p
	case "button":
		text := strings.Trim(string(p.Index), `"`)
		n, err := strconv.Atoi(text)
		if err != nil || n < 0 || c.buttons[n] != nil {
			return refuse(codeInvalid, "components: button index %q is not valid", text)
		}
		if c.buttons == nil {
			c.buttons = map[int]*part{}
		}
		c.buttons[n] = p
	default:
		return refuse(codeInvalid, "components: type must be one of {HEADER, BODY, BUTTON} - got %q", p.Type)
	}
	return nil
}

// hold holds what the message has to a part of the template.
func (c *checking) hold(x component) *Refusal {
	switch strings.ToUpper(x.Type) {
	case "HEADER":
		return c.holdHeader(x)
	case "BODY":
		most := maxBodyText
		if c.only {
			most = maxBodyOnly
		}
		text, r := c.fill("body", x.Text, c.body, most)
		c.sent.Text, c.body = text, nil
		return r
	case "BUTTONS":
		for i, b := range x.Buttons {
			if r := holdButton(i, strings.ToUpper(b.Type), b.URL, c.buttons[i]); r != nil {
				return r
			}
			if strings.EqualFold(b.Type, "QUICK_REPLY") {
				c.sent.Choices = append(c.sent.Choices, quickReply(b.Text, c.buttons[i]))
			}
			delete(c.buttons, i)
		}
	}
	return nil
}

// rest refuses what the template has no place for.
func (c *checking) rest(all []component) *Refusal {
	switch {
	case c.header != nil && len(c.header.Parameters) > 0:
		return refuse(codeFormat, "header: Format mismatch, the template has no header")
	case c.body != nil && len(c.body.Parameters) > 0:
		return refuse(codeCount, "body: number of localizable_params (%d) does not match the expected number of params (0)", len(c.body.Parameters))
	case len(c.buttons) > 0:
		return refuse(codeParameter, "button: the template has no such button among %d components", len(all))
	}
	return nil
}

func (c *checking) holdHeader(x component) *Refusal {
	p, format := c.header, strings.ToUpper(x.Format)
	c.header = nil
	if format == "TEXT" || format == "" {
		_, r := c.fill("header", x.Text, p, maxHeaderText)
		return r
	}
	if p == nil || len(p.Parameters) != 1 || !strings.EqualFold(p.Parameters[0].Type, format) {
		received := "UNKNOWN"
		if p != nil && len(p.Parameters) > 0 {
			received = strings.ToUpper(p.Parameters[0].Type)
		}
		return refuse(codeFormat, "header: Format mismatch, expected %s, received %s", format, received)
	}
	kind := strings.ToLower(format)
	f := map[string]*file{"image": p.Parameters[0].Image, "video": p.Parameters[0].Video, "document": p.Parameters[0].Document}[kind]
	switch {
	case f == nil || (f.ID == "") == (f.Link == ""):
		return refuse(codeMissing, "header: one of id and link is required for %s", kind)
	case f.Link != "":
		if u, err := url.Parse(f.Link); err != nil || u.Host == "" {
			return refuse(codeInvalid, "header: %s['link'] is not a valid URI.", kind)
		}
	}
	c.sent.Media, c.sent.Kind, c.sent.Path = f.ID, kind, "template['components']['header']['"+kind+"']['id']"
	return nil
}

var variable = regexp.MustCompile(`\{\{\s*([A-Za-z0-9_]+)\s*\}\}`)

// fill puts the parameters of a part into the variables of its text.
func (c *checking) fill(where, text string, p *part, most int) (string, *Refusal) {
	var names []string
	for _, m := range variable.FindAllStringSubmatch(text, -1) {
		if !slices.Contains(names, m[1]) {
			names = append(names, m[1])
		}
	}
	var given []param
	if p != nil {
		given = p.Parameters
	}
	if len(given) != len(names) {
		return "", refuse(codeCount, "%s: number of localizable_params (%d) does not match the expected number of params (%d)", where, len(given), len(names))
	}
	values := map[string]string{}
	for i, g := range given {
		name := strconv.Itoa(i + 1)
		switch {
		case g.Type != "text":
			return "", refuse(codeFormat, "%s: parameter of type %q where text is expected", where, g.Type)
		case c.named && g.Name == "":
			return "", refuse(codeInvalid, "%s: Parameter name is missing or empty", where)
		case c.named:
			name = g.Name
		case g.Name != "":
			return "", refuse(codeFormat, "%s: parameter_name is given, and the template's parameters are positional", where)
		}
		if r := value(where, g.Text); r != nil {
			return "", r
		}
		values[name] = g.Text
	}
	for _, name := range names {
		if _, ok := values[name]; !ok {
			return "", refuse(codeCount, "%s: parameter %s is missing", where, name)
		}
	}
	filled := variable.ReplaceAllStringFunc(text, func(m string) string { return values[variable.FindStringSubmatch(m)[1]] })
	if n := len(utf16.Encode([]rune(filled))); n > most {
		return "", refuse(codeLong, "%s: Translated text too long: %d characters, at most %d", where, n, most)
	}
	return filled, nil
}

func value(where, text string) *Refusal {
	switch {
	case text == "":
		return refuse(codeMissing, "%s: Parameter of type text is missing text value", where)
	case strings.ContainsAny(text, "\n\r\t") || strings.Contains(text, maxSpaces+" "):
		return refuse(codeParameter, "%s: Param text cannot have new-line/tab characters or more than 4 consecutive spaces", where)
	}
	return nil
}

// quickReply is what a tap on a quick reply says: the payload of the message, or else its text.
func quickReply(text string, p *part) ledger.Choice {
	c := ledger.Choice{Kind: ledger.ChoiceQuick, ID: text, Title: text}
	if p != nil {
		c.ID = p.Parameters[0].Payload
	}
	return c
}

func holdButton(i int, kind, link string, p *part) *Refusal {
	var sub, typ string
	switch kind {
	case "URL":
		sub, typ = "url", "text"
		if !strings.Contains(link, "{{") {
			sub = ""
		}
	case "QUICK_REPLY":
		sub, typ = "quick_reply", "payload"
	case "COPY_CODE":
		sub, typ = "copy_code", "coupon_code"
	}
	switch {
	case p == nil && (sub == "" || sub == "quick_reply"):
		return nil
	case p == nil:
		return refuse(codeMissing, "buttons: Button at index %d of type %s requires a parameter", i, kind)
	case p.SubType != sub || sub == "" || len(p.Parameters) != 1 || p.Parameters[0].Type != typ:
		return refuse(codeParameter, "buttons: Button at index %d of type %s does not take this parameter", i, kind)
	}
	g := p.Parameters[0]
	switch sub {
	case "url":
		if r := value("buttons", g.Text); r != nil {
			return r
		}
		if len(variable.ReplaceAllLiteralString(link, g.Text)) > maxLink {
			return refuse(codeLong, "buttons: the URL of the button at index %d is too long", i)
		}
	case "quick_reply":
		if g.Payload == "" {
			return refuse(codeMissing, "buttons: payload is missing")
		}
	case "copy_code":
		if g.Code == "" || len(g.Code) > maxCode {
			return refuse(codeParameter, "buttons: coupon_code has 1 to %d characters", maxCode)
		}
	}
	return nil
}
