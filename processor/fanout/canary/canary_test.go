package canary

import (
	"testing"

	"pgregory.net/rapid"

	"altavoz/schemas"
)

const (
	codeParameter = 131009
	codeNoWindow  = 131047
	codeNoPhone   = 131026
)

func predicts(code int) bool { return code == codeParameter || code == codeNoWindow }

type marks map[schemas.RecipientState]uint32

func (m marks) counts() (out []*schemas.StateCount) {
	for mark, n := range m {
		out = append(out, &schemas.StateCount{Mark: uint32(mark), Count: n})
	}
	return out
}

func TestVerdictOnTheFirstRecipients(t *testing.T) {
	t.Parallel()
	refused, late := schemas.Failed(codeParameter), schemas.Undelivered(codeNoWindow)
	noPhone, gone := schemas.Failed(codeNoPhone), schemas.Undelivered(codeNoPhone)
	outcomes := Verdict{Do: Wait, Within: OutcomesWithin}
	awaitReceipts := Verdict{Do: Wait, Within: ReceiptsWithin}
	for _, tt := range []struct {
		name     string
		end      uint32
		marks    marks
		receipts bool
		resumed  bool
		want     Verdict
	}{
		{"nothing dispatched", 0, nil, false, false, Verdict{}},
		{"the first are not all dispatched", 30, nil, false, false, Verdict{}},
		{"none is decided", First, nil, false, false, outcomes},
		{"only refusals so far", First, marks{refused: 10}, false, false, outcomes},
		{"one was sent", First, marks{schemas.StateSent: 1}, false, false, Verdict{}},
		{"one was sent among refusals", First, marks{schemas.StateSent: 1, refused: 49}, false, false, Verdict{}},
		{"all refused", First, marks{refused: 50}, false, false, Verdict{Do: Stop, Mark: refused}},
		{"few can be called, all refused", First, marks{refused: 5, schemas.Failed(schemas.CodeInvalidPhone): 45}, false, false, Verdict{Do: Stop, Mark: refused}},
		{"four refused", First, marks{refused: 4, noPhone: 46}, false, false, Verdict{}},
		{"all refused, each for itself", First, marks{noPhone: 50}, false, false, Verdict{}},
		{"nobody knows", First, marks{schemas.StateUnknown: 50}, false, false, Verdict{}},
		{"some refused, more for themselves", First, marks{refused: 20, noPhone: 30}, false, false, Verdict{}},
		{"refused later in the list", 400, marks{schemas.StateUnknown: 50, noPhone: 5, refused: 5}, false, false, Verdict{Do: Stop, Mark: refused}},
		{"refused later, after a success", 400, marks{schemas.StateSent: 1, refused: 300}, false, false, Verdict{}},
		{"later in the list nobody is waited for", 51, nil, true, false, Verdict{}},

		{"sent, no receipts expected", First, marks{schemas.StateSent: 50}, false, false, Verdict{}},
		{"sent, receipts expected", First, marks{schemas.StateSent: 50}, true, false, awaitReceipts},
		{"some sent, receipts expected", First, marks{schemas.StateSent: 44}, true, false, outcomes},
		{"a few are late", First, marks{schemas.StateSent: 45}, true, false, awaitReceipts},
		{"nobody was sent, so there is nothing to hear", First, marks{noPhone: 50}, true, false, Verdict{}},
		{"five delivered", First, marks{schemas.StateSent: 45, schemas.StateDelivered: 5}, true, false, awaitReceipts},
		{"six delivered", First, marks{schemas.StateSent: 44, schemas.StateDelivered: 6}, true, false, Verdict{}},
		{"six undelivered, for themselves", First, marks{schemas.StateSent: 44, gone: 6}, true, false, Verdict{}},
		{"all confirmed", First, marks{schemas.StateConfirmed: 50}, true, false, Verdict{}},
		{"19 undelivered", First, marks{schemas.StateSent: 31, late: 19}, true, false, awaitReceipts},
		{"44 undelivered", First, marks{schemas.StateSent: 6, late: 44}, true, false, awaitReceipts},
		{"44 undelivered, the others not", First, marks{schemas.StateDelivered: 6, late: 44}, true, false, Verdict{}},
		{"45 undelivered", First, marks{schemas.StateSent: 5, late: 45}, true, false, Verdict{Do: Pause, Mark: late}},
		{"45 undelivered, for themselves", First, marks{schemas.StateDelivered: 5, gone: 45}, true, false, Verdict{}},
		{"45 undelivered, though nobody expected receipts", First, marks{schemas.StateRead: 5, late: 45}, false, false, Verdict{Do: Pause, Mark: late}},
		{"27 of 30 that have a phone undelivered", First, marks{schemas.Failed(schemas.CodeInvalidPhone): 20, late: 27, schemas.StateSent: 3}, true, false, Verdict{Do: Pause, Mark: late}},
		{"undelivered later in the list", 800, marks{schemas.StateSent: 700, late: 90, schemas.StateDelivered: 10}, true, false, Verdict{Do: Pause, Mark: late}},
		{"undelivered later, but not nearly all", 800, marks{schemas.StateSent: 700, late: 89, schemas.StateDelivered: 10}, true, false, Verdict{}},
		{"a code that predicts all comes with receipts", First, marks{schemas.Undelivered(codeParameter): 50}, true, false, Verdict{Do: Pause, Mark: schemas.Undelivered(codeParameter)}},
		{"45 kept back as marketing", First, marks{schemas.StateRead: 5, schemas.Undelivered(131049): 45}, true, false, Verdict{Do: Pause, Mark: schemas.Undelivered(131049)}},
		{"45 undelivered, and resumed", First, marks{schemas.StateSent: 5, late: 45}, true, true, Verdict{}},
		{"refused, and resumed", First, marks{refused: 50}, true, true, Verdict{Do: Stop, Mark: refused}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := Judge(Task{End: tt.end, Counts: tt.marks.counts(), Predicts: predicts, Receipts: tt.receipts, Resumed: tt.resumed})
			if got != tt.want {
				t.Errorf("%+v, want %+v", got, tt.want)
			}
		})
	}
}

