package ledger_test

import (
	"testing"
	"time"

	"altavoz/whatsapp/simulator/ledger"
)

var now = time.Unix(1_750_000_000, 0)

// TestSecondCallIsRepeatedUnlessTheFirstWasRefused: a second call is a fault of the sender unless the first was plainly refused, also while the first is under way.
func TestSecondCallIsRepeatedUnlessTheFirstWasRefused(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		first    func(l *ledger.Ledger)
		repeated int
	}{
		"refused":   {func(l *ledger.Ledger) { l.Closed(1) }, 0},
		"accepted":  {func(l *ledger.Ledger) { l.Accepted(1, true, ledger.Received{Time: now}) }, 1},
		"dropped":   {func(l *ledger.Ledger) { l.Dropped(1) }, 1},
		"under way": {func(*ledger.Ledger) {}, 1},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			l := ledger.New(10)
			l.Called(1, true)
			tt.first(l)
			if n := l.Called(1, true); n != 1 {
				t.Errorf("call %d, want 1", n)
			}
			l.Called(2, true)
			if s := l.Summary(); s.Repeated != tt.repeated {
				t.Errorf("got %+v, want Repeated %v", s, tt.repeated)
			}
		})
	}
}

func TestCountersOfCallsStopAtTheirLimit(t *testing.T) {
	t.Parallel()
	l := ledger.New(0)
	for range 70_000 {
		l.Called(1, false)
		l.Accepted(1, false, ledger.Received{Time: now})
	}
	if calls, open, accepted := l.Calls(1); calls != 65_535 || open != 65_535 || accepted != 65_535 {
		t.Errorf("%d, %d, %d; want 65535, 65535, 65535", calls, open, accepted)
	}
	if s := l.Summary(); s.Accepted != 70_000 || s.Duplicates != 0 || s.Repeated != 0 {
		t.Errorf("got %+v, want Accepted 70000, Duplicates 0, Repeated 0", s)
	}
}

func TestWindowKeepsTheHighestRate(t *testing.T) {
	t.Parallel()
	var w ledger.Window
	at := now
	for range 500 { // a hundred a second
		w.Add(at)
		at = at.Add(10 * time.Millisecond)
	}
	if w.Highest() != 100 {
		t.Errorf("%d, want 100", w.Highest())
	}
	at = at.Add(time.Hour)
	for range 30 {
		w.Add(at)
	}
	at = at.Add(990 * time.Millisecond)
	for range 80 {
		w.Add(at)
	}
	if w.Highest() != 110 {
		t.Errorf("%d, want 110", w.Highest())
	}
}

// TestStatusesInAnyOrderLeaveTheFurthest: webhooks come in any order; the ledger keeps how far a message got.
func TestStatusesInAnyOrderLeaveTheFurthest(t *testing.T) {
	t.Parallel()
	l := ledger.New(1)
	place := l.Accepted(1, true, ledger.Received{Time: now, Phone: "57300"})
	for _, s := range []ledger.Status{ledger.Delivered, ledger.Read, ledger.Sent} {
		l.Told(place, s, 0)
	}
	if r := l.Of("57300")[0]; r.Status != ledger.Read {
		t.Errorf("got %+v, want Status %v", r, ledger.Read)
	}
	l.Told(l.Accepted(2, true, ledger.Received{Time: now}), ledger.Failed, 131026) // not remembered in full
	l.Told(place, ledger.Failed, 131026)
	if r := l.Of("")[0]; r.Status != ledger.Failed || r.Code != 131026 {
		t.Errorf("got %+v, want Status %v, Code 131026", r, ledger.Failed)
	}
}

// TestWithheldAnswersAreCounted: of each callback data the ledger knows how many calls got no answer, whatever became of them.
func TestWithheldAnswersAreCounted(t *testing.T) {
	t.Parallel()
	l := ledger.New(10)
	for range 3 {
		l.Called(1, true)
		l.Called(2, true)
	}
	l.Dropped(1)
	l.Accepted(1, true, ledger.Received{Time: now})
	l.Accepted(1, true, ledger.Received{Time: now, Answered: true})
	l.Closed(2)
	l.Accepted(2, true, ledger.Received{Time: now, Answered: true})
	if a, b, c := l.Withheld(1), l.Withheld(2), l.Withheld(3); a != 2 || b != 0 || c != 0 {
		t.Errorf("%d, %d, %d; want 2, 0, 0", a, b, c)
	}
}

// TestFreeMessagesAreOfAMonth: so many free-form messages of a number that are delivered are free in a calendar month, and no others.
func TestFreeMessagesAreOfAMonth(t *testing.T) {
	t.Parallel()
	p := ledger.NewPrices()
	at := time.Date(2026, 11, 30, 23, 0, 0, 0, time.UTC)
	kind := func(number, category string, at time.Time, delivered bool) string {
		one := p.Of(number, category, at, 2, delivered)
		if one.Billable != (one.Type == "regular") {
			t.Errorf("got %+v, want it billed where it is regular", one)
		}
		return one.Type
	}
	const free, regular = "free_customer_service", "regular"
	for i, got := range [][2]string{
		{kind("1", "", at, true), free},
		{kind("1", "marketing", at, true), regular},
		{kind("1", "", at, false), free}, // does not arrive, so it uses none up
		{kind("1", "", at, true), free},
		{kind("1", "", at, true), regular},
		{kind("2", "", at, true), free},
		{kind("1", "", at.Add(time.Hour), true), free}, // December
	} {
		if got[0] != got[1] {
			t.Errorf("message %d is %s, want %s", i, got[0], got[1])
		}
	}
}
