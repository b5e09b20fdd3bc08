package whatsapp_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"altavoz/schemas"
	"altavoz/whatsapp"
	"altavoz/whatsapp/marketing"
	"altavoz/whatsapp/simulator"
	"altavoz/whatsapp/simulator/ledger"
)

var update = flag.Bool("update", false, "write the golden files anew")

func TestSentMessageIsInTheLedgerWithItsCallback(t *testing.T) {
	t.Parallel()
	h := setup(t, simulator.Config{Numbers: []simulator.Number{{ID: sender, Token: token}}})
	r := h.send(t, phone, "av1:task:7")
	got := h.sim.Ledger("573001234567")
	want := []ledger.Received{{Number: sender, Phone: "573001234567", Callback: "av1:task:7", Text: "hola", Type: "cta_url", WAMID: r.WAMID, Answered: true}}
	if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(ledger.Received{}, "Time")); diff != "" {
		t.Error(diff)
	}
	if r.Verdict != schemas.VerdictSent || !strings.HasPrefix(r.WAMID, "wamid.") {
		t.Errorf("reply %+v, want Verdict %v", r, schemas.VerdictSent)
	}
}

func TestSendToUserID(t *testing.T) {
	t.Parallel()
	h := setup(t, simulator.Config{})
	if r := h.send(t, "CO.1765AbC", "x"); r.Verdict != schemas.VerdictSent {
		t.Fatalf("reply %+v, want Verdict %v", r, schemas.VerdictSent)
	}
	if got := h.sim.Ledger("CO.1765AbC"); len(got) != 1 {
		t.Errorf("ledger %+v, want 1 of them", got)
	}
}

