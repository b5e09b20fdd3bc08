package whatsapp

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/protobuf/testing/protocmp"

	"altavoz/schemas"
	"altavoz/schemas/lastinbound"
	"altavoz/schemas/optout"
	"altavoz/schemas/price"
	"altavoz/stream"
)

var (
	task1 = schemas.TaskIDFromKey("", "1")
	task2 = schemas.TaskIDFromKey("", "2")
	heard = time.UnixMilli(1_750_000_000_123)
)

// envelope is a webhook of one change with these statuses.
func envelope(statuses ...string) string {
	return `{"object":"whatsapp_business_account","entry":[{"id":"1","changes":[{"value":{"messaging_product":"whatsapp",` +
		`"metadata":{"display_phone_number":"15550783881","phone_number_id":"1065"},"statuses":[` + strings.Join(statuses, ",") + `]},"field":"messages"}]}]}`
}

// said is a status of the recipient of task1 with more members.
func said(status string, index uint32, members string) string {
	return fmt.Sprintf(`{"id":"wamid.%d","status":%q,"timestamp":"1750030073","recipient_id":"573001234567","biz_opaque_callback_data":%q%s}`,
		index, status, schemas.Callback(task1, index), members)
}

func failing(index uint32, failure string) string {
	return said("failed", index, `,"errors":[`+failure+`]`)
}

