package schemas

import (
	"errors"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"altavoz/schemas/hours"
)

// PresetLey2300 is when Ley 2300 of 2023 lets companies in Colombia write to consumers.
const PresetLey2300 = "ley-2300"

const maxPreset = 64 // bytes of a preset's name, which later versions may have more of

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

func (x *Window) spec() hours.Spec {
	s := hours.Spec{Zone: x.GetTimezone(), Holidays: x.GetHolidays(), Spans: make([]hours.Span, len(x.GetHours()))}
	for i, h := range x.GetHours() {
		s.Spans[i] = hours.Span{Days: h.GetDays(), From: h.GetFrom(), To: h.GetTo()}
	}
	return s
}

// Opening returns the opening of the window that contains at, from at on, or else the next one: it is open from the one
// moment on, and closed from the other on. It is false, and never open, if it does not open within hours.Horizon, or is
// no window that Check would pass. No window at all is always open, as far as that reaches.
//
// It takes some 20 µs, most of it to find the time zone: whoever asks often keeps the answer, which holds until the
// opening ends.
func (x *Window) Opening(at time.Time) (from, to time.Time, ok bool) {
	if x == nil {
		return at, at.Add(hours.Horizon), true
	}
	w, err := hours.New(x.spec())
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

// Check returns what is wrong with a window, one of the errors of hours, or nil.
func (x *Window) Check() error {
	if x == nil {
		return nil
	}
	if len(x.GetPreset()) > maxPreset {
		return hours.ErrForm
	}
	_, err := hours.New(x.spec())
	return err
}

// ErrPreset is the error of the name of a preset that there is not.
var ErrPreset = errors.New("there is no such preset")

// UnmarshalJSON reads a window as requests write it: the name of a preset, or hours. Its error is ErrPreset or one of those of hours.
func (x *Window) UnmarshalJSON(text []byte) error {
	if name, err := jsontext.AppendUnquote(nil, text); err == nil {
		w := Preset(string(name))
		if w == nil {
			return ErrPreset
		}
		x.Preset, x.Timezone, x.Hours, x.Holidays = w.Preset, w.Timezone, w.Hours, w.Holidays
		return nil
	}
	s, err := hours.Parse(text)
	if err == nil {
		_, err = hours.New(s)
	}
	if err != nil {
		return err
	}
	x.Preset, x.Timezone, x.Hours, x.Holidays = "", s.Zone, make([]*Hours, len(s.Spans)), s.Holidays
	for i, p := range s.Spans {
		x.Hours[i] = &Hours{Days: p.Days, From: p.From, To: p.To}
	}
	return nil
}

// MarshalJSON writes a window as requests write it; one that was made from a preset by its name.
func (x *Window) MarshalJSON() ([]byte, error) {
	if x.GetPreset() != "" {
		return jsontext.AppendQuote(nil, x.GetPreset())
	}
	return x.spec().Format()
}
