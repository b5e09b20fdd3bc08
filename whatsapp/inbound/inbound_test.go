package inbound_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"

	"altavoz/schemas"
	"altavoz/schemas/lastinbound"
	"altavoz/schemas/optout"
	"altavoz/whatsapp/inbound"
)

const (
	word       = schemas.OptOutSource_OPT_OUT_SOURCE_WORD
	preference = schemas.OptOutSource_OPT_OUT_SOURCE_PREFERENCE
)

func TestWhatPeopleSayOfBeingWrittenTo(t *testing.T) {
	t.Parallel()
	at := time.Unix(1_790_000_000, 0)
	for _, c := range []struct {
		name, field, member, value, contacts string
		want                                 []optout.Said
	}{
		{
			"text", "messages", "messages", `[{"from":"573001234567","from_user_id":"CO.1","timestamp":"1790000000","type":"text","text":{"body":"stop"}}]`, "",
			[]optout.Said{{Phone: "573001234567", User: "CO.1", Out: true, At: at, By: word}},
		},
		{
			"without a phone", "messages", "messages", `[{"from_user_id":"CO.1","timestamp":"1790000000","text":{"body":"ALTA"}}]`, `[{"wa_id":"573001234567","user_id":"CO.1"}]`,
			[]optout.Said{{Phone: "573001234567", User: "CO.1", At: at, By: word}},
		},
		{
			"tap on a template's button", "messages", "messages", `[{"from":"573001234567","timestamp":"1790000000","type":"button","button":{"payload":"x","text":"Baja"}}]`, `[{"wa_id":"573001234567","user_id":"CO.1"}]`,
			[]optout.Said{{Phone: "573001234567", User: "CO.1", Out: true, At: at, By: word}},
		},
		{
			"tap on a reply button", "messages", "messages", `[{"from":"573001234567","timestamp":"1790000000","interactive":{"type":"button_reply","button_reply":{"id":"STOP","title":"No más"}}}]`, "",
			[]optout.Said{{Phone: "573001234567", Out: true, At: at, By: word}},
		},
		{"sentence", "messages", "messages", `[{"from":"573001234567","text":{"body":"stop 12345"}}]`, "", nil},
		{"broken beside it", "messages", "messages", `[7,null,{"text":"STOP"},{"from":1,"text":{"body":"STOP"},"timestamp":1790000000}]`, "", []optout.Said{{Out: true, At: at, By: word}}},
		{"no list", "messages", "messages", `{"from":"573001234567"}`, "", nil},
		{"another field", "flows", "messages", `[{"from":"573001234567","text":{"body":"STOP"}}]`, "", nil},
		{
			"preferences", "user_preferences", "user_preferences", `[{"wa_id":"573001234567","user_id":"CO.1","category":"marketing_messages","value":"stop","timestamp":1790000000},` +
				`{"user_id":"CO.2","category":"marketing_messages","value":"resume","timestamp":1790000000000},{"wa_id":"1","category":"other","value":"stop"},{"wa_id":"1","category":"marketing_messages","value":"pause"}]`, "",
			[]optout.Said{{Phone: "573001234567", User: "CO.1", Out: true, At: at, By: preference}, {User: "CO.2", At: at, By: preference}},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var change inbound.Change
			change.Take(c.member, jsontext.Value(c.value))
			if c.contacts != "" {
				change.Take("contacts", jsontext.Value(c.contacts))
			}
			for i := range c.want {
				c.want[i].Number = "1065"
			}
			if diff := cmp.Diff(c.want, people(&change, c.field).Said); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func people(c *inbound.Change, field string) *optout.Heard {
	h := new(optout.Heard)
	c.People(field, "1065", h)
	return h
}

// TestNamesOfOnePersonAreTold: by statuses, messages and preferences that have several of them.
func TestNamesOfOnePersonAreTold(t *testing.T) {
	t.Parallel()
	var c inbound.Change
	c.Status(optout.Said{Phone: "573001234560", User: "CO.0", Parent: "CO.ENT.0"})
	c.Status(optout.Said{User: "CO.9"})
	c.Take("messages", jsontext.Value(`[{"from":"573001234561","from_user_id":"CO.1","type":"text"},{"from_user_id":"CO.2","from_parent_user_id":"CO.ENT.2","type":"image"},
		{"from":"573001234563","type":"system","timestamp":"1790000000","from_user_id":"CO.3","system":{"type":"user_changed_number","wa_id":"573001234564","user_id":"CO.4"}}]`))
	c.Take("contacts", jsontext.Value(`[{"wa_id":"573001234562","user_id":"CO.2"}]`))
	c.Take("user_preferences", jsontext.Value(`[{"wa_id":"573001234565","user_id":"CO.5","parent_user_id":"CO.ENT.5","category":"marketing_messages","value":"stop"}]`))
	pair := func(phone, user string) optout.Pair { return optout.Pair{Number: "1065", Phone: phone, User: user} }
	got := people(&c, "messages")
	if diff := cmp.Diff([]optout.Pair{
		pair("573001234560", "CO.0"), pair("573001234560", "CO.ENT.0"), pair("573001234564", "CO.4"), pair("573001234561", "CO.1"), pair("573001234562", "CO.2"), pair("573001234562", "CO.ENT.2"),
	}, got.Pairs); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]optout.Renamed{{Number: "1065", Old: []string{"573001234563", "CO.3", "", ""}, New: []string{"573001234564", "CO.4", ""}, At: time.Unix(1_790_000_000, 0)}}, got.Renamed); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]optout.Pair{pair("573001234565", "CO.5"), pair("573001234565", "CO.ENT.5")}, people(&c, "user_preferences").Pairs); diff != "" {
		t.Error(diff)
	}
}

