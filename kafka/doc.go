// Package kafka is the door to Kafka: every call of the client library is made here.
//
//	topics.go     what the topics must look like; made and checked at start
//	publisher.go  records out, acknowledged
//	reader.go     single records by partition and offset, outside any group
//	tail.go       a topic read whole and followed: what the views have in common
//	statuses.go   the status of every task, from its compacted topic
//	controls.go   what is wanted of every task, from its compacted topic
//	group.go      a stage's membership of its consumer group: assignments and records in
//	commit.go     the fenced commit that the senders' ledger rests on
//	rejects.go    what can't be processed, kept with its reason
//
// It knows no stage and no rule of the product. What it promises to a stage is the interface Stage and the methods of Group.
package kafka