// TestMessagesAreThoseOfTheGoldenFiles pins the JSON that goes out, and has the simulator take each of it.
func TestMessagesAreThoseOfTheGoldenFiles(t *testing.T) {
	t.Parallel()
	h := setup(t, simulator.Config{DirectSend: true})
	id, err := h.Upload(t.Context(), sender, "image/png", "a.png", int64(len(png)), strings.NewReader(png))
	if err != nil {
		t.Fatal(err)
	}
	const awkward = "¡Ñandú! \"comillas\" \\ barra <b>&amp;</b>\nlínea 🎉 \u2028 \u0007"
	contents := []struct {
		name    string
		content *schemas.Content
		to      schemas.Phone
	}{
		{"minimal", content(), phone},
		{"text header, footer", &schemas.Content{
			Header: schemas.HeaderKind_HEADER_KIND_TEXT, HeaderText: "Aviso", Body: awkward, Footer: "pie", ButtonText: "Ver", ButtonUrl: "https://example.com/x?a=1&b=2",
		}, phone},
		{"image by id", &schemas.Content{
			Header: schemas.HeaderKind_HEADER_KIND_IMAGE, Media: &schemas.MediaRef{MediaId: id, Url: "https://example.com/a.png", Filename: "a.png"},
			Body: "hola", ButtonText: "Ver", ButtonUrl: "https://example.com",
		}, phone},
		{"video by link", &schemas.Content{
			Header: schemas.HeaderKind_HEADER_KIND_VIDEO, Media: &schemas.MediaRef{Link: "https://example.com/a.mp4"}, Body: "hola", ButtonText: "Ver", ButtonUrl: "https://example.com",
		}, phone},
		{"document by link", &schemas.Content{
			Header: schemas.HeaderKind_HEADER_KIND_DOCUMENT, Media: &schemas.MediaRef{Link: "https://example.com/a.pdf", Filename: "lista.pdf"},
			Body: "hola", ButtonText: "Ver", ButtonUrl: "https://example.com", Category: "utility",
		}, phone},
		{"user id", content(), "CO.1765AbC"},
		{"reply buttons", &schemas.Content{
			Header: schemas.HeaderKind_HEADER_KIND_IMAGE, Media: &schemas.MediaRef{Link: "https://example.com/a.png"}, Body: "hola", Footer: "pie",
			Shape: &schemas.Shape{Kind: &schemas.Shape_Buttons{Buttons: &schemas.ReplyButtons{Buttons: []*schemas.ReplyButton{{Id: "si", Title: "Sí"}, {Id: "no", Title: "No"}}}}},
		}, phone},
		{"list", &schemas.Content{
			Header: schemas.HeaderKind_HEADER_KIND_TEXT, HeaderText: "Aviso", Body: "hola", Footer: "pie",
			Shape: &schemas.Shape{Kind: &schemas.Shape_List{List: &schemas.ReplyList{Button: "Ver", Sections: []*schemas.ListSection{
				{Title: "Hoy", Rows: []*schemas.ListRow{{Id: "9am", Title: "9:00", Description: "Sede norte"}}}, {Title: "Mañana", Rows: []*schemas.ListRow{{Id: "3pm", Title: "15:00"}}},
			}}}},
		}, phone},
		{"list of one section", &schemas.Content{
			Body:  "hola",
			Shape: &schemas.Shape{Kind: &schemas.Shape_List{List: &schemas.ReplyList{Button: "Ver", Sections: []*schemas.ListSection{{Rows: []*schemas.ListRow{{Id: "9am", Title: "9:00"}}}}}}},
		}, phone},
		{"location", &schemas.Content{Body: "hola", Shape: &schemas.Shape{Kind: &schemas.Shape_Location{Location: &schemas.LocationRequest{}}}}, phone},
		{"service is no category", &schemas.Content{Body: "hola", ButtonText: "Ver", ButtonUrl: "https://example.com", Category: "service"}, phone},
	}
	var out bytes.Buffer
	for _, c := range contents {
		t.Run(c.name, func(t *testing.T) {
			m, err := h.Prepare(c.content)
			if err != nil {
				t.Fatalf("preparing it: %v", err)
			}
			_, b, err := whatsapp.Renderer(func(string) marketing.Setting { return marketing.Setting{} })(sender, c.content, c.to, `av1:"task":7`)
			if err != nil {
				t.Fatalf("rendering it: %v", err)
			}
			if !json.Valid(b) {
				t.Errorf("not JSON: %s", b)
			}
			fmt.Fprintf(&out, "# %s\n%s\n", c.name, bytes.ReplaceAll(b, []byte(id), []byte("1037543291543636")))
			if r := h.Send(t.Context(), sender, m, c.to, `av1:"task":7`); r.Verdict != schemas.VerdictSent {
				t.Errorf("got %+v, want Verdict %v", r, schemas.VerdictSent)
			}
		})
	}
	const file = "testdata/messages.golden"
	if *update {
		if err := os.WriteFile(file, out.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), out.String()); diff != "" {
		t.Error(diff)
	}
}

func TestContentThatCannotBeSentIsRefused(t *testing.T) {
	t.Parallel()
	h := setup(t, simulator.Config{})
	for name, c := range map[string]*schemas.Content{
		"no body":        {ButtonText: "Ver", ButtonUrl: "https://example.com"},
		"no file":        {Body: "hola", Header: schemas.HeaderKind_HEADER_KIND_IMAGE},
		"not resolved":   {Body: "hola", Header: schemas.HeaderKind_HEADER_KIND_IMAGE, Media: &schemas.MediaRef{Url: "https://example.com/a.png"}},
		"unknown header": {Body: "hola", Header: 99},
	} {
		if _, err := h.Prepare(c); !errors.Is(err, schemas.ErrContent) {
			t.Errorf("%s: %v; want %v", name, err, schemas.ErrContent)
		}
	}
}

