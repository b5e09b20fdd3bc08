package producer_test

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"altavoz/producer"
	"altavoz/producer/access"
	"altavoz/producer/optouts"
	"altavoz/producer/templates"
	"altavoz/schemas"
	"altavoz/schemas/request"
)

// file is a service whose keys stand in a file.
func file(t *testing.T, text string) func() *access.Table {
	t.Helper()
	callers, err := access.ParseFile([]byte(text), nil)
	if err != nil {
		t.Fatal(err)
	}
	table, err := access.NewTable(callers...)
	if err != nil {
		t.Fatal(err)
	}
	return func() *access.Table { return table }
}

const (
	sendKey, readKey, controlKey, adminKey, optOutsKey = "secret-that-sends", "secret-that-reads", "secret-that-steers", "secret-of-an-admin", "secret-of-the-list"

	scopedKeys = `[
		{"owner":"sender","secrets":["` + sendKey + `"],"scopes":["send"]},
		{"owner":"reader","secrets":["` + readKey + `"],"scopes":["read"]},
		{"owner":"steerer","secrets":["` + controlKey + `"],"scopes":["control"]},
		{"owner":"keeper","secrets":["` + optOutsKey + `"],"scopes":["optouts"]},
		{"owner":"boss","secrets":["` + adminKey + `"],"scopes":["admin"]}
	]`
)

// TestThreatS02EachRouteAsksForItsScope: each route with each scope, and without a key. A route that is not in this table fails.
func TestThreatS02EachRouteAsksForItsScope(t *testing.T) {
	t.Parallel()
	one := request.PathTasks + "/{task_id}"
	want := map[string]access.Scope{
		"POST " + request.PathSend:                  access.Send,
		"POST " + request.PathBulk:                  access.Send,
		"GET " + request.PathStatus + "{task_id}":   access.Read,
		"HEAD " + request.PathStatus + "{task_id}":  access.Read,
		"GET " + request.PathTasks:                  access.Read,
		"HEAD " + request.PathTasks:                 access.Read,
		"GET " + one:                                access.Read,
		"HEAD " + one:                               access.Read,
		"PATCH " + one:                              access.Control,
		"GET " + one + "/events":                    access.Read,
		"GET " + one + "/recipients":                access.Read,
		"POST " + one + "/pause":                    access.Control,
		"POST " + one + "/resume":                   access.Control,
		"POST " + one + "/cancel":                   access.Control,
		"POST " + one + "/retry":                    access.Send,
		"GET " + optouts.Path:                       access.OptOuts,
		"HEAD " + optouts.Path:                      access.OptOuts,
		"POST " + optouts.Path:                      access.OptOuts,
		"GET " + optouts.Path + "/{phone}":          access.OptOuts,
		"HEAD " + optouts.Path + "/{phone}":         access.OptOuts,
		"DELETE " + optouts.Path + "/{phone}":       access.OptOuts,
		"GET " + request.PathSenders:                access.Read,
		"HEAD " + request.PathSenders:               access.Read,
		"GET " + templates.Path:                     access.Read,
		"HEAD " + templates.Path:                    access.Read,
		"GET " + producer.PathWebhook:               "", // Meta shows no key
		"POST " + producer.PathWebhook:              "",
		"GET /healthz":                              "",
		"HEAD /healthz":                             "",
		"GET /readyz":                               "",
		"HEAD /readyz":                              "",
		"GET /openapi.json":                         "",
		"HEAD /openapi.json":                        "",
		"GET " + request.PathRecipients + "{phone}": access.Read,
	}
	secrets := map[access.Scope]string{access.Send: sendKey, access.Read: readKey, access.Control: controlKey, access.Admin: adminKey, access.OptOuts: optOutsKey}
	h := setup(t, producer.Config{Keys: file(t, scopedKeys)})
	h.finishing()
	got := make(map[string]access.Scope)
	for _, route := range h.Routes() {
		parts := strings.Split(route, " ")
		got[parts[0]+" "+parts[1]] = access.Scope(parts[2])
	}
	if !maps.Equal(got, want) {
		t.Fatalf("the routes are\n%v\nand this table has\n%v", got, want)
	}
	nobodys := schemas.TaskIDFromKey("x", "y").String()
	ask := func(route string, headers ...string) (int, string) {
		method, path, _ := strings.Cut(route, " ")
		path = strings.ReplaceAll(path, "{task_id}", nobodys)
		code, body, _ := h.do(method, path, strings.NewReader(bodyFor(method, path)), headers...)
		return code, body
	}
	for _, route := range slices.Sorted(maps.Keys(want)) {
		scope := want[route]
		if scope == "" {
			if code, body := ask(route); code == http.StatusUnauthorized && strings.Contains(body, "unauthorized") {
				t.Errorf("%s asks for a key", route)
			}
			continue
		}
		if code, _ := ask(route); code != http.StatusUnauthorized {
			t.Errorf("%s without a key: %d; want %v", route, code, http.StatusUnauthorized)
		}
		for has, secret := range secrets {
			code, _ := ask(route, "X-API-Key", secret)
			if (has == scope) == (code == http.StatusForbidden || code == http.StatusUnauthorized) {
				t.Errorf("%s with the scope %s: %d", route, has, code)
			}
		}
	}
	if n := len(h.log.of(schemas.TopicBroadcasts)); n != 1 {
		t.Errorf("%d broadcasts were published for one key that may send, want 1", n)
	}
}

