package content

import (
	"cmp"
	"strings"

	"altavoz/whatsapp/simulator/ledger"
)

// Interactive types, by what stands in their action.
const (
	typeLink    = "cta_url"
	typeButtons = "button"
	typeList    = "list"

	// TypeLocation is a request for the recipient's location.
	TypeLocation = "location_request_message"
)

// checkShape checks the action of an interactive type and returns what the recipient can tap.
func checkShape(kind string, n node) ([]ledger.Choice, *Fault) {
	switch kind {
	case typeButtons:
		return checkButtons(n)
	case typeList:
		return checkList(n)
	case TypeLocation:
		return nil, checkLocation(n)
	default:
		return nil, checkAction(n)
	}
}

// checkButtons wants one to three reply buttons that differ.
func checkButtons(n node) ([]ledger.Choice, *Fault) {
	a, e := n.object("action", "buttons")
	if e != nil {
		return nil, e
	}
	all, e := a.list("buttons", "Buttons", 3)
	if e != nil {
		return nil, e
	}
	var out []ledger.Choice
	for _, b := range all {
		if e := b.only("type", "reply"); e != nil {
			return nil, e
		}
		if t, e := b.text("type", "Button type", 64); e != nil || t != "reply" {
			return nil, cmp.Or(e, invalid("Param %s['type'] must be one of {REPLY} - got %q.", b.path, t))
		}
		r, e := b.object("reply", "id", "title")
		if e != nil {
			return nil, e
		}
		c := ledger.Choice{Kind: ledger.ChoiceButton}
		if c.ID, e = r.text("id", "Button id", 256); e != nil {
			return nil, e
		}
		if c.Title, e = r.text("title", "Button title", 20); e != nil {
			return nil, e
		}
		if e := r.oneLine(c.Title); e != nil {
			return nil, e
		}
		for _, before := range out {
			if before.ID == c.ID || before.Title == c.Title {
				return nil, badValue("Duplicated title/ID for button: %s", c.Title)
			}
		}
		out = append(out, c)
	}
	return out, nil
}

// checkList wants one to ten rows in one to ten sections, which have titles where there are several.
func checkList(n node) ([]ledger.Choice, *Fault) {
	a, e := n.object("action", "button", "sections")
	if e != nil {
		return nil, e
	}
	button, e := a.text("button", "Button label", 20)
	if e != nil {
		return nil, e
	}
	if e := a.oneLine(button); e != nil {
		return nil, e
	}
	sections, e := a.list("sections", "Sections", 10)
	if e != nil {
		return nil, e
	}
	var out []ledger.Choice
	for _, s := range sections {
		if e := s.only("title", "rows"); e != nil {
			return nil, e
		}
		if s.v["title"] != nil || len(sections) > 1 {
			title, e := s.text("title", "Section title", 24)
			if e != nil {
				return nil, e
			}
			if e := s.oneLine(title); e != nil {
				return nil, e
			}
		}
		rows, e := s.list("rows", "Rows", 10)
		if e != nil {
			return nil, e
		}
		for _, r := range rows {
			c, e := checkRow(r)
			if e != nil {
				return nil, e
			}
			for _, before := range out {
				if before.ID == c.ID {
					return nil, badValue("Duplicated row id: %s", c.ID)
				}
			}
			out = append(out, c)
		}
	}
	if len(out) > 10 {
		return nil, badValue("Total row count exceed max allowed count: 10")
	}
	return out, nil
}

func checkRow(r node) (c ledger.Choice, e *Fault) {
	c.Kind = ledger.ChoiceRow
	if e := r.only("id", "title", "description"); e != nil {
		return c, e
	}
	if c.ID, e = r.text("id", "Row id", 200); e != nil {
		return c, e
	}
	if c.Title, e = r.text("title", "Row title", 24); e != nil {
		return c, e
	}
	if r.v["description"] != nil {
		if c.Description, e = r.text("description", "Row description", 72); e != nil {
			return c, e
		}
	}
	return c, r.oneLine(c.Title + c.Description)
}

// checkLocation wants nothing but a text.
func checkLocation(n node) *Fault {
	if e := n.only("type", "body", "action"); e != nil {
		return e
	}
	a, e := n.object("action", "name")
	if e != nil {
		return e
	}
	name, e := a.text("name", "Action name", 64)
	if e == nil && name != "send_location" {
		e = invalid("Param interactive['action']['name'] must be one of {SEND_LOCATION} - got %q.", name)
	}
	return e
}

// list returns a required list of one to most objects.
func (n node) list(key, what string, most int) ([]node, *Fault) {
	path := n.path + "['" + key + "']"
	v, ok := n.v[key]
	if !ok || v == nil {
		return nil, required(path)
	}
	all, ok := v.([]any)
	if !ok {
		return nil, invalid("Param %s must be an array.", path)
	}
	if len(all) < 1 || len(all) > most {
		return nil, badValue("Invalid %s count. Min allowed %s: 1, Max allowed %s: %d", strings.ToLower(what), what, what, most)
	}
	out := make([]node, len(all))
	for i, one := range all {
		m, ok := one.(map[string]any)
		if !ok {
			return nil, invalid("Param %s[%d] must be a JSON object.", path, i)
		}
		out[i] = node{path: path, v: m}
	}
	return out, nil
}

// oneLine refuses line breaks in what stands on a button or in a row.
func (n node) oneLine(text string) *Fault {
	if strings.ContainsAny(text, "\n\r\t") {
		return badValue("Param %s must not have line breaks or tabs.", n.path)
	}
	return nil
}
