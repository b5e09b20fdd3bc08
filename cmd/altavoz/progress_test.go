package main

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"

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
	p := newProgress(new(strings.Builder), false)
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
	p := newProgress(&out, false)
	for range 100 {
		p.show("first")
		p.show("second")
	}
	p.end()
	if out.String() != "first\n" {
		t.Errorf("said %q, want %q", out.String(), "first\n")
	}
}

func TestControlCharactersAreTakenOutOfOutput(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"Error para 12: ñandú ✓":              "Error para 12: ñandú ✓",
		"\x1b[2J\x1b]0;owned\x07":             "[2J]0;owned",
		"a\rb\u009bc\u202ed\u2066e\u200ff\tg": "abcdef\tg",
	} {
		if got := clean(text); got != want {
			t.Errorf("%q became %q, want %q", text, got, want)
		}
	}
}

// Whom a receipt says the message did not reach is counted in failed, and named among them.
func TestResultNamesWhatIsCountedAsFailed(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	cmd := new(cobra.Command)
	cmd.SetOut(&out)
	s := statusOf(t, `{"task_id":"T","status":"SUCCESS","result":{"total":20,"successful":9,"failed":11,"unknown":1,"skipped":2,"expired":3,"cancelled":4,"undelivered":1}}`)
	if err := result(cmd, s, false); !errors.Is(err, errSomeFailed) {
		t.Errorf("the result is %v, want %v", err, errSomeFailed)
	}
	const want = "task T: SUCCESS\n" +
		"20 in all, 9 sent, 11 not, of them 1 unknown, of them 2 skipped, of them 3 expired, of them 4 cancelled, of them 1 undelivered\n"
	if out.String() != want {
		t.Errorf("got %q, want %q", out.String(), want)
	}
}
