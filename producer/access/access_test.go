package access

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"altavoz/schemas"
)

const long = "0123456789abcdef"

func noFiles(string) (schemas.Secret, error) { return "", errors.New("no files here") }

func TestCallersOfTheFileOfKeysAreRead(t *testing.T) {
	t.Parallel()
	callers, err := ParseFile([]byte(`[
		{"owner":"tienda","secrets":["`+long+`1","`+long+`2"],"scopes":["send","read"],"senders":["1065"],
		 "recipients_per_request":1000,"recipients_per_day":50000,"requests_at_once":8,"feeds_at_once":4,"uploads_at_once":1},
		{"owner":"crm","secret_files":["crm"],"scopes":["admin"]}
	]`), func(path string) (schemas.Secret, error) { return schemas.Secret(path + long), nil })
	if err != nil {
		t.Fatal(err)
	}
	table, err := NewTable(callers...)
	if err != nil {
		t.Fatal(err)
	}
	shop, ok := table.Find(long + "2")
	if first, _ := table.Find(long + "1"); !ok || first.Owner != shop.Owner {
		t.Fatal("the second secret is not of the same caller as the first")
	}
	if shop.Owner != "tienda" || !shop.May(Send) || shop.May(Control) || shop.PerRequest != 1000 || shop.PerDay != 50000 ||
		shop.Requests != 8 || shop.Feeds != 4 || shop.Uploads != 1 {
		t.Errorf("got %+v, want what the file says of tienda", shop)
	}
	if crm, ok := table.Find("crm" + long); !ok || !crm.Sees("") || !crm.Sees("tienda") || crm.May(Read) {
		t.Errorf("got %+v, want an administrator that sees all owners and may not read", crm)
	}
	if shop.Sees("") || shop.Sees("crm") || !shop.Sees("tienda") {
		t.Error("whose tasks the shop sees")
	}
	for _, wrong := range []schemas.Secret{"", long, "tienda", long + "3"} {
		if c, ok := table.Find(wrong); ok {
			t.Errorf("%q is %s", wrong.Reveal(), c.Owner)
		}
	}
}

// Where a broadcast would be refused for its callback after it was accepted, a key's is written in the way that is taken.
func TestKeysCallbackIsCleanedAsABroadcastsIs(t *testing.T) {
	t.Parallel()
	callers, err := ParseFile([]byte(`[{"owner":"a","secrets":["`+long+`"],"scopes":["send"],"callback_url":" https://example.com/a b "}]`), noFiles)
	if err != nil || len(callers) != 1 || callers[0].Callback != "https://example.com/a%20b" {
		t.Errorf("%v, %v; want https://example.com/a%%20b", callers, err)
	}
}

