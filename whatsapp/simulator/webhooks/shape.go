package webhooks

import (
	"strconv"
	"time"

	"altavoz/whatsapp/simulator/ledger"
	"altavoz/whatsapp/simulator/users"
)

// AccountID is the id of the business account that all numbers belong to.
const AccountID = "104996122399160"

const helpURL = "/documentation/business-messaging/whatsapp/support/error-codes"

// body writes the events in Meta's envelope: one change for each number.
func body(events []*event) []byte {
	size := 256
	for _, e := range events {
		size += e.size()
	}
	b := make([]byte, 0, size)
	b = append(b, `{"object":"whatsapp_business_account","entry":[{"id":"`+AccountID+`","changes":[`...)
	open := len(b)
	done := map[string]bool{}
	for _, e := range events {
		if number := e.Number; !done[number] {
			done[number] = true
			if len(b) > open {
				b = append(b, ',')
			}
			b = appendChange(b, number, events)
		}
	}
	return append(b, `]}]}`...)
}

// appendChange writes what is told about one number.
func appendChange(b []byte, number string, events []*event) []byte {
	b = appendMetadata(b, number)
	open := len(b)
	for _, e := range events {
		if e.Number != number || e.Old {
			continue
		}
		b = separate(b, open, `,"contacts":[`)
		b = appendContact(b, e)
	}
	if len(b) > open {
		b = append(b, ']')
	}
	b = append(b, `,"statuses":[`...)
	open = len(b)
	for _, e := range events {
		if e.Number == number {
			b = separate(b, open, "")
			b = appendStatus(b, e)
		}
	}
	return append(b, `]},"field":"messages"}`...)
}

// separate writes what comes before an element: what opens the list, or a comma.
func separate(b []byte, open int, opening string) []byte {
	if len(b) == open {
		return append(b, opening...)
	}
	return append(b, ',')
}

func appendMetadata(b []byte, number string) []byte {
	b = append(b, `{"value":{"messaging_product":"whatsapp","metadata":{"display_phone_number":"`...)
	b = append(b, displayNumber(number)...)
	b = append(b, `","phone_number_id":`...)
	b = appendText(b, number)
	return append(b, '}')
}

// appendContact writes who it is about. One that failed has no user id; who has a username is named by that alone.
func appendContact(b []byte, e *event) []byte {
	b = append(b, '{')
	if e.showsPhone() {
		b = append(b, `"wa_id":`...)
		b = appendText(b, e.Phone)
		if e.status == ledger.Failed {
			return append(b, '}')
		}
		b = append(b, ',')
	}
	b = append(b, `"user_id":`...)
	b = appendText(b, users.ID(e.Phone))
	return append(b, '}')
}

// showsPhone reports whether webhooks of the message name its recipient by phone.
func (m *Message) showsPhone() bool { return !m.User && !m.Username }

func appendStatus(b []byte, e *event) []byte {
	b = append(b, `{"id":`...)
	b = appendText(b, e.WAMID)
	b = append(b, `,"status":"`...)
	b = append(b, e.status.String()...)
	b = append(b, `","timestamp":"`...)
	b = strconv.AppendInt(b, e.happened.Unix(), 10)
	b = append(b, '"')
	if e.showsPhone() {
		b = append(b, `,"recipient_id":`...)
		b = appendText(b, e.Phone)
	}
	if !e.showsPhone() || (!e.Old && e.status != ledger.Failed) {
		b = append(b, `,"recipient_user_id":`...)
		b = appendText(b, users.ID(e.Phone))
		if e.Linked {
			b = append(b, `,"recipient_parent_user_id":`...)
			b = appendText(b, users.Parent(users.Person(e.Phone)))
		}
	}
	if e.Callback != "" {
		b = append(b, `,"biz_opaque_callback_data":`...)
		b = appendText(b, e.Callback)
	}
	if e.status == ledger.Failed {
		b = appendError(b, e.Failure)
	} else {
		b = appendPrice(b, e)
	}
	return append(b, '}')
}

