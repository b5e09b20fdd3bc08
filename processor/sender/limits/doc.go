// Package limits holds what bounds the calls of the sender beside a number's rate: how many run at once and for whom, how soon a
// phone may be written to again, and what was sent already. It knows no clock, no lock and no call: who uses it tells it.
package limits
