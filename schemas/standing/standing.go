// Package standing folds what was said of sender numbers as a whole: by Meta in webhooks, and by senders that found out since.
package standing

import (
	"slices"
	"strings"
	"time"

	"altavoz/schemas"
	"altavoz/stream"
)

// State is what was said of a sender number as a whole: the fold of its records in the topic controls.
type State struct {
	Number  string
	Stopped *schemas.NumberEvent   // the last word that it may not send; nil: there is none
	Risk    *schemas.NumberEvent   // the last warning; without a detail it was taken back
	WorksMs int64                  // what was heard until then does not count any more
	Reports []*schemas.NumberEvent // of processes that can't send as they might; shared, and only to be read
	// People is what was last said of to how many people its business may write; nil: nothing was.
	People *schemas.NumberEvent
	// Templates are those of its account of which something was said.
	Templates Templates
}

const (
	// ReportEvery is how often a process says again that it can't send as it might.
	ReportEvery = 30 * time.Second
	// ReportLife is for how long that counts: a process that ended says nothing any more. Three are missed then, and clocks may differ.
	ReportLife = 2 * time.Minute
	// maxReports bounds the processes that are kept of a number; the latest stay.
	maxReports = 256
)

// Fold takes in an event. Of each kind the later one counts, whatever the order in which they come.
func (s State) Fold(e *schemas.NumberEvent) State {
	later := func(was *schemas.NumberEvent) *schemas.NumberEvent {
		if was.GetAtMs() > e.GetAtMs() {
			return was
		}
		return e
	}
	s.Number = e.GetNumber()
	switch e.GetKind() {
	case schemas.NumberEventKind_NUMBER_EVENT_KIND_STOPPED:
		s.Stopped = later(s.Stopped)
	case schemas.NumberEventKind_NUMBER_EVENT_KIND_AT_RISK:
		s.Risk = later(s.Risk)
	case schemas.NumberEventKind_NUMBER_EVENT_KIND_WORKS:
		s.WorksMs = max(s.WorksMs, e.GetAtMs())
	case schemas.NumberEventKind_NUMBER_EVENT_KIND_PROCESS:
		s.Reports = s.withReport(e)
	case schemas.NumberEventKind_NUMBER_EVENT_KIND_TEMPLATE:
		s.Templates = s.Templates.With(e)
	case schemas.NumberEventKind_NUMBER_EVENT_KIND_PEOPLE:
		s.People = later(s.People)
	case schemas.NumberEventKind_NUMBER_EVENT_KIND_UNSPECIFIED: // of a newer version
	}
	return s
}

// withReport returns the reports with that of one process in the place of its last one, and without those that had no time left by then.
func (s State) withReport(e *schemas.NumberEvent) []*schemas.NumberEvent {
	old := e.GetAtMs() - ReportLife.Milliseconds()
	out := slices.DeleteFunc(slices.Clone(s.Reports), func(r *schemas.NumberEvent) bool {
		return r.GetProcess() == e.GetProcess() || r.GetAtMs() < old
	})
	if e.GetCause().GetReason() != schemas.Reason_REASON_NONE {
		out = append(out, e)
	}
	return out[max(0, len(out)-maxReports):]
}

// Reporting returns the processes that can't send as they might, as far as what they said is not too old.
func (s State) Reporting(now time.Time) (out []*schemas.NumberEvent) {
	for _, r := range s.Reports {
		if now.UnixMilli()-r.GetAtMs() < ReportLife.Milliseconds() { //mutant:report-of-a-process-that-ended-does-not-count
			out = append(out, r)
		}
	}
	return out
}

// Full reports whether sends of the number wait because its business may not write to more people now.
func (s State) Full(now time.Time) bool {
	return slices.ContainsFunc(s.Reporting(now), func(r *schemas.NumberEvent) bool {
		return r.GetCause().GetReason() == schemas.Reason_REASON_PEOPLE_IN_FLIGHT
	})
}

// Halts reports whether the number may not send.
func (s State) Halts() bool { return s.Stopped.GetAtMs() > s.WorksMs }

// Warns reports whether Meta warns that it may soon be so.
func (s State) Warns() bool { return s.Risk.GetAtMs() > s.WorksMs && s.Risk.GetDetail() != "" }

// numberKey begins the keys of events of numbers: no task's id does.
const numberKey = "number/"

// Encode makes the record of an event. Each kind has a key of its own, so that compaction takes no kind's last word away.
func Encode(e *schemas.NumberEvent) stream.Record {
	key := numberKey + e.GetNumber() + "/" + strings.ToLower(e.GetKind().String())
	if e.GetProcess() != "" {
		key += "/" + e.GetProcess()
	}
	if e.GetTemplate() != "" {
		key += "/" + keyOf(e)
	}
	return schemas.Encode(schemas.TopicControls, key, e)
}

// Decode reads a record of the topic controls; ours is false where it is of a task. Of a tombstone the event is nil.
func Decode(rec *stream.Record) (e *schemas.NumberEvent, ours bool, err error) {
	if !strings.HasPrefix(string(rec.Key), numberKey) {
		return nil, false, nil
	}
	if len(rec.Value) == 0 {
		return nil, true, nil
	}
	e = new(schemas.NumberEvent)
	if err := schemas.Decode(rec, e); err != nil {
		return nil, true, err
	}
	return e, true, nil
}
