// Package schemas is the language of altavoz: what every room says to every other.
//
//	request ──► Broadcast ──► Send ──► Result ──► Status
//	            (one)         (one a   (one a     (the fold
//	                          phone)   phone)     of them)
//
// It owns the events and their encoding (events.proto, codec.go), identities (id.go), topics and keys
// (topics.go), phones (phone.go), the outcome table and its order (mark.go), and the rules a request must
// satisfy (validate.go). It holds no client, no clock and no state, and imports nothing of ours.
package schemas
