package request_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"
	"pgregory.net/rapid"

	"altavoz/blob"
	"altavoz/schemas"
	"altavoz/schemas/es"
	"altavoz/schemas/request"
)

// bin is a sink that keeps all it is given.
type bin struct {
	slices [][]string
	own    [][]*schemas.Personal // beside slices
	file   []byte
	parts  []int // sizes
	err    error
}

func (b *bin) Slice(phones []string, personal []*schemas.Personal) error {
	b.slices, b.own = append(b.slices, slices.Clone(phones)), append(b.own, personal)
	return b.err
}

func (b *bin) Part(p []byte) error {
	b.file = append(b.file, p...)
	b.parts = append(b.parts, len(p))
	return b.err
}

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func readFrom(body io.Reader) (*request.Request, *bin, error) {
	sink := &bin{}
	req, err := request.Read(body, sink, request.Limits{Now: noon, DryRun: func() (request.Sink, error) { return sink, nil }})
	return req, sink, err
}

func read(body string) (*request.Request, *bin, error) { return readFrom(strings.NewReader(body)) }

func mustRead(t *testing.T, body string) *request.Request {
	t.Helper()
	req, _, err := read(body)
	if err != nil {
		t.Fatalf("reading %.200s: %v", body, err)
	}
	return req
}

// with is the smallest good request with more members.
func with(members string) string {
	return `{"phones":["573001234567"],"body_text":"Hola",` + members + `}`
}

// week is one with a window in UTC.
func week(members string) string {
	return with(`"window":{"timezone":"UTC","hours":[{` + members + `}]}`)
}

// withEnd is one that expires.
func withEnd(at, members string) string {
	return with(`"expire_at":"` + at + `","window":{"timezone":"UTC","hours":[{` + members + `}]}`)
}

const pngHead = "\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"

func dataURI(label, file string) string {
	return "data:" + label + ";base64," + base64.StdEncoding.EncodeToString([]byte(file))
}

// media is a request with a file in its header.
func media(kind, label, file string) string {
	return with(`"header_type":"` + kind + `","header_content":"` + dataURI(label, file) + `"`)
}

func TestAbsentMembersHaveDefaults(t *testing.T) {
	t.Parallel()
	req, sink, err := read(`{"phones":["573001234567", 573007654321, " +57 300 "],"body_text":"Hola"}`)
	if err != nil {
		t.Fatal(err)
	}
	want := &request.Request{
		Content: &schemas.Content{Body: "Hola", ButtonText: "Ver más", ButtonUrl: "https://example.com"},
		Phones:  []string{"573001234567", "573007654321", " +57 300 "}, Total: 3, SHA256: req.SHA256,
	}
	if diff := cmp.Diff(want, req, protocmp.Transform()); diff != "" {
		t.Error(diff)
	}
	if len(req.SHA256) != sha256.Size || sink.slices != nil || sink.file != nil {
		t.Errorf("digest %x, sink %v; want %v of them", req.SHA256, sink, sha256.Size)
	}
}

func TestEveryMemberIsRead(t *testing.T) {
	t.Parallel()
	req, err := request.Read(strings.NewReader(`{
		"speed": 20, "expire_at": "2026-03-03T09:00:00-05:00", "schedule_at": "2026-03-02T09:00:00-05:00", "on_unknown": "resend",
		"sender": "1065", "category": "utility", "use_queue": true, "footer_text": "pie", "button_url": "HTTPS://Example.com/ñ?a=b",
		"button_text": "Ver", "header_content": "Aviso 😀", "header_type": "text", "body_text": "Hola \"\u00e1\"", "nada": null, "otro": {"a": [1, {}]},
		"task_id": "0192F0C0-0000-7000-8000-000000000001", "phones": ["1"], "Phones": [],
		"window": {"hours": [{"from": "08:30", "to": "24:00", "days": ["sat-mon", "wed"]}], "timezone": "Europe/Madrid", "holidays": "CO"}}`), &bin{}, request.Limits{Now: noon, Lenient: true})
	if err != nil {
		t.Fatal(err)
	}
	id, _ := schemas.ParseTaskID("0192f0c0-0000-7000-8000-000000000001")
	want := &request.Request{
		TaskID: &id, Sender: "1065", Phones: []string{"1"}, Total: 1, UseQueue: true, OnUnknown: schemas.OnUnknown_ON_UNKNOWN_RESEND,
		ScheduleMs: time.Date(2026, 3, 2, 14, 0, 0, 0, time.UTC).UnixMilli(), ExpireMs: time.Date(2026, 3, 3, 14, 0, 0, 0, time.UTC).UnixMilli(),
		Speed: 20, SHA256: req.SHA256,
		Window: &schemas.Window{Timezone: "Europe/Madrid", Holidays: "CO", Hours: []*schemas.Hours{{Days: 0b1001011, From: 510, To: 1440}}},
		Content: &schemas.Content{
			Body: `Hola "á"`, Footer: "pie", ButtonText: "Ver", ButtonUrl: "HTTPS://Example.com/ñ?a=b", Category: "utility",
			Header: schemas.HeaderKind_HEADER_KIND_TEXT, HeaderText: "Aviso 😀",
		},
		Warnings: []es.Sentence{es.Say(es.FieldIgnored, "nada"), es.Say(es.FieldIgnored, "otro"), es.Say(es.FieldIgnored, "Phones")},
	}
	if diff := cmp.Diff(want, req, protocmp.Transform()); diff != "" {
		t.Error(diff)
	}
	b := req.Broadcast(id, "77", 5, nil, nil)
	if b.GetSender() != "77" || !b.GetChosen() || b.GetSpeed() != 20 || b.GetAcceptedMs() != 5 || !proto.Equal(b.GetWindow(), want.Window) || !bytes.Equal(b.GetRequestSha256(), req.SHA256) {
		t.Errorf("broadcast %v, want Sender %q, Speed 20, AcceptedMs 5", b, "77")
	}
}