// TestEachEndingOfAPhoneHasItsVerdict: every phone with a meaning gets its verdict, and the ledger agrees on who got a message.
func TestEachEndingOfAPhoneHasItsVerdict(t *testing.T) {
	t.Parallel()
	tests := []struct {
		ending  string
		verdict schemas.Verdict
		code    int
		sent    int // messages that the simulator took all the same
	}{
		{"1234", schemas.VerdictSent, 0, 1},
		{"0026", schemas.VerdictFailed, 131026, 0},
		{"0030", schemas.VerdictFailed, 131030, 0},
		{"0047", schemas.VerdictFailed, 131047, 0},
		{"0049", schemas.VerdictFailed, 131049, 0},
		{"0050", schemas.VerdictFailed, 131050, 0},
		{"0072", schemas.VerdictFailed, 130472, 0},
		{"0021", schemas.VerdictFailed, 131021, 0},
		{"0009", schemas.VerdictContent, 131009, 0},
		{"0100", schemas.VerdictContent, 100, 0},
		{"0053", schemas.VerdictTransient, 131053, 0},
		{"0000", schemas.VerdictTransient, 131000, 0},
		{"0016", schemas.VerdictTransient, 131016, 0},
		{"0429", schemas.VerdictThrottled, 130429, 0},
		{"0056", schemas.VerdictPair, 131056, 0},
		{"0057", schemas.VerdictThrottled, 131057, 0},
		{"0190", schemas.VerdictAccount, 190, 0},
		{"0500", schemas.VerdictLost, 0, 0},
		{"0501", schemas.VerdictLost, 0, 0},
		{"0502", schemas.VerdictLost, 0, 1},
		{"0503", schemas.VerdictLost, 0, 1},
		{"0504", schemas.VerdictLost, 0, 1},
		{"0505", schemas.VerdictLost, 0, 1},
		{"0506", schemas.VerdictLost, 0, 1},
	}
	for _, tt := range tests {
		t.Run(tt.ending, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				h := setup(t, simulator.Config{})
				to := schemas.Phone("57399123" + tt.ending)
				r := h.send(t, to, "c")
				if r.Verdict != tt.verdict || r.Code != tt.code {
					t.Errorf("reply %+v, want verdict %d, code %d", r, tt.verdict, tt.code)
				}
				if (r.Detail == "") != (tt.verdict == schemas.VerdictSent) {
					t.Errorf("detail %q", r.Detail)
				}
				if got := len(h.sim.Ledger(to.Digits())); got != tt.sent {
					t.Errorf("%d messages in the ledger, want %d", got, tt.sent)
				}
				h.Close()
			})
		})
	}
}

func TestMediaIDIsRenewable(t *testing.T) {
	t.Parallel()
	h := setup(t, simulator.Config{})
	m, err := h.Prepare(&schemas.Content{
		Header: schemas.HeaderKind_HEADER_KIND_IMAGE, Media: &schemas.MediaRef{MediaId: "1037543291543636"}, Body: "hola", ButtonText: "Ver", ButtonUrl: "https://example.com",
	})
	if err != nil {
		t.Fatal(err)
	}
	if r := h.Send(t.Context(), sender, m, phone, "c"); r.Verdict != schemas.VerdictMedia || r.Code != 100 {
		t.Errorf("reply %+v, want Verdict %v, Code 100", r, schemas.VerdictMedia)
	}
}

func TestRateLimitIsThrottledWithRetryAfter(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := setup(t, simulator.Config{Faults: "rate=10 rate_status=400 retry_after=7s", PlainPhones: true})
		sent, throttled := 0, 0
		for i := range 15 {
			r := h.send(t, schemas.Phone(fmt.Sprintf("57300000%04d", i)), "c")
			if r.Verdict == schemas.VerdictSent {
				sent++
			}
			if r.Verdict == schemas.VerdictThrottled && r.After == 7*time.Second {
				throttled++
			}
		}
		if sent != 11 || throttled != 4 {
			t.Errorf("%d sent, %d throttled; want 11, 4", sent, throttled)
		}
		time.Sleep(time.Second)
		if r := h.send(t, phone, "c"); r.Verdict != schemas.VerdictSent {
			t.Errorf("after a second: %+v, want Verdict %v", r, schemas.VerdictSent)
		}
		if err := h.sim.SetFaults("pair"); err != nil {
			t.Fatal(err)
		}
		n := 0
		for h.send(t, "573009999999", "").Verdict == schemas.VerdictSent {
			n++
		}
		if n != 45 {
			t.Errorf("%d messages at once to one phone, want 45", n)
		}
		h.Close()
	})
}

