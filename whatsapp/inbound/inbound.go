// Package inbound reads what people say of being written to, in what Meta posts: messages that are one of the words, taps on such a button, and
// the preference that they set in WhatsApp itself. Of all else that people write it reads who wrote, and when. It makes no calls and remembers
// nothing.
package inbound

import (
	"strconv"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"altavoz/schemas"
	"altavoz/schemas/lastinbound"
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
type Change struct {
	members  map[string]jsontext.Value
	statuses optout.Heard
}

// Status keeps what a status says of whom its message was for: the names, and whether Meta refused the message because the person opted out.
func (c *Change) Status(s optout.Said) {
	c.statuses.Pairs = pairs(c.statuses.Pairs, s.Phone, s.User, s.Parent)
	if s.Out {
		c.statuses.Said = append(c.statuses.Said, s)
	}
}

// pairs adds which of a person's names belong together.
func pairs(all []optout.Pair, phone string, users ...string) []optout.Pair {
	for _, user := range users {
		if phone != "" && user != "" {
			all = append(all, optout.Pair{Phone: phone, User: user})
		}
	}
	return all
}

// Take keeps a member.
func (c *Change) Take(member string, v jsontext.Value) {
	if c.members == nil {
		c.members = make(map[string]jsontext.Value)
	}
	c.members[member] = v.Clone()
}

// People adds what a change of a field says of people, to a sender number: what they said, which names are one person's, and who has new ones.
// It returns the messages that they wrote.
func (c *Change) People(field, number string, h *optout.Heard) (wrote []lastinbound.Message) {
	wrote = c.wrote(field, number)
	said, paired, renamed := len(h.Said), len(h.Pairs), len(h.Renamed)
	complete := c.contact()
	switch field {
	case fieldMessages:
		h.Said, h.Pairs = append(h.Said, c.statuses.Said...), append(h.Pairs, c.statuses.Pairs...)
		h.Said = append(h.Said, each(c.members[memberMessages], message)...)
		for _, v := range list(c.members[memberMessages]) {
			if r, pair, ok := rename(v); ok {
				h.Renamed, h.Pairs = append(h.Renamed, r), append(h.Pairs, pair...)
			}
		}
		for i := range wrote {
			h.Pairs = pairs(h.Pairs, wrote[i].Phone, wrote[i].User, wrote[i].Parent)
		}
	case fieldPreferences:
		h.Said = append(h.Said, each(c.members[memberPreferences], preference)...)
	}
	for i := range h.Said[said:] {
		s := &h.Said[said+i]
		s.Number = number
		complete(&s.Phone, &s.User, &s.Parent)
		if field == fieldPreferences {
			h.Pairs = pairs(h.Pairs, s.Phone, s.User, s.Parent)
		}
	}
	for i := range h.Pairs[paired:] {
		h.Pairs[paired+i].Number = number
	}
	for i := range h.Renamed[renamed:] {
		h.Renamed[renamed+i].Number = number
	}
	return wrote
}

// wrote returns the messages that people wrote in a change of a field, to a sender number. What WhatsApp says of a person by itself is none, nor
// is what is written in a group.
func (c *Change) wrote(field, number string) (out []lastinbound.Message) {
	if field != fieldMessages {
		return nil
	}
	complete := c.contact()
	for _, v := range list(c.members[memberMessages]) {
		m := members(v)
		one := lastinbound.Message{Number: number, Phone: text(m["from"]), User: text(m["from_user_id"]), Parent: text(m["from_parent_user_id"]), At: at(m)}
		if text(m["type"]) == "system" || m["group_id"] != nil {
			continue
		}
		complete(&one.Phone, &one.User, &one.Parent)
		out = append(out, one)
	}
	return out
}

// contact returns what completes the names of a person with those of the change's contact, if it has one and that is the person.
func (c *Change) contact() func(phone, user, parent *string) {
	var of [3]string
	if all := list(c.members[memberContacts]); len(all) == 1 {
		m := members(all[0])
		of = [...]string{text(m["wa_id"]), text(m["user_id"]), text(m["parent_user_id"])}
	}
	return func(phone, user, parent *string) {
		names := [...]*string{phone, user, parent}
		same, other := false, false
		for i, name := range names {
			same = same || *name != "" && *name == of[i]
			other = other || *name != "" && of[i] != "" && *name != of[i]
		}
		for i, name := range names {
			if same && !other && *name == "" {
				*name = of[i]
			}
		}
	}
}

// rename reads that a person has other names than before. Meta says so when the phone changes, and with it the user id.
func rename(v jsontext.Value) (r optout.Renamed, paired []optout.Pair, ok bool) {
	m := members(v)
	of := members(m["system"])
	if kind := text(of["type"]); text(m["type"]) != "system" || kind != "user_changed_number" && kind != "user_changed_user_id" {
		return r, nil, false
	}
	phone, user, parent := text(of["wa_id"]), text(of["user_id"]), text(of["parent_user_id"])
	r.Old = []string{text(m["from"]), text(m["from_user_id"]), text(m["from_parent_user_id"]), text(of["previous_user_id"])}
	r.New, r.At = []string{phone, user, parent}, at(m)
	return r, pairs(nil, phone, user, parent), true
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
		Phone: text(v, "from"), User: text(v, "from_user_id"), Parent: text(v, "from_parent_user_id"), Out: wish == optout.WishOut, At: at(members(v)),
		By: schemas.OptOutSource_OPT_OUT_SOURCE_WORD,
	}, wish != optout.WishNone
}

// preference reads one that a person set.
func preference(v jsontext.Value) (s optout.Said, ok bool) {
	value := text(v, "value")
	return optout.Said{
		Phone: text(v, "wa_id"), User: text(v, "user_id"), Parent: text(v, "parent_user_id"), Out: value == "stop", At: at(members(v)),
		By: schemas.OptOutSource_OPT_OUT_SOURCE_PREFERENCE,
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

func members(v jsontext.Value) (all map[string]jsontext.Value) {
	if v == nil || json.Unmarshal(v, &all, jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true)) != nil {
		return nil
	}
	return all
}

// text returns the text at a path; "" where there is none.
func text(v jsontext.Value, path ...string) (s string) {
	for _, name := range path {
		v = members(v)[name]
	}
	if v == nil || json.Unmarshal(v, &s, jsontext.AllowInvalidUTF8(true)) != nil {
		return ""
	}
	return s
}

// at returns when it was said. A time that can't be read is far in the future, which whoever remembers it takes for now.
func at(of map[string]jsontext.Value) time.Time {
	digits := text(of["timestamp"])
	if digits == "" {
		digits = string(of["timestamp"])
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