// Nothing is as good as absent: clients send null and "" for what they have not got.
func TestRequestBlankIsAbsent(t *testing.T) {
	t.Parallel()
	plain := mustRead(t, with(`"use_queue":false`))
	for _, members := range []string{
		`"header_type":null,"header_content":null,"button_text":null,"button_url":null,"footer_text":null,"use_queue":null,"speed":null,"window":null`,
		`"header_type":"","header_content":" ","button_text":"","button_url":"","footer_text":"\n","sender":"","on_unknown":"","window":""`,
	} {
		if req := mustRead(t, with(members)); !bytes.Equal(req.SHA256, plain.SHA256) {
			t.Errorf("%s is another request", members)
		}
	}
}

func TestThreatS05AmbiguousRequestsAreRefused(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 70<<10)
	const sticker = `"header_type":"image","header_content":`
	tests := []struct{ name, body, field, code string }{
		{"nothing", ``, "", "invalid_json"},
		{"half", `{"phones":[`, "", "invalid_json"},
		{"array", `[]`, "", "invalid_json"},
		{"null", `null`, "", "invalid_json"},
		{"string", `"x"`, "", "invalid_json"},
		{"not JSON", `hola`, "", "invalid_json"},
		{"form", `phones=1&body_text=2`, "", "invalid_json"},
		{"trailing", with(`"a":1`) + ` x`, "", "invalid_json"},
		{"two objects", with(`"a":1`) + `{}`, "", "invalid_json"},
		{"comma", `{"phones":["1"],"body_text":"b",}`, "", "invalid_json"},
		{"not UTF-8", with("\"a\":\"\xff\""), "", "invalid_json"},
		{"half a surrogate", with(`"a":"\ud83d"`), "", "invalid_json"},
		{"deep", strings.Repeat("[", 1000), "", "invalid_json"},
		{"deep member", with(`"a":` + strings.Repeat("[", 40) + strings.Repeat("]", 40)), "", "invalid_json"},
		{"deep phones", `{"phones":` + strings.Repeat("[", 10000), "", "invalid_json"},
		{"complex member", with(`"a":[` + strings.Repeat("1,", 20000) + `1]`), "", "invalid_json"},
		{"many members", with(members(70)), "", "too_many"},
		{"twice", with(`"body_text":"c"`), "body_text", "duplicate_field"},
		{"twice, escaped", with(`"body\u005ftext":"c"`), "body_text", "duplicate_field"},
		{"long text somewhere", with(`"a":"` + long + `"`), "", "too_long"},
		{"long name", with(`"` + long + `":1`), "", "too_long"},

		{"no phones", `{"body_text":"b"}`, "phones", "required"},
		{"neither", `{}`, "phones", "required"},
		{"phones null", `{"phones":null,"body_text":"b"}`, "phones", "required"},
		{"phones empty", `{"phones":[],"body_text":"b"}`, "phones", "required"},
		{"phones a string", `{"phones":"573001234567","body_text":"b"}`, "phones", "required"},
		{"phones an object", `{"phones":{"a":["b"]},"body_text":"b"}`, "phones", "required"},
		{"no body", `{"phones":["1"]}`, "body_text", "required"},
		{"body empty", `{"phones":["1"],"body_text":""}`, "body_text", "required"},
		{"body blank", `{"phones":["1"],"body_text":" \n"}`, "body_text", "required"},
		{"body null", `{"phones":["1"],"body_text":null}`, "body_text", "required"},
		{"body before header", `{"header_type":"nose","phones":["1"]}`, "body_text", "required"},

		{"body a number", `{"phones":["1"],"body_text":7}`, "body_text", "wrong_type"},
		{"use_queue a string", with(`"use_queue":"sí"`), "use_queue", "wrong_type"},
		{"speed in words", with(`"speed":"fast"`), "speed", "invalid_value"},
		{"use_queue in other words", with(`"use_queue":"perhaps"`), "use_queue", "wrong_type"},
		{"unknown", with(`"zzz":true`), "zzz", "unknown_field"},
		{"dry run as text", with(`"dry_run":"yes"`), "dry_run", "wrong_type"},
		{"unknown and null", with(`"templates":null`), "templates", "unknown_field"},
		{"unknown and something else is wrong", with(`"scheduled_at":"2026-03-02T12:00:00Z","speed":0`), "scheduled_at", "unknown_field"},
		{"unknown in capitals", with(`"Phones":[]`), "Phones", "unknown_field"},
		{"body of a zero-width blank", `{"phones":["1"],"body_text":"\u200b"}`, "body_text", "required"},
		{"body of fillers", `{"phones":["1"],"body_text":"\u3164 \ufe0f\u2800\u202e"}`, "body_text", "required"},
		{"header of two lines", with(`"header_type":"text","header_content":"a\nb"`), "header_content", "invalid_value"},
		{"header with a tab", with(`"header_type":"text","header_content":"a\tb"`), "header_content", "invalid_value"},
		{"button of two lines", with(`"button_text":"a\u2028b","button_url":"https://a.co"`), "button_text", "invalid_value"},
		{"button with a control", with(`"button_text":"a\u0085b","button_url":"https://a.co"`), "button_text", "invalid_value"},
		{"placeholder", `{"phones":["1"],"body_text":"Hola {{1}}"}`, "body_text", "unfilled_placeholder"},
		{"placeholder with a name", `{"phones":["1"],"body_text":"Hola {{ nombre }}"}`, "body_text", "unfilled_placeholder"},
		{"placeholder of percent signs", `{"phones":["1"],"body_text":"Hola %%name%%"}`, "body_text", "unfilled_placeholder"},
		{"placeholder of a shell", `{"phones":["1"],"body_text":"Hola ${name}"}`, "body_text", "unfilled_placeholder"},
		{"placeholder of Mailchimp", `{"phones":["1"],"body_text":"Hola *|FNAME|*"}`, "body_text", "unfilled_placeholder"},
		{"placeholder in the footer", with(`"footer_text":"<%= name %>"`), "footer_text", "unfilled_placeholder"},
		{"placeholder in the header", with(`"header_type":"text","header_content":"{{1}}"`), "header_content", "unfilled_placeholder"},
		{"placeholder in the button", with(`"button_text":"{{1}}","button_url":"https://a.co"`), "button_text", "unfilled_placeholder"},
		{"placeholder in a link", with(`"button_url":"https://example.com/{{1}}"`), "button_url", "unfilled_placeholder"},
		{"placeholder in a link, escaped", with(`"button_url":"https://example.com/%7B%7B1%7D%7D"`), "button_url", "unfilled_placeholder"},
		{"placeholder in a file's link", with(`"header_type":"image","header_content":"https://example.com/{{1}}.png"`), "header_content", "unfilled_placeholder"},
		{"password in a link", with(`"button_url":"https://u:p@example.com/"`), "button_url", "invalid_url"},
		{"password in a file's link", with(`"header_type":"image","header_content":"https://u:p@example.com/a.png"`), "header_content", "invalid_url"},
		{"localhost", with(`"button_url":"http://localhost:8080/"`), "button_url", "invalid_url"},
		{"one label", with(`"button_url":"https://intranet/x"`), "button_url", "invalid_url"},
		{"private address", with(`"button_url":"http://10.0.0.7/x"`), "button_url", "invalid_url"},
		{"script", with(`"button_url":"javascript:alert(1)"`), "button_url", "invalid_url"},
		{"base64 of nothing that is taken", with(`"header_type":"image","header_content":"JVBERi0xLjcKJVBERi0xLjcKJVBERi0xLjcK"`), "header_content", "invalid_file_type"},
		{"name of a file", with(`"header_type":"image","header_content":"foto.png"`), "header_content", "invalid_url"},
		{"header_content an object", with(`"header_type":"image","header_content":{"a":1}`), "header_content", "wrong_type"},

		{"body too long", `{"phones":["1"],"body_text":"` + strings.Repeat("b", 1025) + `"}`, "body_text", "too_long"},
		{"body too long in UTF-16", `{"phones":["1"],"body_text":"` + strings.Repeat("😀", 513) + `"}`, "body_text", "too_long"},
		{"body far too long", `{"phones":["1"],"body_text":"` + long[:50<<10] + `"}`, "body_text", "too_long"},
		{"footer", with(`"footer_text":"` + long[:61] + `"`), "footer_text", "too_long"},
		{"button text", with(`"button_text":"` + long[:21] + `"`), "button_text", "too_long"},
		{"button link too long", with(`"button_url":"https://example.com/` + long[:2000] + `"`), "button_url", "too_long"},
		{"javascript", with(`"button_url":"javascript:alert(1)"`), "button_url", "invalid_url"},
		{"ftp", with(`"button_url":"ftp://example.com"`), "button_url", "invalid_url"},
		{"no scheme", with(`"button_url":"example.com"`), "button_url", "invalid_url"},
		{"no host", with(`"button_url":"https://"`), "button_url", "invalid_url"},
		{"only a port", with(`"button_url":"https://:80/"`), "button_url", "invalid_url"},
		{"space in the host", with(`"button_url":"https://exa mple.com/a"`), "button_url", "invalid_url"},
		{"line end", with(`"button_url":"https://example.com/a\nb"`), "button_url", "invalid_url"},

		{"header type unknown", with(`"header_type":"audio","header_content":"x"`), "header_type", "invalid_value"},
		{"header type of another kind", with(`"header_type":"sticker","header_content":"x"`), "header_type", "invalid_value"},
		{"header type alone", with(`"header_type":"text"`), "header_content", "required"},
		{"header content alone", with(`"header_content":"x"`), "header_type", "required"},
		{"header file alone", with(`"header_content":"` + dataURI("image/png", pngHead+long) + `"`), "header_type", "required"},
		{"header text", with(`"header_type":"text","header_content":"` + long[:61] + `"`), "header_content", "too_long"},
		{"header text, very long", with(`"header_type":"text","header_content":"` + long + `"`), "header_content", "too_long"},
		{"header text, a file", with(`"header_type":"text","header_content":"` + dataURI("image/png", pngHead+long) + `"`), "header_content", "too_long"},
		{"media no URL", with(sticker + `"foto.png"`), "header_content", "invalid_url"},
		{"media ftp", with(sticker + `"ftp://example.com/a.png"`), "header_content", "invalid_url"},
		{"media URL too long", with(sticker + `"https://example.com/` + long[:2000] + `"`), "header_content", "too_long"},
		{"media URL far too long", with(sticker + `"https://example.com/` + long + `"`), "header_content", "too_long"},
		{"not base64", with(sticker + `"data:image/png;base64,%%%"`), "header_content", "invalid_base64"},
		{"not base64 late", with(sticker + `"` + dataURI("image/png", pngHead+long) + `@@@@"`), "header_content", "invalid_base64"},
		{"base64 cut", with(sticker + `"data:image/png;base64,iVBORw0KG"`), "header_content", "invalid_base64"},
		{"base64 with an end inside", with(sticker + `"data:image/png;base64,iVBORw==iVBORw=="`), "header_content", "invalid_base64"},
		{"base64 for URLs", with(sticker + `"data:image/png;base64,iVBO-_=="`), "header_content", "invalid_base64"},
		{"base64 empty", with(sticker + `"data:image/png;base64,"`), "header_content", "invalid_base64"},
		{"no comma", with(sticker + `"data:image/png;base64"`), "header_content", "invalid_base64"},
		{"not base64 but percent", with(sticker + `"data:image/png,abc"`), "header_content", "invalid_base64"},
		{"label is none", with(sticker + `"data:a b;base64,iVBORw=="`), "header_content", "invalid_base64"},
		{"long label", with(sticker + `"data:` + long + `;base64,iVBORw=="`), "header_content", "invalid_base64"},
		{"escape that is none, late", with(sticker + `"` + dataURI("image/png", pngHead+long) + `\x"`), "header_content", "invalid_json"},
		{"raw line end, late", with(sticker + `"` + dataURI("image/png", pngHead+long) + "\n\""), "header_content", "invalid_json"},
		{"text as image", media("image", "image/png", "Hola"), "header_content", "invalid_file_type"},
		{"image as video", media("video", "video/mp4", pngHead), "header_content", "invalid_file_type"},
		{"image as document", media("document", "application/pdf", pngHead), "header_content", "invalid_file_type"},
		{"HTML as document", media("document", "text/plain", "<!DOCTYPE html><html></html>"), "header_content", "invalid_file_type"},
		{"label lies", media("image", "image/jpeg", pngHead), "header_content", "invalid_file_type"},
		{"label lies about text", media("document", "application/pdf", "hola"), "header_content", "invalid_file_type"},
		{"image of 5 MB and a byte", media("image", "image/png", pngHead+strings.Repeat("x", 5_000_001-len(pngHead))), "header_content", "file_too_large"},

		{"category", with(`"category":"marketing"`), "category", "invalid_value"},
		{"on_unknown", with(`"on_unknown":"ignore"`), "on_unknown", "invalid_value"},
		{"events", with(`"events":"all"`), "events", "invalid_value"},
		{"reference of 129 bytes", with(`"reference":"` + strings.Repeat("x", 129) + `"`), "reference", "invalid_value"},
		{"reference of 65 characters in 129 bytes", with(`"reference":"x` + strings.Repeat("ñ", 64) + `"`), "reference", "invalid_value"},
		{"reference with a line break", with(`"reference":"a\nb"`), "reference", "invalid_value"},
		{"speed 0", with(`"speed":0`), "speed", "invalid_value"},
		{"speed 1.5", with(`"speed":1.5`), "speed", "invalid_value"},
		{"speed huge", with(`"speed":99999999999`), "speed", "invalid_value"},
		{"schedule", with(`"schedule_at":"mañana"`), "schedule_at", "invalid_time"},
		{"schedule without zone", with(`"schedule_at":"2026-03-02T09:00:00"`), "schedule_at", "invalid_time"},
		{"schedule too far", with(`"schedule_at":"2026-03-14T12:00:01Z"`), "schedule_at", "invalid_time"},
		{"expired", with(`"expire_at":"2026-03-01T12:00:00Z"`), "expire_at", "invalid_time"},
		{"expires before it starts", with(`"expire_at":"2026-03-02T12:00:00Z","schedule_at":"2026-03-02T12:00:00Z"`), "expire_at", "invalid_time"},
		{"window a number", with(`"window":7`), "window", "wrong_type"},
		{"window a list", with(`"window":["ley-2300"]`), "window", "wrong_type"},
		{"window of another name", with(`"window":"ley-2301"`), "window", "invalid_value"},
		{"window with a member too many", week(`"days":["mon"],"from":"07:00","to":"08:00","ab":1`), "window", "wrong_type"},
		{"window twice the same", week(`"days":["mon"],"from":"07:00","to":"08:00","to":"08:00"`), "to", "duplicate_field"},
		{"window, long", week(`"days":["mon"` + strings.Repeat(`,"mon"`, 2000) + `],"from":"07:00","to":"08:00"`), "window", "wrong_type"},
		{"window, endless", with(`"window":[` + strings.Repeat("1,", 20000) + `1]`), "", "invalid_json"},
		{"window, deep", with(`"window":` + strings.Repeat("[", 40) + strings.Repeat("]", 40)), "", "invalid_json"},
		{"window without hours", with(`"window":{"timezone":"UTC"}`), "window", "too_many"},
		{"window nowhere", with(`"window":{"hours":[{"days":["mon"],"from":"07:00","to":"08:00"}]}`), "window", "invalid_value"},
		{"window on no day", week(`"days":[],"from":"07:00","to":"08:00"`), "window", "invalid_value"},
		{"window on a day that is none", week(`"days":["monday"],"from":"07:00","to":"08:00"`), "window", "invalid_value"},
		{"window backwards", week(`"days":["mon"],"from":"08:00","to":"08:00"`), "window", "invalid_time"},
		{"window opens too late", withEnd("2026-03-01T12:30:00Z", `"days":["sun"],"from":"12:30","to":"13:00"`), "window", "invalid_time"},
		{"window opened too early", withEnd("2026-03-01T12:30:00Z", `"days":["sun"],"from":"11:30","to":"12:00"`), "window", "invalid_time"},
		{"task id", with(`"task_id":"abc"`), "task_id", "invalid_value"},
		{"sender", with(`"sender":"` + long[:65] + `"`), "sender", "too_long"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, _, err := read(tt.body)
			var e *request.FieldError
			if !errors.As(err, &e) {
				t.Fatalf("error is %v", err)
			}
			if e.Field != tt.field || e.Code != tt.code || e.Error() == "" {
				t.Errorf("refused with %q %q (%s), want %q %q", e.Field, e.Code, e.Error(), tt.field, tt.code)
			}
		})
	}
}

