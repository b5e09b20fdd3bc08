// Package fanout carries broadcasts out: a scheduler, not a pump.
//
//	broadcasts ──► intake ──► turns ──► sends.express | sends.bulk
//	                 │          │
//	                 │          └─────► results   (Plan, Dispatched; invalid and repeated recipients)
//	                 └► home partition, rejects
//	statuses ──► what is decided, so how many of a number's sends are in the pipe
//	controls ──► what is wanted of a task while it goes on
//
// A broadcast waits as its list of recipients and a cursor. Tasks of a sender number take turns (turns/queue.go), and a
// turn is taken only while fewer than W of the number's sends are undecided; so whatever slows the senders slows this
// stage too, and three recipients never wait behind a million.
//
// A schedule, a window, a pause, a cancel, an end and the first recipients of a long list (canary) are all one question:
// does the task take turns? look.go answers it, whenever something has changed or the time has come, and steer.go says
// so to people. Nothing of it is remembered: the Status, the view of controls and the cursor are all that a takeover needs.
//
// # The ledger
//
// A turn is committed as leased before the first of its sends is produced (park.go). What a takeover finds leased may
// or may not have been sent to the log, and is repeated for the recipients that nobody has decided; nothing else is.
// A broadcast leaves the ledger when its Status says all that the ledger says (park.go): the next owner finds
// it there.
//
// # How far a zombie reaches
//
// An owner that was replaced without noticing can't commit, so it takes no further turn. It may still produce turns it
// had leased: at most one a task, at most 1,000 recipients each, and none whose produce begins later than leaseFresh
// (10 s) after the request of its last successful commit; retries go through the same gate. The publisher gives up on
// a record after 10 s. So a record of a zombie reaches the log at most 20 s after that commit, by the zombie's own
// clock: a process that is stopped between the check and the socket sends those records when it wakes, and no others.
// They repeat what the new owner repeats, with the same task and index, and senders drop a pair that they have seen.
//
// One goroutine a partition (slot.go) owns all state of that partition's numbers; everything that waits runs elsewhere
// and comes back as a call into it. The package holds no Kafka client: ports.go says what it is plugged into.
package fanout
