package progress

import (
	"fmt"
	"strings"

	"altavoz/client"
	"altavoz/schemas/shown"
)

// Describe tells of a task in lines.
func Describe(t *client.Task) []string {
	var lines []string
	line := func(format string, args ...any) { lines = append(lines, shown.Line(fmt.Sprintf(format, args...))) }
	line("task %s: %s", t.TaskID, t.Status)
	if t.Why != "" {
		line("why: %s", t.Why)
	}
	if r := t.Result; r != nil {
		line("%d in all, %s, %d not, %d pending, %d in the pipe", r.Total, Sent(r), r.Failed, r.Pending, t.InFlight)
	}
	if t.Rate > 0 {
		line("%.1f a second now", t.Rate)
	}
	if t.Speed > 0 {
		line("at most %d a second", t.Speed)
	}
	for _, of := range []struct{ what, value string }{
		{"sender", t.Sender},
		{"retry of", t.RetryOf},
		{"so since", t.Since},
		{"accepted", t.AcceptedAt},
		{"scheduled for", t.ScheduleAt},
		{"expires", t.ExpireAt},
		{"finished", t.FinishedAt},
		{"will end about", t.EstimatedEnd},
	} {
		if of.value != "" {
			line("%s %s", of.what, of.value)
		}
	}
	for _, o := range t.Outcomes {
		line("  %s", strings.TrimSuffix(fmt.Sprintf("%d %s: %s", o.Count, o.Outcome, o.Reason), ": "))
	}
	if t.Result != nil {
		for _, p := range t.Result.Priced {
			line("  %s", p)
		}
	}
	return lines
}

// Sent is how many got the message, and of those how many the one for who did not write lately.
func Sent(r *client.Result) string {
	if r.ByTemplate > 0 {
		return fmt.Sprintf("%d sent (%d by template)", r.Successful, r.ByTemplate)
	}
	return fmt.Sprintf("%d sent", r.Successful)
}
