// Package records writes records to topics and reads single records back by partition and offset, outside any consumer group.
//
//	publisher.go   records out, acknowledged; bounded in records and bytes
//	unanswered.go  which records have no answer, and what that means for the next ones of their partitions
//	reader.go      records by offset; ranges of a log; where logs begin and end
//	batch.go       a corrupt batch is skipped: where it ends
//
// It decides nothing about a record but whether it can be read.
package records