// TestThreatS22ForeignAnswers: what is not the Cloud API's own answer.
func TestThreatS22ForeignAnswers(t *testing.T) {
	t.Parallel()
	accepted := `{"messaging_product":"whatsapp","contacts":[{"input":"x","wa_id":"x"}],"messages":[{"id":"wamid.X","message_status":"accepted"}]}`
	tests := map[string]struct {
		status  int
		header  string // "name: value"
		body    string
		verdict schemas.Verdict
		code    int
		after   time.Duration
	}{
		"accepted":                  {200, "", accepted, schemas.VerdictSent, 0, 0},
		"201":                       {201, "", accepted, schemas.VerdictSent, 0, 0},
		"repeated names":            {200, "", `{"messages":[],"messages":[{"id":"wamid.X"}]}`, schemas.VerdictSent, 0, 0},
		"empty 200":                 {200, "", ``, schemas.VerdictLost, 0, 0},
		"200 of a portal":           {200, "", `<html>welcome</html>`, schemas.VerdictLost, 0, 0},
		"200 without id":            {200, "", `{"messages":[]}`, schemas.VerdictLost, 0, 0},
		"200 with another id":       {200, "", `{"messages":[{"id":7}]}`, schemas.VerdictLost, 0, 0},
		"200 with an error":         {200, "", `{"error":{"code":131026,"message":"m"}}`, schemas.VerdictFailed, 131026, 0},
		"a message under 500":       {500, "", accepted, schemas.VerdictSent, 0, 0},
		"string code":               {400, "", `{"error":{"code":"131026","message":"m"}}`, schemas.VerdictFailed, 131026, 0},
		"string error_data":         {400, "", `{"error":{"code":131009,"message":"m","error_data":"phone number is not valid"}}`, schemas.VerdictFailed, 131009, 0},
		"error_data of null":        {400, "", `{"error":{"code":131009,"message":"m","error_data":null}}`, schemas.VerdictContent, 131009, 0},
		"131009 on the phone":       {400, "", `{"error":{"code":131009,"message":"m","error_data":{"details":"Recipient phone number is not valid"}}}`, schemas.VerdictFailed, 131009, 0},
		"100 on media":              {400, "", `{"error":{"code":100,"message":"(#100) Param image['id'] is not a valid whatsapp business account media attachment ID"}}`, schemas.VerdictMedia, 100, 0},
		"100 on to":                 {400, "", `{"error":{"code":100,"message":"(#100) Invalid parameter","error_data":{"details":"Param 'to' is not a valid phone"}}}`, schemas.VerdictFailed, 100, 0},
		"100, missing to":           {400, "", `{"error":{"code":100,"message":"(#100) The parameter to is required."}}`, schemas.VerdictContent, 100, 0},
		"100 with subcode 33":       {400, "", `{"error":{"code":100,"error_subcode":33,"message":"Object with ID 'x' does not exist"}}`, schemas.VerdictContent, 33, 0},
		"permission family":         {403, "", `{"error":{"code":299,"message":"m"}}`, schemas.VerdictAccount, 299, 0},
		"new code":                  {400, "", `{"error":{"code":139999,"message":"m"}}`, schemas.VerdictContent, 139999, 0},
		"new code, transient":       {400, "", `{"error":{"code":139999,"message":"m","is_transient":true}}`, schemas.VerdictTransient, 139999, 0},
		"new code, 500":             {500, "", `{"error":{"code":139999,"message":"m"}}`, schemas.VerdictTransient, 139999, 0},
		"new code, 429":             {429, "", `{"error":{"code":139999,"message":"m"}}`, schemas.VerdictThrottled, 139999, 0},
		"new code, 401":             {401, "", `{"error":{"code":139999,"message":"m"}}`, schemas.VerdictAccount, 139999, 0},
		"131056 as 403":             {403, "", `{"error":{"code":131056,"message":"m"}}`, schemas.VerdictPair, 131056, 0},
		"131057":                    {500, "", `{"error":{"code":131057,"message":"m"}}`, schemas.VerdictThrottled, 131057, 30 * time.Second},
		"no code":                   {400, "", `{"error":{"message":"m"}}`, schemas.VerdictLost, 0, 0},
		"429 of a proxy":            {429, "Retry-After: 12", `slow down`, schemas.VerdictLost, 0, 12 * time.Second},
		"Retry-After, far":          {429, "Retry-After: 99999999", ``, schemas.VerdictLost, 0, time.Hour},
		"Retry-After, past":         {429, "Retry-After: Mon, 02 Jan 2006 15:04:05 GMT", ``, schemas.VerdictLost, 0, 0},
		"Retry-After, nonsense":     {429, "Retry-After: soon", ``, schemas.VerdictLost, 0, 0},
		"usage in minutes":          {400, `X-Business-Use-Case-Usage: {"1":[{"type":"whatsapp","estimated_time_to_regain_access":3}]}`, `{"error":{"code":80007,"message":"m"}}`, schemas.VerdictThrottled, 80007, 3 * time.Minute},
		"usage, garbled":            {400, `X-Business-Use-Case-Usage: {"1":[`, `{"error":{"code":80007,"message":"m"}}`, schemas.VerdictThrottled, 80007, 0},
		"usage of another code":     {400, `X-Business-Use-Case-Usage: {"1":[{"estimated_time_to_regain_access":3}]}`, `{"error":{"code":131026,"message":"m"}}`, schemas.VerdictFailed, 131026, 0},
		"500 of a proxy":            {500, "", `<html>`, schemas.VerdictLost, 0, 0},
		"503 of a proxy":            {503, "Retry-After: 2", `<html>`, schemas.VerdictLost, 0, 2 * time.Second},
		"502 may have been sent":    {502, "", `<html>`, schemas.VerdictLost, 0, 0},
		"504 may have been sent":    {504, "", ``, schemas.VerdictLost, 0, 0},
		"524 may have been sent":    {524, "", ``, schemas.VerdictLost, 0, 0},
		"408 may have been sent":    {408, "", ``, schemas.VerdictLost, 0, 0},
		"425 may have been sent":    {425, "Retry-After: 1", ``, schemas.VerdictLost, 0, time.Second},
		"520 may have been sent":    {520, "", `<html>`, schemas.VerdictLost, 0, 0},
		"500, empty":                {500, "", ``, schemas.VerdictLost, 0, 0},
		"a message under 404":       {404, "", accepted, schemas.VerdictSent, 0, 0},
		"a message and an error":    {500, "", `{"messages":[{"id":"wamid.X"}],"error":{"code":131000,"message":"m"}}`, schemas.VerdictLost, 0, 0},
		"an error in words":         {503, "", `{"error":"upstream unavailable"}`, schemas.VerdictLost, 0, 0},
		"a gateway's envelope":      {503, "", `{"error":{"code":503,"message":"upstream request timeout","status":"UNAVAILABLE"}}`, schemas.VerdictLost, 0, 0},
		"a gateway's, as text":      {502, "", `{"error":{"code":"502","message":"bad gateway"}}`, schemas.VerdictLost, 0, 0},
		"Meta's code of that kind":  {400, "", `{"error":{"code":506,"type":"OAuthException","message":"m","fbtrace_id":"A"}}`, schemas.VerdictContent, 506, 0},
		"half an envelope":          {500, "", `{"error":{"code":131026,"mess`, schemas.VerdictLost, 0, 0},
		"an envelope, then junk":    {500, "", `{"error":{"code":131026}}<html>`, schemas.VerdictLost, 0, 0},
		"404 of somebody else":      {404, "", `not found`, schemas.VerdictLost, 0, 0},
		"403 of a firewall":         {403, "", `<html>`, schemas.VerdictLost, 0, 0},
		"redirects aren't followed": {307, "Location: http://graph.test/v25.0/1/messages", ``, schemas.VerdictLost, 0, 0},
		"too long, 200":             {200, "", accepted + strings.Repeat(" ", 64<<10), schemas.VerdictLost, 0, 0},
		"too long, 400":             {400, "", strings.Repeat("x", 65<<10), schemas.VerdictLost, 0, 0},
		"not UTF-8":                 {400, "", "{\"error\":{\"code\":131026,\"message\":\"\xff\xfe\"}}", schemas.VerdictFailed, 131026, 0},
		"an array":                  {200, "", `[{"messages":[{"id":"wamid.X"}]}]`, schemas.VerdictLost, 0, 0},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			calls := 0
			h := against(t, func(w http.ResponseWriter, r *http.Request) {
				calls++
				_, _ = io.Copy(io.Discard, r.Body)
				if k, v, ok := strings.Cut(tt.header, ": "); ok {
					w.Header().Set(k, v)
				}
				w.WriteHeader(tt.status)
				_, _ = io.WriteString(w, tt.body)
			})
			r := h.send(t, phone, "c")
			if r.Verdict != tt.verdict || r.Code != tt.code || r.After != tt.after {
				t.Errorf("reply %+v, want verdict %d, code %d, after %v", r, tt.verdict, tt.code, tt.after)
			}
			if r.Foreign && r.Verdict != schemas.VerdictLost {
				t.Errorf("foreign, and not lost: %+v", r)
			}
			if calls != 1 {
				t.Errorf("%d calls, want 1", calls)
			}
		})
	}
}

