package hours

import (
	"errors"
	"path"
	"sync"
	"time"
	_ "time/tzdata" // used where the system has no time zones
)

const (
	// Horizon is how far ahead an opening is looked for, and how far one reaches: a day more than a task lives.
	Horizon = 14 * 24 * time.Hour
	// MaxSpans is how many spans a week may have: three on each day.
	MaxSpans = 21
	// DayMinutes is the end of a day.
	DayMinutes = 24 * 60

	daysOfWeek = 7
	maxZone    = 64 // bytes of a time zone's name; the longest one has 32
)

// What may be wrong with a Spec.
var (
	ErrZone     = errors.New("not the IANA name of a time zone")
	ErrSpans    = errors.New("no hours, or too many")
	ErrDays     = errors.New("not days of the week")
	ErrTimes    = errors.New("hours that don't end after they begin, on the same day")
	ErrHolidays = errors.New("not a country whose holidays are known")
)

// Span is some hours on some days of the week.
type Span struct {
	Days     uint32 // bit n is weekday n; Sunday is 0
	From, To uint32 // minutes since midnight by the clock on the wall: [From, To)
}

// Spec says when a week is open: in any of its spans, except on holidays.
type Spec struct {
	Zone     string // IANA name
	Spans    []Span
	Holidays string // ISO 3166 country; empty: none
}

// Week is a Spec that was found to be good.
type Week struct {
	zone    *time.Location
	spans   []Span
	holiday func(day time.Time) bool // nil: none
}

// New finds what a Spec names. Its error is one of the above.
func New(s Spec) (*Week, error) {
	zone, err := location(s.Zone)
	if err != nil {
		return nil, err
	}
	if len(s.Spans) == 0 || len(s.Spans) > MaxSpans {
		return nil, ErrSpans
	}
	for _, p := range s.Spans {
		switch {
		case p.Days == 0 || p.Days >= 1<<daysOfWeek:
			return nil, ErrDays
		case p.From >= p.To || p.To > DayMinutes:
			return nil, ErrTimes
		}
	}
	holiday, ok := holidays[s.Holidays]
	if !ok && s.Holidays != "" {
		return nil, ErrHolidays
	}
	return &Week{zone: zone, spans: s.Spans, holiday: holiday}, nil
}

// zones are those that were asked for by name. There are no more than the system's database has.
var zones sync.Map // string to *time.Location

// location finds a time zone, in a file of the system's when it is asked for the first time. Names in lower case are files that some systems keep beside the zones, and Local is what
// this machine happens to be set to: neither means the same everywhere.
func location(name string) (*time.Location, error) {
	if name == "" || len(name) > maxZone || name[0] < 'A' || name[0] > 'Z' || name == "Local" {
		return nil, ErrZone
	}
	if zone, ok := zones.Load(name); ok {
		return zone.(*time.Location), nil
	}
	zone, err := time.LoadLocation(name)
	if err != nil {
		return nil, ErrZone
	}
	if path.Clean(name) == name { // else a stranger could fill it with other ways to write one name
		zones.Store(name, zone)
	}
	return zone, nil
}

// Open reports whether the week is open.
func (w *Week) Open(at time.Time) bool {
	at = at.In(w.zone)
	day, minute := uint32(1)<<at.Weekday(), minuteOf(at)
	for _, p := range w.spans {
		if p.Days&day != 0 && p.From <= minute && minute < p.To {
			return w.holiday == nil || !w.holiday(at)
		}
	}
	return false
}

// Opening returns the opening that contains at, from at on, or else the next one: it is open from the one moment on, and
// closed again at the other. One that goes on beyond the horizon is cut short there; false says that none begins before it.
func (w *Week) Opening(at time.Time) (from, to time.Time, ok bool) {
	from, end := at, at.Add(Horizon)
	for !w.Open(from) {
		if from = w.edge(from); from.After(end) {
			return time.Time{}, time.Time{}, false
		}
	}
	for to = w.edge(from); w.Open(to) && to.Before(end); {
		to = w.edge(to)
	}
	return from, to, true
}

// edge returns the first moment after at when the week may open or close: where a span or the day ends or begins, or the
// clock on the wall is set to another time, if that comes first. In between that clock runs evenly.
func (w *Week) edge(at time.Time) time.Time {
	at = at.In(w.zone)
	minute, next := minuteOf(at), uint32(DayMinutes)
	for _, p := range w.spans {
		for _, e := range [...]uint32{p.From, p.To} {
			if e > minute && e < next {
				next = e
			}
		}
	}
	passed := time.Duration(at.Second())*time.Second + time.Duration(at.Nanosecond())
	edge := at.Add(time.Duration(next-minute)*time.Minute - passed)
	if _, set := at.ZoneBounds(); !set.IsZero() && set.Before(edge) {
		return set
	}
	return edge
}

func minuteOf(t time.Time) uint32 { return uint32(t.Hour()*60 + t.Minute()) }
