// Package account derives what webhooks mean for the sender numbers of an account: that they may not send, may again, or may soon not. It reads no
// webhooks and makes no calls.
package account

import (
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"altavoz/schemas"
	"altavoz/schemas/standing"
	"altavoz/stream"
)

const (
	// stopEvery is how often at most a report on a number is logged: an account that is locked fails hundreds of messages a second, and
	// each says the same.
	stopEvery = time.Second
)

// The fields of webhooks that speak of an account, a number or a template. Their events are Meta's words.
const (
	fieldMessages = "messages"
	fieldAccount  = "account_update"
	fieldReview   = "account_review_update"
	fieldAlerts   = "account_alerts"
	fieldQuality  = "phone_number_quality_update"
	fieldTemplate = "message_template_status_update"
	fieldTier     = "business_capability_update"

	// LimitMember is where a change has the messaging limit of its business; LimitMemberBefore was it before v24.0, and is there beside it.
	LimitMember       = "max_daily_conversations_per_business"
	LimitMemberBefore = "max_daily_conversation_per_phone"
)

// Announcement is what a change reports of an account, of one of its numbers, or of a template.
type Announcement struct {
	Account  string // its id
	Field    string
	Event    string
	Kinds    []string // what is restricted, or how a ban stands
	Number   string   // its id; "": of the account's numbers, those that display names
	Display  string
	Name     string // of a template, and the language of it, as es-CO
	Language string
	At       time.Time // when Meta says that it was; in the far future where it does not
	Code     int       // with which a message failed
	People   *uint32   // to how many people the business may write within 24 hours; 0: to as many as it likes; nil: nothing is said of that
}

// Text is where a text of a change's value is kept: its event, or decision, how its number is displayed, or the name or language of its template.
func (a *Announcement) Text(member string) *string {
	switch member {
	case "display_phone_number":
		return &a.Display
	case "message_template_name":
		return &a.Name
	case "message_template_language":
		return &a.Language
	}
	return &a.Event
}

// meaning is what an announcement means for the numbers that it is about.
type meaning int

const (
	meansNothing  meaning = iota // that a person has to know
	meansStopped                 // they may not send
	meansWorks                   // they may again
	meansRisk                    // they may soon be slowed down or stopped
	meansSafe                    // a warning is taken back
	meansPaused                  // a template of theirs can't be sent for now,
	meansEnded                   // any more,
	meansTemplate                // or can again
	meanings
)

// meaningNames names them for metrics.
var meaningNames = [meanings]string{"nothing", "stopped", "works", "at_risk", "safe", "template_paused", "template_ended", "template_works"}

// announced are the meanings of events by field. What is not there means nothing to us.
var announced = map[string]map[string]meaning{
	fieldAccount: {
		"ACCOUNT_DELETED": meansStopped, "ACCOUNT_OFFBOARDED": meansStopped, "DISABLED_UPDATE": meansStopped, "DISABLED": meansStopped,
		"ACCOUNT_RESTRICTION": meansStopped, "ACCOUNT_VIOLATION": meansRisk, "PARTNER_REMOVED": meansRisk,
		"ACCOUNT_RECONNECTED": meansWorks, "REINSTATED": meansWorks, "REINSTATE": meansWorks,
	},
	fieldReview: {"REJECTED": meansRisk, "DEFERRED": meansRisk, "APPROVED": meansSafe},
	fieldQuality: {
		"FLAGGED": meansRisk, "DOWNGRADE": meansRisk, "RESTRICTED": meansRisk, "UNFLAGGED": meansSafe, "UPGRADE": meansSafe, "THROUGHPUT_UPGRADE": meansSafe,
	},
	fieldTemplate: {
		"FLAGGED": meansRisk, "APPROVED": meansTemplate, "REINSTATED": meansTemplate, "UNPAUSED": meansTemplate, "UNARCHIVED": meansTemplate,
		"PAUSED": meansPaused, "PENDING": meansPaused, "IN_APPEAL": meansPaused, "ARCHIVED": meansPaused,
		"REJECTED": meansEnded, "DISABLED": meansEnded, "DELETED": meansEnded, "PENDING_DELETION": meansEnded,
	},
}

