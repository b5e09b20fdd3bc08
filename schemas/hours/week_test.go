package hours_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"altavoz/schemas/hours"
)

const everyDay = 0b1111111

func mustNew(t interface{ Fatal(args ...any) }, s hours.Spec) *hours.Week {
	w, err := hours.New(s)
	if err != nil {
		t.Fatal(s, err)
	}
	return w
}

// moment reads a time as RFC 3339 has it.
func moment(t *testing.T, text string) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

func TestWrongSpecsAreRefused(t *testing.T) {
	t.Parallel()
	good := hours.Spec{Zone: "America/Bogota", Holidays: "CO", Spans: []hours.Span{{Days: 1, From: 0, To: hours.DayMinutes}}}
	mustNew(t, good)
	for name, tt := range map[string]struct {
		spoil func(*hours.Spec)
		want  error
	}{
		"no zone":                  {func(s *hours.Spec) { s.Zone = "" }, hours.ErrZone},
		"unknown zone":             {func(s *hours.Spec) { s.Zone = "America/Macondo" }, hours.ErrZone},
		"this machine's zone":      {func(s *hours.Spec) { s.Zone = "Local" }, hours.ErrZone},
		"a file beside the zones":  {func(s *hours.Spec) { s.Zone = "right/America/Bogota" }, hours.ErrZone},
		"a path":                   {func(s *hours.Spec) { s.Zone = "../../etc/passwd" }, hours.ErrZone},
		"a path from above":        {func(s *hours.Spec) { s.Zone = "America/../../Bogota" }, hours.ErrZone},
		"a long zone":              {func(s *hours.Spec) { s.Zone = "A" + strings.Repeat("/A", 40) }, hours.ErrZone},
		"no hours":                 {func(s *hours.Spec) { s.Spans = nil }, hours.ErrSpans},
		"too many hours":           {func(s *hours.Spec) { s.Spans = make([]hours.Span, hours.MaxSpans+1) }, hours.ErrSpans},
		"on no day":                {func(s *hours.Spec) { s.Spans[0].Days = 0 }, hours.ErrDays},
		"on an eighth day":         {func(s *hours.Spec) { s.Spans[0].Days = 1 << 7 }, hours.ErrDays},
		"empty":                    {func(s *hours.Spec) { s.Spans[0].From = hours.DayMinutes }, hours.ErrTimes},
		"over midnight":            {func(s *hours.Spec) { s.Spans[0].From, s.Spans[0].To = 1200, 300 }, hours.ErrTimes},
		"beyond the day":           {func(s *hours.Spec) { s.Spans[0].To = hours.DayMinutes + 1 }, hours.ErrTimes},
		"nobody's holidays":        {func(s *hours.Spec) { s.Holidays = "XX" }, hours.ErrHolidays},
		"holidays in lower case":   {func(s *hours.Spec) { s.Holidays = "co" }, hours.ErrHolidays},
		"holidays of another kind": {func(s *hours.Spec) { s.Holidays = " " }, hours.ErrHolidays},
	} {
		t.Run(name, func(t *testing.T) {
			s := good
			s.Spans = append([]hours.Span(nil), good.Spans...)
			tt.spoil(&s)
			if w, err := hours.New(s); !errors.Is(err, tt.want) || w != nil {
				t.Errorf("%v, want %v", err, tt.want)
			}
		})
	}
}

// ley2300 is Monday to Friday from 7 to 19 and Saturday from 8 to 15, in Colombia.
var ley2300 = hours.Spec{
	Zone: "America/Bogota", Holidays: "CO",
	Spans: []hours.Span{{Days: 0b0111110, From: 7 * 60, To: 19 * 60}, {Days: 0b1000000, From: 8 * 60, To: 15 * 60}},
}

