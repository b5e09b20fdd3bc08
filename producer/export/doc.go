// Package export reads what became of each recipient of a task, in the order of its list and in constant memory, and writes it. Who may ask
// for it, and how many at once, it does not know.
//
//	marks ──► a byte a recipient, as of one version (Task.Settle) ──┐
//	                                                                ├─► Task.Rows ──► a page of JSON, or NDJSON and CSV whole
//	broadcasts, blobs ──► the list as given, a slice at a time ─────┘
//
// In reading order: query.go (what is asked for), list.go (where the list lies, and whether it is still there), marks.go (the states),
// rows.go (the two together), format.go (how they are written), answer.go (the answer to a request).
package export
