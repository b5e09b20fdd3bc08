// Package reply finds which recipient of which task tapped, by the message that was answered: a webhook of a tap has the message's id (wamid),
// and nothing of ours.
//
//	sender ──► Sent ──► topic sent ──► Index ──┐
//	webhook ──► Tap ──────────────────────────┴──► Records ──► topic results
//
// It knows no Kafka client, no HTTP, and no clock.
package reply
