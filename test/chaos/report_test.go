//go:build linux

package chaos

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"altavoz/whatsapp/simulator/ledger"
)

// row is one line of the table.
type row struct {
	Fault    string  `json:"fault"`
	Times    int     `json:"times"`
	Counted  int     `json:"counted"`   // with calls under way
	UnderWay int     `json:"under_way"` // calls under way then, or hit, over all times
	Sends    int     `json:"sends"`     // accepted from the fault to some time after it, over all times
	rare     bool    // a run of this length need not have met it
	Silence  float64 `json:"silence_s"` // the longest time without a message accepted in that time
}

// report is what a run came to.
type report struct {
	Setting  string          `json:"setting"`
	Seed     uint64          `json:"seed"`
	Began    string          `json:"began"`
	Seconds  float64         `json:"fault_seconds"`
	Settling float64         `json:"settling_s"` // from the last fault to the last task's end
	Bound    int             `json:"never_called_bound"`
	Calls    int             `json:"calls"`
	Refused  int             `json:"http_503"`
	Webhooks ledger.Webhooks `json:"webhooks"`
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
			r.Sends += within(accepted, e.began, e.over.Add(aftermath))
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

// within counts the messages in [from, to).
func within(accepted []time.Time, from, to time.Time) int {
	i, _ := slices.BinarySearchFunc(accepted, from, time.Time.Compare)
	j, _ := slices.BinarySearchFunc(accepted, to, time.Time.Compare)
	return j - i
}

// table is what RELIABILITY.md shows.
func (r *report) table() string {
	var b strings.Builder
	slowest := 0.0
	for _, w := range r.Rows {
		slowest = max(slowest, w.Silence)
	}
	fmt.Fprintf(&b, "\n%s, seed %d: %.0f s of faults, then %.0f s until the last task was at its end.\n\n", r.Setting, r.Seed, r.Seconds, r.Settling)
	b.WriteString("| tasks | sends | lost | doubled | unknown: answer withheld, broken off, unexplained | settled | still unknown | called again (too often) | paused | cancelled | slowest recovery |\n" +
		"|---|---|---|---|---|---|---|---|---|---|---|\n")
	fmt.Fprintf(&b, "| %d | %d | %d | %d | %d: %d, %d, %d | %d of %d | %d (%.2f %%) | %d (%d) | %d | %d | %.1f s |\n\n",
		r.Tasks, r.Messages, r.Lost, r.Doubled, r.Unknown, r.Withheld, r.BrokenOff, r.Unexplained, r.Settled, r.UnknownAccepted,
		r.StillUnknown, 100*float64(r.StillUnknown)/float64(max(1, r.Messages)), r.Resent, r.ResentTooOften, r.Paused, r.Stopped, slowest)
	b.WriteString("| fault | times | with calls in flight | calls hit | sends around it | slowest recovery |\n|---|---|---|---|---|---|\n")
	for _, w := range r.Rows {
		fmt.Fprintf(&b, "| %s | %d | %d | %d | %d | %.1f s |\n", w.Fault, w.Times, w.Counted, w.UnderWay, w.Sends, w.Silence)
	}
	fmt.Fprintf(&b, "\n%d recipients, %d calls, %d tasks without an answer, %d times 503; never called %d (%d), undelivered %d, cancelled %d; mistaken %d, statuses that differ %d, left after a stop %d; webhooks %+v\n",
		r.Recipients, r.Calls, r.Orphans, r.Refused, r.NeverCalled, r.Bound, r.Undelivered, r.Cancelled, r.Mistaken, r.Disagree, r.Overrun, r.Webhooks)
	return b.String()
}

func (r *report) line() string {
	b, err := json.Marshal(r)
	if err != nil {
		return err.Error()
	}
	return string(b)
}