func members(n int) string {
	out := make([]string, n)
	for i := range out {
		out[i] = fmt.Sprintf(`"m%d":1`, i)
	}
	return strings.Join(out, ",")
}

func TestMembersAtTheirLimitsAreAccepted(t *testing.T) {
	t.Parallel()
	for _, members := range []string{
		`"schedule_at":"2026-03-14T12:00:00Z"`, // 13 days ahead, to the second
		`"schedule_at":"2020-01-01T00:00:00Z"`, // at once
		`"window":"ley\u002d2300"`,
		`"expire_at":"2026-03-01T12:30:01Z","window":{"timezone":"UTC","hours":[{"days":["sun"],"from":"12:30","to":"13:00"}]}`, // a second
		`"button_text":"` + strings.Repeat("ñ", 20) + `","footer_text":"` + strings.Repeat("ñ", 60) + `"`,
		`"header_type":"text","header_content":"data:,` + strings.Repeat("x", 54) + `"`,
		`"header_type":"image","header_content":"http://10.0.0.1:8080/a?b#c"`,
		`"header_type":"image","header_content":"DATA:;BASE64,` + base64.StdEncoding.EncodeToString([]byte(pngHead)) + `"`,
		`"header_type":"image","header_content":"` + strings.ReplaceAll(dataURI("image/jpg", "\xff\xd8\xff\xe0\x00\x10JFIF"), "/", `\/`) + `"`,
		`"header_type":"document","header_content":"` + dataURI("text/csv", "a,b\n1,2\n") + `\n"`,
		`"header_type":"document","header_content":"` + dataURI("application/octet-stream", "%PDF-1.7\n") + `"`,
	} {
		mustRead(t, with(members))
	}
}

