// Package request is the public JSON contract of a broadcast: it reads a request in constant memory, holds it to every rule, and says what
// is wrong with it.
//
//	body ──► split ──► Read ──► Request ──► Broadcast
//	                    │ ▲
//	          Sink ◄────┘ └── rules, hours, phone
//
// A request is read member by member (request.go, recipients.go, people.go and own.go of what recipients have of their own,
// window.go) and judged when all are there (validate.go), so that
// which fault is returned does not depend on their order. Whatever way a content came in, schemas/content holds it to the same rules. It keeps
// nothing and asks nobody: what is too large to keep goes to the Sink.
package request
