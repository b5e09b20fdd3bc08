// Package witness explains what became unknown in a test of altavoz that does harm to it: the simulation, and test/chaos on the
// real binary. It looks on from outside, at commits and at the faults that the test made; programs have no use for it.
//
// A recipient is rightly unknown in two cases. The Cloud API gave no answer to a call (its own ledger says so), or a commit had
// said that a call may begin and something happened to the process or to the broker before the outcome was said. What is
// unknown without either was made unknown by altavoz itself, and is a finding.
package witness

import (
	"fmt"
	"slices"
	"sync"
	"time"

	"altavoz/processor/sender/ledger"
	"altavoz/stream"
)

// Fault is something that a test did. A death is over when it began; others last, and what they have broken off (a session, a
// commit that waits for its time-out) may come to its end some time after.
type Fault struct {
	What     string
	From, To time.Time
	Of       string // the process that it was done to; empty: all of them
}

// clock is what the times of two observers may differ by: outcomes are said in whole milliseconds.
const clock = 5 * time.Millisecond

// meets reports whether the fault happened, or lasted, between two moments.
func (f *Fault) meets(from, to time.Time) bool {
	return !f.From.After(to.Add(clock)) && !f.To.Before(from.Add(-clock))
}

// Commits are the commits of the senders' group as the broker got them. It is safe for concurrent use.
type Commits struct {
	mu         sync.Mutex
	partitions map[stream.TopicPartition]*starts
}

// starts is what the commits of one partition said.
type starts struct {
	now   map[int64]bool
	times map[int64][]time.Time // at which a record became started
}

// Saw takes in a commit. Those of one partition must come in their order.
func (c *Commits) Saw(pos stream.Position, at time.Time) error {
	started, err := startedIn(pos)
	if err != nil {
		return fmt.Errorf("the ledger of %s: %w", pos.Partition, err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.partitions == nil {
		c.partitions = make(map[stream.TopicPartition]*starts)
	}
	s := c.partitions[pos.Partition]
	if s == nil {
		s = &starts{times: make(map[int64][]time.Time)}
		c.partitions[pos.Partition] = s
	}
	now := make(map[int64]bool, len(started))
	for _, o := range started {
		now[o] = true
		if !s.now[o] {
			s.times[o] = append(s.times[o], at)
		}
	}
	s.now = now
	return nil
}

// startedIn returns the offsets of the records that are started in a committed position: only their process knows what becomes of
// their calls.
func startedIn(pos stream.Position) (offsets []int64, err error) {
	_, runs, err := ledger.Decode(pos.Metadata, pos.Offset)
	at := pos.Offset
	for _, r := range runs {
		for o := at; o < at+r.N && (r.State == ledger.Started || r.State == ledger.Repeated); o++ {
			offsets = append(offsets, o)
		}
		at += r.N
	}
	return offsets, err
}

// Started returns when a record became started, in order.
func (c *Commits) Started(tp stream.TopicPartition, offset int64) []time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	if s := c.partitions[tp]; s != nil {
		return slices.Clone(s.times[offset])
	}
	return nil
}

// Explains returns the fault that came between the last of some starts and the moment at which their recipient was said to be
// unknown, or nil.
func Explains(starts []time.Time, said time.Time, faults []Fault) *Fault {
	var last time.Time
	for _, at := range starts {
		if !at.After(said.Add(clock)) && at.After(last) {
			last = at
		}
	}
	if last.IsZero() {
		return nil
	}
	i := slices.IndexFunc(faults, func(f Fault) bool { return f.meets(last, said) })
	if i < 0 {
		return nil
	}
	return &faults[i]
}

// Hits counts the faults that met a call of a process: each of them may have had somebody called once more who asked for it.
func Hits(from, to time.Time, process string, faults []Fault) (n int) {
	for i := range faults {
		if f := &faults[i]; (f.Of == "" || f.Of == process) && f.meets(from, to) {
			n++
		}
	}
	return n
}