func TestInlineFileIsWrittenInPieces(t *testing.T) {
	t.Parallel()
	file := pngHead + strings.Repeat("0123456789abcdef\xff\xfe\xfd", 100_000)
	want := &schemas.MediaRef{MimeType: "image/png", Size: uint64(len(file)), Filename: "año 1.png"}
	sum := sha256.Sum256([]byte(file))
	want.Sha256 = sum[:]
	uri := dataURI("image/png;name=a%C3%B1o%201.png", file)
	wrapped := uri[:100] + `\r\n` + uri[100:60000] + `\n` + uri[60000:]
	for name, members := range map[string]string{
		"type first": `"header_type":"image","header_content":"` + uri + `"`,
		"type last":  `"header_content":"` + uri + `","header_type":"image"`,
		"escaped":    `"header_type":"image","\u0068eader_content":"` + strings.NewReplacer("/", `\/`, "a", `\u0061`).Replace(uri) + `"`,
		"wrapped":    `"header_type":"image","header_content":"` + wrapped + `"`,
	} {
		t.Run(name, func(t *testing.T) {
			req, sink, err := read(with(members))
			if err != nil {
				t.Fatalf("%v", err)
			}
			if diff := cmp.Diff(want, req.Content.GetMedia(), protocmp.Transform()); diff != "" {
				t.Errorf("%s", diff)
			}
			if string(sink.file) != file {
				t.Errorf("the sink has another file, %d bytes", len(sink.file))
			}
			if parts := []int{schemas.PartBytes, schemas.PartBytes, schemas.PartBytes, len(file) - 3*schemas.PartBytes}; !slices.Equal(sink.parts, parts) {
				t.Errorf("parts of %v, want %v", sink.parts, parts)
			}
			ref := blob.NewRef(1, []int64{4})
			if b := req.Broadcast(schemas.NewTaskID(), "", 0, nil, ref); b.GetContent().GetMedia().GetParts() != ref || req.Content.GetMedia().GetParts() != nil {
				t.Errorf("broadcast %v", b)
			}
		})
	}
}