func bodyFor(method, path string) string {
	if method == http.MethodPatch {
		return `{"speed":1}`
	}
	if path == request.PathSend {
		return one(`,"use_queue":true`)
	}
	return ""
}

func TestMissingScopeGolden(t *testing.T) {
	t.Parallel()
	h := setup(t, producer.Config{Keys: file(t, scopedKeys)})
	code, body, _ := h.post(one(""), "X-API-Key", readKey)
	golden(t, "missing_scope", code, body)
}

// TestThreatS02KeySendsFromItsNumbersOnly also of as many recipients as it may. Whether there is a number that it may not send from
// it is not told.
func TestThreatS02KeySendsFromItsNumbersOnly(t *testing.T) {
	t.Parallel()
	h := setup(t, producer.Config{Sender: oneOf("1064", "1065", "1066"), Keys: file(t, `[
		{"owner":"tienda","secrets":["secret-of-the-shop"],"scopes":["send"],"senders":["1065","1066"],"recipients_per_request":2},
		{"owner":"crm","secrets":["secret-of-the-crm"],"scopes":["send"]}]`)})
	send := func(members, secret string) (int, string) {
		code, body, _ := h.post(one(`,"use_queue":true`+members), "X-API-Key", secret)
		return code, body
	}
	for _, tt := range []struct {
		members, secret string
		code            int
		from            string
	}{
		{``, "secret-of-the-shop", http.StatusAccepted, "1065"},
		{`,"sender":"1066"`, "secret-of-the-shop", http.StatusAccepted, "1066"},
		{`,"sender":"1064"`, "secret-of-the-shop", http.StatusForbidden, ""},
		{`,"sender":"1099"`, "secret-of-the-shop", http.StatusForbidden, ""},
		{``, "secret-of-the-crm", http.StatusAccepted, "1064"},
		{`,"sender":"1099"`, "secret-of-the-crm", http.StatusBadRequest, ""},
	} {
		t.Run(tt.members, func(t *testing.T) {
			before := len(h.log.of(schemas.TopicBroadcasts))
			code, body := send(tt.members, tt.secret)
			recs := h.log.of(schemas.TopicBroadcasts)[before:]
			if code != tt.code || (tt.from != "") != (len(recs) == 1) || tt.from != "" && string(recs[0].Key) != tt.from {
				t.Errorf("%+v: %d %s, %d broadcasts; want %v", tt, code, body, len(recs), tt.code)
			}
			if code == http.StatusForbidden {
				golden(t, "sender_not_allowed", code, body)
			}
		})
	}
	code, body, _ := h.post(`{"phones":["573001234567","573001234568","573001234569"],"body_text":"b","use_queue":true}`, "X-API-Key", "secret-of-the-shop")
	golden(t, "too_many_for_a_key", code, body)
	if code, body, _ := h.post(`{"phones":["573001234567","573001234568","573001234569"],"body_text":"b","use_queue":true}`, "X-API-Key", "secret-of-the-crm"); code != http.StatusAccepted {
		t.Errorf("another's bound: %d %s; want %v", code, body, http.StatusAccepted)
	}
}
