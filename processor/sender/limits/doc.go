// Package limits holds everything that keeps a sender number from calling, as pure state: no clock, no lock, no call. The caller
// passes the time and what became of calls.
//
//	pacer.go        the rate of a number: cut when Meta says it is too fast, raised again step by step (AIMD)
//	concurrency.go  calls in flight a number needs for its rate (Little's law)
//	search.go       calls in flight that make a number without a limit faster
//	capacity.go     calls in flight of the process, and what each number is guaranteed of them
//	opening.go      when the window of a task is open
//	cooldown.go     per number and recipient: one message in 6 s, and waits after refusals
//	breaker.go      circuit breaker: closed, open, one probe at a time
//	webhook.go      the breaker that only webhooks open
//	suspect.go      a task whose sends fail alone
//	stop.go         why a number stopped
//	breakers.go     the three breakers of a number, and what an answer means for each
//
// States of a breaker:
//
//	closed ──► open ──► probing ──► closed
//	  ▲         ▲          │ (refused, silent: wait longer)
//	  │         └──────────┘
//	  └ restored by a webhook, or proven by a send after which no webhook objected
package limits