func appendError(b []byte, f Failure) []byte {
	b = append(b, `,"errors":[{"code":`...)
	b = strconv.AppendInt(b, int64(f.Code), 10)
	b = append(b, `,"title":`...)
	b = appendText(b, f.Title)
	b = append(b, `,"message":`...)
	b = appendText(b, f.Title)
	if f.Details != "" {
		b = append(b, `,"error_data":{"details":`...)
		b = appendText(b, f.Details)
		b = append(b, '}')
	}
	b = append(b, `,"href":`...)
	b = appendText(b, helpURL)
	return append(b, `}]`...)
}

// Prices reports whether a status has the price: sent, and one of delivered and read.
func (m *Message) Prices(s ledger.Status) bool {
	return s == ledger.Sent || s == ledger.Delivered && !m.PricedWithRead || s == ledger.Read && m.PricedWithRead
}

// appendPrice writes the price; before v24 there was a conversation as well.
func appendPrice(b []byte, e *event) []byte {
	category := e.Category
	if category == "" {
		category = "service"
	}
	if e.Old {
		b = append(b, `,"conversation":{"id":"`...)
		b = strconv.AppendUint(b, 1<<60|hash(e.WAMID), 16)
		b = append(b, '"')
		if e.status == ledger.Sent {
			b = append(b, `,"expiration_timestamp":"`...)
			b = strconv.AppendInt(b, e.happened.Add(24*time.Hour).Unix(), 10)
			b = append(b, '"')
		}
		b = append(b, `,"origin":{"type":`...)
		b = appendText(b, category)
		b = append(b, `}}`...)
	}
	if !e.Prices(e.status) {
		return b
	}
	b = append(b, `,"pricing":{"billable":`...)
	b = strconv.AppendBool(b, e.Price.Billable)
	b = append(b, `,"pricing_model":"PMP","type":`...)
	b = appendText(b, e.Price.Type)
	b = append(b, `,"category":`...)
	b = appendText(b, category)
	return append(b, '}')
}

// Inbound writes that a phone, or a user of whom only the id is known, has written to a number.
func Inbound(number, from string, user bool, id, text string, at time.Time) []byte {
	b := []byte(`{"object":"whatsapp_business_account","entry":[{"id":"` + AccountID + `","changes":[`)
	b = appendMetadata(b, number)
	b = append(b, `,"contacts":[{"profile":{"name":"Simulated"},`...)
	sender := `"from_user_id":`
	if !user {
		b = append(b, `"wa_id":`...)
		b = appendText(b, from)
		b = append(b, ',')
	}
	b = append(b, `"user_id":`...)
	b = appendText(b, users.ID(from))
	b = append(b, `}],"messages":[{`...)
	if !user {
		b = append(b, `"from":`...)
		b = appendText(b, from)
		b = append(b, ',')
	}
	b = append(b, sender...)
	b = appendText(b, users.ID(from))
	b = append(b, `,"id":`...)
	b = appendText(b, id)
	b = append(b, `,"timestamp":"`...)
	b = strconv.AppendInt(b, at.Unix(), 10)
	b = append(b, `","type":"text","text":{"body":`...)
	b = appendText(b, text)
	return append(b, `}}]},"field":"messages"}]}]}`...)
}

// Preference is the webhook of a person who sets whether a number's business may send marketing messages: stop or resume.
func Preference(number, from string, user bool, value string, at time.Time) []byte {
	b := []byte(`{"object":"whatsapp_business_account","entry":[{"id":"` + AccountID + `","changes":[`)
	b = appendMetadata(b, number)
	b = append(b, `,"user_preferences":[{`...)
	if !user {
		b = append(b, `"wa_id":`...)
		b = appendText(b, from)
		b = append(b, ',')
	}
	b = append(b, `"user_id":`...)
	b = appendText(b, users.ID(from))
	b = append(b, `,"category":"marketing_messages","detail":"User requested it","value":`...)
	b = appendText(b, value)
	b = append(b, `,"timestamp":`...)
	b = strconv.AppendInt(b, at.Unix(), 10)
	return append(b, `}]},"field":"user_preferences"}]}]}`...)
}

// displayNumber makes the phone of a number, of the country that a phone without "+" is taken to be of.
func displayNumber(number string) string {
	return strconv.FormatUint(15_550_000_000+hash(number)%10_000_000, 10)
}

// hash is FNV-1a.
func hash(s string) uint64 {
	h := uint64(14695981039346656037)
	for i := range len(s) {
		h = (h ^ uint64(s[i])) * 1099511628211
	}
	return h
}