// What a keys file may not say: each is refused with the line or the entry, and no message has a secret.
func TestKeysFileIsStrict(t *testing.T) {
	t.Parallel()
	key := func(members string) string {
		return `[{"owner":"a","secrets":["` + long + `"],"scopes":["send"]` + members + `}]`
	}
	for name, tt := range map[string]struct{ text, want string }{
		"no JSON":                 {"[\n{\"owner\":", "line 2"},
		"nothing":                 {"", "line 1"},
		"an object":               {"{}", "line 1"},
		"something behind":        {key("") + "[]", "line 1"},
		"unknown member":          {key(",\n\"recipient_per_day\":5"), "line 2: there is no member /0/recipient_per_day"},
		"member in capitals":      {key(`,"Senders":["1"]`), "/0/Senders"},
		"member twice":            {key(",\n\n\"scopes\":[\"read\"]"), "line 3: the member /0/scopes is there twice"},
		"member of another type":  {key(`,"recipients_per_day":"5"`), "line 1"},
		"fraction":                {key(`,"recipients_per_day":1.5`), "line 1"},
		"below zero":              {key(`,"recipients_per_request":-1`), "line 1"},
		"no bound":                {key(`,"recipients_per_request":0`), "entry 1"},
		"no budget":               {key(`,"recipients_per_day":0`), "entry 1"},
		"no share":                {key(`,"feeds_at_once":0`), "feeds_at_once"},
		"no senders":              {key(`,"senders":[]`), "senders"},
		"sender twice":            {key(`,"senders":["1","1"]`), "sender 2"},
		"empty sender":            {key(`,"senders":[""]`), "sender 1"},
		"callback of a user":      {key(`,"callback_url":"https://a:b@example.com/"`), "callback_url"},
		"callback of no port":     {key(`,"callback_url":"https://example.com:70000/"`), "callback_url"},
		"callback that is long":   {key(`,"callback_url":"https://example.com/` + strings.Repeat("x", 2000) + `"`), "callback_url"},
		"null":                    {"[null]", "entry 1"},
		"no owner":                {`[{"secrets":["` + long + `"],"scopes":["send"]}]`, "entry 1"},
		"empty owner":             {`[{"owner":"","secrets":["` + long + `"],"scopes":["send"]}]`, "entry 1"},
		"owner that is no name":   {`[{"owner":"a b","secrets":["` + long + `"],"scopes":["send"]}]`, "entry 1"},
		"owner that is long":      {`[{"owner":"` + strings.Repeat("a", 65) + `","secrets":["` + long + `"],"scopes":["send"]}]`, "entry 1"},
		"owner twice":             {`[{"owner":"a","secrets":["` + long + `"],"scopes":["send"]},{"owner":"a","secrets":["` + long + `2"],"scopes":["read"]}]`, "the owner a is there twice"},
		"no secrets":              {`[{"owner":"a","scopes":["send"]}]`, "0 secrets"},
		"three secrets":           {`[{"owner":"a","secrets":["` + long + `1","` + long + `2","` + long + `3"],"scopes":["send"]}]`, "3 secrets"},
		"short secret":            {`[{"owner":"a","secrets":["` + long[1:] + `"],"scopes":["send"]}]`, "15 bytes"},
		"an example":              {`[{"owner":"a","secrets":["demo-key-change-me"],"scopes":["send"]}]`, "everybody knows"},
		"long secret":             {`[{"owner":"a","secrets":["` + strings.Repeat("x", 257) + `"],"scopes":["send"]}]`, "256"},
		"secret with a space":     {`[{"owner":"a","secrets":["` + long + ` x"],"scopes":["send"]}]`, "printable"},
		"its secret twice":        {`[{"owner":"a","secrets":["` + long + `","` + long + `"],"scopes":["send"]}]`, "the same"},
		"another's secret":        {`[{"owner":"a","secrets":["` + long + `"],"scopes":["send"]},{"owner":"b","secrets":["` + long + `"],"scopes":["send"]}]`, "twice"},
		"no scopes":               {`[{"owner":"a","secrets":["` + long + `"],"scopes":[]}]`, "scopes"},
		"unknown scope":           {`[{"owner":"a","secrets":["` + long + `"],"scopes":["write"]}]`, `no scope "write"`},
		"scope twice":             {`[{"owner":"a","secrets":["` + long + `"],"scopes":["send","send"]}]`, "twice"},
		"file that is not there":  {`[{"owner":"a","secret_files":["x"],"scopes":["send"]}]`, "no files here"},
		"secret in another place": {`[{"owner":"a","secrets":"` + long + `","scopes":["send"]}]`, "line 1"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := ParseFile([]byte(tt.text), noFiles)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%v, which does not say %q; want an error", err, tt.want)
			}
			if err != nil && strings.Contains(err.Error(), long[:8]) {
				t.Errorf("a secret is told: %v", err)
			}
		})
	}
}

func TestShortFormNamesOwnersAndSecrets(t *testing.T) {
	t.Parallel()
	callers, err := ParseShort("tienda:secreto-uno-1234, tienda:secreto-dos-1234\nsecreto-sin-nombre")
	if err != nil {
		t.Fatal(err)
	}
	if len(callers) != 2 || callers[0].Owner != "tienda" || len(callers[1].Owner) != 2*nameBytes {
		t.Fatalf("%d callers, want 2", len(callers))
	}
	if !slices.Equal(callers[0].Scopes, []Scope{Send, Read, Control}) || callers[0].Sees("") {
		t.Errorf("got %+v, want the scopes send, read and control, and no task of others", callers[0])
	}
	table, err := NewTable(callers...)
	if err != nil {
		t.Fatal(err)
	}
	if c, ok := table.Find("secreto-dos-1234"); !ok || c.Owner != "tienda" {
		t.Errorf("got %+v, want Owner %q", c, "tienda")
	}
	for _, bad := range []schemas.Secret{":x", "a:", "a:b,:"} {
		if _, err := ParseShort(bad); err == nil || strings.Contains(err.Error(), "a:b") {
			t.Errorf("%q: %v; want an error", bad.Reveal(), err)
		}
	}
}

func FuzzParseFile(f *testing.F) {
	f.Add([]byte(fmt.Sprintf(`[{"owner":"a","secrets":[%q],"scopes":["send"],"senders":["1"],"recipients_per_day":5}]`, long)))
	f.Add([]byte(`[{"owner":"a","owner":1}]`))
	f.Fuzz(func(t *testing.T, text []byte) {
		callers, err := ParseFile(text, noFiles)
		if err != nil {
			return
		}
		for _, c := range callers {
			if !IsOwner(c.Owner) || len(c.digests) == 0 || len(c.Scopes) == 0 {
				t.Errorf("%+v was taken", c)
			}
		}
	})
}