// TestProxyThatLostTheAnswerLeavesItOpen: an egress gateway, Envoy, a service mesh or Meta's own edge that has passed the request on and lost
// the API's answer says so in its own words. The message is out: to call again would be to send twice.
func TestProxyThatLostTheAnswerLeavesItOpen(t *testing.T) {
	t.Parallel()
	for _, faults := range []string{
		"html_after=100%", "unavailable_after=100%", "unavailable_after=100% retry_after=5s", "html=100%", "unavailable=100%",
	} {
		t.Run(faults, func(t *testing.T) {
			t.Parallel()
			h := setup(t, simulator.Config{Faults: faults})
			if r := h.send(t, phone, "c"); r.Verdict != schemas.VerdictLost || r.Foreign {
				t.Errorf("reply %+v, want Verdict %v", r, schemas.VerdictLost)
			}
			sum := h.sim.Summary()
			if sum.Foreign != 1 || sum.Unanswered != sum.Accepted || sum.Dropped+sum.Accepted != 1 || len(sum.Refused) != 0 {
				t.Errorf("ledger %+v, want Foreign 1, Unanswered %v", sum, sum.Accepted)
			}
			h.send(t, phone, "c")
			if sum := h.sim.Summary(); sum.Repeated != 1 { // the simulator knows no page that proves a refusal
				t.Errorf("ledger %+v, want Repeated 1", sum)
			}
		})
	}
}