// What Meta says of a template that is filled in is about all recipients where all have the same values, and about one where they differ.
func TestWhatValuesMakeOfATemplateIsTheRecipientsOwnFault(t *testing.T) {
	t.Parallel()
	for code, want := range map[int][2]Do{132005: {Stop, Go}, 132018: {Stop, Go}, 132000: {Stop, Stop}, 132001: {Stop, Stop}, 132012: {Stop, Stop}, 132015: {Stop, Stop}} {
		for i, personal := range []bool{false, true} {
			task := Task{End: First, Counts: marks{schemas.Failed(code): First}.counts(), Predicts: func(int) bool { return true }, Personal: personal}
			if got := Judge(task).Do; got != want[i] {
				t.Errorf("all of the first are refused with %d, personal %v: verdict %d, want %d", code, personal, got, want[i])
			}
		}
	}
}

// Of a broadcast with two messages, those who wrote get one that says nothing of the other.
func TestWhoWroteProvesNothingOfTheTemplate(t *testing.T) {
	t.Parallel()
	refused := schemas.Failed(codeParameter)
	for _, tt := range []struct {
		name    string
		end     uint32
		marks   marks
		twoWays bool
		want    Do
	}{
		{"some wrote, the template is refused", First, marks{schemas.StateSent: 20, refused: 30}, true, Stop},
		{"one message for all", First, marks{schemas.StateSent: 20, refused: 30}, false, Go},
		{"some wrote, the template reached one", First, marks{schemas.StateSent: 20, schemas.StateSentTemplate: 1, refused: 29}, true, Go},
		{"all wrote", First, marks{schemas.StateSent: 50}, true, Go},
		{"all wrote so far", First, marks{schemas.StateSent: 40}, true, Wait},
		{"nearly all wrote", First, marks{schemas.StateSent: 46, refused: 4}, true, Go},
		{"refused later in the list", 400, marks{schemas.StateSent: 46, refused: 40}, true, Stop},
	} {
		task := Task{End: tt.end, Counts: tt.marks.counts(), Predicts: predicts, TwoWays: tt.twoWays}
		if got := Judge(task).Do; got != tt.want {
			t.Errorf("%s: verdict %d, want %d", tt.name, got, tt.want)
		}
	}
}

// Whatever the counts: who succeeded keeps a task from being stopped, nobody waits beyond the first, once all is known
// nobody waits at all, and the verdict does not depend on the order of the counts.
func TestVerdictsOfAnyCounts(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		m := make(marks)
		end := rapid.Uint32Range(0, 120).Draw(t, "end")
		decided, succeeded, final := uint32(0), uint32(0), true
		for decided < end && rapid.IntRange(0, 8).Draw(t, "more") > 0 {
			mark := rapid.SampledFrom([]schemas.RecipientState{
				schemas.StateDuplicate, schemas.StateUnknown, schemas.Failed(codeParameter), schemas.Failed(codeNoWindow), schemas.Failed(codeNoPhone), schemas.StateSent, schemas.StateConfirmed,
				schemas.Undelivered(codeParameter), schemas.Undelivered(codeNoWindow), schemas.Undelivered(codeNoPhone), schemas.StateDelivered, schemas.StateRead,
			}).Draw(t, "mark")
			n := rapid.Uint32Range(1, end-decided).Draw(t, "n")
			m[mark] += n
			decided += n
			if mark.Succeeded() {
				succeeded += n
			}
			final = final && mark != schemas.StateSent
		}
		task := Task{End: end, Counts: m.counts(), Predicts: predicts, Receipts: rapid.Bool().Draw(t, "receipts"), Resumed: rapid.Bool().Draw(t, "resumed")}
		v := Judge(task)
		for range 5 { // maps are walked in another order each time
			if task.Counts = m.counts(); Judge(task) != v {
				t.Fatalf("%+v and %+v of the same counts; want %v", v, Judge(task), v)
			}
		}
		switch {
		case v.Do == Stop && succeeded > 0:
			t.Fatalf("stopped though %d succeeded", succeeded)
		case v.Do == Pause && task.Resumed:
			t.Fatal("paused again after it was resumed")
		case v.Do == Wait && end != First:
			t.Fatalf("%d are waited for", end)
		case v.Do == Wait && decided == end && (final || !task.Receipts):
			t.Fatalf("nothing more can come, and it waits: %v", m)
		}
	})
}
