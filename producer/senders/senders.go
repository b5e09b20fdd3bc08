// Package senders says how the sender numbers are that a key may send from: their rate, whether they can send, and why not.
//
//	configuration ──► numbers, names, rates ─┐
//	webhooks ──┐                             ├──► List
//	processes ─┴─► topic controls ──► view ──┘
//
// It knows nothing but what lies in Kafka and in the configuration, so that every process with the role producer says the same.
package senders

import (
	"slices"
	"strings"
	"time"

	"altavoz/processor/sender/limits"
	"altavoz/producer/tasks"
	"altavoz/schemas"
	"altavoz/schemas/es"
	"altavoz/schemas/price"
	"altavoz/schemas/request"
	"altavoz/schemas/standing"
)

// Number is a sender number as it is configured.
type Number struct {
	ID, Name string
	Rate     float64 // messages a second; 0: without a limit
}

// State is whether a number can send.
type State string

// The states, in the order in which they count where the processes of a deployment differ.
const (
	Sending       State = "sending"       // nothing is known against it
	Slowed        State = "slowed"        // it was told that it is too fast
	Limited       State = "limited"       // its business may not write to more people today; to others it sends
	Paused        State = "paused"        // it was told to wait until a time
	Outage        State = "outage"        // nobody answers: one call at a time finds out when that ends
	Misconfigured State = "misconfigured" // another server answers in the place of the Cloud API
	Refused       State = "refused"       // its messages are not accepted until somebody acts; code says for what
	Token         State = "token"         // its token is not accepted
	Locked        State = "locked"        // the account or the number is locked
	Unknown       State = "unknown"       // the key names it, and it is not configured
)

var grave = []State{Sending, Slowed, Limited, Paused, Outage, Misconfigured, Refused, Token, Locked, Unknown}

// States returns all of them.
func States() []State { return slices.Clone(grave) }

// codes are those of Meta's that say more than that messages are refused.
var codes = map[int32]State{0: Token, 104: Token, 190: Token, 368: Locked, 131031: Locked}

// Rate is messages a second.
type Rate struct {
	Configured float64 `json:"configured"` // of the whole number, replies included
	Share      float64 `json:"share"`      // of it for broadcasts, in all processes together
	Now        float64 `json:"now"`        // of that in force
}

// Row is a sender number. Rate is not there where the number has no limit.
type Row struct {
	ID           string `json:"id"`
	Name         string `json:"name,omitzero"`
	Default      bool   `json:"default"` // it sends what names no number
	State        State  `json:"state"`
	Why          string `json:"why,omitzero"`
	Code         int32  `json:"code,omitzero"`
	Since        string `json:"since,omitzero"`
	Until        string `json:"until,omitzero"`
	Rate         *Rate  `json:"rate,omitzero"`
	Quality      string `json:"quality,omitzero"`
	QualitySince string `json:"quality_since,omitzero"`
	Month        *Month `json:"month,omitzero"`
}

// Month is what the number's broadcasts of a calendar month cost, as far as receipts told.
type Month struct {
	Month  string         `json:"month"` // UTC, as 2026-10
	Priced []tasks.Priced `json:"priced"`
	// Service is how many of them are free-form messages: of these Meta bills those beyond 1,000.
	Service uint32 `json:"service"`
}

// List is the numbers that a key may send from.
type List struct {
	Senders []Row `json:"senders"`
}

// Of lists the numbers of a key: the configured ones, the default one first, or those that it names. said is what is known of a number.
func Of(configured []Number, named []string, said func(id string) standing.State, now time.Time, l es.Language) List {
	known, ids := make(map[string]Number, len(configured)), make([]string, 0, len(configured))
	for _, n := range configured {
		known[n.ID], ids = n, append(ids, n.ID)
	}
	if len(named) > 0 {
		ids = named
	}
	list := List{Senders: make([]Row, 0, len(ids))}
	for i, id := range ids {
		n, ok := known[id]
		row := Row{ID: id, State: Unknown}
		if ok || len(configured) == 0 { // else whoever sends knows them
			n.ID = id
			row = rowOf(n, said(id), now, l)
		}
		row.Default = i == 0
		list.Senders = append(list.Senders, row)
	}
	return list
}

// Prices is what messages of sender numbers cost, by the statuses of tasks.
type Prices interface {
	// Priced returns how many messages have each price, of the tasks of a number that began in the month (UTC) of a moment, this one or the last.
	Priced(number string, atMs int64) []*schemas.PriceCount
}

