// Package retry chooses the recipients of a task that ended to whom its message is sent again, and makes the broadcast that does it, in
// constant memory. Whose the task is, and how a broadcast gets into Kafka, it does not know.
//
//	marks of the task ──► who has an outcome that is asked for
//	its earlier retries ──► without who was chosen before: a person is in one retry of a task at most
//	its list ──► without who repeats somebody, where nobody has looked yet (choose.go)
//	──► their places in the list of the first task, in slices; up to 1,000 with their phones in the broadcast (write.go)
//
// In reading order: asked.go (what is asked for), make.go (which retry it is), choose.go, write.go.
package retry