// shapes are webhooks that differ, and what is read in them.
var shapes = []struct {
	name, body string
	want       []string
	seen       [kinds]int
}{
	{"sent", envelope(said("sent", 3, "")), []string{"3 sent wamid.3"}, [kinds]int{kindSent: 1}},
	{
		"as since 2026",
		`{"object":"whatsapp_business_account","entry":[{"id":"1","changes":[{"field":"messages","value":{"messaging_product":"whatsapp",` +
			`"metadata":{},"contacts":[{"wa_id":"573001234567","user_id":"CO.1765"}],"statuses":[{"id":"wamid.1","status":"delivered","timestamp":"1750030073",` +
			`"recipient_id":"573001234567","recipient_user_id":"CO.1765","biz_opaque_callback_data":"` + schemas.Callback(task1, 1) + `",` +
			`"conversation":{"id":"c","expiration_timestamp":"1750116480","origin":{"type":"marketing"}},` +
			`"pricing":{"billable":true,"pricing_model":"PMP","type":"regular","category":"marketing"}}]}}]}]}`,
		[]string{"1 delivered wamid.1"},
		[kinds]int{kindDelivered: 1},
	},
	{
		"in any order of members, and with escapes",
		`{"entry":[{"changes":[{"value":{"statuses":[{"biz_opaque_callback_data":"\u0061v1:` + task1.String() + `:7","extra":{"deep":[[{}]]},` +
			`"\u0073tatus":"read","id":"wamid.\u00f1"}]},"field":"messages"}],"time":1}],"object":"whatsapp_business_account"}`,
		[]string{"7 read wamid.ñ"},
		[kinds]int{kindRead: 1},
	},
	{
		"a time in milliseconds, as a number, or none",
		envelope(`{"status":"sent","timestamp":1750030073000,"biz_opaque_callback_data":"`+schemas.Callback(task1, 1)+`"}`,
			`{"status":"sent","timestamp":"1750030073000","biz_opaque_callback_data":"`+schemas.Callback(task1, 2)+`"}`,
			`{"status":"sent","biz_opaque_callback_data":"`+schemas.Callback(task1, 3)+`"}`),
		[]string{"1 sent", "2 sent", "3 sent"},
		[kinds]int{kindSent: 3},
	},
	{
		"failed with a code that says it all",
		envelope(failing(1, `{"code":131049,"title":"T","message":"T","error_data":{"details":"In order to maintain a healthy ecosystem engagement, ..."},"href":"/x"}`)),
		[]string{"1 undelivered:131049 wamid.1 573001234567 (131049) Meta no lo entregó para cuidar la experiencia del destinatario"},
		[kinds]int{kindFailed: 1},
	},
	{
		"failed with details that say more",
		envelope(failing(1, `{"code":131053,"title":"Media upload error","error_data":{"details":"Unsupported video codec"}}`)),
		[]string{"1 undelivered:131053 wamid.1 573001234567 (131053) WhatsApp no pudo obtener o procesar el archivo: Unsupported video codec"},
		[kinds]int{kindFailed: 1},
	},
	{
		"failed with a code that nobody knows, and a phone in its words",
		envelope(failing(1, `{"code":"999999","message":"no\nway for +573001234567","error_data":"old details\u202e for 573001234567"}`)),
		[]string{"1 undelivered:0 wamid.1 573001234567 (999999) WhatsApp rechazó el mensaje: old details for ********4567"},
		[kinds]int{kindFailed: 1},
	},
	{
		"failed with a title only",
		envelope(failing(1, `{"code":131008,"title":"Required parameter is missing"}`)),
		[]string{"1 undelivered:131008 wamid.1 573001234567 (131008) Falta un parámetro obligatorio: Required parameter is missing"},
		[kinds]int{kindFailed: 1},
	},
	{
		"failed with two errors, or with none that can be read",
		envelope(failing(1, `{"code":131047},{"code":131026}`), failing(2, `{"code":-1,"title":5}`), failing(3, `7`), said("failed", 4, ""), said("failed", 5, `,"errors":{"code":1}`)),
		[]string{
			"1 undelivered:131047 wamid.1 573001234567 (131047) Pasaron más de 24 horas desde la última respuesta del destinatario",
			"2 undelivered:0 wamid.2 573001234567 WhatsApp rechazó el mensaje", "3 undelivered:0 wamid.3 573001234567 WhatsApp rechazó el mensaje",
			"4 undelivered:0 wamid.4 573001234567 WhatsApp rechazó el mensaje", "5 undelivered:0 wamid.5 573001234567 WhatsApp rechazó el mensaje",
		},
		[kinds]int{kindFailed: 5},
	},
	{
		"failed for somebody without a phone, or with an odd one",
		envelope(`{"status":"failed","recipient_user_id":"CO.1765","biz_opaque_callback_data":"`+schemas.Callback(task1, 1)+`"}`,
			`{"status":"failed","recipient_id":"<b>","biz_opaque_callback_data":"`+schemas.Callback(task1, 2)+`"}`,
			`{"status":"failed","recipient_id":"`+strings.Repeat("5", 136)+`","biz_opaque_callback_data":"`+schemas.Callback(task1, 3)+`"}`),
		[]string{"1 undelivered:0 CO.1765 WhatsApp rechazó el mensaje", "2 undelivered:0 WhatsApp rechazó el mensaje", "3 undelivered:0 WhatsApp rechazó el mensaje"},
		[kinds]int{kindFailed: 3},
	},
	{
		"statuses that say nothing about delivery",
		envelope(said("played", 1, ""), said("deleted", 2, ""), said("SENT", 3, ""), said("", 4, ""), `{}`, `null`, `"sent"`, `[]`, said("sent", 5, "")),
		[]string{"5 sent wamid.5"},
		[kinds]int{kindSent: 1, kindIgnored: 8},
	},
	{
		"messages of others",
		envelope(`{"status":"sent"}`, `{"status":"read","biz_opaque_callback_data":"c:42"}`, `{"status":"sent","biz_opaque_callback_data":7}`,
			`{"status":"sent","biz_opaque_callback_data":"av1:x:1"}`, `{"status":"failed","biz_opaque_callback_data":"av2:`+task1.String()+`:1"}`,
			`{"status":"sent","biz_opaque_callback_data":"av1:00000000-0000-0000-0000-000000000000:0"}`), // found by FuzzWebhook
		nil,
		[kinds]int{kindForeign: 6},
	},
	{
		"members of other types beside good ones",
		`{"object":7,"entry":[5,{"changes":{}},{"changes":[[],{"value":[]},{"value":{"statuses":{}}},{"value":{"statuses":[` + said("sent", 1, `,"id":{}`) +
			`],"contacts":"none"},"field":7}]},{"changes":null}]}`,
		[]string{"1 sent wamid.1"},
		[kinds]int{kindSent: 1},
	},
	{
		"other fields and incoming messages",
		`{"entry":[{"changes":[{"field":"account_update","value":{"event":"ACCOUNT_VIOLATION"}},{"value":{"statuses":[` + said("sent", 1, "") + `]},"field":"history"},` +
			`{"field":"messages","value":{"contacts":[{"profile":{"name":"N"}}],"messages":[{"from":"57","id":"wamid.x","type":"text","text":{"body":"STOP"}}]}},` +
			`{"value":{"statuses":[` + said("sent", 2, "") + `]}}]}]}`,
		[]string{"2 sent wamid.2"},
		[kinds]int{kindSent: 1, kindOther: 2},
	},
	{"broken characters and repeated names", envelope(said("sent", 1, ",\"x\":\"\xff\",\"x\":1,\"id\":\"w\xff\"")), []string{"1 sent w\ufffd"}, [kinds]int{kindSent: 1}},
	{"nothing", `{}`, nil, [kinds]int{}},
	{"JSON that is no webhook", `[{"entry":[{}]}]`, nil, [kinds]int{}},
	{"a text", " \"entry\"\n", nil, [kinds]int{}},
}

