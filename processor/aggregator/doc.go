// Package aggregator folds what happened to every recipient into what a person sees of a task.
//
//	results ──► fold ──► marks     one byte a recipient, its state, in pages of 16,384
//	(at least    ├─────► statuses  one record a task: counts, errors, phase
//	 once)       └─────► events    what happened to a task as a whole, in JSON
//	                        │
//	   commit of results ◄──┘ once all are acknowledged
//
// A recipient's byte is the maximum of all that was ever recorded about it (schemas.RecipientState), so results may come late, twice and
// in any order, and a crash costs a little reading and nothing else. Every number in a status is a histogram of those bytes.
//
// # States
//
// A partition of results, taken over by the owner that also writes the same partition of marks and statuses:
//
//	loading ──► replaying ────────────► caught up ──► draining ──► over
//	(load.go)   results below the end   statuses are   a last checkpoint,
//	            at the takeover are     written and    then its commit
//	            folded again; nothing   positions
//	            is committed            committed
//
// A task in its partition (entry.go, memory.go, deletion.go), and its pages (package fold):
//
//	        first result                 idle, and written                      finished, one page
//	absent ─────────────► resident ◄─────────────────────────► evicted ◄────────────────────────────► index
//	                          ▲             a result, or a record of others        │ retention over
//	                          └── loaded: records disagree, or not finished        ▼
//	                                                     deletion: pages, then the status ──► absent
//
// # Files
//
// In reading order: stage.go (what the group of consumers calls), worker.go (an owned partition and its step), load.go and position.go
// (taking it over), fold.go (results in), entry.go (its tasks), statuses.go and rates.go (statuses out), checkpoint.go (pages out,
// acknowledgements, commits), memory.go (what is in memory), deletion.go (retention), foreign.go (what others write), events.go (what is
// told of tasks), ports.go.
//
// The pure part is package fold. Package outbox finds what is to be told. Package partition runs each partition on a goroutine of its own. Small parts: finished (index of
// finished tasks), ownwrites (which records this process wrote), readback (reading records back).
//
// The package holds no Kafka client: what it needs is declared in ports.go and plugged in by app.
package aggregator
