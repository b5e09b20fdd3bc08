// Package content holds one rendered message a task: read from the log of blobs, rendered, and rendered anew when Meta does not know
// its media id any more.
//
//	absent ──► loading ──► rendered ──► stale (media id unknown) ──► loading
//	             │  ▲
//	             ▼  │ back-off
//	           failed for now            loading ──► failed for good
//
// Reading takes a moment, renewing as long as a foreign host makes it take. So each has its own pool of places (pool.go), and in the
// pool of renewals each sender number and each host has a few only: one that hangs keeps only its own tasks waiting.
//
// The package has no lock and no goroutine of its own: every method is called under the caller's lock, and work that waits goes through
// Ports.Background.
package content
