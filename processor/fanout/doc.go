// Package fanout carries broadcasts out: it schedules them, and writes a send for each recipient just in time.
//
//	broadcasts ──► intake ──► schedule ──► dispatch ──► sends.express | sends.bulk
//	                 │            ▲            │
//	                 │            │            └──────► results   (TaskOpened, Dispatched; invalid and repeated recipients)
//	                 └► home partition, rejects
//	statuses ──► what is decided, so how many of a number's sends are in flight
//	controls ──► pause, resume, cancel and speed of a task
//
// A broadcast waits as its list of recipients and a cursor. Tasks of a sender number take turns (schedule/queue.go), and a quantum is
// dispatched only while fewer than W of the number's sends are without an outcome. So dispatch is paced by completion, without messages
// between senders and this stage, and three recipients never wait behind a million.
//
// evaluate.go decides whether a task may be scheduled: a schedule, a window, a pause, a cancel, an end and the first recipients of a long
// list (canary) are evaluated when something has changed or the time has come; controls.go has what people ask for. Nothing of it is
// stored: the Status, the view of controls and the cursor are all that a takeover needs.
//
// # States
//
// A task (package task draws and names every transition):
//
//	Intake ──► Claimed, InDoubt ──► Waiting ◄──► Preparing
//	                                  │ ▲
//	                                  ▼ │
//	                              Dispatching ──► Closing ──► Closed ──► Gone
//
// A quantum of a task:
//
//	scheduled ──► leased: committed ──► sends written ──► dispatched: the cursor is committed
//	                 └──► found by a takeover: repeated for those recipients that are still pending
//
// A partition of broadcasts (package partition draws the engine):
//
//	assigned ──► takeover: ledger, Statuses, controls ──► running ──► draining ──► over
//	                │ the log disagrees                      │
//	                └► read again from its start             └► lost: nothing more is committed
//
// # The ledger
//
// A quantum is committed as leased before the first of its sends is produced (dispatch.go, commit.go). What a takeover finds leased may
// or may not have been written to the log, and is repeated for the recipients without an outcome; nothing else is (takeover.go).
// A broadcast leaves the ledger when its Status says all that the ledger says: the next owner finds it there.
//
// # What a replaced owner can still do
//
// An owner that was replaced without noticing can't commit, so it dispatches no further quantum. It publishes neither that a task ended nor
// what is in force of its controls: such updates wait for a commit that was requested later. It may still produce quanta
// it had leased: at most one a task, at most 1,000 recipients each, and none whose produce begins later than leaseFresh
// (10 s) after the request of its last successful commit; retries pass the same check. When such a record arrives has no
// bound. What was written and not answered is repeated by the client until a broker answers, since an idempotent producer
// can't take it back, and a process that is stopped before the socket writes when it resumes. (The publisher reports after 12 s
// that there is no answer, and accepts nothing more for that partition until there is.)
//
// The effect has a bound. The new owner repeats what was leased, for the same phones and so in the same partitions of
// sends, with the same task and index. Senders know a pair among the last 20,000 records of a partition, and those that were
// repeated among as many repeats. And each ownership has a number, which its sends carry and the ledger keeps: once all that
// was leased is repeated, each send of the new owner names those before it, and behind that a sender drops what is theirs.
// That loses nobody: what the ledger said was dispatched lies before the takeover in every partition of sends, and what it said
// was leased lies before the first send that says so, or has an outcome. A ledger names three owners, its own included, so
// one that was replaced more often than twice while its records are on their way is known by the pair only.
//
// The number is random, not the group's generation: that starts again when the group or its offsets are deleted, and a comparison would
// drop the sends of the only owner there is.
//
// # Files, in the order in which a broadcast meets them
//
//	stage.go       assigned, revoked, lost; worker.go: one step of a partition
//	takeover.go    what earlier owners left (package membership: which broadcasts the ledger answers for, and whether the log agrees)
//	intake.go      one record: a task to start, to go on with, or a repeat; foreign.go: others' records written again (package normalize)
//	claims.go      tasks that wait for a Status that shows whose the id is, and how far the broadcast came
//	open.go        the task joins its queue (package schedule)
//	evaluate.go    may it be scheduled, and what is published of it (package task; package canary); controls.go: what people ask for
//	dispatch.go    what the quantum needs is fetched (package prepare), it is leased, its sends are written
//	commit.go      the ledger is committed (package ledger), and what waits for a commit is written
//	follow.go      what a newer Status changes (package watch)
//	close.go       the last records are written, the task leaves the ledger, and is removed
//
// One goroutine a partition (package partition) owns all state of that partition's numbers; everything that waits runs in the background
// and comes back as a call on it. The package holds no Kafka client: ports.go has what it is connected to.
package fanout
