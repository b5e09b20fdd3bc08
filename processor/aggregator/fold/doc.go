// Package fold is the pure part of the aggregator: what the results of a task come to. It reads no clock, holds no lock and knows no
// topic; where it needs states of recipients that are not in memory it asks for them (ReadPage).
//
// A task has one byte a recipient, its state (schemas.RecipientState), in pages of 16,384. The byte is the maximum of all that was
// ever recorded about the recipient, so results may come late, twice and in any order. Every number of a status is a histogram of
// these bytes.
//
//	          plan                 every recipient decided
//	unplanned ───► open ──────────────────────────────► finished
//	   │                                                  │
//	   └ states, phase, times: any order          corrections: states rise, numbers change,
//	     before the plan too                      the time at which it finished stays
//
//	page:  absent ──► in memory, dirty ──► written (InFlight) ──► clean ──► evicted (Offset of its record) ──► in memory ...
//	                        ▲                                       │
//	                        └────────── a state rises ──────────────┘
//
// In reading order: result.go (which results are valid), task.go (one result), pages.go (states and their histogram), head.go (what
// is known of the task as a whole), lines.go (its error lines), status.go (the record of it, and back), foreign.go (records of
// others), tally.go (steps for the metrics).
package fold
