package ledger_test

import (
	"testing"
	"time"

	"altavoz/whatsapp/simulator/ledger"
)

// TestPeopleOfADayCountOnce: for 24 hours from the last message.
func TestPeopleOfADayCountOnce(t *testing.T) {
	t.Parallel()
	r := ledger.NewReach()
	for i, of := range []struct {
		after  time.Duration
		person uint64
		may    bool
	}{
		{0, 1, true},
		{0, 2, true},
		{time.Hour, 3, false},
		{20 * time.Hour, 1, true},
		{24*time.Hour - 1, 3, false},
		{24 * time.Hour, 3, true},
		{43 * time.Hour, 2, false},
		{44 * time.Hour, 2, true},
		{44 * time.Hour, 1, false},
	} {
		if got := r.Add(of.person, 2, now.Add(of.after)); got != of.may {
			t.Errorf("message %d may leave: %v, want %v", i, got, of.may)
		}
	}
	if r.Add(9, 0, now.Add(44*time.Hour)); r.Most() != 3 {
		t.Errorf("%d people within a day, want 3", r.Most())
	}
}
