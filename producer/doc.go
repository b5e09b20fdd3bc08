// Package producer is the door by which broadcasts come in: the HTTP contract with its Spanish answers.
// (Go programs use package client, which also puts a broadcast on Kafka without HTTP.)
//
//	body ──► request.Read ──► slices, parts ──► blobs        (acknowledged one by one)
//	                      └────────► Broadcast ──────► broadcasts   (last: the commit point)
//	                                 TaskOpened ─────► results      (so that the task is known at once)
//	answer ◄── status view ◄── statuses
//	webhook ──► Webhooks ──► receipts ──────────────► results      (answered when acknowledged, or Meta comes again)
//
// It decides nothing about sending and keeps nothing that must survive: a request is either whole in Kafka or was never
// there. No acknowledgement is waited for on a request's own context, so that a client that hangs up changes nothing.
package producer
