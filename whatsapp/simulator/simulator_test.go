package simulator_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/textproto"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"altavoz/whatsapp/simulator"
	"altavoz/whatsapp/simulator/ledger"
)

const number = "106540352242922"

// call makes a request without a network.
func call(s *simulator.Simulator, method, path, body string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer t")
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	s.Handler().ServeHTTP(w, r)
	return w
}

// message is a valid one, with words replaced: old, new, old, new ...
func message(replace ...string) string {
	const m = `{"messaging_product":"whatsapp","recipient_type":"individual","to":"+573001234567","type":"interactive",` +
		`"biz_opaque_callback_data":"c1","interactive":{"type":"cta_url","header":{"type":"text","text":"Aviso"},"body":{"text":"hola"},` +
		`"footer":{"text":"pie"},"action":{"name":"cta_url","parameters":{"display_text":"Ver","url":"https://example.com/x"}}}}`
	return strings.NewReplacer(replace...).Replace(m)
}

// The header and the action of message.
const (
	header = `{"type":"text","text":"Aviso"}`
	link   = `{"name":"cta_url","parameters":{"display_text":"Ver","url":"https://example.com/x"}}`
)

type envelope struct {
	Error struct {
		Message string `json:"message"`
		Type    string `json:"type"`
		Code    int    `json:"code"`
		Subcode int    `json:"error_subcode"`
		Data    struct {
			Details string `json:"details"`
		} `json:"error_data"`
		Trace string `json:"fbtrace_id"`
	} `json:"error"`
}

func TestMessageIsAcceptedAtEachPath(t *testing.T) {
	t.Parallel()
	s := simulator.New(simulator.Config{})
	for _, path := range []string{"/v25.0/" + number + "/messages", "/" + number + "/messages", "/v19.0/" + number + "/messages/"} {
		w := call(s, http.MethodPost, path, message())
		var got struct {
			Product  string `json:"messaging_product"`
			Contacts []struct {
				Input string `json:"input"`
				WaID  string `json:"wa_id"`
			} `json:"contacts"`
			Messages []struct {
				ID string `json:"id"`
			} `json:"messages"`
		}
		if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || w.Code != http.StatusOK {
			t.Fatalf("%s: %d %s; want %v", path, w.Code, w.Body, http.StatusOK)
		}
		if got.Product != "whatsapp" || got.Contacts[0].Input != "+573001234567" || got.Contacts[0].WaID != "573001234567" {
			t.Errorf("%s: %+v; want Product %q", path, got, "whatsapp")
		}
		raw, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(got.Messages[0].ID, "wamid."))
		if err != nil || !regexp.MustCompile(`^\x1c\x18\x0c573001234567\x15\x02\x00\x11\x18\x12[0-9A-F]{18}\x00$`).Match(raw) {
			t.Errorf("%s: wamid %q", path, raw)
		}
		for _, h := range []string{"X-Fb-Request-Id", "X-Fb-Trace-Id", "Facebook-Api-Version"} {
			if w.Header().Get(h) == "" {
				t.Errorf("%s: no %s", path, h)
			}
		}
	}
	if sum := s.Summary(); sum.Accepted != 3 || sum.Duplicates != 2 || sum.Repeated != 2 || sum.Unanswered != 0 {
		t.Errorf("got %+v, want Accepted 3, Duplicates 2, Repeated 2, Unanswered 0", sum)
	}
}

