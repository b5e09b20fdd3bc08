package schemas_test

import (
	"encoding/hex"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"

	"altavoz/schemas"
	"altavoz/schemas/es"
)

// explained is what a TaskUpdate and a Status have in common.
type explained interface {
	GetPhase() schemas.Phase
	GetWhy() string
	GetCause() *schemas.Cause
}

// TestReasonsOfEarlierVersionsAreRead: a5df55f and d0a50a7 said why in words only. What they had decided is read out of records as they
// wrote them, with its time and code, and the words stay.
func TestReasonsOfEarlierVersionsAreRead(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("testdata/reasons.golden")
	if err != nil {
		t.Fatal(err)
	}
	noon := time.Date(2026, time.March, 2, 12, 0, 0, 0, time.UTC)
	want := []*schemas.Cause{
		{Reason: schemas.Reason_REASON_PAUSED},
		{Reason: schemas.Reason_REASON_CANARY, Code: 131047},
		{Reason: schemas.Reason_REASON_CANARY},
		{Reason: schemas.Reason_REASON_CANCELLED},
		{Reason: schemas.Reason_REASON_REFUSED, Code: 131009},
		schemas.Until(schemas.Reason_REASON_SCHEDULED, noon, "").Cause(),
		schemas.Until(schemas.Reason_REASON_WINDOW, noon, "America/Bogota").Cause(),
		schemas.Until(schemas.Reason_REASON_WINDOW, noon, "America/Bogota").Cause(), // a sender's: the same words
		{Reason: schemas.Reason_REASON_WINDOW_NEVER},
		{Reason: schemas.Reason_REASON_MEDIA_PENDING},
		nil, // a sender's, in words that nobody compared
		nil,
		schemas.Because(schemas.Reason_REASON_UNREADABLE, es.Say(es.ListUnreadable)).Cause(),
		schemas.Because(schemas.Reason_REASON_UNREADABLE, es.Say(es.TaskUnreadable)).Cause(),
		schemas.Because(schemas.Reason_REASON_UNREADABLE, es.Say(es.EventUnreadable)).Cause(),
		schemas.Because(schemas.Reason_REASON_SENDER, es.Say(es.SenderUnknown, "999")).Cause(),
		nil,
	}
	seen := map[string]int{}
	for line := range strings.Lines(string(text)) {
		kind, value, ok := strings.Cut(strings.TrimSpace(line), " ")
		if strings.HasPrefix(line, "#") || !ok {
			continue
		}
		b, err := hex.DecodeString(value)
		if err != nil {
			t.Fatal(err)
		}
		var result schemas.Result
		var status schemas.Status
		var x explained = &status
		if kind == "update" {
			err = proto.Unmarshal(b, &result)
			x = result.GetNote()
		} else {
			err = proto.Unmarshal(b, &status)
		}
		if err != nil {
			t.Fatal(err)
		}
		e, n := schemas.ExplanationOf(x), seen[kind]
		seen[kind]++
		if diff := cmp.Diff(want[n], e.Cause(), protocmp.Transform()); diff != "" || e.Words() != x.GetWhy() {
			t.Errorf("%s %q (-want +got):\n%s", kind, x.GetWhy(), diff)
		}
		if words := e.Known().Words(); (words == "") != (want[n] != nil || x.GetWhy() == "") {
			t.Errorf("%s %q: known by its cause, with the words %q", kind, x.GetWhy(), words)
		}
	}
	if seen["update"] != len(want) || seen["status"] != len(want) {
		t.Errorf("%v records, want %d of each", seen, len(want))
	}
}

// TestACauseComparesAsItIsWritten: two causes are one if they say the same, and each is read back as it was.
func TestACauseComparesAsItIsWritten(t *testing.T) {
	t.Parallel()
	all := make([]schemas.Explanation, 0, len(schemas.Reason_name))
	for n := range schemas.Reason_name {
		c := &schemas.Cause{Reason: schemas.Reason(n), SinceMs: 1, Number: "1", Code: 2, Detail: "x", EverySeconds: 3, UntilMs: 4, Timezone: "UTC", Sentence: "s", Args: []string{"a", "b"}}
		e := schemas.Explain(c)
		if n == 0 {
			if !e.None() || e.Cause() != nil {
				t.Errorf("no reason explains %v", e.Cause())
			}
			continue
		}
		if diff := cmp.Diff(c, e.Cause(), protocmp.Transform()); diff != "" || e != schemas.Explain(proto.CloneOf(c)) || e.Reason() != c.GetReason() {
			t.Errorf("%s comes back as another one, -want +got:\n%s", c.GetReason(), diff)
		}
		if slices.Contains(all, e) {
			t.Errorf("%s is another one too", c.GetReason())
		}
		all = append(all, e)
	}
}

// TestOwnReasonOfALine: versions before causes wrote the reason of the state, or of the task, into lines that had none.
func TestOwnReasonOfALine(t *testing.T) {
	t.Parallel()
	refused := uint32(schemas.Failed(131026))
	s := &schemas.Status{Phase: schemas.Phase_PHASE_FAILED, Why: "La imagen no existe (404)"}
	for reason, want := range map[string]string{
		"": "", schemas.Failed(131026).Spanish(): "", s.GetWhy(): "", "(131026) detalle": "(131026) detalle",
	} {
		if got := s.OwnReason(&schemas.ErrorLine{Mark: refused, Reason: reason}); got != want {
			t.Errorf("%q has for itself %q, want %q", reason, got, want)
		}
	}
	s.Phase = schemas.Phase_PHASE_WAITING
	if got := s.OwnReason(&schemas.ErrorLine{Mark: refused, Reason: s.GetWhy()}); got != s.GetWhy() {
		t.Errorf("a task that waits gave its lines %q", got)
	}
}
