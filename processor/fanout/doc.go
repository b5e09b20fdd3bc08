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
// An owner that was replaced without noticing can't commit, so it takes no further turn. It says neither that a task ended nor
// what is in force of its controls: such words wait for a commit that was asked for later (prove). It may still produce turns
// it had leased: at most one a task, at most 1,000 recipients each, and none whose produce begins later than leaseFresh
// (10 s) after the request of its last successful commit; retries go through the same gate. When such a record arrives has no
// bound. What was written and not answered is repeated by the client until a broker answers, since an idempotent producer
// can't take it back, and a process that is stopped before the socket writes when it wakes. (The publisher says after 12 s
// that there is no answer, and takes nothing more for that partition until there is.)
//
// What it does has a bound. The new owner repeats what was leased, for the same phones and so in the same partitions of
// sends, with the same task and index. Senders know a pair among the last 20,000 records of a partition, and those that were
// repeated among as many repeats. And each ownership has a number, which its sends carry and the ledger keeps: once all that
// was leased is repeated, each send of the new owner names those before it, and behind that a sender drops what is theirs.
// That loses nobody: what the ledger said was dispatched lies before the takeover in every partition of sends, and what it said
// was leased lies before the first send that says so, or has an outcome. A ledger names three owners, its own included, so
// one that was replaced more often than twice while its records are on their way is known by the pair only.
//
// The number is drawn, not the group's generation: that begins anew when the group or its offsets go, and who compared would
// drop the sends of the only owner there is.
//
// One goroutine a partition (slot.go) owns all state of that partition's numbers; everything that waits runs elsewhere
// and comes back as a call into it. The package holds no Kafka client: ports.go says what it is plugged into.
package fanout
