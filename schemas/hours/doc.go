// Package hours knows when a week of hours is open by the clock on the wall of a time zone, and which days are public
// holidays.
//
//	Spec ──► Week ──► Opening(at): the present opening, or the next one
//	(as written)  (zone and holidays found)
//
// It holds no clock and no state: every answer follows from the moment it is asked about. It brings its own copy of the
// time zones, for machines and containers that have none.
package hours
