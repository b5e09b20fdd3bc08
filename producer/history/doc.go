// Package history finds what a person got lately: their sends, of which task each is, and what became of it. Who may ask, and how many at
// once, it does not know.
//
//	sends.express, sends.bulk ──► the partition of the phone, read backwards in steps ──► sends of tasks that the caller sees
//	marks ──► the byte of each of them ──► outcome, code, reason
//
// In reading order: query.go (what is asked for), sends.go (the sends, and where the reading stops), outcomes.go (what became of them),
// history.go (the answer).
package history
