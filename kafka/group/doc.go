// Package group is this process's membership of a stage's consumer group: assignments and records in, fenced commits out.
//
// A group lives in sessions. A session is one member id: one client, from JoinGroup to LeaveGroup.
//
//	            ctx of Run ends                 the last commits are made
//	joined ──────────────────────────► draining ─────────────────────────► left ──► Run returns
//	  │                                    │
//	  │ a commit of unknown outcome · the group replaced the member or refuses it for 39 s · the log was truncated · fenced
//	  ▼                                    ▼
//	ended: OnLost for all partitions, then a session with a new member id. Run returns an error after two fencings in a minute (another
//	       process has the instance id), after two truncations in a minute, and where a committed offset lies outside its log.
//
// A partition in a session:
//
//	            OnAssigned accepts it                   Pause, Resume by the stage
//	fetched ───────────────────────────► owned: Process ◄────────────────────────► paused
//	offset                                 ▲  │
//	   │ no leader, or a ledger            │  │ the next record is of a newer version
//	   │ that cannot be read               │  ▼
//	   └──────────────────────────────► blocked: not fetched, retried after 1 s, 2 s ... 1 min; the other partitions continue
//
//	from each of them:  revoked (a rebalance, or draining)  OnRevoked, with the last commit under a valid generation
//	                    lost    (the session ended)         OnLost, without a commit
//
// At most one of OnAssigned, OnRevoked and OnLost runs at a time (gate). No commit is encoded for a partition but by its owner: Generation checks
// that the member is the one to which the partitions were assigned (membership), and Commit sends that member id and generation and no other.
//
//	group.go         Run: one session after the other, until the stage stops
//	session.go       one member: records in, revocation, leaving
//	gate.go          one assignment callback at a time; a revocation cancels a retry
//	takeover.go      assignment: from where a partition is read, and what it lacks
//	commit.go        the fenced commit that the senders' ledger rests on
//	registry.go      the registry learns where the group has committed
//	lag.go           lag; transactions.go: open transactions of upstream producers
//	membership       (pure) whether what a member owns is still its own
//	offsets          (pure) requests and answers of commits, bounds of logs
//	balance          (pure) which member gets which partition
package group