func TestReceiptsAreReadFromEachShape(t *testing.T) {
	t.Parallel()
	for _, c := range shapes {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			n, err := readNews([]byte(c.body))
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, r := range n.receipts {
				if r.of.task != task1 {
					t.Errorf("of task %s, want %v", r.of.task, task1)
				}
				got = append(got, strings.Join(strings.Fields(fmt.Sprint(r.of.index, " ", r.mark.Label(), " ", r.wamid, " ", r.phone, " ", r.reason)), " "))
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			if n.seen != c.seen {
				t.Errorf("seen %v, want %v", n.seen, c.seen)
			}
		})
	}
}

func TestMalformedWebhooksAreRefused(t *testing.T) {
	t.Parallel()
	whole := envelope(said("sent", 1, ""))
	for _, body := range []string{
		"", " ", "{", whole[:len(whole)-1], whole[:len(whole)/2], whole + "x", whole + whole, `{"entry":[{]}`, `{"entry" 1}`, "nope",
		`{"entry":` + strings.Repeat("[", 20_000) + strings.Repeat("]", 20_000) + `}`, `{"x":` + strings.Repeat(`{"x":`, 20_000),
	} {
		if n, err := readNews([]byte(body)); err == nil {
			t.Errorf("%.60q was read: %v", body, n.receipts)
		}
	}
	some := func(n int) []byte { return []byte(envelope(strings.Repeat("{},", n-1) + "{}")) }
	if _, err := readNews(some(maxUpdates)); err != nil {
		t.Errorf("%d updates: %v", maxUpdates, err)
	}
	if _, err := readNews(some(maxUpdates + 1)); err == nil {
		t.Errorf("%d updates were read", maxUpdates+1)
	}
}