func TestWrongMessagesAreRefusedAsMetaDoes(t *testing.T) {
	t.Parallel()
	long := func(n int) string { return strings.Repeat("ñ", n) }
	tests := map[string]struct {
		body  string
		code  int
		words string // in message or details
	}{
		"not JSON":        {"hola", 100, "JSON object"},
		"null":            {"null", 100, "JSON object"},
		"array":           {"[]", 100, "JSON object"},
		"cut":             {message()[:200], 100, "JSON object"},
		"no product":      {message(`"messaging_product":"whatsapp",`, ``), 100, "The parameter messaging_product is required."},
		"another product": {message(`:"whatsapp"`, `:"messenger"`), 100, "messaging_product must be"},
		"no to":           {message(`"to":"+573001234567",`, ``), 100, "The parameter to is required."},
		"to as a number":  {message(`"+573001234567"`, `573001234567`), 100, "to must be a string"},
		"letters in to":   {message(`+573001234567`, `+57300CALLME`), 131009, "Recipient phone number is not valid"},
		"recipient, bad":  {message(`"to":"+573001234567"`, `"recipient":"573001234567"`), 100, "not a valid user ID"},
		"a group":         {message(`"individual"`, `"group"`), 100, "recipient_type"},
		"no type":         {message(`"type":"interactive",`, ``), 100, "The parameter type is required."},
		"another type":    {message(`"type":"interactive"`, `"type":"sticker"`), 100, "Param type must be"},
		"no template":     {message(`"type":"interactive"`, `"type":"template"`), 131008, "template is required"},
		"unknown template": {
			`{"messaging_product":"whatsapp","to":"+573001234567","type":"template","template":{"name":"aviso","language":{"code":"pt_BR"}}}`, 132001, "does not exist in pt_BR",
		},
		"unknown field":          {message(`"type":"interactive"`, `"kind":1,"type":"interactive"`), 100, `Unexpected key "kind"`},
		"wrong case":             {message(`"to"`, `"To"`), 100, `Unexpected key "To"`},
		"long callback":          {message(`"c1"`, `"`+long(513)+`"`), 131009, "biz_opaque_callback_data length invalid"},
		"category, not enabled":  {message(`"type":"interactive"`, `"category":"utility","type":"interactive"`), 100, "Direct Send"},
		"category, unknown":      {message(`"type":"interactive"`, `"category":"promo","type":"interactive"`), 100, "one of {AUTHENTICATION, SERVICE, UTILITY}"},
		"no interactive":         {message(`"interactive":{`, `"text":{`), 100, "The parameter interactive is required."},
		"a flow":                 {message(`{"type":"cta_url"`, `{"type":"flow"`), 100, "interactive['type']"},
		"no choices":             {shaped("button", `{"buttons":[]}`), 131009, "count. Min allowed Buttons: 1, Max allowed Buttons: 3"},
		"four buttons":           {shaped("button", `{"buttons":[`+replies(4)+`]}`), 131009, "Max allowed Buttons: 3"},
		"a button that is none":  {shaped("button", `{"buttons":[{"type":"url","reply":{"id":"1","title":"1"}}]}`), 100, "must be one of {REPLY}"},
		"a button with more":     {shaped("button", `{"buttons":[{"type":"reply","reply":{"id":"1","title":"1","url":"x"}}]}`), 100, `Unexpected key "url"`},
		"long button id":         {shaped("button", `{"buttons":[{"type":"reply","reply":{"id":"`+long(257)+`","title":"1"}}]}`), 131009, "Button id length invalid"},
		"long button title":      {shaped("button", `{"buttons":[{"type":"reply","reply":{"id":"1","title":"`+long(21)+`"}}]}`), 131009, "Button title length invalid"},
		"one button twice":       {shaped("button", `{"buttons":[`+replies(1)+`,`+replies(1)+`]}`), 131009, "Duplicated"},
		"a button and a name":    {shaped("button", `{"name":"x","buttons":[`+replies(1)+`]}`), 100, `Unexpected key "name"`},
		"no label":               {shaped("list", `{"sections":[{"rows":[{"id":"1","title":"1"}]}]}`), 100, "['button'] is required"},
		"no rows":                {shaped("list", `{"button":"Ver","sections":[{"rows":[]}]}`), 131009, "Min allowed Rows: 1"},
		"eleven rows":            {shaped("list", `{"button":"Ver","sections":[{"title":"a","rows":[`+rows(0, 6)+`]},{"title":"b","rows":[`+rows(6, 5)+`]}]}`), 131009, "Total row count exceed max allowed count: 10"},
		"no title of a section":  {shaped("list", `{"button":"Ver","sections":[{"title":"a","rows":[`+rows(0, 1)+`]},{"rows":[`+rows(1, 1)+`]}]}`), 100, "['title'] is required"},
		"long row id":            {shaped("list", `{"button":"Ver","sections":[{"rows":[{"id":"`+long(201)+`","title":"1"}]}]}`), 131009, "Row id length invalid"},
		"long row":               {shaped("list", `{"button":"Ver","sections":[{"rows":[{"id":"1","title":"`+long(25)+`"}]}]}`), 131009, "Row title length invalid"},
		"long description":       {shaped("list", `{"button":"Ver","sections":[{"rows":[{"id":"1","title":"1","description":"`+long(73)+`"}]}]}`), 131009, "Row description length invalid"},
		"one row twice":          {shaped("list", `{"button":"Ver","sections":[{"rows":[`+rows(0, 1)+`,`+rows(0, 1)+`]}]}`), 131009, "Duplicated row id"},
		"two lines in a row":     {shaped("list", `{"button":"Ver","sections":[{"rows":[{"id":"1","title":"a\nb"}]}]}`), 131009, "line breaks"},
		"an image and a list":    {strings.Replace(shaped("list", `{"button":"Ver","sections":[{"rows":[`+rows(0, 1)+`]}]}`), header, `{"type":"image","image":{"link":"https://example.com/a.png"}}`, 1), 100, "{TEXT}"},
		"a location with a foot": {shaped("location_request_message", `{"name":"send_location"}`), 100, "Unexpected key"},
		"no body":                {message(`"body":{"text":"hola"},`, ``), 100, "The parameter interactive['body'] is required."},
		"body without text":      {message(`{"text":"hola"}`, `{}`), 100, "The parameter interactive['body']['text'] is required."},
		"empty body":             {message(`hola`, ``), 131009, "Body text length invalid. Min length: 1, Max length: 1024"},
		"long body":              {message(`hola`, long(1025)), 131009, "Body text length invalid"},
		"emoji count twice":      {message(`hola`, strings.Repeat("🎉", 513)), 131009, "Body text length invalid"},
		"long footer":            {message(`"pie"`, `"`+long(61)+`"`), 131009, "Footer text length invalid"},
		"long header":            {message(`Aviso`, long(61)), 131009, "Header text length invalid"},
		"long button":            {message(`"Ver"`, `"`+long(21)+`"`), 131009, "Button title length invalid. Min length: 1, Max length: 20"},
		"no button":              {message(`"display_text":"Ver",`, ``), 100, "interactive['action']['parameters']['display_text'] is required"},
		"javascript":             {message(`https://example.com/x`, `javascript:alert(1)`), 100, "interactive['action']['parameters']['url'] is not a valid URI."},
		"another action":         {message(`"name":"cta_url"`, `"name":"flow"`), 100, "interactive['action']['name']"},
		"sticker header":         {message(header, `{"type":"sticker","sticker":{"id":"1"}}`), 100, "['type'] must be one of"},
		"caption in a header":    {message(header, `{"type":"image","image":{"link":"https://example.com/a.png","caption":"x"}}`), 100, `Unexpected key "caption" on param "interactive['header']['image']"`},
		"filename of an image":   {message(header, `{"type":"image","image":{"link":"https://example.com/a.png","filename":"x"}}`), 100, `Unexpected key "filename"`},
		"id and link":            {message(header, `{"type":"image","image":{"link":"https://example.com/a.png","id":"1"}}`), 100, "Only one"},
		"neither id nor link":    {message(header, `{"type":"image","image":{}}`), 100, "is required"},
		"bad link":               {message(header, `{"type":"image","image":{"link":"a.png"}}`), 100, "is not a valid URI."},
		"unknown media":          {message(header, `{"type":"image","image":{"id":"123"}}`), 100, "Param interactive['header']['image']['id'] is not a valid whatsapp business account media attachment ID"},
		"text beside the header": {message(header, `{"type":"image","text":"x","image":{"link":"https://example.com/a.png"}}`), 100, `Unexpected key "text"`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := simulator.New(simulator.Config{})
			for range 2 { // a refusal must not be remembered as a known content
				w := call(s, http.MethodPost, "/v25.0/"+number+"/messages", tt.body)
				var e envelope
				if err := json.Unmarshal(w.Body.Bytes(), &e); err != nil {
					t.Fatalf("%d %s, want JSON", w.Code, w.Body)
				}
				if e.Error.Code != tt.code || w.Code < 400 || e.Error.Type == "" || e.Error.Trace == "" ||
					!strings.Contains(e.Error.Message+"|"+e.Error.Data.Details, tt.words) {
					t.Errorf("%d %+v; want at least 400", w.Code, e)
				}
			}
			if sum := s.Summary(); sum.Accepted != 0 || sum.Refused[fmt.Sprint(tt.code)] != 2 {
				t.Errorf("got %+v, want Accepted 0", sum)
			}
		})
	}
}