// bans are the states of a ban, restricted what of a restriction keeps messages from being sent.
var bans = map[string]meaning{"DISABLE": meansStopped, "REINSTATE": meansWorks, "SCHEDULE_FOR_DISABLE": meansRisk}

func restricts(kind string) bool {
	return strings.Contains(kind, "MESSAGING") || strings.Contains(kind, "MESSAGES")
}

func (a *Announcement) means() meaning {
	if a.Field == fieldMessages {
		return meansStopped
	}
	m := announced[a.Field][a.Event]
	switch a.Event {
	case "DISABLED_UPDATE":
		for _, k := range a.Kinds {
			if of, known := bans[k]; known {
				m = of
			}
		}
	case "ACCOUNT_RESTRICTION":
		if len(a.Kinds) > 0 && !slices.ContainsFunc(a.Kinds, restricts) { // of numbers or templates, not of messages
			m = meansRisk
		}
	}
	return m
}

// words is how it is logged: in Meta's own names, since a person looks them up.
func (a *Announcement) words() string {
	if a.Field == fieldMessages {
		return "webhook"
	}
	return strings.Join(slices.DeleteFunc(append([]string{a.Field, a.Event, a.Name}, a.Kinds...), func(s string) bool { return s == "" }), " ")
}

// Numbers is what webhooks have shown of our numbers: whose they are, and how they are displayed. It is not kept over a restart; until a
// number's first receipt what is reported of an account may be meant for it.
type Numbers struct {
	cfg    Config
	log    *slog.Logger
	events *prometheus.CounterVec // by field and meaning: both are closed sets

	mu      sync.Mutex
	of      map[string]Home // by number
	stopped map[string]time.Time
}

// Home is whose a number is, and how it is displayed.
type Home struct{ Account, Display string }

// Learn remembers whose a number is. Only ours are remembered, so memory is bounded by them.
func (d *Numbers) Learn(number string, e Home) {
	d.mu.Lock()
	defer d.mu.Unlock()
	e.Display = digits(e.Display)
	if d.of[number] != e && number != "" && e.Account != "" && slices.Contains(d.cfg.Ours(), number) {
		d.of[number] = e
	}
}

// about returns those of our numbers that an announcement is about: the account's, and those whose account is not known. A stop
// is for these whatever the account: it costs such a number a minute if it was another's, and the list if it was not and is not heeded.
// A warning is only words, and those of an account that none of ours is known to have are left out.
func (d *Numbers) about(a *Announcement, m meaning) (out []string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	shown, display := false, digits(a.Display)
	stranger, anyKnown := m != meansStopped && m != meansWorks, false
	for _, id := range d.cfg.Ours() {
		if e, known := d.home(id); known {
			stranger, anyKnown = stranger && e.Account != a.Account, true
		}
	}
	stranger = stranger && anyKnown
	for _, id := range d.cfg.Ours() {
		e, known := d.home(id)
		switch {
		case a.Number != "":
			if a.Number == id {
				return []string{id}
			}
		case known && e.Account != a.Account, !known && stranger:
		case display != "" && known && e.Display == display:
			if !shown {
				out, shown = nil, true
			}
			out = append(out, id)
		case !shown && (display == "" || !known):
			out = append(out, id)
		}
	}
	return out
}

// home returns whose a number is: as receipts have shown, or as is configured. The caller holds d.mu.
func (d *Numbers) home(id string) (Home, bool) {
	if e, known := d.of[id]; known {
		return e, true
	}
	if d.cfg.Account == nil || d.cfg.Account(id) == "" {
		return Home{}, false
	}
	return Home{Account: d.cfg.Account(id)}, true
}

// digits leaves out how a number is written: Meta does it in more than one way.
func digits(display string) string {
	return strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, display)
}

// due reports whether a report on a number is to be logged again.
func (d *Numbers) due(number string, now time.Time) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if now.Sub(d.stopped[number]) < stopEvery {
		return false
	}
	d.stopped[number] = now
	return true
}