func TestNextOpeningAndClosing(t *testing.T) {
	t.Parallel()
	span := func(zone string, days, from, to uint32) hours.Spec {
		return hours.Spec{Zone: zone, Spans: []hours.Span{{Days: days, From: from, To: to}}}
	}
	const sunday, saturday = 1, 1 << 6
	for name, tt := range map[string]struct {
		spec         hours.Spec
		at, from, to string // from "": at; to "": it is closed as far as one looks
	}{
		"in the middle":           {ley2300, "2026-03-03T10:00:00-05:00", "", "2026-03-03T19:00:00-05:00"},
		"asked from elsewhere":    {ley2300, "2026-03-03T15:00:00Z", "", "2026-03-04T00:00:00Z"},
		"before it opens":         {ley2300, "2026-03-03T06:59:59.999-05:00", "2026-03-03T07:00:00-05:00", "2026-03-03T19:00:00-05:00"},
		"as it opens":             {ley2300, "2026-03-03T07:00:00-05:00", "", "2026-03-03T19:00:00-05:00"},
		"the last moment":         {ley2300, "2026-03-03T18:59:59.999999999-05:00", "", "2026-03-03T19:00:00-05:00"},
		"as it closes":            {ley2300, "2026-03-03T19:00:00-05:00", "2026-03-04T07:00:00-05:00", "2026-03-04T19:00:00-05:00"},
		"Friday night":            {ley2300, "2026-03-06T20:00:00-05:00", "2026-03-07T08:00:00-05:00", "2026-03-07T15:00:00-05:00"},
		"Saturday, and a Monday":  {ley2300, "2026-03-21T15:00:00-05:00", "2026-03-24T07:00:00-05:00", "2026-03-24T19:00:00-05:00"}, // 23 March is San José
		"Holy Week":               {ley2300, "2026-04-01T19:00:00-05:00", "2026-04-04T08:00:00-05:00", "2026-04-04T15:00:00-05:00"},
		"two holidays on one day": {ley2300, "2025-06-28T15:00:00-05:00", "2025-07-01T07:00:00-05:00", "2025-07-01T19:00:00-05:00"},
		"Christmas":               {ley2300, "2026-12-24T19:00:00-05:00", "2026-12-26T08:00:00-05:00", "2026-12-26T15:00:00-05:00"},
		"New Year on a Friday":    {ley2300, "2026-12-31T19:00:00-05:00", "2027-01-02T08:00:00-05:00", "2027-01-02T15:00:00-05:00"},
		"a holiday of the zone":   {ley2300, "2026-05-01T04:59:59Z", "2026-05-02T13:00:00Z", "2026-05-02T20:00:00Z"}, // it is still 30 April there
		"only on holy Mondays":    {hours.Spec{Zone: "America/Bogota", Holidays: "CO", Spans: span("", 2, 0, 600).Spans}, "2026-06-08T00:00:00-05:00", "2026-06-22T00:00:00-05:00", "2026-06-22T10:00:00-05:00"},
		"beyond the horizon":      {hours.Spec{Zone: "America/Bogota", Holidays: "CO", Spans: span("", 2, 0, 600).Spans}, "2026-06-07T23:59:59-05:00", "-", ""},
		"spans that meet":         {hours.Spec{Zone: "UTC", Spans: []hours.Span{{everyDay, 60, 120}, {everyDay, 100, 180}, {everyDay, 180, 200}}}, "2026-03-03T00:00:00Z", "2026-03-03T01:00:00Z", "2026-03-03T03:20:00Z"},
		"over midnight":           {hours.Spec{Zone: "UTC", Spans: []hours.Span{{sunday, 1200, 1440}, {2, 0, 60}}}, "2026-03-01T21:00:00Z", "", "2026-03-02T01:00:00Z"},
		"always":                  {span("UTC", everyDay, 0, 1440), "2026-03-03T10:11:12Z", "", "2026-03-18T00:00:00Z"},
		"a quarter hour off":      {span("Asia/Kathmandu", everyDay, 0, 1), "2026-03-03T18:14:59Z", "2026-03-03T18:15:00Z", "2026-03-03T18:16:00Z"},

		// Clocks go forward from 2 to 3 on 29 March 2026 in Madrid, and back from 3 to 2 on 25 October.
		"hours that do not exist":     {span("Europe/Madrid", sunday, 120, 180), "2026-03-29T00:00:00+01:00", "2026-04-05T02:00:00+02:00", "2026-04-05T03:00:00+02:00"},
		"opening in the gap":          {span("Europe/Madrid", sunday, 150, 240), "2026-03-29T00:00:00+01:00", "2026-03-29T03:00:00+02:00", "2026-03-29T04:00:00+02:00"},
		"closing in the gap":          {span("Europe/Madrid", sunday, 60, 150), "2026-03-29T00:00:00+01:00", "2026-03-29T01:00:00+01:00", "2026-03-29T03:00:00+02:00"},
		"over the gap":                {span("Europe/Madrid", sunday, 60, 240), "2026-03-29T01:30:00+01:00", "", "2026-03-29T04:00:00+02:00"},
		"the hour that comes twice":   {span("Europe/Madrid", sunday, 120, 180), "2026-10-25T00:00:00+02:00", "2026-10-25T02:00:00+02:00", "2026-10-25T03:00:00+01:00"},
		"half of it, first":           {span("Europe/Madrid", sunday, 120, 150), "2026-10-25T00:00:00+02:00", "2026-10-25T02:00:00+02:00", "2026-10-25T02:30:00+02:00"},
		"half of it, again":           {span("Europe/Madrid", sunday, 120, 150), "2026-10-25T02:30:00+02:00", "2026-10-25T02:00:00+01:00", "2026-10-25T02:30:00+01:00"},
		"until the clock is set back": {span("Europe/Madrid", sunday, 60, 150), "2026-10-25T01:00:00+02:00", "", "2026-10-25T02:30:00+02:00"},

		// In Santiago they do it at midnight: Saturday 4 April 2026 has 25 hours, Sunday 6 September begins at 1.
		"a day without midnight": {span("America/Santiago", sunday, 0, 120), "2026-09-05T12:00:00-04:00", "2026-09-06T01:00:00-03:00", "2026-09-06T02:00:00-03:00"},
		"only a midnight":        {span("America/Santiago", sunday, 0, 60), "2026-09-05T12:00:00-04:00", "2026-09-13T00:00:00-03:00", "2026-09-13T01:00:00-03:00"},
		"23 o'clock twice":       {span("America/Santiago", saturday, 1380, 1440), "2026-04-04T12:00:00-03:00", "2026-04-04T23:00:00-03:00", "2026-04-05T00:00:00-04:00"},
		"half past, in between":  {span("America/Santiago", saturday, 1380, 1410), "2026-04-04T23:45:00-03:00", "2026-04-04T23:00:00-04:00", "2026-04-04T23:30:00-04:00"},

		// Samoa had no 30 December 2011, a Friday.
		"a day that was not": {span("Pacific/Apia", 1<<5, 0, 1440), "2011-12-29T12:00:00-10:00", "2012-01-06T00:00:00+14:00", "2012-01-07T00:00:00+14:00"},
	} {
		t.Run(name, func(t *testing.T) {
			w, at := mustNew(t, tt.spec), moment(t, tt.at)
			from, to, ok := w.Opening(at)
			if tt.from == "-" {
				if ok {
					t.Errorf("opens at %v", from)
				}
				return
			}
			if tt.from == "" {
				tt.from = tt.at
			}
			if !ok || !from.Equal(moment(t, tt.from)) || !to.Equal(moment(t, tt.to)) {
				t.Errorf("from %v to %v, want %s, %s", from.UTC(), to.UTC(), tt.from, tt.to)
			}
		})
	}
}