func TestTokensAreOfTheirNumber(t *testing.T) {
	t.Parallel()
	s := simulator.New(simulator.Config{Numbers: []simulator.Number{{ID: number, Token: "t"}, {ID: "222", Token: "u"}}})
	tests := map[string]struct {
		path, auth string
		status     int
		code       int
	}{
		"good":             {"/v25.0/" + number + "/messages", "Bearer t", 200, 0},
		"none":             {"/v25.0/" + number + "/messages", "", 401, 190},
		"basic":            {"/v25.0/" + number + "/messages", "Basic t", 401, 190},
		"unknown token":    {"/v25.0/" + number + "/messages", "Bearer x", 401, 190},
		"another's number": {"/v25.0/" + number + "/messages", "Bearer u", 400, 100},
		"no such number":   {"/v25.0/333/messages", "Bearer t", 400, 100},
		"no such path":     {"/v25.0/" + number + "/nonsense", "Bearer t", 400, 2500},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := call(s, http.MethodPost, tt.path, message(), "Authorization", tt.auth)
			var e envelope
			_ = json.Unmarshal(w.Body.Bytes(), &e)
			if w.Code != tt.status || e.Error.Code != tt.code {
				t.Errorf("%d %s; want %v", w.Code, w.Body, tt.status)
			}
		})
	}
}

