package standing

import (
	"fmt"
	"testing"
	"time"

	"altavoz/schemas"
)

func report(process string, at time.Time, reason schemas.Reason) *schemas.NumberEvent {
	return &schemas.NumberEvent{
		Number: "1065", AtMs: at.UnixMilli(), Kind: schemas.NumberEventKind_NUMBER_EVENT_KIND_PROCESS, Process: process, Cause: &schemas.Cause{Reason: reason},
	}
}

// Each process has one report of a number, under a key of its own, until it takes it back or says nothing any more.
func TestReportsOfProcesses(t *testing.T) {
	t.Parallel()
	now := time.UnixMilli(1_800_000_000_000)
	var s State
	for _, e := range []*schemas.NumberEvent{
		report("a", now, schemas.Reason_REASON_OUTAGE), report("b", now.Add(time.Minute), schemas.Reason_REASON_ACCOUNT), report("a", now.Add(time.Second), schemas.Reason_REASON_THROTTLED),
	} {
		rec := Encode(e)
		if want := "number/1065/number_event_kind_process/" + e.GetProcess(); string(rec.Key) != want {
			t.Errorf("key %s, want %s", rec.Key, want)
		}
		read, ours, err := Decode(&rec)
		if err != nil || !ours {
			t.Fatal(ours, err)
		}
		before := len(s.Reports)
		was := s
		if s = s.Fold(read); len(was.Reports) != before {
			t.Error("a state that somebody has was changed")
		}
	}
	if got := s.Reporting(now.Add(time.Minute)); len(got) != 2 || got[0].GetProcess() != "b" || got[1].GetCause().GetReason() != schemas.Reason_REASON_THROTTLED {
		t.Errorf("reports %v, want that of b and the last one of a", got)
	}
	if got := s.Reporting(now.Add(time.Second + ReportLife)); len(got) != 1 || got[0].GetProcess() != "b" {
		t.Errorf("reports %v, want that of b only", got)
	}
	if s = s.Fold(report("b", now.Add(2*time.Minute), schemas.Reason_REASON_NONE)); len(s.Reporting(now.Add(time.Minute))) != 1 {
		t.Errorf("reports %v, want none of b", s.Reports)
	}
	for i := range 2 * maxReports {
		s = s.Fold(report(fmt.Sprint(i), now.Add(2*time.Minute), schemas.Reason_REASON_OUTAGE))
	}
	if len(s.Reports) != maxReports || s.Reports[0].GetProcess() != fmt.Sprint(maxReports) {
		t.Errorf("%d reports from %v on, want %d", len(s.Reports), s.Reports[0].GetProcess(), maxReports)
	}
	if s.Halts() || s.Warns() {
		t.Error("a report stops the number for all")
	}
}
