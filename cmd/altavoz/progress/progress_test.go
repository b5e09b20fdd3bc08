package progress

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"altavoz/client"
)

func statusOf(t *testing.T, text string) *client.Task {
	t.Helper()
	s := new(client.Task)
	if err := json.Unmarshal([]byte(text), s); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestProgressLineShowsCountsRateAndReason(t *testing.T) {
	t.Parallel()
	p := New(new(strings.Builder), nil, false)
	start := time.Unix(1_800_000_000, 0)
	for _, step := range []struct {
		after  time.Duration
		status string
		want   string
	}{
		{0, `{"status":"PENDING"}`, "accepted, not begun yet"},
		{0, `{"status":"PENDING","eta":"2099-01-01T00:00:00Z"}`, "waiting until 2099-01-01T00:00:00Z"},
		{0, `{"status":"STARTED","result":{"total":10000,"successful":0,"failed":0,"pending":10000}}`, "sent 0  failed 0  unknown 0  of 10000"},
		{2 * time.Second, `{"status":"STARTED","result":{"total":10000,"successful":90,"failed":10,"unknown":4,"pending":9900}}`, "sent 90  failed 6  unknown 4  of 10000  50/s  3m18s left"},
		{4 * time.Second, `{"status":"STARTED","why":"token expired","result":{"total":10000,"successful":190,"failed":10,"pending":9800}}`, "sent 190  failed 10  unknown 0  of 10000  50/s  3m16s left  waiting: token expired"},
		{5 * time.Second, `{"status":"PAUSED","why":"En pausa por solicitud","result":{"total":10000,"successful":190,"failed":10,"pending":9800}}`, "sent 190  failed 10  unknown 0  of 10000  40/s  paused: En pausa por solicitud"},
		{60 * time.Second, `{"status":"STARTED","result":{"total":10000,"successful":190,"failed":10,"pending":9800}}`, "sent 190  failed 10  unknown 0  of 10000"},
		{61 * time.Second, `{"status":"SUCCESS","result":{"total":10000,"successful":9990,"failed":10}}`, "sent 9990  failed 10  unknown 0  of 10000  9800/s"},
	} {
		if got := p.line(statusOf(t, step.status), start.Add(step.after)); got != step.want {
			t.Errorf("after %v: %q, want %q", step.after, got, step.want)
		}
	}
}

func TestDurationsAreShownRoughly(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]string{1400 * time.Millisecond: "1s", 59 * time.Second: "59s", 61 * time.Second: "1m01s", 90 * time.Minute: "1h30m"} {
		if got := roughly(d); got != want {
			t.Errorf("%v is %s, want %s", d, got, want)
		}
	}
}

// Away from a terminal a line comes now and then, not with every change.
func TestProgressIsPlainAndRare(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	p := New(&out, nil, false)
	for range 100 {
		p.show("first")
		p.show("second")
	}
	p.End()
	if out.String() != "first\n" {
		t.Errorf("said %q, want %q", out.String(), "first\n")
	}
}

func TestDescriptionEndsWithWhatIsBilled(t *testing.T) {
	t.Parallel()
	lines := Describe(statusOf(t, `{"task_id":"7","status":"SUCCESS","outcomes":[{"outcome":"delivered","count":3}],"result":{"total":3,"successful":3,"by_template":2,
		"priced":[{"category":"marketing","type":"regular","billable":true,"messages":2},{"category":"service","type":"free_customer_service","messages":1}]}}`))
	want := "  3 delivered\n  2 billed as marketing (regular)\n  1 not billed as service (free_customer_service)"
	if got := strings.Join(lines, "\n"); !strings.HasSuffix(got, want) {
		t.Errorf("got %s\nwant it to end with\n%s", got, want)
	}
	if sent := "3 in all, 3 sent (2 by template), 0 not, 0 pending, 0 in the pipe"; lines[1] != sent {
		t.Errorf("got %q, want %q", lines[1], sent)
	}
}