// TestEndingsOfPeople: the phones of real people meet no fault, whatever their ending; those of the reserved range do, and all if that is asked for.
func TestEndingsOfPeople(t *testing.T) {
	t.Parallel()
	for phone, want := range map[string]struct{ usual, any int }{
		"573001230030": {200, 400}, "573991230030": {400, 400}, "573981230030": {200, 400}, "5215512340030": {200, 400}, "5739912340030": {200, 400}, "573991234567": {200, 200},
	} {
		t.Run(phone, func(t *testing.T) {
			for all, status := range map[bool]int{false: want.usual, true: want.any} {
				s := simulator.New(simulator.Config{AnyEndings: all})
				if w := call(s, http.MethodPost, "/"+number+"/messages", message("573001234567", phone)); w.Code != status {
					t.Errorf("any %v: %d; want %v", all, w.Code, status)
				}
			}
			plain := simulator.New(simulator.Config{PlainPhones: true})
			if w := call(plain, http.MethodPost, "/"+number+"/messages", message("573001234567", phone)); w.Code != http.StatusOK {
				t.Errorf("plain: %d, want %v", w.Code, http.StatusOK)
			}
		})
	}
}

// TestPhoneWithoutPlusIsOfTheBusinessCountry: a phone without "+" is one of the business's own country.
func TestPhoneWithoutPlusIsOfTheBusinessCountry(t *testing.T) {
	t.Parallel()
	s := simulator.New(simulator.Config{})
	for _, to := range []string{"573001234567", "+57 300-123 (4567)"} {
		if w := call(s, http.MethodPost, "/"+number+"/messages", message("+573001234567", to)); w.Code != http.StatusOK {
			t.Errorf("%s: %s, want it accepted", to, w.Body)
		}
	}
	if len(s.Ledger("1573001234567")) != 1 || len(s.Ledger("+573001234567")) != 1 {
		t.Errorf("got %+v, want one with the country code 1 and one without", s.Ledger(""))
	}
}

func upload(s *simulator.Simulator, partType, kind, body string) *httptest.ResponseRecorder {
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	p, _ := w.CreatePart(textproto.MIMEHeader{"Content-Disposition": {`form-data; name="file"; filename="a"`}, "Content-Type": {partType}})
	_, _ = io.WriteString(p, body)
	_ = w.WriteField("messaging_product", "whatsapp")
	if kind != "" {
		_ = w.WriteField("type", kind)
	}
	_ = w.Close()
	return call(s, http.MethodPost, "/v25.0/"+number+"/media", b.String(), "Content-Type", w.FormDataContentType())
}