// A task's receipts go together, each recipient once and with the most that was said, whatever the order. This is what lies in
// the topic results.
func TestReceiptsOfATaskGoTogether(t *testing.T) {
	t.Parallel()
	body := envelope(
		said("read", 2, ""), said("sent", 2, ""), said("delivered", 2, ""), // in no order
		strings.ReplaceAll(said("delivered", 9, ""), task1.String(), task2.String()),
		failing(1, `{"code":131047}`), said("sent", 1, ""), failing(1, `{"code":131026}`),
		said("sent", 0, ""), said("sent", 0, ""),
		strings.ReplaceAll(said("delivered", 3, ""), schemas.Callback(task1, 3), schemas.TemplateCallback(task1, 3)),
	)
	recs, err := NewWebhooks(WebhookConfig{}).Receipts([]byte(body), heard)
	if err != nil {
		t.Fatal(err)
	}
	window := "(131047) Pasaron más de 24 horas desde la última respuesta del destinatario"
	want := []*schemas.Result{
		{Task: task1.Bytes(), AtMs: heard.UnixMilli(), Event: &schemas.Result_Receipts{Receipts: &schemas.Receipts{Outcomes: []*schemas.Outcome{
			{Index: 0, Mark: uint32(schemas.StateConfirmed), Wamid: "wamid.0"},
			{Index: 1, Mark: uint32(schemas.Undelivered(131047)), Phone: "573001234567", Reason: window, Wamid: "wamid.1"},
			{Index: 2, Mark: uint32(schemas.StateRead), Wamid: "wamid.2"},
			{Index: 3, Mark: uint32(schemas.StateDeliveredTemplate), Wamid: "wamid.3"},
		}}}},
		{Task: task2.Bytes(), AtMs: heard.UnixMilli(), Event: &schemas.Result_Receipts{Receipts: &schemas.Receipts{Outcomes: []*schemas.Outcome{
			{Index: 9, Mark: uint32(schemas.StateDelivered), Wamid: "wamid.9"},
		}}}},
	}
	if string(task1[:]) > string(task2[:]) {
		want[0], want[1] = want[1], want[0]
	}
	var got []*schemas.Result
	for _, rec := range recs {
		r := &schemas.Result{}
		if err := schemas.Decode(&rec, r); err != nil {
			t.Fatal(err)
		}
		got = append(got, r)
		if rec.Topic != schemas.TopicResults || string(rec.Key) != schemas.TaskID(r.GetTask()).String() || rec.Partition != stream.NoPartition {
			t.Errorf("the record goes to %s with key %s; want %v", rec.Topic, rec.Key, schemas.TopicResults)
		}
	}
	if diff := cmp.Diff(want, got, protocmp.Transform()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// The most that Meta may post at once, with the longest words, fits into records that the log takes.
func TestLargestWebhookFitsIntoRecords(t *testing.T) {
	t.Parallel()
	statuses := make([]string, 0, maxReceipts+1)
	for i := range maxReceipts + 1 {
		long := strings.Repeat("x", 2000)
		statuses = append(statuses, fmt.Sprintf(`{"id":%q,"status":"failed","recipient_user_id":%q,"biz_opaque_callback_data":%q,"errors":[{"code":132068,"message":%q}]}`,
			long, "CO."+strings.Repeat("9", 128), schemas.Callback(task1, 1<<32-1-uint32(i)), strings.Repeat("ñ", 2000)))
	}
	recs, err := NewWebhooks(WebhookConfig{}).Receipts([]byte(envelope(statuses...)), heard)
	if err != nil {
		t.Fatal(err)
	}
	sizes := make([]int, 0, 2)
	for _, rec := range recs {
		all, ok := schemas.ReadReceipts(&rec, nil)
		if !ok || len(rec.Key)+len(rec.Value) > schemas.MaxRecordBytes {
			t.Errorf("a record of %d bytes, plain: %v; want true", len(rec.Value), ok)
		}
		sizes = append(sizes, len(all))
	}
	if diff := cmp.Diff([]int{maxReceipts, 1}, sizes); diff != "" {
		t.Errorf("receipts by record: %s", diff)
	}
	t.Logf("%d bytes", len(recs[0].Value))
}

func sign(body, secret string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(body))
	return "sha256=" + hex.EncodeToString(mac.Sum(nil))
}

func TestThreatS11WebhookSigned(t *testing.T) {
	t.Parallel()
	const body = `{"entry":[],"x":"\u00f1"}`
	good := sign(body, "app-secret")
	for _, c := range []struct {
		name, secret, body, header string
		want                       bool
	}{
		{"good", "app-secret", body, good, true},
		{"good, in capitals", "app-secret", body, "sha256=" + strings.ToUpper(good[7:]), true},
		{"another body", "app-secret", body + " ", good, false},
		{"the same JSON, decoded once", "app-secret", `{"entry":[],"x":"ñ"}`, good, false},
		{"another secret", "other", body, good, false},
		{"no header", "app-secret", body, "", false},
		{"no prefix", "app-secret", body, good[7:], false},
		{"the old prefix", "app-secret", body, "sha1=" + good[7:], false},
		{"no hex", "app-secret", body, "sha256=" + strings.Repeat("x", 64), false},
		{"half", "app-secret", body, good[:40], false},
		{"none of it", "app-secret", body, "sha256=", false},
		{"no secret", "", body, "", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			header := http.Header{}
			if c.header != "" {
				header.Set("X-Hub-Signature-256", c.header)
			}
			if got := NewWebhooks(WebhookConfig{AppSecret: schemas.Secret(c.secret)}).Signed([]byte(c.body), header); got != c.want {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
}

func TestChallengeIsAnsweredForTheRightToken(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, token, query, want string
		ok                       bool
	}{
		{"right", "tok", "hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token=tok", "1158201444", true},
		{"wrong", "tok", "hub.mode=subscribe&hub.challenge=1&hub.verify_token=tok2", "1", false},
		{"none shown", "tok", "hub.mode=subscribe&hub.challenge=1", "1", false},
		{"none set", "", "hub.mode=subscribe&hub.challenge=1&hub.verify_token=", "1", false},
		{"another mode", "tok", "hub.mode=unsubscribe&hub.challenge=1&hub.verify_token=tok", "1", false},
		{"nothing to prove", "tok", "hub.mode=subscribe&hub.verify_token=tok", "", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			query, err := url.ParseQuery(c.query)
			if err != nil {
				t.Fatal(err)
			}
			got, ok := NewWebhooks(WebhookConfig{VerifyToken: schemas.Secret(c.token)}).Challenge(query)
			if got != c.want || ok != c.ok {
				t.Errorf("%q, %v; want %q, %v", got, ok, c.want, c.ok)
			}
		})
	}
}

func TestUpdatesAreCountedByTheirKind(t *testing.T) {
	t.Parallel()
	reg := prometheus.NewRegistry()
	h := NewWebhooks(WebhookConfig{Registerer: reg})
	for _, body := range []string{
		envelope(said("sent", 1, ""), said("sent", 1, ""), said("delivered", 1, ""), said("read", 1, ""), said("failed", 2, ""), said("x", 1, ""), `{"status":"sent"}`),
		`{"entry":[{"changes":[{"field":"flows"}]}]}`, `{`,
	} {
		_, _ = h.Receipts([]byte(body), heard)
	}
	families, err := reg.Gather()
	if err != nil || len(families) != 2 || families[1].GetName() != "altavoz_webhook_updates_total" {
		t.Fatalf("%v, %v; want 2 of them", families, err)
	}
	got := map[string]float64{}
	for _, m := range families[1].GetMetric() {
		got[m.GetLabel()[0].GetValue()] = m.GetCounter().GetValue()
	}
	want := map[string]float64{"sent": 2, "delivered": 1, "read": 1, "failed": 1, "ignored": 1, "foreign": 1, "other": 1}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestCodesThatPredictTheNextFailure(t *testing.T) {
	t.Parallel()
	for code, want := range map[int]bool{
		131047: true, 131053: true, 131052: true, 131014: true, 131042: true, 190: true, 132001: true, 132015: true, 100: true, schemas.CodeContent: true,
		131026: false, 131049: false, 131050: false, 130472: false, 131030: false, 130429: false, 131056: false, 131000: false,
		schemas.CodeOther: false, schemas.CodeInvalidPhone: false, schemas.CodeExhausted: false, 999999: false,
	} {
		if got := Predicts(code); got != want {
			t.Errorf("%d: %v; want %v", code, got, want)
		}
	}
}

func FuzzWebhook(f *testing.F) {
	for _, c := range shapes {
		f.Add([]byte(c.body))
	}
	for _, body := range []string{
		"", "{", "\xff", envelope(strings.Repeat("{},", 300) + "{}"), envelope(said("failed", 1, `,"errors":[{"code":1e400,"error_data":"\ud800"}]`)),
		`{"entry":[{"changes":[{"value":{"statuses":[{"status":"sent","biz_opaque_callback_data":"av1:` + task1.String() + `:4294967296"}]}}]}]}`,
	} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		n, err := readNews(body)
		if err != nil {
			return
		}
		ours := n.seen[kindSent] + n.seen[kindDelivered] + n.seen[kindRead] + n.seen[kindFailed]
		if ours != len(n.receipts) || n.updates > maxUpdates {
			t.Errorf("%d receipts, seen %v of %d; want %v, at most %v", len(n.receipts), n.seen, n.updates, ours, maxUpdates)
		}
		once := map[recipient]bool{}
		for _, rec := range n.results(heard) {
			all, ok := schemas.ReadReceipts(&rec, nil)
			if !ok || len(all) == 0 || len(all) > maxReceipts || len(rec.Key)+len(rec.Value) > schemas.MaxRecordBytes {
				t.Fatalf("a record of %d receipts and %d bytes, plain: %v; want other than 0, at most %v, true", len(all), len(rec.Value), ok, maxReceipts)
			}
			for _, o := range all {
				if m := schemas.RecipientState(o.Mark); m < schemas.StateConfirmed || m > schemas.StateRead || o.AtMs != heard.UnixMilli() {
					t.Errorf("mark %d at %d", o.Mark, o.AtMs)
				}
				if r := (recipient{o.Task, o.Index}); once[r] {
					t.Errorf("%v comes twice", r)
				} else {
					once[r] = true
				}
				if !utf8.Valid(o.Reason) || len(o.Reason) > 1000 {
					t.Errorf("reason %q, want at most length 1000", o.Reason)
				}
			}
		}
	})
}

// A batch as Meta makes them when it has much to say, and a single update: what reading them costs.
func BenchmarkWebhook(b *testing.B) {
	for _, size := range []int{1, 1000} {
		b.Run(fmt.Sprintf("statuses=%d", size), func(b *testing.B) {
			const secret = "app-secret"
			statuses := make([]string, size)
			for i := range statuses {
				statuses[i] = said("delivered", uint32(i), `,"recipient_user_id":"CO.1765","pricing":{"billable":true,"pricing_model":"PMP","type":"regular","category":"marketing"}`)
			}
			body := envelope(statuses...)
			header := http.Header{"X-Hub-Signature-256": {sign(body, secret)}}
			h := NewWebhooks(WebhookConfig{AppSecret: secret})
			b.ReportAllocs()
			b.SetBytes(int64(len(body)))
			for b.Loop() {
				if !h.Signed([]byte(body), header) {
					b.Fatal("not signed")
				}
				if _, err := h.Receipts([]byte(body), heard); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.N*size)/b.Elapsed().Seconds(), "receipts/s")
		})
	}
}

