package simulator

import (
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"altavoz/whatsapp/simulator/content"
	"altavoz/whatsapp/simulator/ledger"
	"altavoz/whatsapp/simulator/users"
	"altavoz/whatsapp/simulator/webhooks"
)

// tap has a phone tap a button or a row of a message, or share its location, which opens its window.
func (s *Simulator) tap(w http.ResponseWriter, r *http.Request) {
	var in struct {
		From  string `json:"from"`  // digits, or a user id
		WAMID string `json:"wamid"` // of the message; empty: the last one that has what is tapped
		ID    string `json:"id"`    // of the button or row
		webhooks.Place
		// A quick reply of a template, whose payload and text only the template knows.
		Payload string `json:"payload"`
		Text    string `json:"text"`
	}
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxInbound)).Decode(&in); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	tap := webhooks.Tap{From: strings.TrimPrefix(in.From, "+"), Choice: ledger.Choice{Kind: ledger.ChoiceQuick, ID: in.Payload, Title: in.Text}, Place: in.Place}
	tap.User = users.Valid(tap.From)
	message, err := s.tapped(&tap, in.ID, in.WAMID)
	switch {
	case err != nil:
		http.Error(w, err.Error(), http.StatusNotFound)
		return
	case s.hooks == nil:
		http.Error(w, "there is no URL for webhooks", http.StatusConflict)
		return
	}
	now := time.Now()
	s.openWindow(message.Number, users.Person(tap.From), now)
	tap.ID = s.ownID(tap.From)
	answerQueued(w, s.hooks.Raw(tap.Body(message, now), now))
}

// tapped finds the message that is tapped, and completes the tap with what of it is.
func (s *Simulator) tapped(tap *webhooks.Tap, id, wamid string) (ledger.Received, error) {
	all := s.Ledger(tap.From)
	if phone := users.Person(tap.From); phone != tap.From {
		all = append(s.Ledger(phone), all...)
	}
	for _, m := range slices.Backward(all) {
		switch place := slices.IndexFunc(m.Choices, func(c ledger.Choice) bool { return c.ID == id }); {
		case wamid != "" && m.WAMID != wamid:
		case id != "" && place >= 0:
			tap.Choice = m.Choices[place]
			return m, nil
		case id == "" && tap.Located() && m.Type == content.TypeLocation:
			tap.Choice.Kind = ledger.ChoiceLocation
			return m, nil
		case id == "" && !tap.Located() && tap.Choice.Title != "" && wamid != "":
			return m, nil
		}
	}
	return ledger.Received{}, errors.New("nobody sent that phone a message with it: id is of a button or row; latitude and longitude answer a location request; text, payload and wamid are of a template's quick reply")
}