func TestMediaIsCheckedKeptAndDeleted(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const png = "\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"
		s := simulator.New(simulator.Config{})
		for name, w := range map[string]*httptest.ResponseRecorder{
			"octets":           upload(s, "application/octet-stream", "image/png", png),
			"no type field":    upload(s, "image/png", "", png),
			"empty":            upload(s, "image/png", "image/png", ""),
			"large":            upload(s, "image/png", "image/png", png+strings.Repeat("x", 5_000_000)),
			"not what it says": upload(s, "image/jpeg", "image/jpeg", png),
			"no form":          call(s, http.MethodPost, "/"+number+"/media", png, "Content-Type", "image/png"),
		} {
			if w.Code != http.StatusBadRequest {
				t.Errorf("%s: %d %s; want %v", name, w.Code, w.Body, http.StatusBadRequest)
			}
		}
		w := upload(s, "image/png", "image/png", png)
		var got struct{ ID string }
		if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || !regexp.MustCompile(`^\d{15,17}$`).MatchString(got.ID) {
			t.Fatalf("%d %s, want an id of 15 to 17 digits", w.Code, w.Body)
		}
		w = call(s, http.MethodGet, "/v25.0/"+got.ID, "")
		if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), `"file_size":"16"`) || !strings.Contains(w.Body.String(), `"mime_type":"image/png"`) {
			t.Errorf("got %s, want 16 bytes of image/png", w.Body)
		}
		image := func(kind string) string {
			return message(`{"type":"text","text":"Aviso"}`, `{"type":"`+kind+`","`+kind+`":{"id":"`+got.ID+`"}}`)
		}
		send := func(from, kind string) int {
			return call(s, http.MethodPost, "/v25.0/"+from+"/messages", image(kind)).Code
		}
		if send(number, "image") != 200 || send(number, "video") != 400 || send("222", "image") != 400 {
			t.Error("media belongs to its number and kind")
		}
		time.Sleep(31 * 24 * time.Hour)
		if send(number, "image") != 400 {
			t.Error("media lives for 30 days")
		}
		if w = call(s, http.MethodDelete, "/v25.0/"+got.ID, ""); w.Body.String() != `{"success":true}` {
			t.Errorf("got %s, want String %q", w.Body, `{"success":true}`)
		}
		if w = call(s, http.MethodGet, "/v25.0/"+got.ID, ""); w.Code != http.StatusBadRequest {
			t.Errorf("got %s, want 400", w.Body)
		}
		if u := s.Summary().Uploads; u.Files != 1 || u.Bytes != 16 {
			t.Errorf("got %+v, want Files 1, Bytes 16", u)
		}
	})
}

// TestFaultsAreSetAndReadOverHTTP: what tests and scripts switch and read over HTTP.
func TestFaultsAreSetAndReadOverHTTP(t *testing.T) {
	t.Parallel()
	s := simulator.New(simulator.Config{})
	if w := call(s, http.MethodPost, "/_simulator/faults", "number=222 maintenance\n phone=5730012* for=1h 131016=100%\n"); w.Code != http.StatusNoContent {
		t.Fatalf("%d %s; want %v", w.Code, w.Body, http.StatusNoContent)
	}
	if w := call(s, http.MethodGet, "/_simulator/faults", ""); w.Body.String() != "number=222 maintenance\nphone=5730012* for=1h 131016=100%\n" {
		t.Errorf("got %q, want the rules as they were set", w.Body)
	}
	if w := call(s, http.MethodPost, "/_simulator/faults", "on fire"); w.Code != http.StatusBadRequest {
		t.Errorf("%d %s; want %v", w.Code, w.Body, http.StatusBadRequest)
	}
	if w := call(s, http.MethodPost, "/"+number+"/messages", message()); w.Code != http.StatusServiceUnavailable {
		t.Errorf("%d %s; want %v", w.Code, w.Body, http.StatusServiceUnavailable)
	}
	if w := call(s, http.MethodPost, "/222/messages", message("+573001", "+573009")); w.Code != http.StatusInternalServerError {
		t.Errorf("%d %s; want %v", w.Code, w.Body, http.StatusInternalServerError)
	}
	if w := call(s, http.MethodPost, "/"+number+"/messages", message("+573001", "+573009")); w.Code != http.StatusOK {
		t.Errorf("%d %s; want %v", w.Code, w.Body, http.StatusOK)
	}
	w := call(s, http.MethodGet, "/_simulator/ledger?phone=573009234567", "")
	if !strings.Contains(w.Body.String(), `"biz_opaque_callback_data":"c1"`) || !strings.Contains(w.Body.String(), `"answered":true`) {
		t.Errorf("got %s, want the message as answered", w.Body)
	}
	w = call(s, http.MethodGet, "/_simulator/summary", "")
	if !strings.Contains(w.Body.String(), `"accepted":1`) || !strings.Contains(w.Body.String(), `"refused":{"131016":1,"131057":1}`) {
		t.Errorf("got %s, want 1 accepted, and 1 refused with each code", w.Body)
	}
}

