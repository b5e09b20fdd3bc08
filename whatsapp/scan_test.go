package whatsapp_test

import (
	"bytes"
	"encoding/json"
	"testing"

	"altavoz/whatsapp"
	"altavoz/whatsapp/scan"
)

// TestMessageIDOfAcceptedMessages: what the Cloud API answers to a message is not decoded; what differs from that in anything that counts is.
func TestMessageIDOfAcceptedMessages(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		`{"messaging_product":"whatsapp","contacts":[{"input":"+57300","wa_id":"57300"}],"messages":[{"id":"wamid.HBgM+/=="}]}`:       "wamid.HBgM+/==",
		`{"messages":[{"id":"wamid.X","message_status":"accepted"}],"x":[-1.5e+3,0,true,false,null,{},[],"ñ \" \\ \/"],"y":{"z":{}}}`: "wamid.X",
		" {\n\t\"messages\" : [ { \"message_status\" : \"held\" , \"id\" : \"wamid.X\" } , { \"id\" : \"wamid.Y\" } ] }\r\n":          "wamid.X",
		`{"messages":[{"id":"wamid.X"},{}]}`: "wamid.X",
	} {
		if id, ok := scan.MessageID([]byte(body)); !ok || string(id) != want {
			t.Errorf("%s: %q, %v", body, id, ok)
		}
	}
	for _, body := range []string{
		``, `null`, `[]`, `{}`, `{"messages":[]}`, `{"messages":[{}]}`, `{"messages":[{"id":""}]}`, `{"messages":[{},{"id":"wamid.X"}]}`, `{"messages":null}`,
		`{"messages":[{"id":"wamid.X"}]`, `{"messages":[{"id":"wamid.X"}]}}`, `{"messages":[{"id":"wamid.X"}],}`, `{"messages":[{"id":"wamid.X"},]}`, `{"messages":[{"id":"wamid.X"}]} {}`,
		`{"messages":[{"id":"wamid.X"}],"error":{"code":1}}`, `{"messages":[{"id":"wamid.X"}],"error":null}`, `{"messages":[{"id":"wamid.X"}],"id":7}`,
		`{"messages":[{"id":"wamid.X"}],"messages":[]}`, `{"messages":[{"id":"wamid.X","id":"wamid.Y"}]}`, `{"messages":[{"id":"wamid.X"},7]}`, `{"messages":[{"id":"wamid.X"},{"id":7}]}`,
		`{"messages":[{"id":"wamid.\u0058"}]}`, `{"messages":[{"id":"wamid.ñ"}]}`, `{"mess\u0061ges":[{"id":"wamid.X"}]}`, `{"messages":[{"id":"wamid.X"}],"err\u006fr":{}}`,
		`{"messages":[{"id":"wamid.X"}],"x":01}`, `{"messages":[{"id":"wamid.X"}],"x":1.}`, `{"messages":[{"id":"wamid.X"}],"x":+1}`, `{"messages":[{"id":"wamid.X"}],"x":nul}`,
		"{\"messages\":[{\"id\":\"wamid.X\n\"}]}", `{"messages":[{"id":"wamid.X"}],"x":"\x"}`, `{"Messages":[{"id":"wamid.X"}]}`, `{"messages":{"id":"wamid.X"}}`,
	} {
		if id, ok := scan.MessageID([]byte(body)); ok {
			t.Errorf("%s: %q", body, id)
		}
	}
}

// FuzzMessageID: an id that is found without decoding is the one that decoding finds, and encoding/json finds too.
func FuzzMessageID(f *testing.F) {
	for _, s := range []string{
		`{"messaging_product":"whatsapp","contacts":[{"input":"+57300","wa_id":"57300"}],"messages":[{"id":"wamid.X"}]}`,
		`{"messages":[{"id":"wamid.X"}],"x":[-1.5e+3,0,true,false,null,{},[],"ñ \" \\ \/"]}`, `{"error":{"code":1},"messages":[{"id":"wamid.X"},{}]}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		id, ok := scan.MessageID(body)
		if !ok {
			return
		}
		if decoded, ok := whatsapp.DecodedID(body); !ok || decoded != string(id) {
			t.Errorf("%q: %q, decoded %q, %v", body, id, decoded, ok)
		}
		var m map[string]any
		d := json.NewDecoder(bytes.NewReader(body))
		d.UseNumber()
		if err := d.Decode(&m); err != nil || !json.Valid(body) {
			t.Fatalf("%q: %v", body, err)
		}
		list, _ := m["messages"].([]any)
		first, _ := list[0].(map[string]any)
		if first["id"] != string(id) || m["error"] != nil {
			t.Errorf("%q: %q, by encoding/json %v", body, id, m)
		}
	})
}
