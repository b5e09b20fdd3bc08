package hours

import (
	"slices"
	"time"
)

// holidays are the countries whose holidays are known: each says whether a day, by its own date, is one.
var holidays = map[string]func(day time.Time) bool{"CO": colombian}

type date struct {
	month time.Month
	day   int
	since int // year; 0: as long as anybody asks about
}

// The holidays of Colombia, by Ley 51 of 1983 (Ley Emiliani) and, for Our Lady of Chiquinquirá on 9 July, Ley 2578 of 2026.
// Two may fall on one day, as on 30 June 2025.
var (
	// fixedCO stay where they are.
	fixedCO = []date{
		{month: time.January, day: 1},
		{month: time.May, day: 1},
		{month: time.July, day: 20},
		{month: time.August, day: 7},
		{month: time.December, day: 8},
		{month: time.December, day: 25},
	}
	// movedCO go to the next Monday, if they don't fall on one.
	movedCO = []date{
		{month: time.January, day: 6},
		{month: time.March, day: 19},
		{month: time.June, day: 29},
		{month: time.July, day: 9, since: 2026},
		{month: time.August, day: 15},
		{month: time.October, day: 12},
		{month: time.November, day: 1},
		{month: time.November, day: 11},
	}
	// easterCO are so many days after Easter Sunday: Maundy Thursday, Good Friday, and, on the Mondays to which they are
	// moved, Ascension, Corpus Christi and the Sacred Heart.
	easterCO = []int{-3, -2, 43, 64, 71}
)

// colombian reports whether the day is a holiday in Colombia.
func colombian(day time.Time) bool {
	year, month, n := day.Date()
	if slices.Contains(fixedCO, date{month: month, day: n}) {
		return true
	}
	at := days(year, month, n)
	if day.Weekday() == time.Monday {
		for _, m := range movedCO {
			if late := at - days(year, m.month, m.day); year >= m.since && late >= 0 && late < daysOfWeek {
				return true
			}
		}
	}
	return slices.Contains(easterCO, at-days(year, easterMonth, easterDay(year)))
}

// days counts the days from some day on.
func days(year int, month time.Month, day int) int {
	return int(time.Date(year, month, day, 0, 0, 0, 0, time.UTC).Unix() / (24 * 60 * 60))
}

const easterMonth = time.March

// easterDay returns Easter Sunday of a year of the Gregorian calendar, as a day of March that may lie beyond its end.
// It is the rule of Meeus, Jones and Butcher.
func easterDay(year int) int {
	a, b, c := year%19, year/100, year%100
	d := (19*a + b - b/4 - (b-(b+8)/25+1)/3 + 15) % 30
	e := (32 + 2*(b%4) + 2*(c/4) - d - c%4) % 7
	return 22 + d + e - 7*((a+11*d+22*e)/451)
}