// Events makes the records of what was announced. Only what is signed counts: else anybody could stop a number.
func (d *Numbers) Events(all []Announcement, now time.Time) (recs []stream.Record) {
	for i := range all {
		a := &all[i]
		m := a.means()
		d.count(a.Field, m)
		if d.cfg.Signed && a.People != nil && (a.Field == fieldTier || a.Field == fieldQuality) {
			recs = append(recs, d.limits(a, now)...)
		}
		if !d.cfg.Signed || m == meansNothing || written[m] == schemas.NumberEventKind_NUMBER_EVENT_KIND_TEMPLATE && a.Name == "" {
			continue
		}
		words := a.words()
		for _, number := range d.about(a, m) {
			// Each is written: one that is about another process's probe must not stand for that of this one.
			if d.due(number, now) {
				d.log.Warn("Meta speaks of a number or its account", "sender", number, "account", a.Account, "event", words, "code", a.Code, "means", meaningNames[m])
			}
			e := &schemas.NumberEvent{Number: number, AtMs: now.UnixMilli(), Kind: written[m], Code: int32(a.Code)}
			switch m { //nolint:exhaustive // the others have words
			case meansSafe:
			case meansPaused, meansEnded, meansTemplate:
				e.AtMs, e.Template, e.Language, e.Status = a.when(now).UnixMilli(), a.Name, strings.ReplaceAll(a.Language, "-", "_"), a.Event
			default:
				e.Detail = words
			}
			recs = append(recs, standing.Encode(e))
		}
	}
	return recs
}

// maxLate is for how long Meta repeats a webhook.
const maxLate = 7 * 24 * time.Hour

// when is the time of what was announced: a repeat of days ago must not count as the latest. What is no such time is now.
func (a *Announcement) when(now time.Time) time.Time {
	if a.At.After(now) || now.Sub(a.At) > maxLate {
		return now
	}
	return a.At
}

// written are the meanings on the wire. A warning without a detail takes the last one back.
var written = [meanings]schemas.NumberEventKind{
	meansStopped: schemas.NumberEventKind_NUMBER_EVENT_KIND_STOPPED, meansWorks: schemas.NumberEventKind_NUMBER_EVENT_KIND_WORKS,
	meansRisk: schemas.NumberEventKind_NUMBER_EVENT_KIND_AT_RISK, meansSafe: schemas.NumberEventKind_NUMBER_EVENT_KIND_AT_RISK,
	meansPaused: schemas.NumberEventKind_NUMBER_EVENT_KIND_TEMPLATE, meansEnded: schemas.NumberEventKind_NUMBER_EVENT_KIND_TEMPLATE, meansTemplate: schemas.NumberEventKind_NUMBER_EVENT_KIND_TEMPLATE,
}

func (d *Numbers) count(field string, m meaning) {
	switch field {
	case fieldMessages, fieldAlerts, fieldTier:
	default:
		if announced[field] == nil {
			field = "other"
		}
	}
	d.events.WithLabelValues(field, meaningNames[m]).Inc()
}

// Config is what Numbers has to know.
type Config struct {
	Ours func() []string // the ids of the numbers that are configured; it must not wait
	// Account returns the account that a number is configured to belong to; "" and nil: it is not known until its first receipt.
	Account    func(number string) string
	Signed     bool // whether webhooks are signed
	Logger     *slog.Logger
	Registerer prometheus.Registerer
}

// New returns what knows nothing yet of any number.
func New(c Config) *Numbers {
	events := promauto.With(c.Registerer).NewCounterVec(prometheus.CounterOpts{
		Name: "altavoz_account_events_total",
		Help: "What webhooks said of accounts, numbers and templates, repeats included, by field and what it means; messages: those that failed for the account's sake.",
	}, []string{"field", "means"})
	for field, of := range announced {
		for _, m := range of {
			events.WithLabelValues(field, meaningNames[m])
		}
	}
	return &Numbers{cfg: c, log: c.Logger, events: events, of: make(map[string]Home), stopped: make(map[string]time.Time)}
}
