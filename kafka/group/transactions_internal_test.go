package group

import (
	"testing"
	"time"
)

func TestALogThatIsHeldBackIsToldAfterAWhileAndAgain(t *testing.T) {
	t.Parallel()
	const patience = time.Minute
	start := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	var w stableEnds[string]
	for _, s := range []struct {
		name        string
		after       time.Duration
		stable, end int64
		held        time.Duration
		tell        bool
	}{
		{"nothing is open", 0, 10, 10, 0, false},
		{"one opens", 5 * time.Second, 10, 12, 0, false},
		{"it stays", 30 * time.Second, 10, 15, 25 * time.Second, false},
		{"for long", 66 * time.Second, 10, 15, 61 * time.Second, true},
		{"not told twice at once", 70 * time.Second, 10, 16, 65 * time.Second, false},
		{"told again", 130 * time.Second, 10, 16, 125 * time.Second, true},
		{"it ends, another is open", 135 * time.Second, 14, 16, 0, false},
		{"all is stable", 140 * time.Second, 17, 17, 0, false},
		{"one opens at an old place", 145 * time.Second, 17, 18, 0, false},
	} {
		t.Run(s.name, func(t *testing.T) {
			held, tell := w.observe("b/0", s.stable, s.end, start.Add(s.after), patience)
			if held != s.held || tell != s.tell {
				t.Errorf("held %s, tell %v; want %s, %v", held, tell, s.held, s.tell)
			}
		})
	}
	w.forget(func(string) bool { return false })
	if held, _ := w.observe("b/0", 17, 18, start.Add(time.Hour), patience); held != 0 {
		t.Errorf("a forgotten log was held for %s, want 0", held)
	}
}