func TestWhoWroteAndWhen(t *testing.T) {
	t.Parallel()
	var change inbound.Change
	change.Take("messages", jsontext.Value(`[{"from":"573001234567","timestamp":"1790000000","type":"text","text":{"body":"hola"}},
		{"from_user_id":"CO.1","timestamp":"1790000060","type":"image","image":{"id":"1"}},
		{"from":"573001234568","timestamp":"1790000000","type":"system","system":{"type":"user_changed_number"}},
		{"from":"573001234569","timestamp":"1790000000","type":"text","group_id":"g","text":{"body":"hola"}},
		7,{"from":1,"timestamp":"x"}]`))
	change.Take("contacts", jsontext.Value(`[{"wa_id":"573001234567","user_id":"CO.1"}]`))
	at := time.Unix(1_790_000_000, 0)
	both := lastinbound.Message{Number: "1065", Phone: "573001234567", User: "CO.1", At: at}
	later := both
	later.At = at.Add(time.Minute)
	got := change.People("messages", "1065", new(optout.Heard))
	if len(got) != 4 || got[0] != both || got[1] != later { // the others have no name, and are nobody's
		t.Errorf("%+v; want %+v and %+v", got, both, later)
	}
	for _, m := range got[2:] {
		if m.Phone != "" || m.User != "" || m.At.Before(at.AddDate(100, 0, 0)) {
			t.Errorf("%+v; want nobody, and no time", m)
		}
	}
	if got := change.People("flows", "1065", new(optout.Heard)); got != nil {
		t.Errorf("%+v; want none of another field", got)
	}
}

func FuzzInbound(f *testing.F) {
	f.Add(`[{"from":"573001234567","text":{"body":"STOP"},"timestamp":"x"}]`)
	f.Add(`[{"text":{"body":"STOP","body":"x"}}]`)
	f.Fuzz(func(t *testing.T, body string) {
		if !jsontext.Value(body).IsValid(jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true)) {
			return
		}
		for _, field := range []string{"messages", "user_preferences"} {
			var change inbound.Change
			change.Take(field, jsontext.Value(strings.Clone(body)))
			for _, s := range people(&change, field).Said {
				if s.At.Unix() <= 0 || s.By == 0 {
					t.Errorf("%+v", s)
				}
			}
			if !slices.Contains([]string{"messages", "user_preferences", "contacts"}, field) || !inbound.Reads(field) {
				t.Error(field)
			}
		}
	})
}
