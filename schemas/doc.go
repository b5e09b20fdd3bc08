// Package schemas holds the events of altavoz and what they have in common: every package that handles one reads it here.
//
//	request ──► Broadcast ──► Send ──► Result ──► Status
//	            (one)         (one a   (one a     (the fold
//	                          phone)   phone)     of them)
//
// It owns the events and their encoding (events.proto, record.go, flat.go), identities (id.go, meaning.go), topics, keys and sizes
// (topics.go, blob.go), phones (phone.go), the states of a recipient with their order and refusals (state.go), why a task waits or ends
// (explanation.go, earlier.go), controls and their fold
// (control.go), sending hours (window.go) and the answers of the Cloud API (reply.go). It holds no client, no clock and no state. The public
// JSON contract is schemas/request.
package schemas
