package hours

import "time"

// IsHoliday reports whether a day, by its own date, is a holiday of the country.
func IsHoliday(country string, day time.Time) bool { return holidays[country](day) }
