// Package aggregator folds what happened to every recipient into what a person sees of a task.
//
//	results ──► fold ──► marks     one byte a recipient, parts of 16,384
//	(at least    │
//	 once)       └─────► statuses  one record a task: counts, errors, phase
//	                        │
//	   commit of results ◄──┘ once both are acknowledged
//
// A recipient's byte is the maximum of all that was ever said about it (schemas.RecipientState), so results may come late,
// twice and in any order, and a crash costs a little reading and nothing else. Every number in a status is a
// histogram of those bytes.
//
// Task (fold.go, marks.go) is the pure part. A slot (slot.go) is one owned partition with one goroutine that alone
// touches its tasks; Stage (stage.go) is what the group of consumers talks to. The owner of a partition of results
// writes the same partition of marks and statuses, and watches both for records that it did not write (tail.go).
//
// The package holds no Kafka client: what it needs is declared below in ports.go and plugged in by app.
package aggregator
