// Package ratelimit says in headers how much of a budget a caller has left, as draft-ietf-httpapi-ratelimit-headers has it: RateLimit-Policy
// names the budgets, RateLimit what is left of them.
package ratelimit

import (
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// The headers.
const (
	Policy = "RateLimit-Policy"
	Limit  = "RateLimit"
)

// Budget is one that a caller has.
type Budget struct {
	Name   string        // a closed set: recipients, wrong-keys, and the kinds of requests
	Quota  uint64        // how much there is
	Window time.Duration // of how long a time; 0: at any moment
	Left   uint64
	Reset  time.Duration // when all of it is there again; 0: when one of those under way ends
}

// units are what is counted where it is not requests.
var units = map[string]string{"recipients": "recipients"}

// Add adds a budget to the headers of an answer. One of nothing has no bound, and is not named.
func Add(h http.Header, b Budget) {
	if b.Quota == 0 {
		return
	}
	policy, left := fmt.Sprintf("%q;q=%d", b.Name, b.Quota), fmt.Sprintf("%q;r=%d", b.Name, min(b.Left, b.Quota))
	switch unit := units[b.Name]; {
	case b.Window == 0:
		policy += `;qu="concurrent-requests"`
	case unit != "":
		policy += fmt.Sprintf(`;w=%d;qu=%q`, int(b.Window.Seconds()), unit)
	default:
		policy += fmt.Sprintf(`;w=%d`, int(b.Window.Seconds()))
	}
	if b.Reset > 0 {
		left += fmt.Sprintf(";t=%d", int((b.Reset+time.Second-1)/time.Second))
	}
	h.Add(Policy, policy)
	h.Add(Limit, left)
}

// RetryAfter writes a duration as the header of that name: whole seconds, not too few.
func RetryAfter(d time.Duration) string {
	return strconv.Itoa(int((d + time.Second - 1) / time.Second))
}
