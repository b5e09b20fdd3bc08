// Package dryrun says what a broadcast would do, and does nothing of it.
//
//	phones ──► List ──► who gets it, who does not and why ──┐
//	file ────► Media.Check ─────────────────────────────────┼──► Report
//	content ─► Render ──► the body of a call ───────────────┤
//	rate, speed, hours ──► Sending ─────────────────────────┘
//
// It judges with what the stages judge with: the fanout's set of who came before, the sender's rendering, the fetch of files. It writes nothing
// anywhere, and what it cannot know where it runs it says, and does not guess.
package dryrun
