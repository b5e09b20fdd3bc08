// Package webhooks tells a business what became of its messages, as Meta does: later, in batches, signed, in no order to rely on,
// and again until somebody answers 200. It knows nothing of the API that took the messages, and decides nothing: package faults
// says what is told, and when.
//
//	message ─ steps ─ queue by time ─ batch ─ POST ─┬ 200: told
//	                    └──────── a pause ──────────┘ else
//
// Nothing waits for it. What is pending is bounded: a message that finds no room has no webhooks, and is counted as dropped.
package webhooks
