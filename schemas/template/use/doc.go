// Package use is the use of a message template by a broadcast: reading it from a request, its values as texts, and the rules that hold for
// every template. It does not know which templates an account has.
//
//	"template": {...} ──► Read ──► schemas.Template ──► Texts ──► filled in for each recipient ──► Value
//	                                      └───────────► Faults
package use