// TestAnswersOfOtherServersAreForeign: a complete answer of somebody else says that the address or the network is wrong; one of an outage, or a half one, does not.
func TestAnswersOfOtherServersAreForeign(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		status  int
		body    string
		foreign bool
	}{
		"page":               {200, "<html>welcome</html>", true},
		"empty":              {200, "", true},
		"blank":              {200, " \r\n", true},
		"no content":         {204, "", true},
		"object":             {200, "{}", true},
		"another API":        {200, `{"success":true}`, true},
		"redirect":           {302, "", true},
		"no such path":       {404, "not found", true},
		"firewall":           {403, "<html>", true},
		"page without end":   {200, strings.Repeat("x", 65<<10), true},
		"half an acceptance": {200, `{"messaging_product":"whatsapp","contacts":[{"inp`, false},
		"outage":             {502, "<html>", false},
		"proxy time-out":     {408, "", false},
		"throttled":          {429, "slow down", false},
		"refused":            {404, `{"error":{"code":132001,"message":"m"}}`, false},
		"accepted":           {200, `{"messages":[{"id":"wamid.X"}]}`, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := against(t, func(w http.ResponseWriter, r *http.Request) {
				_, _ = io.Copy(io.Discard, r.Body)
				w.WriteHeader(tt.status)
				_, _ = io.WriteString(w, tt.body)
			})
			if r := h.send(t, phone, "c"); r.Foreign != tt.foreign {
				t.Errorf("reply %+v, want Foreign %v", r, tt.foreign)
			}
		})
	}
}

