package webhooks

import (
	"encoding/json"
	"strconv"
	"time"

	"altavoz/whatsapp/simulator/ledger"
	"altavoz/whatsapp/simulator/users"
)

// Tap is what a phone, or a user of whom only the id is known, taps.
type Tap struct {
	From   string
	User   bool
	ID     string // of the message that it is
	Choice ledger.Choice
	Place
}

// Place is a location.
type Place struct {
	Latitude  *float64 `json:"latitude,omitempty"`
	Longitude *float64 `json:"longitude,omitempty"`
	Name      string   `json:"name,omitempty"`
	Address   string   `json:"address,omitempty"`
}

// Located reports whether it is one.
func (p *Place) Located() bool { return p.Latitude != nil && p.Longitude != nil }

// Answered is a tap on a message by the phone that got it: one of its choices, by chance, or its location where that is asked for; false: there is nothing
// to tap.
func Answered(of *ledger.Received, located bool, chance uint64) (Tap, bool) {
	t := Tap{From: of.Phone, User: users.Valid(of.Phone)}
	switch {
	case len(of.Choices) > 0:
		t.Choice = of.Choices[chance%uint64(len(of.Choices))]
	case located:
		latitude, longitude := 4.65, -74.05
		t.Choice.Kind, t.Latitude, t.Longitude = ledger.ChoiceLocation, &latitude, &longitude
	default:
		return Tap{}, false
	}
	return t, true
}

// Body writes that a message of ours is answered so.
func (t *Tap) Body(of ledger.Received, at time.Time) []byte {
	type object = map[string]any
	contact := object{"profile": object{"name": "Simulated"}, "user_id": users.ID(t.From)}
	message := object{
		"from_user_id": users.ID(t.From), "id": t.ID, "timestamp": strconv.FormatInt(at.Unix(), 10), "type": t.Choice.Kind,
		"context": object{"from": displayNumber(of.Number), "id": of.WAMID},
	}
	if !t.User {
		contact["wa_id"], message["from"] = t.From, t.From
	}
	switch c := t.Choice; c.Kind {
	case ledger.ChoiceQuick:
		message["button"] = object{"payload": c.ID, "text": c.Title}
	case ledger.ChoiceLocation:
		message["location"] = t.Place
	default:
		choice := object{"id": c.ID, "title": c.Title}
		if c.Description != "" {
			choice["description"] = c.Description
		}
		message["type"], message["interactive"] = "interactive", object{"type": c.Kind, c.Kind: choice}
	}
	value := object{
		"messaging_product": "whatsapp", "metadata": object{"display_phone_number": displayNumber(of.Number), "phone_number_id": of.Number},
		"contacts": []any{contact}, "messages": []any{message},
	}
	b, err := json.Marshal(object{
		"object": "whatsapp_business_account", "entry": []any{object{"id": AccountID, "changes": []any{object{"value": value, "field": "messages"}}}},
	})
	if err != nil {
		panic("simulator: " + err.Error()) // strings and numbers: can't happen
	}
	return escaped(b)
}
