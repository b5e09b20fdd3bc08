package hours_test

import (
	"testing"
	"time"

	"altavoz/schemas/hours"
)

// published are the holidays of Colombia as they were published for these years: month and day, in order. From 2026 on there
// is one more (Ley 2578 of 2026), on 13 July for the first time.
var published = map[int]string{
	2011: "01-01 01-10 03-21 04-21 04-22 05-01 06-06 06-27 07-04 07-20 08-07 08-15 10-17 11-07 11-14 12-08 12-25",
	2023: "01-01 01-09 03-20 04-06 04-07 05-01 05-22 06-12 06-19 07-03 07-20 08-07 08-21 10-16 11-06 11-13 12-08 12-25",
	2024: "01-01 01-08 03-25 03-28 03-29 05-01 05-13 06-03 06-10 07-01 07-20 08-07 08-19 10-14 11-04 11-11 12-08 12-25",
	2025: "01-01 01-06 03-24 04-17 04-18 05-01 06-02 06-23 06-30 07-20 08-07 08-18 10-13 11-03 11-17 12-08 12-25",
	2026: "01-01 01-12 03-23 04-02 04-03 05-01 05-18 06-08 06-15 06-29 07-13 07-20 08-07 08-17 10-12 11-02 11-16 12-08 12-25",
	2027: "01-01 01-11 03-22 03-25 03-26 05-01 05-10 05-31 06-07 07-05 07-12 07-20 08-07 08-16 10-18 11-01 11-15 12-08 12-25",
}

func colombianHolidays(year int) (out string) {
	for day := time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC); day.Year() == year; day = day.AddDate(0, 0, 1) {
		if hours.IsHoliday("CO", day) {
			if out != "" {
				out += " "
			}
			out += day.Format("01-02")
		}
	}
	return out
}

func TestHolidaysOfColombiaAsPublished(t *testing.T) {
	t.Parallel()
	for year, want := range published {
		if got := colombianHolidays(year); got != want {
			t.Errorf("%d:\n got %s\nwant %s", year, got, want)
		}
	}
}

// Easter in years where rules of thumb go wrong, and at the earliest and the latest it can be.
func TestMovableHolidaysFollowEaster(t *testing.T) {
	t.Parallel()
	for _, easter := range []string{
		"1954-04-18", "1981-04-19", "2000-04-23", "2008-03-23", "2038-04-25", "2049-04-18", "2076-04-19", "2285-03-22",
	} {
		sunday, err := time.Parse(time.DateOnly, easter)
		if err != nil {
			t.Fatal(err)
		}
		for days, want := range map[int]bool{-3: true, -2: true, -4: false, -1: false, 0: false, 43: true, 64: true, 71: true, 68: false} {
			if got := hours.IsHoliday("CO", sunday.AddDate(0, 0, days)); got != want {
				t.Errorf("%d days after Easter %s: %v; want %v", days, easter, got, want)
			}
		}
	}
}
