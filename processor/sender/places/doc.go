// Package places has sends wait for a place among the people to whom their business may write within 24 hours (schemas/people). It starts nothing, has no
// lock and no clock: every method is called under the stage's lock, and what is to be written is the stage's.
//
//	Wait ──► waiting ──► Ask ──► claimed ──► Verdict ──► go on
//	            ▲                   │ refused, or no verdict in time
//	            └───────────────────┘
//
// A business has one claim under way at a time, of as many sends as its numbers take soon. Who has a place already is asked for before who
// would need a new one, where there is none.
package places
