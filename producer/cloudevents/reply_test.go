package cloudevents_test

import (
	"encoding/json"
	"testing"

	"altavoz/producer/cloudevents"
	"altavoz/schemas"
)

func TestATapIsACloudEvent(t *testing.T) {
	t.Parallel()
	s := finished()
	task := schemas.TaskID(s.GetTask()).String()
	tap := &schemas.Tap{Index: 3, Kind: schemas.TapKind_TAP_KIND_LIST_REPLY, Id: "9am", Title: "9:00", Description: "Sede norte", AtMs: 1_700_000_002_000, Message: "wamid.in", Wamid: "wamid.out"}
	rec := cloudevents.Tapped(s, tap)
	want := `{"specversion":"1.0","id":"` + task + `-reply-0","source":"altavoz","type":"altavoz.task.reply","subject":"` + task +
		`","time":"2023-11-14T22:13:22.000Z","datacontenttype":"application/json","data":{"task_id":"` + task +
		`","reference":"pedido 7","owner":"tienda","sender":"1065","index":3,"kind":"list_reply","id":"9am","title":"9:00","description":"Sede norte",` +
		`"message_id":"wamid.in","wamid":"wamid.out"}}`
	type envelope = cloudevents.Envelope[cloudevents.Reply]
	var got, wanted envelope
	if err := json.Unmarshal(rec.Value, &got); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(want), &wanted); err != nil {
		t.Fatal(err)
	}
	if wanted.ID = got.ID; got != wanted || string(rec.Key) != task || rec.Topic != schemas.TopicEvents {
		t.Errorf("got %s\nwant %s", rec.Value, want)
	}
	for name, want := range map[string]string{schemas.CallbackHeader: "https://example.com/hook", schemas.EventHeader: got.ID, schemas.OwnerHeader: "tienda"} {
		if has := rec.Header(name); has != want {
			t.Errorf("header %s: %q, want %q", name, has, want)
		}
	}
}

// However often Meta tells of a tap, whatever else it says of it, and whenever: it is one event; another tap is another one.
func TestATapHasTheIDOfItsMessage(t *testing.T) {
	t.Parallel()
	id := func(tap *schemas.Tap) string {
		var e cloudevents.Envelope[cloudevents.Reply]
		if err := json.Unmarshal(cloudevents.Tapped(finished(), tap).Value, &e); err != nil {
			t.Fatal(err)
		}
		return e.ID
	}
	a, again, b := id(&schemas.Tap{Message: "a", AtMs: 1}), id(&schemas.Tap{Message: "a", AtMs: 2, Title: "x"}), id(&schemas.Tap{Message: "b", AtMs: 1})
	if a != again || a == b {
		t.Errorf("%s, %s, %s", a, again, b)
	}
}

func TestALocationIsInItsEvent(t *testing.T) {
	t.Parallel()
	for kind, want := range map[schemas.TapKind]*cloudevents.Location{
		schemas.TapKind_TAP_KIND_LOCATION: {Latitude: 4.65, Longitude: -74.05, Name: "Casa"}, schemas.TapKind_TAP_KIND_BUTTON: nil,
	} {
		var e cloudevents.Envelope[cloudevents.Reply]
		if err := json.Unmarshal(cloudevents.Tapped(finished(), &schemas.Tap{Kind: kind, Latitude: 4.65, Longitude: -74.05, Name: "Casa"}).Value, &e); err != nil {
			t.Fatal(err)
		}
		if got := e.Data.Location; (got == nil) != (want == nil) || got != nil && *got != *want {
			t.Errorf("%s: %+v, want %+v", kind, got, want)
		}
	}
}
