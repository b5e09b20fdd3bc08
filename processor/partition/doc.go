// Package partition is the engine of an owned partition: what a stage holds of the partitions that its group assigned to it, from
// when they come until they go, and how far each has come.
//
//	assigned ──► running ──► draining ──► over
//	               │  ▲         │          ▲
//	               │  └ records,│calls, timer
//	               └────────────┴──────────┘ lost, or the time for draining is up
//
//	Process ──► mailbox ──► Step (one goroutine) ──► Append | Write ──► acknowledged ──► Commit ──► OnCommitted
//
// Assignments holds the partitions and makes their commits. Engine is one partition: a mailbox that never blocks who fills it and
// pauses the fetching of its partition when enough waits (Backpressure); one goroutine that alone calls the stage (Handler), with
// its timer; background work, timers and writes whose ends come back as calls on that goroutine.
//
// What holds:
//
//   - Records reach Step in order and once. What was not taken when the engine ends was not processed: nothing at or above it
//     may be committed, and the next owner reads it.
//   - A call (Post) runs on the partition's goroutine, or never once the partition has ended.
//   - After Stop the step under way is the last.
//   - Once OnRevoked or OnLost returned nothing of the partition goes on and nothing of it is committed. The broker would take
//     such a commit: it asks who commits, not what (kafka: TestMemberMayCommitAPartitionOfAnother). So giving up waits for the
//     commit under way.
//   - Draining ends when the stage says so, at the latest when the context of OnRevoked ends.
//
// In the order of a partition's life: assignments.go, engine.go, mailbox.go, backpressure.go, writes.go, background.go.
package partition
