// Package whatsapp is the client of Meta's Cloud API: every call to it is made here, and nothing else is.
//
//	Prepare ─ a task's content, rendered once ──┐
//	                                            ▼
//	Send ─ recipient and callback data spliced in ─ one POST (package http1) ─ errors.go ─ schemas.Reply
//
//	Webhooks ─ what Meta posts later ─ signature ─ statuses of our messages ─ schemas.Receipts, by task
//
//	Upload ─ a file, streamed ─ one POST ─ media id (package media decides which file, and when)
//
// One call is one attempt. Nothing here repeats a call, follows a redirect or decides when to try again: whether that is right
// depends on the ledger, which belongs to the sender. What this package owes the sender is the exact outcome of each call, and
// above all about the calls that failed half way: [schemas.VerdictUnsent] is returned only where no byte of the request can have left
// (http1.Client.Do has the argument, nethttp.Client.Do that for HTTP/2), a refusal only in the Cloud API's own words, [schemas.VerdictLost] wherever nobody can know.
package whatsapp
