//go:build linux

package chaos

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

// row is one line of the table.
type row struct {
	Fault    string  `json:"fault"`
	Times    int     `json:"times"`
	Counted  int     `json:"counted"`   // with calls under way
	UnderWay int     `json:"under_way"` // calls under way then, or hit, over all times
	Silence  float64 `json:"silence_s"` // the longest time without a message accepted, from the fault to some time after it
}

// report is what a run came to.
type report struct {
	Setting string  `json:"setting"`
	Seed    uint64  `json:"seed"`
	Began   string  `json:"began"`
	Seconds float64 `json:"fault_seconds"`
	Settled float64 `json:"settled_s"` // from the last fault to the last task's end
	Bound   int     `json:"unknown_bound"`
	Calls   int     `json:"calls"`
	Refused int     `json:"http_503"`
	verdict
	Rows []row `json:"faults"`
}

// aftermath is how long after a fault a silence still counts as its.
const aftermath = 15 * time.Second

// rows sums the events up by kind. accepted are the times of all messages, in order.
func rows(kinds []string, events []event, accepted []time.Time) []row {
	kinds = slices.Clone(kinds)
	slices.Sort(kinds)
	var out []row
	for _, kind := range slices.Compact(kinds) {
		r := row{Fault: kind}
		for _, e := range events {
			if e.kind != kind {
				continue
			}
			r.Times++
			if e.underWay > 0 {
				r.Counted++
				r.UnderWay += e.underWay
			}
			r.Silence = max(r.Silence, longestGap(accepted, e.began, e.over.Add(aftermath)).Seconds())
		}
		out = append(out, r)
	}
	return out
}

// longestGap returns the longest time without a message in [from, to).
func longestGap(accepted []time.Time, from, to time.Time) time.Duration {
	i, _ := slices.BinarySearchFunc(accepted, from, time.Time.Compare)
	longest, last := time.Duration(0), from
	for ; i < len(accepted) && accepted[i].Before(to); i++ {
		longest = max(longest, accepted[i].Sub(last))
		last = accepted[i]
	}
	if i < len(accepted) { // the run went on
		longest = max(longest, to.Sub(last))
	}
	return longest
}

func (r *report) table() string {
	var b strings.Builder
	fmt.Fprintf(&b, "\n%-22s | %5s | %5s | %9s | %s\n", "fault", "times", "hit", "under way", "longest silence")
	b.WriteString(strings.Repeat("-", 70) + "\n")
	for _, w := range r.Rows {
		fmt.Fprintf(&b, "%-22s | %5d | %5d | %9d | %13.1f s\n", w.Fault, w.Times, w.Counted, w.UnderWay, w.Silence)
	}
	fmt.Fprintf(&b, "%s, seed %d: %d tasks (%d more than were answered), %d recipients, %d calls, %d messages in %.0f s of faults and %.0f s to settle\n",
		r.Setting, r.Seed, r.Tasks, r.Orphans, r.Recipients, r.Calls, r.Messages, r.Seconds, r.Settled)
	fmt.Fprintf(&b, "lost %d, doubled %d, mistaken %d, statuses that differ %d, unknown %d of at most %d, resent because asked for %d\n",
		r.Lost, r.Doubled, r.Mistaken, r.Disagree, r.Unknown, r.Bound, r.Resent)
	return b.String()
}

func (r *report) line() string {
	b, err := json.Marshal(r)
	if err != nil {
		return err.Error()
	}
	return string(b)
}