// TestThreatS11TwoAppSecretsAreValidWhileOneReplacesTheOther: and a third, or a separator alone, is none; what is configured now counts.
func TestThreatS11TwoAppSecretsAreValidWhileOneReplacesTheOther(t *testing.T) {
	t.Parallel()
	const body = `{"object":"whatsapp_business_account"}`
	sign := func(secret string) http.Header {
		mac := hmac.New(sha256.New, []byte(secret))
		mac.Write([]byte(body))
		return http.Header{"X-Hub-Signature-256": {"sha256=" + hex.EncodeToString(mac.Sum(nil))}}
	}
	now := schemas.Secret("first")
	h := NewWebhooks(WebhookConfig{AppSecret: "first", Now: func() schemas.Secret { return now }})
	for _, c := range []struct {
		now    schemas.Secret
		signed string
		want   bool
	}{
		{"first", "first", true},
		{"first", "second", false},
		{"second,first", "first", true},
		{"second,first", "second", true},
		{"second\nfirst\n", "first", true},
		{"second, first", "second,", false},
		{"second, the first", "the first", true},
		{"second", "first", false},
		{"third,second,first", "first", false},
		{",", "", false},
		{"", "", false},
	} {
		t.Run(string(c.now)+" "+c.signed, func(t *testing.T) {
			if now = c.now; h.Signed([]byte(body), sign(c.signed)) != c.want {
				t.Errorf("signed with %q while %q is configured: %v", c.signed, c.now.Reveal(), !c.want)
			}
		})
	}
}

