// Package group is this process's membership of a stage's consumer group: assignments and records in, fenced commits out.
//
//	group.go         Run: one session after the other, until the stage stops
//	session.go       one member, from joining to leaving: assignments, records, revocation
//	takeover.go      where a partition that is taken over is read from, and what its log lacks
//	commit.go        the fenced commit that the senders' ledger rests on
//	lag.go           how far the group is behind; transactions.go: open transactions of upstream producers that keep partitions from being read
//	begun.go         the registry is told where the group has committed
//	membership       whether what a member owns is still its own
//	offsets          requests and answers of commits, bounds of logs
//	balance          which member gets which partition
package group
