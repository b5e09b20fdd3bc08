package hours

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
)

// ErrForm is the error of JSON that is not a Spec's.
var ErrForm = errors.New("not hours as they are written")

// form is a Spec as requests write it, in JSON.
type form struct {
	Timezone string `json:"timezone"`
	Hours    []line `json:"hours"`
	Holidays string `json:"holidays,omitzero"`
}

type line struct {
	Days []string `json:"days"` // mon, or mon-fri
	From string   `json:"from"` // 07:00
	To   string   `json:"to"`   // until 24:00
}

var dayNames = []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}

// Parse reads a Spec as requests write it. Its error is one of this package's; what they name may still not exist: see New.
//
//	{"timezone":"America/Bogota","hours":[{"days":["mon-fri"],"from":"07:00","to":"19:00"}],"holidays":"CO"}
func Parse(text []byte) (Spec, error) {
	var f form
	if err := json.Unmarshal(text, &f, json.RejectUnknownMembers(true)); err != nil {
		return Spec{}, fmt.Errorf("%w: %w", ErrForm, err)
	}
	s := Spec{Zone: f.Timezone, Holidays: f.Holidays}
	for _, l := range f.Hours {
		p := Span{}
		for _, d := range l.Days {
			bits, ok := parseDays(d)
			if !ok {
				return Spec{}, ErrDays
			}
			p.Days |= bits
		}
		var begins, ends bool
		p.From, begins = parseMinutes(l.From)
		if p.To, ends = parseMinutes(l.To); !begins || !ends {
			return Spec{}, ErrTimes
		}
		s.Spans = append(s.Spans, p)
	}
	return s, nil
}

// parseDays reads a day, or the days from one to another.
func parseDays(text string) (bits uint32, ok bool) {
	first, last, several := strings.Cut(text, "-")
	if !several {
		last = first
	}
	from, to := slices.Index(dayNames, first), slices.Index(dayNames, last)
	if from < 0 || to < 0 {
		return 0, false
	}
	for day := from; ; day = (day + 1) % daysOfWeek {
		bits |= 1 << day
		if day == to {
			return bits, true
		}
	}
}

// parseMinutes reads a time of day, 24:00 included.
func parseMinutes(text string) (uint32, bool) {
	h, m, ok := strings.Cut(text, ":")
	hour, err := strconv.ParseUint(h, 10, 8)
	minute, err2 := strconv.ParseUint(m, 10, 8)
	if !ok || err != nil || err2 != nil || len(h) != 2 || len(m) != 2 || minute >= 60 {
		return 0, false
	}
	at := uint32(hour*60 + minute)
	return at, at <= DayMinutes
}

// Format writes what Parse reads.
func (s Spec) Format() ([]byte, error) {
	f := form{Timezone: s.Zone, Holidays: s.Holidays, Hours: make([]line, len(s.Spans))}
	for i, p := range s.Spans {
		clock := func(minutes uint32) string { return fmt.Sprintf("%02d:%02d", minutes/60, minutes%60) }
		f.Hours[i] = line{From: clock(p.From), To: clock(p.To)}
		for day, name := range dayNames {
			if p.Days&(1<<day) != 0 {
				f.Hours[i].Days = append(f.Hours[i].Days, name)
			}
		}
	}
	text, err := json.Marshal(&f)
	if err != nil {
		return nil, fmt.Errorf("writing hours: %w", err)
	}
	return text, nil
}