// TestDuplicatesBeyondTheKeptRecordsAreCounted: beyond the records kept in full, what came twice is still counted.
func TestDuplicatesBeyondTheKeptRecordsAreCounted(t *testing.T) {
	t.Parallel()
	s := simulator.New(simulator.Config{Records: 2, PlainPhones: true})
	for i := range 10 {
		call(s, http.MethodPost, "/"+number+"/messages", message("c1", fmt.Sprint("c", i%9), "4567", fmt.Sprint(1000+i)))
	}
	if sum := s.Summary(); sum.Accepted != 10 || sum.Duplicates != 1 || len(s.Ledger("")) != 2 {
		t.Errorf("got %+v, want Accepted 10, Duplicates 1", sum)
	}
	if calls, open, accepted := s.Calls("c0"); calls != 2 || open != 2 || accepted != 2 {
		t.Errorf("%d calls, %d open, %d accepted; want 2, 2, 2", calls, open, accepted)
	}
}

// TestSameCallsMeetTheSameFaultsOfASeed: the same calls meet the same faults, in whatever order, and get other ones with another seed.
func TestSameCallsMeetTheSameFaultsOfASeed(t *testing.T) {
	t.Parallel()
	run := func(seed uint64, order func(i int) int) string {
		s := simulator.New(simulator.Config{Seed: seed, Faults: "131016=50%", PlainPhones: true})
		out := make([]byte, 64)
		for i := range out {
			n := order(i)
			out[n] = '-'
			if call(s, http.MethodPost, "/"+number+"/messages", message("c1", fmt.Sprint("c", n))).Code == http.StatusOK {
				out[n] = '+'
			}
		}
		return string(out)
	}
	same, back := func(i int) int { return i }, func(i int) int { return 63 - i }
	a := run(1, same)
	if b := run(1, back); a != b {
		t.Errorf("in another order\n%s\n%s", a, b)
	}
	if c := run(2, same); a == c {
		t.Errorf("with another seed\n%s", c)
	}
	if n := strings.Count(a, "+"); n < 16 || n > 48 {
		t.Errorf("%d of 64 by half, want at least 16, at most 48", n)
	}
}

func BenchmarkMessage(b *testing.B) {
	benchmarkMessages(b, simulator.New(simulator.Config{PlainPhones: true, Records: -1}))
}

// BenchmarkMessageWithWebhooks has three statuses for each message, and includes the time until they are told.
func BenchmarkMessageWithWebhooks(b *testing.B) {
	srv := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { io.Copy(io.Discard, r.Body) }))
	b.Cleanup(srv.Close)
	s := simulator.New(simulator.Config{
		PlainPhones: true, Records: -1, Faults: "read=100% webhook_delay=1ms..10ms", Webhooks: simulator.Webhooks{URL: srv.URL, Secret: "s"},
	})
	ctx, cancel := context.WithCancel(b.Context())
	done := make(chan struct{})
	go func() { defer close(done); s.SendWebhooks(ctx) }()
	b.Cleanup(func() { cancel(); <-done })
	benchmarkMessages(b, s)
	for s.Summary().Webhooks.Pending > 0 {
		time.Sleep(time.Millisecond)
	}
	if h := s.Summary().Webhooks; h.Read != s.Summary().Accepted {
		b.Errorf("got %+v, want all of them read", h)
	}
}

