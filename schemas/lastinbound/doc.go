// Package lastinbound folds when each person wrote to a sender number last: within 24 hours of that Meta delivers free-form messages of the
// number to the person (its customer service window).
//
//	webhook ──► Message ──► Records ──► topic inbound ──► Set ──► At
//
// A fold takes the later time, so records may come late, twice and in any order. Whatever is missing (a record that compaction took, a person
// for whom there was no room) makes a window look shut that is open, never the other way round.
//
// It knows no Kafka client, no HTTP, and no clock. Times are whole seconds, as Meta gives them.
package lastinbound