// Price adds to each number what its broadcasts of this month cost.
func (l *List) Price(by Prices, now time.Time) {
	for i := range l.Senders {
		m := &Month{Month: now.UTC().Format("2006-01"), Priced: tasks.PricedOf(by.Priced(l.Senders[i].ID, now.UnixMilli()))}
		for _, p := range m.Priced {
			if p.Category == price.Service {
				m.Service += p.Messages
			}
		}
		if len(m.Priced) > 0 {
			l.Senders[i].Month = m
		}
	}
}

// One is the row of one number, as in the list of a key, and whether it is configured; nil where none is named.
func One(configured []Number, named []string, id string, said func(id string) standing.State, now time.Time, l es.Language) (row *Row, known bool) {
	if id == "" {
		return nil, false
	}
	known = slices.ContainsFunc(configured, func(n Number) bool { return n.ID == id })
	for _, r := range Of(configured, named, said, now, l).Senders {
		if r.ID == id {
			return &r, known
		}
	}
	r := rowOf(Number{ID: id}, said(id), now, l) // whoever sends knows the numbers
	return &r, known
}

// Fault is what is wrong with a request for a number that there is not.
func Fault(asked string) error {
	e := request.Fault("sender", request.CodeValue, es.SenderNotOurs)
	if _, err := schemas.ParsePhone("+"+strings.TrimPrefix(asked, "+"), ""); err == nil && len(asked) <= maxPhoneChars {
		e.Hint = es.Say(es.SenderLooksLikePhone)
	}
	return e
}

// maxPhoneChars is the most characters of a 'sender' that is taken for a phone: Meta's ids have 14 digits and more.
const maxPhoneChars = 14

func rowOf(n Number, s standing.State, now time.Time, l es.Language) Row {
	row, reports := Row{ID: n.ID, Name: n.Name, State: Sending}, s.Reporting(now)
	var cause *schemas.Cause
	if s.Halts() {
		cause = &schemas.Cause{Reason: schemas.Reason_REASON_ACCOUNT, SinceMs: s.Stopped.GetAtMs(), Code: s.Stopped.GetCode(), Detail: s.Stopped.GetDetail()}
		row.State = stateOf(cause, true)
	}
	lost := 0.0
	for _, r := range reports {
		state := stateOf(r.GetCause(), s.Halts())
		if worse(state, row.State) || state == row.State && r.GetCause().GetSinceMs() < cause.GetSinceMs() {
			row.State, cause = state, r.GetCause()
		}
		lost += max(0, r.GetShare()-r.GetRate())
	}
	if cause != nil {
		row.Code, row.Since, row.Why = cause.GetCode(), tasks.Clock(cause.GetSinceMs()), tasks.AnsweredIn(cause, l)
		if cause.GetUntilMs() > 0 {
			row.Until = tasks.Clock(cause.GetUntilMs())
		}
	}
	if n.Rate > 0 {
		share := n.Rate * (1 - limits.ReplyShare)
		row.Rate = &Rate{Configured: n.Rate, Share: share, Now: max(0, share-lost)}
		if s.Halts() {
			row.Rate.Now = 0
		}
	}
	if event, ok := strings.CutPrefix(s.Risk.GetDetail(), qualityField); ok && s.Warns() {
		row.Quality, row.QualitySince = event, tasks.Clock(s.Risk.GetAtMs())
	}
	return row
}

// qualityField is how the warnings about a number's quality begin: Meta's name of the webhook, then that of the event.
const qualityField = "phone_number_quality_update "

// stateOf is what a cause means for its number.
func stateOf(c *schemas.Cause, webhook bool) State {
	switch c.GetReason() { //nolint:exhaustive // the others do not stop a number
	case schemas.Reason_REASON_ACCOUNT:
		state, ok := codes[c.GetCode()]
		switch {
		case webhook && c.GetCode() == 0: // what a webhook says of an account, which has no code
			return Locked
		case ok:
			return state
		}
		return Refused
	case schemas.Reason_REASON_CONFIGURATION:
		return Misconfigured
	case schemas.Reason_REASON_OUTAGE:
		return Outage
	case schemas.Reason_REASON_THROTTLED:
		if c.GetUntilMs() > 0 {
			return Paused
		}
		return Slowed
	case schemas.Reason_REASON_PEOPLE_IN_FLIGHT:
		return Limited
	default:
		return Sending // of a newer version
	}
}

func worse(a, b State) bool { return slices.Index(grave, a) > slices.Index(grave, b) }