func benchmarkMessages(b *testing.B, s *simulator.Simulator) {
	b.Helper()
	h := s.Handler()
	body := message()
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		r := httptest.NewRequest(http.MethodPost, "/v25.0/"+number+"/messages", strings.NewReader(strings.Replace(body, "c1", fmt.Sprint(i), 1)))
		r.Header.Set("Authorization", "Bearer t")
		h.ServeHTTP(httptest.NewRecorder(), r)
	}
}

// shaped is a message of an interactive type with an action.
func shaped(kind, action string) string {
	return message(`{"type":"cta_url"`, `{"type":"`+kind+`"`, link, action)
}

// replies are n reply buttons.
func replies(n int) string {
	var all []string
	for i := range n {
		all = append(all, fmt.Sprintf(`{"type":"reply","reply":{"id":"%d","title":"t%d"}}`, i, i))
	}
	return strings.Join(all, ",")
}

// rows are n rows of a list, the first one with the number from.
func rows(from, n int) string {
	var all []string
	for i := from; i < from+n; i++ {
		all = append(all, fmt.Sprintf(`{"id":"%d","title":"t"}`, i))
	}
	return strings.Join(all, ",")
}

// TestMarketingTemplatesHaveAPathOfTheirOwn, which takes nothing else, once the account's terms were accepted.
func TestMarketingTemplatesHaveAPathOfTheirOwn(t *testing.T) {
	t.Parallel()
	const (
		promo  = `{"messaging_product":"whatsapp","to":"+573001234567","type":"template","template":{"name":"promo","language":{"code":"es_CO"},"components":[{"type":"header","parameters":[{"type":"image","image":{"link":"https://example.com/a.png"}}]},{"type":"body","parameters":[{"type":"text","text":"Ana"},{"type":"text","text":"2x1"}]},{"type":"button","sub_type":"copy_code","index":"0","parameters":[{"type":"coupon_code","coupon_code":"A"}]}]}MEMBERS}`
		hello  = `{"messaging_product":"whatsapp","to":"+573001234567","type":"template","template":{"name":"hello_world","language":{"code":"en_US"}}}`
		direct = `{"messaging_product":"whatsapp","to":"+573001234567","type":"text","category":"utility","text":{"body":"x"}}`
	)
	with := func(members string) string { return strings.Replace(promo, "MEMBERS", members, 1) }
	for _, c := range []struct {
		name, account, path, body string
		code                      int // 0: taken
	}{
		{"a template of marketing", `{}`, "marketing_messages", with(""), 0},
		{"with its members", `{}`, "marketing_messages", with(`,"product_policy":"STRICT","message_activity_sharing":true`), 0},
		{"another policy", `{}`, "marketing_messages", with(`,"product_policy":"LAX"`), 100},
		{"a text as sharing", `{}`, "marketing_messages", with(`,"message_activity_sharing":"true"`), 100},
		{"its members on messages", `{}`, "messages", with(`,"product_policy":"STRICT"`), 100},
		{"an interactive message", `{}`, "marketing_messages", shaped("button", `{"buttons":[`+replies(1)+`]}`), 100},
		{"a template of utility", `{}`, "marketing_messages", hello, 134100},
		{"terms that nobody accepted", `{"marketing_terms":false}`, "marketing_messages", with(""), 131055},
		{"still syncing", `{"marketing_syncing":true}`, "marketing_messages", with(""), 134101},
		{"over messages", `{}`, "messages", with(""), 0},
		{"over messages, where that is off", `{"marketing_on_messages":false}`, "messages", with(""), 131063},
		{"of utility, where that is off", `{"marketing_on_messages":false}`, "messages", hello, 0},
		{"Direct Send, allowed", `{"direct_send":true}`, "messages", direct, 0},
		{"Direct Send, not allowed", `{}`, "messages", direct, 100},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := simulator.New(simulator.Config{})
			if w := call(s, http.MethodPost, "/_simulator/account", c.account); w.Code != http.StatusOK {
				t.Fatal(w.Code, w.Body)
			}
			w := call(s, http.MethodPost, "/v25.0/"+number+"/"+c.path, c.body)
			if c.code == 0 && w.Code != http.StatusOK || c.code != 0 && !strings.Contains(w.Body.String(), fmt.Sprintf(`"code":%d`, c.code)) {
				t.Errorf("%d %s, want %d", w.Code, w.Body, c.code)
			}
			if got := s.Ledger(""); c.code == 0 && got[0].Marketing != (c.path == "marketing_messages") {
				t.Errorf("%+v", got)
			}
		})
	}
	s := simulator.New(simulator.Config{})
	if w := call(s, http.MethodPost, "/_simulator/account", `{"terms":true}`); w.Code != http.StatusBadRequest {
		t.Errorf("an unknown member: %d", w.Code)
	}
	if w := call(s, http.MethodGet, "/_simulator/account", ""); w.Body.String() != `{"direct_send":false,"marketing_terms":true,"marketing_syncing":false,"marketing_on_messages":true}` {
		t.Error(w.Body)
	}
}

