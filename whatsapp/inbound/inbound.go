// Package inbound reads what people say of being written to, in what Meta posts: messages that are one of the words, taps on such a button, and
// the preference that they set in WhatsApp itself. All else that people write is passed over. It makes no calls and remembers nothing.
package inbound

import (
	"strconv"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"altavoz/schemas"
	"altavoz/schemas/optout"
)

// The fields of webhooks that are read, and the members of their values.
const (
	fieldMessages    = "messages"
	fieldPreferences = "user_preferences"

	memberMessages    = "messages"
	memberPreferences = "user_preferences"
	memberContacts    = "contacts"
)

const (
	// maxHeard is how many messages of one change are read: ten times what Meta puts into one.
	maxHeard = 10_000
	// milliseconds is from which a time is in them: old versions of webhooks have such, and in seconds it is the year 5138.
	milliseconds = 100_000_000_000
)

// Reads reports whether a member of a change's value is one of those.
func Reads(member string) bool {
	return member == memberMessages || member == memberPreferences || member == memberContacts
}

// Change is what is read of a change's value. The zero value is ready.
type Change struct{ members map[string]jsontext.Value }

// Take keeps a member.
func (c *Change) Take(member string, v jsontext.Value) {
	if c.members == nil {
		c.members = make(map[string]jsontext.Value)
	}
	c.members[member] = v.Clone()
}

// Said returns what people said in a change of a field, to a sender number.
func (c *Change) Said(field, number string) (out []optout.Said) {
	switch field {
	case fieldMessages:
		out = each(c.members[memberMessages], message)
	case fieldPreferences:
		out = each(c.members[memberPreferences], preference)
	}
	contact := struct{ phone, user string }{}
	if all := list(c.members[memberContacts]); len(all) == 1 {
		contact.phone, contact.user = text(all[0], "wa_id"), text(all[0], "user_id")
	}
	for i := range out {
		out[i].Number = number
		if out[i].Phone == contact.phone && out[i].User == "" {
			out[i].User = contact.user
		}
		if out[i].User == contact.user && out[i].Phone == "" {
			out[i].Phone = contact.phone
		}
	}
	return out
}

// message reads one that a person wrote.
func message(v jsontext.Value) (s optout.Said, ok bool) {
	wish := optout.WishNone
	for _, path := range [][]string{
		{"text", "body"}, {"button", "payload"}, {"button", "text"}, {"interactive", "button_reply", "id"}, {"interactive", "button_reply", "title"},
	} {
		if wish == optout.WishNone {
			wish = optout.Read(text(v, path...))
		}
	}
	return optout.Said{
		Phone: text(v, "from"), User: text(v, "from_user_id"), Out: wish == optout.WishOut, At: at(v), By: schemas.OptOutSource_OPT_OUT_SOURCE_WORD,
	}, wish != optout.WishNone
}

// preference reads one that a person set.
func preference(v jsontext.Value) (s optout.Said, ok bool) {
	value := text(v, "value")
	return optout.Said{
		Phone: text(v, "wa_id"), User: text(v, "user_id"), Out: value == "stop", At: at(v), By: schemas.OptOutSource_OPT_OUT_SOURCE_PREFERENCE,
	}, text(v, "category") == "marketing_messages" && (value == "stop" || value == "resume")
}

func each(v jsontext.Value, read func(jsontext.Value) (optout.Said, bool)) (out []optout.Said) {
	for _, one := range list(v) {
		if s, ok := read(one); ok {
			out = append(out, s)
		}
	}
	return out
}

func list(v jsontext.Value) (all []jsontext.Value) {
	if v == nil || json.Unmarshal(v, &all, jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true)) != nil {
		return nil
	}
	return all[:min(len(all), maxHeard)]
}

func member(v jsontext.Value, name string) jsontext.Value {
	var all map[string]jsontext.Value
	if v == nil || json.Unmarshal(v, &all, jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true)) != nil {
		return nil
	}
	return all[name]
}

// text returns the text at a path; "" where there is none.
func text(v jsontext.Value, path ...string) (s string) {
	for _, name := range path {
		v = member(v, name)
	}
	if v == nil || json.Unmarshal(v, &s, jsontext.AllowInvalidUTF8(true)) != nil {
		return ""
	}
	return s
}

// at returns when it was said. A time that can't be read is far in the future, which whoever remembers it takes for now.
func at(v jsontext.Value) time.Time {
	digits := text(v, "timestamp")
	if digits == "" {
		digits = string(member(v, "timestamp"))
	}
	return Time(digits)
}

// Time reads the time of a webhook, in seconds or, in old versions, milliseconds.
func Time(digits string) time.Time {
	n, err := strconv.ParseInt(digits, 10, 64)
	switch {
	case err != nil || n <= 0:
		return time.Unix(milliseconds, 0)
	case n >= milliseconds:
		return time.UnixMilli(n)
	}
	return time.Unix(n, 0)
}
