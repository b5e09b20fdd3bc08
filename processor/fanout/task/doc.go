// Package task is a broadcast being carried out, as states and named transitions; it holds no log, no queue and no clock.
//
// The life of a task (Lifecycle.State):
//
//	                       ┌──────────► Gone  a repeat, rejected or moved; finished: reached from every state but Dispatching
//	                       │
//	Intake ──────────► Waiting ◄──────► Preparing    something that it needs is read, uploaded or written
//	  │  ▲               │ ▲ │             │
//	  ▼  │               │ │ └─────────────┴──► Closing ──► Closed
//	Claimed, InDoubt     ▼ │
//	                 Dispatching      a quantum is leased, or being written
//
// Claimed waits for the Status that shows whose the id is; InDoubt also for one that shows how far the broadcast came. Waiting,
// Preparing and Dispatching are open: recipients are left. A takeover may begin with Closed.
//
// Where the ledger has it (Lifecycle.Membership):
//
//	Overflow ──► Tracked ──► Untracked ◄──► Retracked
//
// Whether it is to end before all recipients are dispatched (Lifecycle.Ending):
//
//	Running ──► Ending ──► Announced     only an acknowledged terminal status cancels the rest
//
// A transition that is not drawn is refused and changes nothing; lifecycle_test.go names every pair of a state and a transition.
//
// What keeps an open task from being scheduled: Overflow, a state other than Waiting, a lease of an earlier owner, or what the
// last evaluation found (Run.Blocked). In the order of a task's life: spec.go, lifecycle.go, evaluate.go, publish.go, progress.go.
package task
