// Package table has the views of compacted topics: each reads its topic whole, from the start, follows it, and keeps the last value of every key.
//
//	follower.go    a topic read whole and followed: what the views have in common
//	truncation.go  a log that lost its end while it was read is read again
//	progress.go    how far each partition is read, and read again
//	statuses.go    the status of every task
//	controls.go    what is wanted of every task, and what is known of sender numbers
//	fold           what the views keep, folded from records without a client
//
// A view is in memory only: a process that starts reads its topics anew (CaughtUp).
package table