func TestLongListIsWrittenInSlices(t *testing.T) {
	t.Parallel()
	for _, n := range []int{1, 999, 1000, 1001, 2000, 2500} {
		all := make([]string, n)
		for i := range all {
			all[i] = strconv.Itoa(573000000000 + i)
		}
		list, err := json.Marshal(all)
		if err != nil {
			t.Fatal(err)
		}
		req, sink, err := read(`{"phones":` + string(list) + `,"body_text":"b"}`)
		if err != nil || req.Total != uint32(n) {
			t.Fatalf("%d phones: %v", n, err)
		}
		got := req.Phones
		if n > schemas.InlineRecipients {
			if got != nil {
				t.Errorf("%d phones: %d stayed", n, len(got))
			}
			for i, s := range sink.slices {
				if i < len(sink.slices)-1 && len(s) != schemas.SliceRecipients {
					t.Errorf("slice %d has %d", i, len(s))
				}
				got = append(got, s...)
			}
		}
		if !slices.Equal(got, all) {
			t.Errorf("%d phones became %d others", n, len(got))
		}
	}
}

// What is too long to be a phone is kept so that it can be told, and so that it is none any more.
func TestRequestLongPhone(t *testing.T) {
	t.Parallel()
	long := "573001234567" + strings.Repeat(" ", 150) + "ñ"
	req := mustRead(t, `{"phones":["`+long+`"],"body_text":"b"}`)
	if p := req.Phones[0]; len(p) > 160 || !strings.HasPrefix(p, "573001234567 ") || !strings.HasSuffix(p, "…") {
		t.Errorf("kept %q, want at most length 160, %q at its beginning, %q at its end", p, "573001234567 ", "…")
	}
	if _, err := schemas.ParsePhone(req.Phones[0], "CO"); err == nil {
		t.Error("it became a phone")
	}
}

func TestThreatS04RequestsAreBounded(t *testing.T) {
	t.Parallel()
	body := `{"phones":["1","2","3"],"body_text":"b"}`
	for _, tt := range []struct {
		lim  request.Limits
		code string
	}{
		{request.Limits{MaxPhones: 3, MaxBody: int64(len(body))}, ""},
		{request.Limits{MaxPhones: 2}, "too_many"},
		{request.Limits{MaxBody: int64(len(body)) - 1}, "body_too_large"},
	} {
		t.Run(tt.code, func(t *testing.T) {
			_, err := request.Read(strings.NewReader(body), &bin{}, tt.lim)
			var e *request.FieldError
			if (err == nil) != (tt.code == "") || (errors.As(err, &e) && e.Code != tt.code) {
				t.Errorf("%+v: %v, want code %q", tt.lim, err, tt.code)
			}
		})
	}
}

// Errors of the body and of the sink are told from those of the caller.
func TestRequestForeignErrors(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	long := dataURI("image/png", pngHead+strings.Repeat("x", 1<<20))
	list := strings.Repeat(`"573001234567",`, 1000) + `"1"`
	for name, body := range map[string]string{
		"body":      `{"phones":["1"`,
		"body file": `{"header_content":"` + long[:600_000],
	} {
		_, _, err := readFrom(io.MultiReader(strings.NewReader(body), iotest.ErrReader(broken)))
		if !errors.Is(err, broken) {
			t.Errorf("%s: %v; want %v", name, err, broken)
		}
	}
	for name, body := range map[string]string{
		"part":       with(`"header_type":"image","header_content":"` + long + `"`),
		"short part": media("image", "image/png", pngHead),
		"slice":      `{"phones":[` + list + `],"body_text":"b"}`,
	} {
		if _, err := request.Read(strings.NewReader(body), &bin{err: broken}, request.Limits{}); !errors.Is(err, broken) {
			t.Errorf("%s: %v; want %v", name, err, broken)
		}
	}
}

// The place that an error names is that in the body as it was sent, also behind a file that the decoder never saw.
func TestRequestErrorPlace(t *testing.T) {
	t.Parallel()
	body := `{"header_content":"` + strings.ReplaceAll(dataURI("image/png", pngHead+strings.Repeat("x", 100_000)), "/", `\/`) + `" "phones":[]}`
	_, _, err := read(body)
	want := fmt.Sprintf("El cuerpo no es JSON válido (byte %d)", strings.LastIndex(body, ` "phones`)+1)
	if err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
}

