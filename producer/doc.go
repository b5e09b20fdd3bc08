// Package producer is the HTTP service by which broadcasts come in, with its Spanish answers. It is called producer as a role and ingress in
// code and documents; what writes to Kafka is stream.Publisher.
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
