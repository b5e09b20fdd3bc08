package whatsapp

import (
	"bytes"
	"net/http"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/prometheus/client_golang/prometheus"

	"altavoz/schemas"
)

// TestEachCodeThatEndsASendHasItsWords: a code that can become a recipient's outcome has a row, and so words, in the table of reasons.
func TestEachCodeThatEndsASendHasItsWords(t *testing.T) {
	t.Parallel()
	rows := map[int]bool{}
	for row := schemas.StateFailed; row.Outcome() == schemas.OutcomeFailed; row++ {
		if code, ok := row.Code(); ok && schemas.Failed(code) == row {
			rows[code] = true
		}
	}
	for code, v := range verdicts {
		switch v {
		case schemas.VerdictAccount, schemas.VerdictThrottled, schemas.VerdictPair: // these wait, and never end a send
		case schemas.VerdictFailed, schemas.VerdictContent, schemas.VerdictTransient, schemas.VerdictMedia, schemas.VerdictTemplate:
			if !rows[code] {
				t.Errorf("code %d can end a send and has no reason", code)
			}
		case schemas.VerdictSent, schemas.VerdictUnsent, schemas.VerdictLost:
			t.Errorf("code %d: verdict %d is not for a refusal", code, v)
		}
	}
	for code := range rows {
		if _, ok := verdicts[code]; !ok && code > 0 && code != 131052 { // 131052 comes in webhooks only
			t.Errorf("reason %d has no verdict", code)
		}
	}
	for v := schemas.VerdictSent; v <= schemas.VerdictMedia; v++ {
		if verdictNames[v] == "" {
			t.Errorf("verdict %d has no name", v)
		}
	}
}

// TestClientMetricsHaveTheirNamesAndLabels: the names are a contract with dashboards, the label values a closed set from the start.
func TestClientMetricsHaveTheirNamesAndLabels(t *testing.T) {
	t.Parallel()
	reg := prometheus.NewRegistry()
	newClientMetrics(reg)
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]int{}
	for _, f := range families {
		got[f.GetName()] = len(f.GetMetric())
	}
	want := map[string]int{
		"altavoz_api_request_seconds": 4, "altavoz_api_replies_total": len(verdictNames), "altavoz_api_errors_total": len(verdicts) + 1,
		"altavoz_media_uploads_total": 3, "altavoz_media_upload_bytes_total": 1,
	}
	for name, n := range want {
		if got[name] != n {
			t.Errorf("%s: %d series, want %d", name, got[name], n)
		}
	}
	if len(got) != len(want) {
		t.Errorf("metrics %v, want %v of them", got, len(want))
	}
}

func FuzzJudge(f *testing.F) {
	for _, body := range []string{
		`{"messages":[{"id":"wamid.X"}]}`, `{"error":{"code":131026,"message":"m","error_data":{"details":"d"}}}`,
		`{"error":{"code":"4","error_data":"text"}}`, `{"error":null}`, `{"error":{"code":1e400}}`, `[]`, `null`, `{`, "\xff", `{"messages":[null]}`,
		`{"error":{"code":100,"error_subcode":33}}`, strings.Repeat(`{"a":`, 200), `{"id":"1"}`,
	} {
		for _, status := range []int{200, 400, 500, 429, 0, 999} {
			f.Add(status, []byte(body), "Retry-After", "7")
		}
	}
	f.Add(400, []byte(`{"error":{"code":4}}`), "X-Business-Use-Case-Usage", `{"1":[{"estimated_time_to_regain_access":1e300}]}`)
	f.Fuzz(func(t *testing.T, status int, body []byte, name, value string) {
		if status == 0 {
			return // that is no answer
		}
		r := judge(answer{status: status, header: http.Header{name: {value}}, body: body}, time.Unix(1_750_000_000, 0))
		detail := clean(r.Detail, "secret-token")
		switch {
		case r.Verdict == schemas.VerdictSent && r.WAMID == "":
			t.Errorf("sent by %d %q", status, body)
		case r.Verdict != schemas.VerdictSent && r.Verdict != schemas.VerdictLost && !bytes.Contains(body, []byte(`err`)):
			t.Errorf("verdict %d without an envelope: %d %q", r.Verdict, status, body)
		case r.Verdict == schemas.VerdictUnsent:
			t.Errorf("unsent by %d %q", status, body)
		case r.Verdict != schemas.VerdictSent && r.WAMID != "":
			t.Errorf("id %q with verdict %d", r.WAMID, r.Verdict)
		case r.After < 0 || r.After > maxAfter:
			t.Errorf("after %v", r.After)
		case len(r.WAMID) > maxWAMID || len(detail) > maxDetail || !utf8.ValidString(detail):
			t.Errorf("words %q, %q", r.WAMID, detail)
		case strings.ContainsFunc(detail, unicode.IsControl), strings.Contains(detail, "secret-token"):
			t.Errorf("detail %q", detail)
		}
	})
}