// TestWhoWroteIsKept: messages of people in a body are handed over with their number, also beside statuses and in several changes.
func TestWhoWroteIsKept(t *testing.T) {
	t.Parallel()
	var got []lastinbound.Message
	h := NewWebhooks(WebhookConfig{Inbound: func(all []lastinbound.Message, _ time.Time) []stream.Record {
		got = all
		return []stream.Record{{Topic: schemas.TopicInbound}}
	}})
	change := func(number string) string {
		return `{"value":{"metadata":{"phone_number_id":"` + number + `"},"messages":[{"from":"573001234567","timestamp":"1750000000","type":"image"}]},"field":"messages"}`
	}
	recs, err := h.Receipts([]byte(`{"entry":[{"id":"1","changes":[`+change("1065")+`,`+change("1066")+`]}]}`), heard)
	want := lastinbound.Message{Number: "1065", Phone: "573001234567", At: time.Unix(1_750_000_000, 0)}
	if err != nil || len(got) != 2 || got[0] != want || got[1].Number != "1066" || len(recs) != 1 {
		t.Errorf("%+v, %d records, %v; want %+v and the same of 1066, and the record", got, len(recs), err, want)
	}
}

// TestTapsAreHandedOver: of all changes of a body; where they can't be told yet, the body has to come again.
func TestTapsAreHandedOver(t *testing.T) {
	t.Parallel()
	var got []*schemas.Tap
	var behind error
	h := NewWebhooks(WebhookConfig{Tapped: func(all []*schemas.Tap, _ time.Time) ([]stream.Record, error) {
		got = all
		return []stream.Record{{Topic: schemas.TopicResults}}, behind
	}})
	change := func(id string) string {
		return `{"value":{"messages":[{"from":"573001234567","id":"` + id + `","timestamp":"1750000000","type":"button","button":{"payload":"p","text":"Sí"},"context":{"id":"out"}}]},"field":"messages"}`
	}
	body := []byte(`{"entry":[{"id":"1","changes":[` + change("a") + `,` + change("b") + `]}]}`)
	if recs, err := h.Receipts(body, heard); err != nil || len(got) != 2 || got[0].GetMessage() != "a" || got[1].GetMessage() != "b" || len(recs) != 1 {
		t.Errorf("%v, %d records, %v; want two taps, and the record", got, len(recs), err)
	}
	behind = optout.ErrBehind
	if _, err := h.Receipts(body, heard); !errors.Is(err, optout.ErrBehind) {
		t.Errorf("got %v, want %v", err, optout.ErrBehind)
	}
}

