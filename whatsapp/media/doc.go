// Package media turns a file as a broadcast gave it into what a message can carry: a media id of the sender number, or a link.
//
//	parts or inline ──────────────┐
//	                              ├─ digest ─ cache? ─ upload, once per number and file ─ media id
//	URL ─ guard ─ fetch ─ spool ──┘
//	       └ not reachable from here ─ link
//
// It connects to addresses chosen by strangers, so guard.go comes before everything that does; callbacks are posted through the same Guard. It must not know
// how the Cloud API is spoken to: uploading is a port.
package media
