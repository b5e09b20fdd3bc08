// Package optout folds who does not want to be written to by a business: what people said, in which words, and what is remembered of it.
//
//	message, preference, code, API ──► Said ──► Entry.With ──► topic optouts ──► Set ──► Out?
//
// What is known of a person is two times: of the last opt-out, and of the last return. A fold takes the later of each, so records may come
// late, twice and in any order. A writer puts what it knows already into each record, because compaction leaves only the last one of a key.
//
// A person may have a phone and business-scoped user ids. Webhooks that name somebody by both tell which belong together (Pair); what is said
// under one name then holds for the other, whichever came first.
//
// It knows no Kafka client, no HTTP, and no clock. Times are whole seconds, as Meta gives them.
package optout
