// Package logtest is Kafka in memory for the tests of the stages: partitions with their logs, a consumer group with its committed
// positions and generations (broker.go), and members that run a stage and are its ports (member.go, ports.go), with faults that a
// test sets or that are drawn from a seed (faults.go). It runs in the fake time of testing/synctest. Programs have no use for it.
//
// It is as strict as Kafka and no stricter. A commit is taken of whoever is a member of the generation that the commit names, even
// if the partition has another owner by then. What a killed process has under way never arrives and is never answered. An answer
// can be lost after what it answers has happened.
package logtest

import (
	"context"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"altavoz/stream"
)

// Broker is the logs and the group. It is a sync.Locker: its exported fields, and the methods that say so, want it locked. The
// functions are called with the lock held; nil ones are not called.
type Broker struct {
	sync.Mutex
	Logs      map[stream.TopicPartition]*Log
	Positions map[stream.TopicPartition]stream.Position // committed
	Begun     map[stream.TopicPartition]bool            // was ever committed
	Owners    map[stream.TopicPartition]*Member         // whom each partition was assigned to last

	// Partition of a record that names none; nil: 0.
	Home func(t stream.Topic, key []byte) int32
	// OwnersOnly: commits are taken only of the member that owns the partition.
	OwnersOnly bool
	// Faults of all members that set none themselves; Seed makes the dice.
	Faults Chances

	OnAppend func(rec stream.Record)                   // a record was written
	OnAssign func(m *Member, position stream.Position) // a partition is about to be assigned
	OnCommit func(m *Member, taken []stream.Position)  // positions are about to be stored
	Failf    func(format string, args ...any)          // something happened that never may

	dice    *rand.Rand
	members map[string]int32 // whose commits are taken, and of which generation
	changed chan struct{}    // closed and replaced at every change
}

// New returns an empty broker without faults. It is to be made in the bubble that it is used in.
func New() *Broker {
	return &Broker{
		Logs: make(map[stream.TopicPartition]*Log), Positions: make(map[stream.TopicPartition]stream.Position),
		Begun: make(map[stream.TopicPartition]bool), Owners: make(map[stream.TopicPartition]*Member),
		members: make(map[string]int32), changed: make(chan struct{}),
	}
}

// Log is the log of a partition. A record that was compacted away, and an offset that never had one, is nil.
type Log struct {
	Begin   int64 // offset of the first
	Records []*stream.Record
}

// End returns the offset of the next record.
func (l *Log) End() int64 {
	if l == nil {
		return 0
	}
	return l.Begin + int64(len(l.Records))
}

// Range returns up to n records from an offset on, and the offset after the last of them.
func (l *Log) Range(from int64, n int) (recs []stream.Record, next int64) {
	if l == nil {
		return nil, from
	}
	next = max(from, l.Begin)
	for ; next < l.End() && len(recs) < n; next++ {
		if rec := l.Records[next-l.Begin]; rec != nil {
			recs = append(recs, *rec)
		}
	}
	return recs, next
}

// At returns the record at an offset, nil where there is none.
func (l *Log) At(offset int64) *stream.Record {
	if l == nil || offset < l.Begin || offset >= l.End() {
		return nil
	}
	return l.Records[offset-l.Begin]
}

// Last returns the last record, nil where there is none.
func (l *Log) Last() *stream.Record {
	for _, rec := range slices.Backward(l.Records) {
		if rec != nil {
			return rec
		}
	}
	return nil
}

// Log returns the log of a partition, which it makes if need be. The broker is locked.
func (b *Broker) Log(p stream.TopicPartition) *Log {
	if b.Logs[p] == nil {
		b.Logs[p] = new(Log)
	}
	return b.Logs[p]
}

