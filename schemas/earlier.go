package schemas

import (
	"strconv"
	"strings"
	"time"

	"altavoz/schemas/es"
)

// Versions before causes wrote why a task waits or ended in Spanish words only, and whoever took it over read what had been decided out of the
// words. This file is the one place that still does: records of theirs lie in Kafka for weeks.

// earlierForms are what those versions wrote, up to where a time, a reason or an id follows.
var earlierForms = []struct {
	phase  Phase
	code   es.Code
	reason Reason
}{
	{Phase_PHASE_PAUSED, es.Paused, Reason_REASON_PAUSED},
	{Phase_PHASE_PAUSED, es.PausedCanary, Reason_REASON_CANARY},
	{Phase_PHASE_CANCELLED, es.Cancelled, Reason_REASON_CANCELLED},
	{Phase_PHASE_WAITING, es.Scheduled, Reason_REASON_SCHEDULED},
	{Phase_PHASE_WAITING, es.WindowOpens, Reason_REASON_WINDOW},
	{Phase_PHASE_WAITING, es.WindowNever, Reason_REASON_WINDOW_NEVER},
	{Phase_PHASE_WAITING, es.MediaPending, Reason_REASON_MEDIA_PENDING},
	{Phase_PHASE_FAILED, es.Repeated, Reason_REASON_REPEATED},
	{Phase_PHASE_FAILED, es.EventUnreadable, Reason_REASON_UNREADABLE},
	{Phase_PHASE_FAILED, es.TaskUnreadable, Reason_REASON_UNREADABLE},
	{Phase_PHASE_FAILED, es.ListUnreadable, Reason_REASON_UNREADABLE},
	{Phase_PHASE_FAILED, es.ListIncomplete, Reason_REASON_INVALID},
	{Phase_PHASE_FAILED, es.NotItsOwn, Reason_REASON_FOREIGN},
	{Phase_PHASE_FAILED, es.WindowNotValid, Reason_REASON_INVALID},
	{Phase_PHASE_FAILED, es.ScheduleTooFar, Reason_REASON_INVALID},
	{Phase_PHASE_FAILED, es.NoMessage, Reason_REASON_INVALID},
	{Phase_PHASE_FAILED, es.MessageTooLong, Reason_REASON_INVALID},
	{Phase_PHASE_FAILED, es.SenderMissing, Reason_REASON_SENDER},
	{Phase_PHASE_FAILED, es.SenderUnknown, Reason_REASON_SENDER},
}

// earlierCause reads a cause out of words; nil where they are of none that is known.
func earlierCause(p Phase, words string) *Cause {
	if words == "" {
		return nil
	}
	if code, ok := metasCode(words); ok && p == Phase_PHASE_STOPPED {
		return &Cause{Reason: Reason_REASON_REFUSED, Code: code}
	}
	for _, f := range earlierForms {
		rest, ok := f.code.Match(words)
		if f.phase != p || !ok {
			continue
		}
		c := &Cause{Reason: f.reason}
		switch f.reason { //nolint:exhaustive // of the others the sentence is all
		case Reason_REASON_CANARY:
			c.Code, _ = metasCode(rest)
		case Reason_REASON_SCHEDULED, Reason_REASON_WINDOW:
			if at, zone, ok := earlierTime(rest); ok {
				c = Until(f.reason, at, zone).Cause()
			}
		case Reason_REASON_REPEATED, Reason_REASON_SENDER, Reason_REASON_INVALID, Reason_REASON_UNREADABLE, Reason_REASON_FOREIGN:
			c.Sentence = string(f.code)
			if rest != "" {
				c.Args = []string{rest}
			}
		}
		return c
	}
	return nil
}

// metasCode reads "(131026) words".
func metasCode(words string) (int32, bool) {
	number, _, ok := strings.Cut(strings.TrimPrefix(words, "("), ") ")
	n, err := strconv.ParseInt(number, 10, 32)
	return int32(n), ok && err == nil && strings.HasPrefix(words, "(")
}

// earlierTime reads "2026-03-02 07:00 (America/Bogota)"; what is no such time is none.
func earlierTime(words string) (at time.Time, zone string, ok bool) {
	clock, name, _ := strings.Cut(strings.TrimSuffix(words, ")"), " (")
	loc, err := time.LoadLocation(name)
	if err != nil {
		return time.Time{}, "", false
	}
	at, err = time.ParseInLocation(clockLayout, clock, loc)
	return at, name, err == nil
}

// clockLayout is how people read until when a task waits.
const clockLayout = "2006-01-02 15:04"

// OwnReason returns the reason that a line of x has for itself. Versions before causes wrote that of its state, or of the task, into
// those that had none.
func (x *Status) OwnReason(l *ErrorLine) string {
	switch l.GetReason() {
	case RecipientState(l.GetMark()).Spanish():
		return ""
	case x.GetWhy():
		if p := x.GetPhase(); p == Phase_PHASE_FAILED || p == Phase_PHASE_STOPPED {
			return ""
		}
	}
	return l.GetReason()
}
