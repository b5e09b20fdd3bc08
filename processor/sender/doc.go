// Package sender makes the calls: one message to one phone, for every record of sends.express and sends.bulk.
//
//	sends.* ──► window ──► pace ──► ledger ──► call ──► results
//	            (free)     (admit)  (started)           (done, once acknowledged)
//
// No call begins before a commit of the group has said that it is started (ledger.go, commitloop.go). A commit carries, for
// each partition, the watermark and what became of the records above it; the next owner reads both as one and knows what
// may be called, what was, and what nobody can know.
//
// The stage has one lock. Under it stand the windows of the owned partitions (assignment.go), the sender numbers with
// their queues and limits (number.go), and the tasks with their rendered messages (task.go). One goroutine, the commit loop
// (commitloop.go), admits what may go, encodes what changed together with who we are in the group, commits it, and only then
// starts the calls: what was admitted during a commit goes with the next one, like a database's group commit. A call runs
// in a goroutine of its own and comes back through onReply (calls.go). Nothing that blocks happens under the lock:
// records to be written collect in an outbox that is emptied after it is released (results.go).
//
// A send that has to wait stays where it is, free in the ledger and in nobody's way: in its number's queue while the
// number is slowed down or stopped, behind a timer while it backs off. There are no topics for retries.
//
// The package holds no Kafka client and no HTTP client: ports.go says what it is plugged into.
package sender
