package schemas

import (
	"time"

	"altavoz/schemas/hours"
)

// PresetLey2300 is when Ley 2300 of 2023 lets companies in Colombia write to consumers.
const PresetLey2300 = "ley-2300"

// Preset returns the window of that name; nil if there is none.
func Preset(name string) *Window {
	if name != PresetLey2300 {
		return nil
	}
	const mondayToFriday, saturday = 0b0111110, 0b1000000
	return &Window{
		Preset: name, Timezone: "America/Bogota", Holidays: "CO",
		Hours: []*Hours{{Days: mondayToFriday, From: 7 * 60, To: 19 * 60}, {Days: saturday, From: 8 * 60, To: 15 * 60}},
	}
}

// week makes the window what can be asked. It takes some 20 µs, most of it for the time zone.
func (x *Window) week() (*hours.Week, error) {
	s := hours.Spec{Zone: x.GetTimezone(), Holidays: x.GetHolidays(), Spans: make([]hours.Span, len(x.GetHours()))}
	for i, h := range x.GetHours() {
		s.Spans[i] = hours.Span{Days: h.GetDays(), From: h.GetFrom(), To: h.GetTo()}
	}
	return hours.New(s)
}

// Opening returns the opening of the window that contains at, from at on, or else the next one: it is open from the one
// moment on, and closed from the other on. It is false, and never open, if it does not open within hours.Horizon, or is
// no window that Check would pass. No window at all is always open, as far as that reaches.
//
// Whoever asks often keeps the answer: it holds until the opening ends.
func (x *Window) Opening(at time.Time) (from, to time.Time, ok bool) {
	if x == nil {
		return at, at.Add(hours.Horizon), true
	}
	w, err := x.week()
	if err != nil {
		return time.Time{}, time.Time{}, false
	}
	return w.Opening(at)
}

// Open reports whether sends may start at that moment.
func (x *Window) Open(at time.Time) bool {
	from, ok := x.Next(at)
	return ok && from.Equal(at)
}

// Next returns the earliest moment at or after at when sends may start.
func (x *Window) Next(at time.Time) (time.Time, bool) {
	from, _, ok := x.Opening(at)
	return from, ok
}
