package report

import (
	"testing"
	"time"

	"altavoz/schemas"
	"altavoz/schemas/standing"
)

func TestNothingIsSaidOfANumberThatWorks(t *testing.T) {
	t.Parallel()
	var last Last
	began := time.UnixMilli(1_800_000_000_000)
	outage := func() *schemas.Cause { return &schemas.Cause{Reason: schemas.Reason_REASON_OUTAGE} }
	account := &schemas.Cause{Reason: schemas.Reason_REASON_ACCOUNT, SinceMs: 7, Code: 190}
	for _, step := range []struct {
		what  string
		at    time.Duration
		cause *schemas.Cause
		said  bool
		since time.Duration // of a cause without a time
	}{
		{"it works", 0, nil, false, 0},
		{"it stops", time.Second, outage(), true, time.Second},
		{"the same", time.Second + standing.ReportEvery - 1, outage(), false, 0},
		{"again", time.Second + standing.ReportEvery, outage(), true, time.Second},
		{"for another reason", 40 * time.Second, account, true, 0},
		{"it works again", 41 * time.Second, nil, true, 0},
		{"it goes on", 10 * time.Minute, nil, false, 0},
	} {
		now := began.Add(step.at)
		e := last.Due("1065", "p", State{Cause: step.cause, Rate: 1, Share: 2}, now)
		if (e != nil) != step.said {
			t.Fatalf("%s: said %v, want anything %v", step.what, e, step.said)
		}
		if e == nil {
			continue
		}
		if e.GetCause().GetReason() != step.cause.GetReason() || e.GetAtMs() != now.UnixMilli() || e.GetProcess() != "p" || e.GetNumber() != "1065" || e.GetRate() != 1 || e.GetShare() != 2 {
			t.Errorf("%s: %v", step.what, e)
		}
		if want := began.Add(step.since).UnixMilli(); step.since > 0 && e.GetCause().GetSinceMs() != want {
			t.Errorf("%s: since %d, want %d", step.what, e.GetCause().GetSinceMs(), want)
		}
	}
}
