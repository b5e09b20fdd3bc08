package standing

import (
	"maps"
	"slices"
	"time"

	"altavoz/schemas"
)

const (
	// PauseLife is for how long a webhook's word that a template waits counts: then it is tried again, because the word that it does not may have
	// been lost. Meta pauses one for three hours at first.
	PauseLife = time.Hour
	// RefusalLife is for how long the answer to a call does.
	RefusalLife = 5 * time.Minute
	// PauseRecheck is how soon what waits for a template asks again.
	PauseRecheck = 10 * time.Second

	// maxTemplates bounds the templates that are kept of a number, at 200 bytes; the latest stay.
	maxTemplates = 1000
	maxName      = 512 // bytes
	maxLanguage  = 16
	maxStatus    = 64

	// syncing is no word of Meta's, which has none for it: the template can't be sent over the Marketing Messages API yet.
	syncing = "SYNCING"
)

// The statuses, Meta's words, in which a template can't be sent for now, and for good. In others it can.
var (
	waiting = []string{"PAUSED", "PENDING", "IN_APPEAL", "ARCHIVED", syncing}
	ended   = []string{"REJECTED", "DISABLED", "DELETED", "PENDING_DELETION"}
)

// Templates is what was said of the templates of a number's account: the last event of each language of each. It is shared, and only to be read.
type Templates map[string]*schemas.NumberEvent

// TemplateKey names one language of a template; "" for a message that uses none.
func TemplateKey(t *schemas.Template) string {
	if t == nil {
		return ""
	}
	return t.GetName() + "/" + t.GetLanguage()
}

func keyOf(e *schemas.NumberEvent) string { return e.GetTemplate() + "/" + e.GetLanguage() }

// With returns them with one more event.
func (ts Templates) With(e *schemas.NumberEvent) Templates {
	if len(e.GetTemplate()) > maxName || len(e.GetLanguage()) > maxLanguage || len(e.GetStatus()) > maxStatus || ts[keyOf(e)].GetAtMs() > e.GetAtMs() {
		return ts
	}
	out := maps.Clone(ts)
	if out == nil {
		out = make(Templates)
	}
	out[keyOf(e)] = e
	if len(out) > maxTemplates {
		oldest := e
		for _, was := range out {
			if was.GetAtMs() < oldest.GetAtMs() {
				oldest = was
			}
		}
		delete(out, keyOf(oldest))
	}
	return out
}

// Held returns the event for which messages with a template wait now; nil: they need not.
func (ts Templates) Held(key string, now time.Time) *schemas.NumberEvent {
	e, life := ts[key], PauseLife
	if e.GetCode() != 0 {
		life = RefusalLife
	}
	if key == "" || !slices.Contains(waiting, e.GetStatus()) || now.UnixMilli()-e.GetAtMs() >= life.Milliseconds() { //mutant:a-pause-that-nobody-takes-back-ends
		return nil
	}
	return e
}

// Ended returns the event after which no message with a template can be sent, if it came after a time in Unix milliseconds: what was accepted later knows
// better. nil: there is none.
func (ts Templates) Ended(key string, afterMs int64) *schemas.NumberEvent {
	e := ts[key]
	if key == "" || !slices.Contains(ended, e.GetStatus()) || e.GetAtMs() <= afterMs { //mutant:an-end-of-before-counts-for-no-later-task
		return nil
	}
	return e
}

// ChangedAt returns when something was last said of a template, in any language.
func (ts Templates) ChangedAt(name string) (at time.Time) {
	for _, e := range ts {
		if e.GetTemplate() == name && e.GetAtMs() > at.UnixMilli() {
			at = time.UnixMilli(e.GetAtMs())
		}
	}
	return at
}

// HeldUntil returns the later one of a time and that at which to ask again, where messages wait for their template.
func (ts Templates) HeldUntil(key string, now, or time.Time) time.Time {
	if again := now.Add(PauseRecheck); ts.Held(key, now) != nil && again.After(or) { //mutant:nothing-is-called-while-its-template-is-paused
		return again
	}
	return or
}

// Cause is why what was dispatched waits for its template; nil: it does not.
func (ts Templates) Cause(key string, now time.Time) *schemas.Cause {
	if e := ts.Held(key, now); e != nil {
		return WaitsForTemplate(schemas.Reason_REASON_TEMPLATE_IN_FLIGHT, e)
	}
	return nil
}

// WaitsForTemplate is the cause of what an event has wait.
func WaitsForTemplate(r schemas.Reason, e *schemas.NumberEvent) *schemas.Cause {
	return &schemas.Cause{Reason: r, SinceMs: e.GetAtMs(), Detail: e.GetTemplate() + " " + e.GetLanguage() + " " + e.GetStatus()}
}

// Refused is what a process tells the others that was told, in answer to a call, that a template can't be sent for now; nil: that is known, or there is no
// template.
func (ts Templates) Refused(number string, t *schemas.Template, code int, now time.Time) *schemas.NumberEvent {
	if t == nil || ts.Held(TemplateKey(t), now) != nil {
		return nil
	}
	status := waiting[0]
	if code == schemas.CodeSyncing {
		status = syncing
	}
	return &schemas.NumberEvent{
		Number: number, AtMs: now.UnixMilli(), Kind: schemas.NumberEventKind_NUMBER_EVENT_KIND_TEMPLATE, Code: int32(code),
		Template: t.GetName(), Language: t.GetLanguage(), Status: status,
	}
}
