package tasks

import (
	"fmt"
	"time"

	"altavoz/schemas"
	"altavoz/schemas/es"
)

// waitCodes are the sentences of Meta's codes that end no send, and so are no refusals.
var waitCodes = map[int]es.Code{
	3: es.NoPermission, 10: es.NoPermission, 104: es.NoToken, 190: es.TokenExpired,
	4: es.AppLimit, 80007: es.AccountLimit, 80008: es.AccountLimit, 130429: es.RateLimit, 131057: es.Maintenance,
}

// reasonOf says why a task waits or ended; nothing if nothing is said. The words of versions before causes are shown as they are, unless
// somebody reads another language and their cause is known.
func reasonOf(s *schemas.Status, l es.Language) string {
	e := schemas.ExplanationOf(s)
	words := causeIn(e.Cause(), l)
	if e.Words() != "" && (l == es.Spanish || words == "") {
		return e.Words()
	}
	return words
}

// causeIn says a cause; nothing of a reason that only a newer version knows.
func causeIn(c *schemas.Cause, l es.Language) string {
	if own := c.Own(); !own.None() {
		return own.In(l)
	}
	say := func(code es.Code, args ...any) string { return es.Say(code, args...).In(l) }
	since := time.UnixMilli(c.GetSinceMs()).UTC().Format(time.RFC3339)
	waits := func(code es.Code) string {
		return say(es.NumberWaits, c.GetNumber(), since, answered(c, code, l), c.GetEverySeconds())
	}
	switch c.GetReason() {
	case schemas.Reason_REASON_NONE:
	case schemas.Reason_REASON_ACCOUNT:
		return waits(es.AccountRefused)
	case schemas.Reason_REASON_OUTAGE:
		return waits(es.Outage)
	case schemas.Reason_REASON_CONFIGURATION:
		return waits(es.Misconfigured)
	case schemas.Reason_REASON_THROTTLED:
		return say(es.NumberSlow, c.GetNumber(), since, answered(c, es.Throttled, l))
	case schemas.Reason_REASON_AT_RISK:
		return say(es.NumberAtRisk, c.GetNumber(), since, answered(c, es.AtRisk, l))
	case schemas.Reason_REASON_PAIR:
		return say(es.PairWaits, c.GetNumber(), c.GetEverySeconds())
	case schemas.Reason_REASON_MEDIA:
		return say(es.MediaRenewed, c.GetNumber(), since)
	case schemas.Reason_REASON_PAUSED:
		return say(es.Paused)
	case schemas.Reason_REASON_CANARY:
		if code := int(c.GetCode()); code != schemas.CodeOther {
			return say(es.PausedCanary, schemas.Undelivered(code).In(l))
		}
		return say(es.PausedCanaryMore)
	case schemas.Reason_REASON_CANCELLED:
		return say(es.Cancelled)
	case schemas.Reason_REASON_REFUSED:
		return schemas.Failed(int(c.GetCode())).In(l)
	case schemas.Reason_REASON_SCHEDULED:
		return until(c, es.Scheduled, es.ScheduledSome, l)
	case schemas.Reason_REASON_WINDOW, schemas.Reason_REASON_WINDOW_IN_FLIGHT:
		return until(c, es.WindowOpens, es.WindowShut, l)
	case schemas.Reason_REASON_PEOPLE_IN_FLIGHT:
		return say(es.PeopleWait, c.GetNumber(), AnsweredIn(c, l))
	case schemas.Reason_REASON_WINDOW_NEVER:
		return say(es.WindowNever)
	case schemas.Reason_REASON_TEMPLATE, schemas.Reason_REASON_TEMPLATE_IN_FLIGHT:
		return say(es.TemplateWaits, c.GetDetail(), since)
	case schemas.Reason_REASON_MEDIA_PENDING:
		return say(es.MediaPending)
	case schemas.Reason_REASON_REPEATED:
		return say(es.RepeatedSome)
	case schemas.Reason_REASON_UNREADABLE:
		return say(es.TaskUnreadable)
	case schemas.Reason_REASON_FOREIGN:
		return say(es.NotItsOwn)
	case schemas.Reason_REASON_SENDER:
		return say(es.SenderNotUsable)
	case schemas.Reason_REASON_INVALID, schemas.Reason_REASON_CONTENT:
		return es.Refused(schemas.CodeContent).In(l)
	}
	return ""
}

// AnsweredIn says why a number waits, without its name and since when: what the Cloud API answered, or what stands for that.
func AnsweredIn(c *schemas.Cause, l es.Language) string {
	if c.GetReason() == schemas.Reason_REASON_PEOPLE_IN_FLIGHT {
		return es.Say(es.PeopleFull, c.GetDetail()).In(l)
	}
	code := es.AccountRefused
	switch c.GetReason() { //nolint:exhaustive // the others are of tasks
	case schemas.Reason_REASON_OUTAGE:
		code = es.Outage
	case schemas.Reason_REASON_CONFIGURATION:
		code = es.Misconfigured
	case schemas.Reason_REASON_THROTTLED:
		code = es.Throttled
	default:
	}
	return answered(c, code, l)
}

// answered is what the Cloud API answered: the words of its code, or else those of the reason, and its details.
func answered(c *schemas.Cause, reason es.Code, l es.Language) string {
	code := int(c.GetCode())
	words := es.Say(reason).In(l)
	if known, ok := waitCodes[code]; ok {
		words = es.Say(known).In(l)
	} else if refused := es.Refused(code); code > 0 && refused.Known() {
		words = refused.In(l)
	}
	if code != 0 {
		words = fmt.Sprintf("(%d) %s", code, words)
	}
	if d := c.GetDetail(); d != "" {
		words += ": " + d
	}
	return words
}

// until says a reason that holds until a moment, by the clock that the broadcast goes by; where the moment is not known, the other sentence.
func until(c *schemas.Cause, code, sometime es.Code, l es.Language) string {
	if c.GetUntilMs() == 0 {
		return es.Say(sometime).In(l)
	}
	zone, err := time.LoadLocation(c.GetTimezone()) // UTC if there is none
	if err != nil {
		zone = time.UTC
	}
	at := time.UnixMilli(c.GetUntilMs()).In(zone)
	return es.Say(code, at.Format("2006-01-02 15:04")+" ("+zone.String()+")").In(l)
}
