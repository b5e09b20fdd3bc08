// Package http1 is a client of one HTTP/1.1 server that costs little for each call, and knows of each failed one whether a byte of it can
// have left.
//
//	Head ─ request line and headers, made once ─┐
//	                                            ▼
//	Do ─ head, length, body ─ one write ─ connection (kept open) ─ head of the answer ─ length, chunks or end ─ Answer
//
// The goroutine that calls does everything: no goroutine, context or header map is made for a call. Nothing is called twice, and no
// redirect is followed. An answer that is not exactly HTTP is an error, never half an answer: what the whole of it proves is for the
// caller to say.
package http1
