// Package sender makes the calls: one message to one phone, for every record of sends.express and sends.bulk.
//
//	sends.* ──► ledger ──► schedule ──► commit ──► call ──► results
//	            (free)     (admitted)   (started)           (done, once acknowledged)
//
// No call begins before a commit of the consumer group has said that it is started. A commit carries, for each partition, the
// watermark and the states of the records above it; the next owner reads both as one, and knows what may be called, what was, and
// what nobody can know.
//
// A record in the ledger of its partition:
//
//	free ──► started ──► done             started: a call may begin once that is committed
//	 ▲          │  │                      done: its result is acknowledged, or it needs none
//	 └──────────┘  └► repeated ──► done   back to free: refused for now, or not called, so nobody was reached
//	                                      repeated: called again (resend) although nobody knows what came of the call before
//
// A send in this process (package schedule draws how it waits):
//
//	parked ──► waiting for its turn ──► admitted ──► calling ──► recording ──► gone
//	                 ▲                   │  └► grouped ──┘│
//	                 └───────────────────┴─────┴──────────┘ commit refused, given back, or call refused for now
//
// A partition:
//
//	assigned (live) ──► draining (OnRevoked) ──► ended ──► assigned again: what this process knows of it is reattached
//	       └─────────────────────────────────────►┘ OnLost, or nobody knows what was committed
//
// Files, in the order in which a send meets them:
//
//	stage.go       assigned, revoked, lost; records handed over
//	takeover.go    the ledger of the last owner, compared with the log (package ledger)
//	assignment.go  a record is decoded, found to be new (package dedup), and gets its place in the ledger
//	send.go        the send: its part in the schedule (packages schedule, limits, content) and in the ledger
//	commitloop.go  one goroutine admits, encodes what changed together with who we are in the group, has it committed, and starts calls;
//	               what becomes ready during a commit goes with the next one, as in a database's group commit. At a limited rate a commit
//	               starts sends ahead of their tokens, and they are called one by one, also while the next commit is under way
//	calls.go       one call, in a goroutine of its own, and what its answer decides
//	results.go     records collect under the lock and are written after it is released; a send is done once its result is acknowledged
//	detached.go    what is known of sends whose partition was lost, should it come back
//	host.go        what the scheduler asks of the stage
//
// The stage has one lock. Nothing that blocks happens under it. A send that has to wait is free in the ledger and holds up nobody:
// there are no topics for retries. The package holds no Kafka client and no HTTP client: ports.go says what it is plugged into.
package sender