// Append writes a record and returns it as it was written.
func (b *Broker) Append(rec stream.Record) stream.Record {
	b.Lock()
	defer b.Unlock()
	if rec.Partition == stream.NoPartition {
		rec.Partition = 0
		if b.Home != nil {
			rec.Partition = b.Home(rec.Topic, rec.Key)
		}
	}
	if rec.Time.IsZero() {
		rec.Time = time.Now()
	}
	log := b.Log(stream.TopicPartition{Topic: rec.Topic, Partition: rec.Partition})
	rec.Offset = log.End()
	log.Records = append(log.Records, &rec)
	if b.OnAppend != nil {
		b.OnAppend(rec)
	}
	b.Touch()
	return rec
}

// All returns the records of a log from an offset on.
func (b *Broker) All(p stream.TopicPartition, from int64) []stream.Record {
	b.Lock()
	defer b.Unlock()
	log := b.Log(p)
	recs, _ := log.Range(from, len(log.Records))
	return recs
}

// End returns the offset of the next record of a partition.
func (b *Broker) End(p stream.TopicPartition) int64 {
	b.Lock()
	defer b.Unlock()
	return b.Log(p).End()
}

// Skip leaves a gap of n offsets at the end of a log, as control records and compaction do.
func (b *Broker) Skip(p stream.TopicPartition, n int) {
	b.Lock()
	defer b.Unlock()
	log := b.Log(p)
	log.Records = append(log.Records, make([]*stream.Record, n)...)
}

// Cut takes the end of a log away from an offset on: a page cache that was lost, an election that was unclean.
func (b *Broker) Cut(p stream.TopicPartition, from int64) {
	b.Lock()
	defer b.Unlock()
	log := b.Log(p)
	if from < log.End() {
		log.Records = log.Records[:max(0, from-log.Begin):max(0, from-log.Begin)]
	}
}

// Trim takes the begin of a log away, below an offset: retention.
func (b *Broker) Trim(p stream.TopicPartition, below int64) {
	b.Lock()
	defer b.Unlock()
	log := b.Log(p)
	if n := min(below, log.End()) - log.Begin; n > 0 {
		log.Begin, log.Records = log.Begin+n, log.Records[n:]
	}
}

// Compact keeps below an offset only the last record of each key, as the log cleaner does when it gets round to it.
func (b *Broker) Compact(p stream.TopicPartition, below int64) {
	b.Lock()
	defer b.Unlock()
	log, last := b.Log(p), make(map[string]int)
	for i, r := range log.Records {
		if r != nil {
			last[string(r.Key)] = i
		}
	}
	for i, r := range log.Records[:below-log.Begin] {
		if r != nil && last[string(r.Key)] != i {
			log.Records[i] = nil
		}
	}
}

// Position returns what was committed of a partition last, with the ends of its log. The broker is locked.
func (b *Broker) Position(p stream.TopicPartition) stream.Position {
	pos, ok := b.Positions[p]
	if !ok {
		pos = stream.Position{Offset: stream.NoOffset}
	}
	log := b.Log(p)
	pos.Partition, pos.Begin, pos.End, pos.Begun = p, log.Begin, log.End(), b.Begun[p]
	return pos
}

// Regroup begins a generation with these members. The commits of all others are refused until they come back (Member.Rejoin). The
// broker is locked.
func (b *Broker) Regroup(ms ...*Member) {
	clear(b.members)
	for _, m := range ms {
		m.join()
	}
}

// Touch tells those who wait that something changed. The broker is locked.
func (b *Broker) Touch() {
	close(b.changed)
	b.changed = make(chan struct{})
}

// Await waits, in fake time, for a condition, which is looked at with the broker locked after every change, and reports whether it
// came to hold in time.
func (b *Broker) Await(patience time.Duration, cond func() bool) bool {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for {
		b.Lock()
		ok, changed := cond(), b.changed
		b.Unlock()
		if ok {
			return true
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return false
		}
	}
}

func (b *Broker) failf(format string, args ...any) {
	if b.Failf != nil {
		b.Failf(format, args...)
	}
}