// TestMessagingLimitIsOfAllNumbersAndOfWhoDidNotWrite: who was written to before, who wrote, and what is no template goes on.
func TestMessagingLimitIsOfAllNumbersAndOfWhoDidNotWrite(t *testing.T) {
	t.Parallel()
	s := simulator.New(simulator.Config{})
	call(s, http.MethodPost, "/_simulator/account", `{"messaging_limit":1}`)
	if w := call(s, http.MethodPost, "/_simulator/inbound", `{"from":"573001110003","text":"hola","number":"`+number+`"}`); w.Code != http.StatusNoContent {
		t.Fatal(w.Code, w.Body)
	}
	to := func(phone string) string {
		return `{"messaging_product":"whatsapp","to":"+` + phone + `","type":"template","template":{"name":"hello_world","language":{"code":"en_US"}}}`
	}
	for i, c := range []struct {
		number, body string
		code         int
	}{
		{number, to("573001110001"), 0},
		{number, to("573001110002"), 131048},
		{number + "1", to("573001110002"), 131048},
		{number + "1", to("573001110001"), 0},
		{number, to("573001110003"), 0},
		{number, strings.ReplaceAll(shaped("button", `{"buttons":[`+replies(1)+`]}`), "573001234567", "573001110002"), 0},
	} {
		w := call(s, http.MethodPost, "/v25.0/"+c.number+"/messages", c.body)
		if c.code == 0 && w.Code != http.StatusOK || c.code != 0 && !strings.Contains(w.Body.String(), fmt.Sprintf(`"code":%d`, c.code)) {
			t.Errorf("message %d: %d %s, want %d", i, w.Code, w.Body, c.code)
		}
	}
	if n := s.Summary().PeopleADay; n != 1 {
		t.Errorf("%d people a day, want 1", n)
	}
}

func TestShapesAreTakenAndInTheLedger(t *testing.T) {
	t.Parallel()
	s := simulator.New(simulator.Config{})
	plain := func(body string) string { // a location has neither header nor footer
		return strings.NewReplacer(`"header":`+header+`,`, "", `,"footer":{"text":"pie"}`, "").Replace(body)
	}
	for _, body := range []string{
		shaped("button", `{"buttons":[`+replies(3)+`]}`),
		shaped("list", `{"button":"Ver","sections":[{"rows":[{"id":"9am","title":"9:00","description":"Sede norte"}]}]}`),
		plain(shaped("location_request_message", `{"name":"send_location"}`)),
	} {
		if w := call(s, http.MethodPost, "/v25.0/"+number+"/messages", body); w.Code != http.StatusOK {
			t.Errorf("%d %s", w.Code, w.Body)
		}
	}
	got := s.Ledger("573001234567")
	if len(got) != 3 || got[0].Type != "button" || len(got[0].Choices) != 3 || got[2].Type != "location_request_message" || len(got[2].Choices) != 0 {
		t.Fatalf("got %+v", got)
	}
	want := ledger.Choice{Kind: ledger.ChoiceRow, ID: "9am", Title: "9:00", Description: "Sede norte"}
	if len(got[1].Choices) != 1 || got[1].Choices[0] != want {
		t.Errorf("got %+v, want %+v", got[1].Choices, want)
	}
}
