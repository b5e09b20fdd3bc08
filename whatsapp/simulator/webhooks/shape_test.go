package webhooks_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"altavoz/whatsapp/simulator/faults"
	"altavoz/whatsapp/simulator/ledger"
	"altavoz/whatsapp/simulator/webhooks"
)

var update = flag.Bool("update", false, "write the golden files")

const callback = `c:42/r:7 <ñandú> "90%" 🎉`

func message(change func(*webhooks.Message)) *webhooks.Message {
	m := &webhooks.Message{Number: "106540352242922", Phone: "573001234567", WAMID: "wamid.HBgM=", Callback: callback}
	change(m)
	m.Price = ledger.NewPrices().Of(m.Number, m.Category, time.Unix(0, 0), ledger.FreeService, true)
	return m
}

var undeliverable = webhooks.Failure{Code: 131026, Title: "Message undeliverable", Details: "Message Undeliverable."}

// TestStatusesAreThoseOfTheGoldenFiles compares what is posted, byte by byte, with files that were read beside Meta's documentation (WhatsApp webhooks, statuses).
func TestStatusesAreThoseOfTheGoldenFiles(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		message func(*webhooks.Message)
		status  ledger.Status
	}{
		"sent":             {func(*webhooks.Message) {}, ledger.Sent},
		"delivered":        {func(*webhooks.Message) {}, ledger.Delivered},
		"read":             {func(*webhooks.Message) {}, ledger.Read},
		"failed":           {func(m *webhooks.Message) { m.Failure = undeliverable }, ledger.Failed},
		"failed_old":       {func(m *webhooks.Message) { m.Failure, m.Old = undeliverable, true }, ledger.Failed},
		"sent_old":         {func(m *webhooks.Message) { m.Old = true }, ledger.Sent},
		"read_old":         {func(m *webhooks.Message) { m.Old = true }, ledger.Read},
		"read_priced":      {func(m *webhooks.Message) { m.PricedWithRead = true }, ledger.Read},
		"sent_utility":     {func(m *webhooks.Message) { m.Category = "utility" }, ledger.Sent},
		"delivered_hidden": {func(m *webhooks.Message) { m.Username, m.Linked = true, true }, ledger.Delivered},
		"failed_hidden":    {func(m *webhooks.Message) { m.Username = true; m.Failure = webhooks.Failure{Code: 131026, Title: "t"} }, ledger.Failed},
		"delivered_user":   {func(m *webhooks.Message) { m.Phone, m.User, m.Callback = "CO.Ab12", true, "" }, ledger.Delivered},
		"failed_untitled":  {func(m *webhooks.Message) { m.Failure = webhooks.Failure{Code: 999, Title: "Generic error"} }, ledger.Failed},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				rc := &receiver{}
				e, stop := start(t, rc, webhooks.Config{})
				e.Accepted(message(tt.message), time.Now(), later(step(tt.status, time.Second)))
				time.Sleep(2 * time.Second)
				stop()
				golden(t, name, rc.got()[0].body)
			})
		})
	}
}

func TestInboundMessagesAreThoseOfTheGoldenFiles(t *testing.T) {
	t.Parallel()
	at := time.Unix(1_750_000_000, 0)
	golden(t, "inbound", webhooks.Inbound("106540352242922", "573001234567", false, "wamid.x", "BAJA, señor", at))
	golden(t, "inbound_user", webhooks.Inbound("106540352242922", "CO.Ab12", true, "wamid.x", "BAJA", at))
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name+".json")
	if *update {
		if err := os.WriteFile(path, append(got, '\n'), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(bytes.TrimSpace(want)), string(got)); diff != "" {
		t.Error(diff)
	}
	if !json.Valid(got) {
		t.Errorf("%s is no JSON", got)
	}
	for _, c := range got {
		if c < ' ' || c > '~' {
			t.Fatalf("character %q: %s", c, got)
		}
	}
}

// TestSignatureIsOfTheBytesThatAreSent: it is over the bytes that are sent. The one in hex was made by another program:
//
//	printf '{"a":"\\u00f1"}' | openssl dgst -sha256 -hmac 'app secret'
func TestSignatureIsOfTheBytesThatAreSent(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		rc := &receiver{}
		e, stop := start(t, rc, webhooks.Config{})
		e.Raw([]byte(`{"a":"\u00f1"}`), time.Now())
		e.Accepted(message(func(*webhooks.Message) {}), time.Now(), later(step(ledger.Sent, time.Second)))
		time.Sleep(2 * time.Second)
		stop()
		posts := rc.got()
		const want = "sha256=f176be6404c4e0387f00093154457a326bc1003f3539f6d78f6bcd137af969b6"
		if got := posts[0].header.Get("X-Hub-Signature-256"); got != want || string(posts[0].body) != `{"a":"\u00f1"}` {
			t.Errorf("%s of %s; want %v", got, posts[0].body, want)
		}
		for _, p := range posts {
			h := hmac.New(sha256.New, []byte(secret))
			h.Write(p.body)
			if got := p.header.Get("X-Hub-Signature-256"); got != "sha256="+hex.EncodeToString(h.Sum(nil)) || p.header.Get("Content-Type") != "application/json" {
				t.Errorf("got %v, want the signature of the body, and JSON", p.header)
			}
		}
		if c := read(t, posts[1].body)[0].Statuses[0].Callback; c != callback {
			t.Errorf("callback %q, want %q", c, callback)
		}
	})
}

// TestStatusesOfSeveralNumbersAreAChangeEach: statuses of several numbers that go together are a change each; those of the shape of before have no contact.
func TestStatusesOfSeveralNumbersAreAChangeEach(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		rc := &receiver{}
		e, stop := start(t, rc, webhooks.Config{})
		for i, number := range []string{"1", "2", "1"} {
			e.Accepted(message(func(m *webhooks.Message) { m.Number, m.Old = number, i == 2 }), time.Now(), faults.Later{Steps: []faults.Step{step(ledger.Sent, 0)}})
		}
		time.Sleep(time.Second)
		stop()
		got := map[string][2]int{}
		for _, v := range read(t, rc.got()[0].body) {
			got[v.Metadata.Number] = [2]int{len(v.Statuses), len(v.Contacts)}
		}
		if want := map[string][2]int{"1": {2, 1}, "2": {1, 1}}; len(rc.got()) != 1 || !cmp.Equal(got, want) {
			t.Errorf("%v in %d posts; want 1", got, len(rc.got()))
		}
	})
}