// A request is the same however it is written, and another one as soon as anything is different.
func TestDigestIsOfTheMeaningOfARequest(t *testing.T) {
	t.Parallel()
	file := dataURI("image/png", pngHead+strings.Repeat("x", 10_000))
	base := mustRead(t, `{"phones":["573001234567","2"],"body_text":"Hola ñ","header_type":"image","header_content":"`+file+`","speed":5}`)
	for _, same := range []string{
		`{"speed":5,"header_content":"` + file + `","body_text":"Hola \u00f1","header_type":"image","phones":["573001234567","2"]}`,
		"\n{ \"speed\" :5,\t\"header_content\":\"" + strings.ReplaceAll(file, "/", `\/`) + `","body_text":"Hola ñ","header_type":"image","phones":[573001234567,2] } `,
		`{"speed":5,"header_content":"` + file + `","body_text":"Hola ñ","header_type":"image","phones":["573001234567","2"],` +
			`"button_text":"Ver más","button_url":"https://example.com","on_unknown":"report","use_queue":false,"task_id":"0192f0c0-0000-7000-8000-000000000001"}`,
	} {
		if !bytes.Equal(mustRead(t, same).SHA256, base.SHA256) {
			t.Errorf("%.60s is another request", same)
		}
	}
	seen := map[string]string{}
	for _, other := range []string{
		with(`"speed":5`), with(`"speed":6`), with(`"use_queue":true`), with(`"footer_text":"f"`), with(`"button_text":"f"`),
		with(`"header_type":"text","header_content":"f"`), with(`"sender":"f"`), with(`"category":"utility"`), with(`"on_unknown":"resend"`), with(`"events":"recipients"`),
		with(`"schedule_at":"2026-03-02T12:00:00Z"`), with(`"expire_at":"2026-03-02T12:00:00Z"`), with(`"button_url":"http://example.com"`),
		with(`"header_type":"image","header_content":"https://a.co"`), with(`"header_type":"video","header_content":"https://a.co"`),
		media("image", "image/png", pngHead), media("image", "image/png", pngHead+"x"),
		with(`"window":"ley-2300"`), week(`"days":["mon"],"from":"07:00","to":"08:00"`), week(`"days":["mon"],"from":"07:00","to":"08:01"`),
		week(`"days":["tue"],"from":"07:00","to":"08:00"`), with(`"window":{"timezone":"GMT","hours":[{"days":["mon"],"from":"07:00","to":"08:00"}]}`),
		with(`"window":{"holidays":"CO","timezone":"UTC","hours":[{"days":["mon"],"from":"07:00","to":"08:00"}]}`),
		week(`"days":["mon"],"from":"07:00","to":"08:00"},{"days":["tue"],"from":"07:00","to":"08:00"`),
		`{"phones":["1","23"],"body_text":"Hola"}`, `{"phones":["12","3"],"body_text":"Hola"}`, `{"phones":["3","12"],"body_text":"Hola"}`,
		`{"phones":["123"],"body_text":"Hola"}`, `{"phones":["123"],"body_text":"Hola "}`,
	} {
		sum := string(mustRead(t, other).SHA256)
		if twin, ok := seen[sum]; ok {
			t.Errorf("%s and %s are one", other, twin)
		}
		seen[sum] = other
	}
}

// seeds are bodies for the properties: good ones, bad ones, and a file that is streamed.
func seeds() []string {
	file := dataURI("image/png", pngHead+strings.Repeat("\x00\xffx", 3000))
	return []string{
		with(`"header_type":"image","header_content":"` + file + `"`),
		with(`"header_content":"` + strings.ReplaceAll(file, "/", `\/`) + `","header_type":"image","x":[{"a":"}\"]"}]`),
		with(`"header_content":"` + file[:5000] + `\u002f","header_type":"image"`),
		with(`"header_content":"` + file + `","header_content":"` + file + `"`),
		with(`"a":{"header_content":"` + file + `"}`),
		`["header_content","` + file + `"]`,
		`{"header\u005fcontent":"` + file + `"]`,
		`{"phones":["1",2,"\"\\"],"body_text":"\ud83d\ude00","use_queue":true,"speed":3,"a":null}`,
		with(`"window":"ley-2300"`), week(`"days":["sat-mon","wed"],"from":"07:00","to":"24:00"`), with(`"window":{"hours":[{"days":[{}]}]}`),
		`{"phones":[1.5],"body_text":7}`,
		`{"recipients":[{"phone":"1","variables":{"a":"x","b":1.50,"c":null},"body_text":"{{a}}"},{"header_type":"image","header_content":"` + dataURI("image/png", pngHead) + `"},7],"body_text":"{{b}}"}`,
		`{"recipients":[{"phone":"1","variables":{"a b":[]},"x":{"y":[{}]},"button_url":"https://example.com/{{ a }}"}],"body_text":"{{z}}"}`, `{"recipients":[1],"phones":[2]}`,
		`{"phones":["1"]} x`, `{`, ``, `{"":{}}`, "{\"header_content\":\"\xff",
	}
}

func outcome(req *request.Request, sink *bin, err error) string {
	if err != nil {
		var e *request.FieldError
		if !errors.As(err, &e) {
			return "foreign: " + err.Error()
		}
		return fmt.Sprintf("%q %q %s", e.Field, e.Code, e.Error())
	}
	return fmt.Sprintf("%x %v %q %d %x %v %v", req.SHA256, req.Phones, valuesOf(req), req.Total, sha256.Sum256(sink.file), sink.parts, req.Warnings)
}

// However the body is cut on its way, the request is the same.
func TestRequestCutAnywhere(t *testing.T) {
	t.Parallel()
	for _, body := range seeds() {
		want := outcome(read(body))
		if got := outcome(readFrom(iotest.OneByteReader(strings.NewReader(body)))); got != want {
			t.Errorf("%.60s byte by byte: %s\nwhole: %s", body, got, want)
		}
		if got := outcome(readFrom(iotest.DataErrReader(strings.NewReader(body)))); got != want {
			t.Errorf("%.60s with an early end: %s\nwhole: %s", body, got, want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		body := rapid.SampledFrom(seeds()).Draw(t, "body")
		cut := &cutReader{rest: body, size: func() int { return rapid.IntRange(1, 3000).Draw(t, "size") }}
		if got, want := outcome(readFrom(cut)), outcome(read(body)); got != want {
			t.Fatalf("cut: %s\nwhole: %s", got, want)
		}
	})
}

type cutReader struct {
	rest string
	size func() int
}

func (c *cutReader) Read(p []byte) (int, error) {
	if c.rest == "" {
		return 0, io.EOF
	}
	n := copy(p, c.rest[:min(c.size(), len(c.rest))])
	c.rest = c.rest[n:]
	return n, nil
}

func FuzzReadRequest(f *testing.F) {
	for _, body := range seeds() {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		req, sink, err := readFrom(bytes.NewReader(body))
		want := outcome(req, sink, err)
		if strings.HasPrefix(want, "foreign") {
			t.Fatal(want)
		}
		if got := outcome(readFrom(iotest.HalfReader(bytes.NewReader(body)))); got != want {
			t.Fatalf("cut: %s\nwhole: %s", got, want)
		}
		if err == nil {
			if !json.Valid(body) {
				t.Fatal("took what is no JSON")
			}
			schemas.EncodeBroadcast(req.Broadcast(schemas.NewTaskID(), req.Sender, 1, nil, nil)) // panics on what Protobuf can't write
		}
	})
}

