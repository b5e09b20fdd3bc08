package inbound

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/testing/protocmp"

	"altavoz/schemas"
)

func TestTapsAreRead(t *testing.T) {
	t.Parallel()
	const of = `"from":"573001234567","id":"in","timestamp":"1700000000","context":{"from":"1","id":"out"}`
	tap := func(kind schemas.TapKind, id, title string) *schemas.Tap {
		return &schemas.Tap{Kind: kind, Id: id, Title: title, Message: "in", Wamid: "out", AtMs: 1_700_000_000_000}
	}
	row := tap(schemas.TapKind_TAP_KIND_LIST_REPLY, "9am", "9:00")
	row.Description = "Sede norte"
	place := tap(schemas.TapKind_TAP_KIND_LOCATION, "", "")
	place.Latitude, place.Longitude, place.Name = 4.65, -74.05, "Casa"
	for name, tt := range map[string]struct {
		message string
		want    *schemas.Tap
	}{
		"a button":               {`{` + of + `,"type":"interactive","interactive":{"type":"button_reply","button_reply":{"id":"si","title":"Sí"}}}`, tap(schemas.TapKind_TAP_KIND_BUTTON_REPLY, "si", "Sí")},
		"a row":                  {`{` + of + `,"type":"interactive","interactive":{"type":"list_reply","list_reply":{"id":"9am","title":"9:00","description":"Sede norte"}}}`, row},
		"a quick reply":          {`{` + of + `,"type":"button","button":{"payload":"p","text":"Sí"}}`, tap(schemas.TapKind_TAP_KIND_BUTTON, "p", "Sí")},
		"a location":             {`{` + of + `,"type":"location","location":{"latitude":4.65,"longitude":"-74.05","name":"Casa"}}`, place},
		"no numbers":             {`{` + of + `,"type":"location","location":{"latitude":"NaN","longitude":1}}`, nil},
		"out of the world":       {`{` + of + `,"type":"location","location":{"latitude":4000,"longitude":1}}`, nil},
		"a form":                 {`{` + of + `,"type":"interactive","interactive":{"type":"nfm_reply","nfm_reply":{"name":"x"}}}`, nil},
		"a text that quotes":     {`{` + of + `,"type":"text","text":{"body":"Sí"}}`, nil},
		"of no message":          {`{"id":"in","type":"button","button":{"payload":"p","text":"Sí"}}`, nil},
		"without an id":          {`{"context":{"id":"out"},"type":"button","button":{"payload":"p","text":"Sí"}}`, nil},
		"members of other types": {`{` + of + `,"type":"interactive","interactive":[1]}`, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var c Change
			c.Take("messages", []byte(`[`+tt.message+`]`))
			var want []*schemas.Tap
			if tt.want != nil {
				want = append(want, tt.want)
			}
			if diff := cmp.Diff(want, c.Taps("messages"), protocmp.Transform()); diff != "" {
				t.Error(diff)
			}
			if got := c.Taps("user_preferences"); got != nil {
				t.Errorf("another field has %v", got)
			}
		})
	}
}
