// Package schedule decides when a send may start: once its message is rendered, inside its task's window, when its sender number is
// neither stopped nor over its rate, its recipient is not cooling down, and a call is free. It starts nothing: the stage commits what
// Admit returns, and calls after that.
//
//	            ┌──────────────────────────── Reschedule ◄─ refused for now ─┐
//	            ▼                                                            │
//	Attach ─► Enqueue ─► loading ─► ready ─► Admit ─► (commit) ─► (call) ─► ApplyReply
//	                        ▲         │ ▲
//	                        │         ▼ │ timer
//	                        └──────── waiting: back-off, cooldown, window, refused commit
//
// States of a send; those in brackets belong to the stage:
//
//	parked ──► loading ──► ready ──► [admitted ──► calling ──► recording] ──► gone
//	             │  ▲        │ ▲          │ rolled back  │ refused for now
//	             │  └────────┼─┴──────────┴──────────────┘
//	             └► waiting ◄┘
//
// Bulk sends of a number with a limit are admitted in groups: started by one commit before they have their tokens, and called by Due
// (group.go).
//
// Files, in the order in which a send meets them: task.go (its task; the message is content's), send.go (states), queue.go,
// number.go (its sender number), admit.go, group.go, reply.go and health.go (what an answer means), retry.go, window.go,
// announce.go (what tasks say while they wait), sweep.go.
//
// The package has no lock, no clock and no goroutine of its own: every method is called under the stage's lock, and work that waits
// goes through Host.Background.
package schedule