// spec draws weeks, odd ones among them.
func spec(t *rapid.T) hours.Spec {
	s := hours.Spec{
		Zone: rapid.SampledFrom([]string{
			"America/Bogota", "America/Santiago", "Europe/Madrid", "Australia/Lord_Howe", "Asia/Kathmandu", "America/Havana", "Africa/Casablanca", "UTC",
		}).Draw(t, "zone"),
		Holidays: rapid.SampledFrom([]string{"", "CO"}).Draw(t, "holidays"),
	}
	for range rapid.IntRange(1, 4).Draw(t, "spans") {
		from := rapid.Uint32Range(0, hours.DayMinutes-1).Draw(t, "from")
		s.Spans = append(s.Spans, hours.Span{
			Days: rapid.Uint32Range(1, everyDay).Draw(t, "days"), From: from, To: rapid.Uint32Range(from+1, hours.DayMinutes).Draw(t, "to"),
		})
	}
	return s
}

// TestSimulatedOpeningIsWhatEveryMinuteSays asks minute by minute, by the clock on the wall and by nothing else, and finds the same.
func TestSimulatedOpeningIsWhatEveryMinuteSays(t *testing.T) {
	t.Parallel()
	begin, end := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).Unix(), time.Date(2028, 1, 1, 0, 0, 0, 0, time.UTC).Unix()
	// Most begin near a day on which a clock is set.
	changes := []int64{
		time.Date(2026, 3, 28, 12, 0, 0, 0, time.UTC).Unix(), time.Date(2026, 4, 4, 12, 0, 0, 0, time.UTC).Unix(),
		time.Date(2026, 9, 5, 12, 0, 0, 0, time.UTC).Unix(), time.Date(2026, 10, 24, 12, 0, 0, 0, time.UTC).Unix(),
	}
	rapid.Check(t, func(t *rapid.T) {
		s := spec(t)
		w := mustNew(t, s)
		zone, err := time.LoadLocation(s.Zone)
		if err != nil {
			t.Fatal(err)
		}
		open := func(at time.Time) bool {
			at = at.In(zone)
			if s.Holidays != "" && hours.IsHoliday(s.Holidays, at) {
				return false
			}
			for _, p := range s.Spans {
				clock := at.Format("15:04")
				from, to := fmt.Sprintf("%02d:%02d", p.From/60, p.From%60), fmt.Sprintf("%02d:%02d", p.To/60, p.To%60)
				if p.Days>>int(at.Weekday())&1 == 1 && from <= clock && clock < to {
					return true
				}
			}
			return false
		}
		at := time.Unix(rapid.OneOf(rapid.Int64Range(begin, end), rapid.SampledFrom(changes)).Draw(t, "at"), rapid.Int64Range(0, 999_999_999).Draw(t, "nanoseconds"))
		from, to, ok := w.Opening(at)
		if w.Open(at) != open(at) || ok && (open(at) != from.Equal(at) || from.Before(at) || !from.Before(to)) {
			t.Fatalf("at %v: %v to %v", at, from, to)
		}
		until := at.Add(3 * 24 * time.Hour)
		for m := at; m.Before(until); m = m.Truncate(time.Minute).Add(time.Minute) {
			switch is := open(m); {
			case is && (!ok || m.Before(from)):
				t.Fatalf("open at %v, before %v", m, from)
			case !is && ok && !m.Before(from) && m.Before(to):
				t.Fatalf("closed at %v, between %v and %v", m, from, to)
			case is && ok && m.Equal(to) && to.Before(at.Add(hours.Horizon)):
				t.Fatalf("still open at %v", m)
			}
		}
		// Later never means earlier.
		later := at.Add(time.Duration(rapid.Int64Range(0, int64(48*time.Hour)).Draw(t, "later")))
		if f, e, found := w.Opening(later); ok && found && (f.Before(from) || e.Before(to) && e.Sub(later) < hours.Horizon && to.Sub(at) < hours.Horizon) {
			t.Fatalf("at %v from %v to %v, and later, at %v, from %v to %v", at, from, to, later, f, e)
		}
	})
}

func TestFormRoundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := spec(t)
		text, err := s.Format()
		if err != nil {
			t.Fatal(err)
		}
		if got, err := hours.Parse(text); err != nil || !cmp.Equal(s, got) {
			t.Fatalf("%s is read as %v, %v; want the same hours", text, got, err)
		}
	})
}

func TestWrongFormsAreRefused(t *testing.T) {
	t.Parallel()
	week := func(members string) string { return `{"timezone":"UTC","hours":[{` + members + `}]}` }
	for _, tt := range []struct {
		text string
		want error
	}{
		{week(`"days":["mon-fri","sun"],"from":"00:00","to":"24:00"`), nil},
		{week(`"days":["mon"],"from":"7:00","to":"19:00"`), hours.ErrTimes},
		{week(`"days":["mon"],"from":"07:00","to":"24:01"`), hours.ErrTimes},
		{week(`"days":["mon"],"from":"07:60","to":"19:00"`), hours.ErrTimes},
		{week(`"days":["mon"],"from":"07:00"`), hours.ErrTimes},
		{week(`"days":["mon"],"from":"+7:00","to":"19:00"`), hours.ErrTimes},
		{week(`"days":["Mon"],"from":"07:00","to":"19:00"`), hours.ErrDays},
		{week(`"days":["mon-"],"from":"07:00","to":"19:00"`), hours.ErrDays},
		{week(`"days":["mon-tue-wed"],"from":"07:00","to":"19:00"`), hours.ErrDays},
		{week(`"days":"mon","from":"07:00","to":"19:00"`), hours.ErrForm},
		{week(`"days":["mon"],"from":7,"to":"19:00"`), hours.ErrForm},
		{week(`"day":["mon"],"from":"07:00","to":"19:00"`), hours.ErrForm},
		{`{"zone":"UTC"}`, hours.ErrForm},
		{`[]`, hours.ErrForm},
		{`7`, hours.ErrForm},
		{``, hours.ErrForm},
		{`{`, hours.ErrForm},
	} {
		t.Run(tt.text, func(t *testing.T) {
			if _, err := hours.Parse([]byte(tt.text)); !errors.Is(err, tt.want) {
				t.Errorf("%v, want %v", err, tt.want)
			}
		})
	}
	s, err := hours.Parse([]byte(week(`"days":["fri-mon"],"from":"07:00","to":"19:00"`)))
	if err != nil || s.Spans[0] != (hours.Span{Days: 0b1100011, From: 420, To: 1140}) {
		t.Errorf("got %v, %v; want 7:00 to 19:00 on Sundays, Mondays, Fridays and Saturdays", s, err)
	}
}

func FuzzParse(f *testing.F) {
	text, err := ley2300.Format()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add([]byte(`{"timezone":"America/Santiago","hours":[{"days":["sat-sun"],"from":"23:00","to":"24:00"}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		s, err := hours.Parse(text)
		if err != nil {
			return
		}
		if w, err := hours.New(s); err == nil {
			w.Opening(time.Unix(1_772_000_000, 0))
			if again, err := s.Format(); err != nil {
				t.Fatal(err)
			} else if got, err := hours.Parse(again); err != nil || !cmp.Equal(s, got) {
				t.Fatalf("%s is read as %v, %v; want the same hours", again, got, err)
			}
		}
	})
}

func BenchmarkNew(b *testing.B) {
	for b.Loop() {
		if _, err := hours.New(ley2300); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkOpening(b *testing.B) {
	w := mustNew(b, ley2300)
	at := time.Date(2026, 4, 1, 20, 0, 0, 0, time.UTC)
	for b.Loop() {
		w.Opening(at)
	}
}
