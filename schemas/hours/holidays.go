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
}

// The holidays of Colombia, by Ley 51 of 1983 (Ley Emiliani) and the laws that it refers to. Two may fall on one day, as on
// 30 June 2025.
var (
	// fixedCO stay where they are.
	fixedCO = []date{
		{time.January, 1}, {time.May, 1}, {time.July, 20}, {time.August, 7}, {time.December, 8}, {time.December, 25},
	}
	// movedCO go to the next Monday, if they don't fall on one.
	movedCO = []date{
		{time.January, 6}, {time.March, 19}, {time.June, 29}, {time.August, 15}, {time.October, 12}, {time.November, 1}, {time.November, 11},
	}
	// easterCO are so many days after Easter Sunday: Maundy Thursday, Good Friday, and, on the Mondays to which they are
	// moved, Ascension, Corpus Christi and the Sacred Heart.
	easterCO = []int{-3, -2, 43, 64, 71}
)

// colombian reports whether the day is a holiday in Colombia.
func colombian(day time.Time) bool {
	year, month, n := day.Date()
	if slices.Contains(fixedCO, date{month, n}) {
		return true
	}
	at := days(year, month, n)
	if day.Weekday() == time.Monday {
		for _, m := range movedCO {
			if late := at - days(year, m.month, m.day); late >= 0 && late < daysOfWeek {
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
