// Package tasks says how a task reads to people: what it is called, how its numbers add up, why it is not further, and which
// tasks a list shows. It turns a Status into the members of an answer and asks nobody anything: no clock, no view, no log.
//
//	Status ──► StateOf      PENDING ... REVOKED, and why
//	       ├─► BriefOf      task-status
//	       ├─► DetailOf     tasks/{id}, and each event of its feed
//	       └─► Query.Page   a page of the list
package tasks