// TestRequestIsNotRepeatedByTheTransport: what must be there, and what would make net/http send a POST twice.
func TestRequestIsNotRepeatedByTheTransport(t *testing.T) {
	t.Parallel()
	var got *http.Request
	h := against(t, func(w http.ResponseWriter, r *http.Request) {
		got = r
		_, _ = io.Copy(io.Discard, r.Body)
		_, _ = io.WriteString(w, `{"messages":[{"id":"wamid.X"}]}`)
	})
	if r := h.send(t, phone, "c"); r.Verdict != schemas.VerdictSent {
		t.Fatalf("reply %+v, want Verdict %v", r, schemas.VerdictSent)
	}
	want := http.Header{
		"Authorization": {"Bearer " + token}, "Content-Type": {"application/json"}, "Accept": {"application/json"}, "User-Agent": {"altavoz"},
		"Content-Length": {got.Header.Get("Content-Length")},
	}
	if diff := cmp.Diff(want, got.Header); diff != "" {
		t.Error(diff)
	}
	if got.URL.Path != "/v25.0/"+sender+"/messages" || got.ContentLength <= 0 || got.Method != http.MethodPost {
		t.Errorf("%s %s, %d bytes; want %v, Path %v, more than 0", got.Method, got.URL, got.ContentLength, http.MethodPost, "/v25.0/"+sender+"/messages")
	}
}

// TestThreatS22WordsAreClean: Meta's words are stored and shown; nothing of ours or dangerous may be in them.
func TestThreatS22WordsAreClean(t *testing.T) {
	t.Parallel()
	h := against(t, func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusBadRequest)
		_ = json.NewEncoder(w).Encode(map[string]any{"error": map[string]any{
			"code": 190, "message": "Malformed access token " + token + "\r\n\x1b]0;x\u202e to +573001234567 " + strings.Repeat("ñ", 400),
		}})
	})
	r := h.send(t, phone, "c")
	if !strings.HasPrefix(r.Detail, "Malformed access token [redacted]  ]0;x to +********4567 ñ") || len(r.Detail) > 300 {
		t.Errorf("detail %q, want at most length 300", r.Detail)
	}
}

func TestUnknownSenderIsAnAccountFault(t *testing.T) {
	t.Parallel()
	h := setup(t, simulator.Config{})
	m, err := h.Prepare(content())
	if err != nil {
		t.Fatal(err)
	}
	if r := h.Send(t.Context(), "unknown", m, phone, "c"); r.Verdict != schemas.VerdictAccount {
		t.Errorf("reply %+v, want Verdict %v", r, schemas.VerdictAccount)
	}
	if r := h.Send(t.Context(), sender, "what?", phone, "c"); r.Verdict != schemas.VerdictContent {
		t.Errorf("reply %+v, want Verdict %v", r, schemas.VerdictContent)
	}
}

func TestWrongClientConfigurationsAreRefused(t *testing.T) {
	t.Parallel()
	tok := func(string) (schemas.Secret, bool) { return token, true }
	for name, cfg := range map[string]whatsapp.Config{
		"no token":    {},
		"no host":     {BaseURL: "https://", Token: tok},
		"ftp":         {BaseURL: "ftp://example.com", Token: tok},
		"credentials": {BaseURL: "https://u:p@example.com", Token: tok},
		"garbage":     {BaseURL: "https://exa mple.com", Token: tok},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := whatsapp.New(cfg); err == nil {
				t.Error("no error")
			} else if strings.Contains(err.Error(), "u:p") {
				t.Errorf("%v shows the credentials", err)
			}
		})
	}
	if _, err := whatsapp.New(whatsapp.Config{Token: tok}); err != nil {
		t.Error(err)
	}
}