// What is no phone costs only itself: it stands at its place in the list, as it was written.
func TestAMalformedRecipientCostsOnlyItself(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, entry, want string }{
		{"null", `null`, "null"},
		{"bool", `true`, "true"},
		{"object", `{"phone":"573001234561", "n":[1]}`, `{"phone":"573001234561","n":[1]}`},
		{"array", `["573001234561"]`, `["573001234561"]`},
		{"fraction", `573001234567.5`, "573001234567.5"},
		{"rounded", `5.73e11`, "5.73e11"},
		{"negative", `-573001234567`, "-573001234567"},
		{"16 digits", `5730012345678901`, "5730012345678901"},
		{"long object", `{"phone":"` + strings.Repeat("5", 300) + `"}`, `{"phone":"` + strings.Repeat("5", 147) + "…"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			req := mustRead(t, `{"phones":["573001234561",`+c.entry+`,"573001234562"],"body_text":"b"}`)
			if diff := cmp.Diff([]string{"573001234561", c.want, "573001234562"}, req.Phones); diff != "" {
				t.Fatalf("-want +got:\n%s", diff)
			}
			if p, err := schemas.ParsePhone(req.Phones[1], "CO"); err == nil {
				t.Errorf("%q is read as %s", req.Phones[1], p.Digits())
			}
		})
	}
}

func TestManyMalformedRecipientsAreNoComplexRequest(t *testing.T) {
	t.Parallel()
	req, sink, err := read(`{"phones":["573001234561"` + strings.Repeat(`,{"phone":"1"},null`, 10_000) + `],"body_text":"b"}`)
	if err != nil || req.Total != 20_001 || len(sink.slices) == 0 {
		t.Errorf("%v, %v; want Total 20001", req, err)
	}
}