// Meta tells the price of a message with sent and with one of delivered and read: it is kept with what says that the message was delivered,
// in whatever order they stand, and what is odd in it spoils nothing.
func TestPriceOfAMessageIsKept(t *testing.T) {
	t.Parallel()
	pricing := func(members string) string { return `,"pricing":{"pricing_model":"PMP",` + members + `}` }
	marketing := pricing(`"billable":true,"type":"regular","category":"marketing"`)
	free := pricing(`"category" : "service" , "type" : "free_customer_service" , "billable" : false`)
	body := envelope(
		said("read", 0, ""), said("delivered", 0, marketing), said("sent", 0, marketing),
		said("delivered", 1, free), said("read", 1, free),
		said("sent", 2, marketing), // may not be delivered
		said("delivered", 3, pricing(`"type":"regular","category":"promo"`)),
		said("delivered", 4, pricing(`"category":7,"type":["regular"],"billable":"true"`)), said("delivered", 5, `,"pricing":"free"`),
		said("delivered", 6, pricing(`"category":"utility","type":null,"billable":{"a":[1,"x\u00f1"]},"more":{}`)),
		said("failed", 7, marketing),
		`{"pricing":{"category":"marketing","type":"regular","billable":true},"status":"read","biz_opaque_callback_data":"`+schemas.Callback(task1, 8)+`"}`,
	)
	recs, err := NewWebhooks(WebhookConfig{}).Receipts([]byte(body), heard)
	if err != nil || len(recs) != 1 {
		t.Fatal(len(recs), err)
	}
	got, ok := schemas.ReadReceipts(&recs[0], nil)
	if !ok {
		t.Fatal("not in the plain form")
	}
	prices := make(map[uint32]string)
	for _, o := range got {
		if c := price.Read(o.Price); c != price.None {
			prices[o.Index] = fmt.Sprint(schemas.RecipientState(o.Mark).Outcome(), " ", c.Category(), " ", c.Type(), " ", c.Billed())
		}
	}
	want := map[uint32]string{
		0: "read marketing regular true", 1: "read service free_customer_service false", 3: "delivered other regular true",
		8: "read marketing regular true",
	}
	if diff := cmp.Diff(want, prices); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
