package inbound

import (
	"strconv"

	"github.com/go-json-experiment/json/jsontext"

	"altavoz/schemas"
)

// Taps returns what people tapped in a change of a field: buttons, rows of lists, and the locations that they were asked for. A location that
// answers no message is none.
func (c *Change) Taps(field string) (out []*schemas.Tap) {
	if field != fieldMessages {
		return nil
	}
	for _, v := range list(c.members[memberMessages]) {
		m := members(v)
		one := &schemas.Tap{Message: text(m["id"]), Wamid: text(m["context"], "id"), AtMs: at(m).UnixMilli()}
		if one.GetMessage() == "" || one.GetWamid() == "" || !tap(one, m) {
			continue
		}
		out = append(out, one)
	}
	return out
}

// tap reads what a message says; false for what is no tap.
func tap(t *schemas.Tap, m map[string]jsontext.Value) bool {
	switch text(m["type"]) {
	case "interactive":
		of := members(m["interactive"])
		reply := of["button_reply"]
		switch t.Kind = schemas.TapKind_TAP_KIND_BUTTON_REPLY; text(of["type"]) {
		case "button_reply":
		case "list_reply":
			t.Kind, reply = schemas.TapKind_TAP_KIND_LIST_REPLY, of["list_reply"]
		default:
			return false
		}
		t.Id, t.Title, t.Description = text(reply, "id"), text(reply, "title"), text(reply, "description")
	case "button":
		t.Kind, t.Id, t.Title = schemas.TapKind_TAP_KIND_BUTTON, text(m["button"], "payload"), text(m["button"], "text")
	case "location":
		of := members(m["location"])
		latitude, ok := number(of["latitude"])
		longitude, both := number(of["longitude"])
		t.Kind, t.Latitude, t.Longitude = schemas.TapKind_TAP_KIND_LOCATION, latitude, longitude
		t.Name, t.Address = text(of["name"]), text(of["address"])
		return ok && both
	default:
		return false
	}
	return true
}

// number reads a number, or one in a text.
func number(v jsontext.Value) (float64, bool) {
	digits := text(v)
	if digits == "" {
		digits = string(v)
	}
	const bits = 64
	n, err := strconv.ParseFloat(digits, bits)
	return n, err == nil && n >= -180 && n <= 180
}