func TestANumberWithAWholeValueIsARecipient(t *testing.T) {
	t.Parallel()
	req := mustRead(t, `{"phones":[573001234567.0,5.73001234567e11,573001234567],"body_text":"b"}`)
	if diff := cmp.Diff([]string{"573001234567", "573001234567", "573001234567"}, req.Phones); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestAMemberIsTakenWhereThereIsOneReading(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, as, like string }{
		{"use_queue as text", with(`"use_queue":"true"`), with(`"use_queue":true`)},
		{"use_queue in capitals", with(`"use_queue":"TRUE"`), with(`"use_queue":true`)},
		{"use_queue as a number", with(`"use_queue":1`), with(`"use_queue":true`)},
		{"use_queue as text, false", with(`"use_queue":"false"`), with(`"use_queue":false`)},
		{"use_queue blank", with(`"use_queue":""`), with(`"use_queue":false`)},
		{"speed as text", with(`"speed":" 20"`), with(`"speed":20`)},
		{"header_type in capitals", with(`"header_type":"IMAGE","header_content":"https://a.co/a.png"`), with(`"header_type":"image","header_content":"https://a.co/a.png"`)},
		{"category in capitals", with(`"category":" Utility "`), with(`"category":"utility"`)},
		{"link with blanks around it", with(`"button_url":" https://a.co/x\n"`), with(`"button_url":"https://a.co/x"`)},
		{"link with a blank in it", with(`"header_type":"image","header_content":"https://a.co/mi foto.png"`), with(`"header_type":"image","header_content":"https://a.co/mi%20foto.png"`)},
		{"invisible footer", with(`"footer_text":"\u200b"`), with(`"use_queue":false`)},
		{"byte order mark", "\ufeff" + with(`"speed":5`), with(`"speed":5`)},
		{"meant as text", `{"phones":["1"],"body_text":"Escribe {{1}}","literal":true}`, `{"phones":["1"],"body_text":"Escribe {{1}}","literal":"true"}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if as, like := mustRead(t, c.as), mustRead(t, c.like); !bytes.Equal(as.SHA256, like.SHA256) || as.Literal != like.Literal {
				t.Errorf("%s is not %s", c.as, c.like)
			}
		})
	}
}

func TestAnUnknownMemberIsRefusedWithTheNearestName(t *testing.T) {
	t.Parallel()
	for name, near := range map[string]string{
		"scheduled_at": "schedule_at", "schedule-at": "schedule_at", "scheduleAt": "schedule_at", "bodyText": "body_text", "body_txt": "body_text", "boton": "button_text", "plantilla": "template",
		"footerText": "footer_text", "use_que": "use_queue", "Phones": "phones", "file_name": "filename", "expires_at": "expire_at", "header_typ": "header_type", "dryRun": "dry_run", "dry-run": "dry_run", "zzz": "",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, sink, err := read(with(`"` + name + `":true`))
			var e *request.FieldError
			if !errors.As(err, &e) || e.Code != request.CodeUnknown || e.Field != name || len(sink.slices) > 0 {
				t.Fatalf("error is %v", err)
			}
			if offered := strings.Contains(e.Error(), "¿quiso decir '"+near+"'?"); offered != (near != "") || !strings.Contains(e.Hint.Spanish(), "schedule_at") {
				t.Errorf("%s (%s), want %q offered", e.Error(), e.Hint.Spanish(), near)
			}
		})
	}
}

func TestAMissingMemberHintsAtTheStrangerInItsPlace(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ body, spanish, hint string }{
		{`{"to":["573001234567"],"body_text":"b"}`, es.Say(es.PhonesMissing).Spanish(), "'to' no existe; ¿quiso decir 'phones'?"},
		{`{"phones":["1"],"message":"b"}`, es.Say(es.BodyMissing).Spanish(), "'message' no existe; ¿quiso decir 'body_text'?"},
		{`{"phones":"573001234561,573001234562","body_text":"b"}`, es.Say(es.PhonesMissing).Spanish(), `"phones": ["573001234567"`},
		{`{"body_text":"b"}`, es.Say(es.PhonesMissing).Spanish(), ""},
	} {
		t.Run(c.body, func(t *testing.T) {
			_, _, err := read(c.body)
			var e *request.FieldError
			if !errors.As(err, &e) || e.Error() != c.spanish || !strings.Contains(e.Hint.Spanish(), c.hint) || (c.hint == "") != e.Hint.None() {
				t.Errorf("%v, want hint %q", err, c.hint)
			}
		})
	}
}

func TestWhatMayBeMeantOtherwiseIsAWarning(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ body, want string }{
		{`{"phones":["1"],"body_text":"Hola {nombre}"}`, "El campo 'body_text' tiene {nombre}"},
		{with(`"button_url":"https://example.com/{id}"`), "El campo 'button_url' tiene {id}"},
		{with(`"button_text":"Ver"`), "El campo 'button_text' no tiene 'button_url'"},
		{`{"phones":["1"],"body_text":"Hola {nombre}","literal":true}`, ""},
		{with(`"buttons":[{"id":"no","title":"Cancelar"}],"literal":true`), "El campo 'buttons[0].title' es 'Cancelar', una palabra de baja"},
		{with(`"buttons":[{"id":"no","title":"No"}]`), ""},
		{with(`"button_url":"https://example.com/%C3%A1%ADB%C3"`), ""},
		{`{"phones":["1"],"body_text":"20% de descuento, 100%"}`, ""},
	} {
		t.Run(c.body, func(t *testing.T) {
			req := mustRead(t, c.body)
			if got := strings.Join(es.All(req.Warnings, es.Spanish), "\n"); !strings.Contains(got, c.want) || (c.want == "") != (got == "") {
				t.Errorf("warnings %q, want %q", got, c.want)
			}
		})
	}
}

func TestAFileIsTakenAsPeopleHaveBase64(t *testing.T) {
	t.Parallel()
	file := pngHead + strings.Repeat("\xfb\xef\xbe?x", 5_000) + "x"
	std := base64.StdEncoding.EncodeToString([]byte(file))
	small := base64.StdEncoding.EncodeToString([]byte(pngHead + "\xfb\xef\xbe"))
	for name, c := range map[string]struct{ text, of string }{
		"without label":            {std, file},
		"short, without label":     {small, pngHead + "\xfb\xef\xbe"},
		"without data:":            {"image/png;base64," + std, file},
		"label of one word":        {"base64," + std, file},
		"without padding":          {"data:image/png;base64," + strings.TrimRight(std, "="), file},
		"alphabet of URLs":         {"data:image/png;base64," + strings.NewReplacer("+", "-", "/", "_").Replace(std), file},
		"blanks where + was":       {"data:image/png;base64," + strings.ReplaceAll(std, "+", " "), file},
		"wrapped and indented":     {"data:image/png;base64,\\n  " + std[:76] + "\\r\\n  " + std[76:] + "\\n", file},
		"percent-encoded":          {"data:image/png;base64," + url.QueryEscape(std), file},
		"percent-encoded, wrapped": {"data:image/png;base64," + strings.ReplaceAll(url.QueryEscape(std[:76]+"\r\n "+std[76:]+"\n"), "+", "%20"), file},
		"percent-encoded alone":    {strings.NewReplacer("+", "%2b", "/", "%2f", "=", "%3d").Replace(std), file},
		"blank behind it":          {" data:image/png;base64," + std + "  ", file},
		"parameters":               {"data:image/png;name=mi foto.png;base64," + std, file},
		"all of it, without label": {strings.NewReplacer("+", "-", "/", "_", "=", "").Replace(std), file},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			req, sink, err := read(with(`"header_type":"image","header_content":"` + c.text + `"`))
			if err != nil || string(sink.file) != c.of || req.Content.GetMedia().GetMimeType() != "image/png" {
				t.Errorf("%v, %d bytes of %d", err, len(sink.file), len(c.of))
			}
		})
	}
}

func TestADocumentHasTheNameThatItsRecipientSees(t *testing.T) {
	t.Parallel()
	file := base64.StdEncoding.EncodeToString([]byte("%PDF-1.7\n%%EOF\n"))
	for _, c := range []struct{ label, member, want string }{
		{"data:application/pdf;name=mi factura.pdf;base64,", "", "mi factura.pdf"},
		{"data:application/pdf;filename=Factura.pdf;base64,", "", "Factura.pdf"},
		{"data:application/pdf;name=a.pdf;filename=\\\"b;c.pdf\\\";base64,", "", "b;c.pdf"},
		{"data:application/pdf;filename*=UTF-8'es'a%C3%B1o.pdf;base64,", "", "año.pdf"},
		{"data:application/pdf;name=a%20b.pdf;base64,", "", "a b.pdf"},
		{"data:application/pdf;name=a.pdf;base64,", "Factura 12.pdf", "Factura 12.pdf"},
		{"data:application/pdf;base64,", "Factura", "Factura.pdf"},
		{"data:application/pdf;base64,", "Factura.exe", "Factura.exe.pdf"},
		{"data:application/pdf;base64,", "../../etc/Factura.PDF", "Factura.PDF"},
		{"data:application/pdf;base64,", "C:\\\\docs\\\\Factura.pdf", "Factura.pdf"},
		{"data:application/pdf;base64,", "Factura 3/4.pdf", "Factura 34.pdf"},
		{"data:application/pdf;base64,", "fdp\\u202ecod.exe\\u0000", "fdpcod.exe.pdf"},
		{"data:application/pdf;base64,", "\\u200b", ""},
		{"", "Factura.pdf", "Factura.pdf"},
	} {
		t.Run(c.label+c.member, func(t *testing.T) {
			t.Parallel()
			req := mustRead(t, with(`"header_type":"document","header_content":"`+c.label+file+`","filename":"`+c.member+`"`))
			if got := req.Content.GetMedia().GetFilename(); got != c.want {
				t.Errorf("%q, want %q", got, c.want)
			}
		})
	}
}
