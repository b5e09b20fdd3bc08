package schedule

import "time"

const (
	// ExpressPart of a number's rate goes by who owns the partitions of express: enough that nobody who owns some is without.
	ExpressPart = 0.05

	// bulkTurn is how many express sends of a number go before a bulk send that waits: a direct answer comes first, and a
	// broadcast still moves while others are small and many.
	bulkTurn = 7

	// MaxUnrecorded is how many results may wait for their acknowledgement before nothing more is admitted: 0.4 s at 10,000
	// a second. What is in it becomes unknown if the process dies.
	MaxUnrecorded = 4096
	// MaxDetached is how many results of partitions that were lost meanwhile may wait besides: two losses while nothing is written.
	MaxDetached = 2 * MaxUnrecorded

	// ExpressGap is the least time between two commits if express is in the second one.
	ExpressGap = time.Millisecond
	// BulkGap is that of bulk.
	BulkGap = 5 * time.Millisecond

	// leastAhead and mostAhead bound how long before its group is used up the next one is committed: twice what commits take, so that the rate
	// loses nothing by them.
	leastAhead = 5 * time.Millisecond
	mostAhead  = 80 * time.Millisecond
	// ResultsWait is how long results wait for others of a number whose sends start in groups. What waits, and what is started and not
	// called, is unknown if the process dies.
	ResultsWait = 180 * time.Millisecond
	// MaxGroup is how many sends of a number are started and not called at most.
	MaxGroup = 1024
	// leastGroup is how many sends a group has at least where a number without a limit starts them in groups.
	leastGroup = 4
	// groupLife is how long a started send is called at most after its commit. A process that was stopped meanwhile may have been replaced.
	groupLife = time.Second

	// recentSuccess is how long it counts, for a send that was refused for now, that others of its number got through.
	recentSuccess = 30 * time.Second

	// probeScan bounds the search for the task whose turn it is to probe.
	probeScan = 1 << 16

	// RenewalAnnounceAfter is how long a file is renewed before its task publishes it: a few tries of a host that is away for a moment
	// explain nothing.
	RenewalAnnounceAfter = 10 * time.Second

	// MaxIdleTasks is how many messages are kept of tasks that have nothing open here: at some 2 KiB, 2 MB.
	MaxIdleTasks = 1024

	// SweepEvery is how often what can't move is looked over: expired sends of a number that waits.
	SweepEvery = time.Second
)