// TestManySendsAtOnceLeaveNothingRunning: the whole client in fake time, many at once, with latency, and nothing left running at the end.
func TestManySendsAtOnceLeaveNothingRunning(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := setup(t, simulator.Config{Faults: "latency=100ms..900ms", PlainPhones: true}, func(c *whatsapp.Config) { c.MaxConns, c.CallTimeout = 20, 3*time.Second })
		m, err := h.Prepare(content())
		if err != nil {
			t.Fatal(err)
		}
		const n = 300
		start := time.Now()
		verdicts := make(chan schemas.Verdict)
		for i := range n {
			go func() {
				verdicts <- h.Send(context.Background(), sender, m, schemas.Phone(fmt.Sprintf("57300%07d", i)), fmt.Sprint(i)).Verdict
			}()
		}
		count := map[schemas.Verdict]int{}
		for range n {
			count[<-verdicts]++
		}
		// 300 calls of half a second over 20 connections take 7.5 s, and a call may wait for 3: half of them don't get a turn,
		// which is known, and some are cut short, which is not.
		sum := h.sim.Summary()
		if count[schemas.VerdictSent] != sum.Accepted-sum.Unanswered || sum.Duplicates+sum.Repeated != 0 {
			t.Errorf("verdicts %v, ledger %+v", count, sum)
		}
		if count[schemas.VerdictUnsent] < 50 || count[schemas.VerdictSent] < 50 ||
			count[schemas.VerdictUnsent]+count[schemas.VerdictSent]+count[schemas.VerdictLost] != n {
			t.Errorf("verdicts %v", count)
		}
		t.Logf("%v of fake time: %v", time.Since(start), count)
		h.Close()
	})
}

// TestRequestsAreWhatAnEncoderWrites: a send is put together of pieces; the whole is, byte for byte, the JSON of its fields, and what arrives.
func TestRequestsAreWhatAnEncoderWrites(t *testing.T) {
	t.Parallel()
	type text struct {
		Text string `json:"text"`
	}
	type message struct {
		Product   string `json:"messaging_product"`
		Kind      string `json:"recipient_type"`
		To        string `json:"to,omitempty"`
		Recipient string `json:"recipient,omitempty"`
		Callback  string `json:"biz_opaque_callback_data,omitempty"`
		Type      string `json:"type"`
		Content   struct {
			Type   string `json:"type"`
			Body   text   `json:"body"`
			Footer *text  `json:"footer,omitempty"`
			Action struct {
				Name       string `json:"name"`
				Parameters struct {
					Text string `json:"display_text"`
					URL  string `json:"url"`
				} `json:"parameters"`
			} `json:"action"`
		} `json:"interactive"`
	}
	var arrived []byte
	h := against(t, func(w http.ResponseWriter, r *http.Request) {
		arrived, _ = io.ReadAll(r.Body)
		_, _ = io.WriteString(w, `{"messages":[{"id":"wamid.X"}]}`)
	})
	rapid.Check(t, func(t *rapid.T) {
		valid := rapid.String().Filter(utf8.ValidString)
		c := &schemas.Content{
			Body: rapid.StringN(1, 40, 200).Filter(utf8.ValidString).Draw(t, "body"), Footer: valid.Draw(t, "footer"),
			ButtonText: valid.Draw(t, "button"), ButtonUrl: valid.Draw(t, "URL"),
		}
		to := schemas.Phone(rapid.StringMatching(`[1-9][0-9]{6,14}|[A-Z]{2}\.[A-Za-z0-9"\\ñ]{1,20}`).Draw(t, "to"))
		want := message{Product: "whatsapp", Kind: "individual", Callback: valid.Draw(t, "callback"), Type: "interactive"}
		if to[0] <= '9' {
			want.To = "+" + string(to)
		} else {
			want.Recipient = string(to)
		}
		want.Content.Type, want.Content.Body, want.Content.Action.Name = "cta_url", text{c.Body}, "cta_url"
		want.Content.Action.Parameters.Text, want.Content.Action.Parameters.URL = c.ButtonText, c.ButtonUrl
		if c.Footer != "" {
			want.Content.Footer = &text{c.Footer}
		}
		encoded, err := jsonv2.Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		m, err := h.Prepare(c)
		if err != nil {
			t.Fatal(err)
		}
		if r := h.Send(context.Background(), sender, m, to, want.Callback); r.Verdict != schemas.VerdictSent || !bytes.Equal(arrived, encoded) {
			t.Fatalf("%+v\narrived %s\nencoded %s", r, arrived, encoded)
		}
	})
}
