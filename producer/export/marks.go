package export

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"altavoz/schemas"
	"altavoz/stream"
)

const (
	// settleTimeout is how long the states of a task that goes on may take to add up to a version: the aggregator writes them every 2 s,
	// and a version that has them a moment later.
	settleTimeout = 10 * time.Second
	// settlePause is between two looks, less than a third of the 150 ms that are between two versions at least.
	settlePause = 40 * time.Millisecond
)

// ErrBehind is the error of states that have less than the versions that were shown meanwhile: the aggregator has not written them.
var ErrBehind = errors.New("the states of the recipients are not written yet")

// marks is the states of a task's recipients, a byte each (16 MiB at most), folded from its pages as the topic has them.
type marks struct {
	records Records
	at      stream.TopicPartition
	key     []byte // what the keys of all its pages begin with
	next    int64  // up to where the topic was read
	states  []byte
	counts  [256]uint32
}

func (s Source) marksOf(id schemas.TaskID, total uint32) *marks {
	text := id.String()
	at := stream.TopicPartition{Topic: schemas.TopicMarks, Partition: s.Home(schemas.TopicResults, []byte(text))}
	m := &marks{records: s.Records, at: at, key: []byte(text + "/"), states: make([]byte, total)}
	m.counts[schemas.StatePending] = total
	return m
}

// read folds what was written since it was called last. The topic is compacted, so there is no way to a page but through its partition.
func (m *marks) read(ctx context.Context) error {
	ends, err := m.records.Ends(ctx, m.at.Topic)
	if err != nil {
		return fmt.Errorf("asking for the end of %s: %w", m.at, err)
	}
	if err := m.records.Range(ctx, m.at, m.next, ends[m.at.Partition], m.fold); err != nil {
		return fmt.Errorf("reading %s: %w", m.at, err)
	}
	m.next = max(m.next, ends[m.at.Partition])
	return nil
}

// fold takes a page in, as the aggregator does: of all its records the maximum counts.
func (m *marks) fold(rec stream.Record) error {
	if !bytes.HasPrefix(rec.Key, m.key) || len(rec.Value) == 0 {
		return nil
	}
	_, n, err := schemas.ParsePageKey(string(rec.Key))
	if err != nil || uint64(n)*schemas.PageRecipients >= uint64(len(m.states)) {
		return nil //nolint:nilerr // a key of nobody's
	}
	states, err := States(rec)
	page := m.states[n*schemas.PageRecipients:]
	for i, state := range states[:min(len(states), len(page))] {
		if state > page[i] {
			m.counts[page[i]]--
			m.counts[state]++
			page[i] = state
		}
	}
	return err
}

// States are those of a page, from its record; none of one that nobody can read. The error is that of a newer version's.
func States(rec stream.Record) ([]byte, error) {
	var p schemas.StatePage
	if err := schemas.Decode(&rec, &p); errors.Is(err, schemas.ErrNewer) {
		return nil, err
	} else if err != nil {
		return nil, nil //nolint:nilerr // the aggregator passes over it too
	}
	return p.GetMarks()[:min(len(p.GetMarks()), schemas.PageRecipients)], nil
}

// order says how the states stand to a Status.
type order int

const (
	behind order = iota // it counts what they have not got
	ahead               // they have all that it counts, and more
	same
)

// compare compares numbers: states only rise, so those that have all of a Status have as many as it at each state or above.
func (m *marks) compare(s *schemas.Status) order {
	var counts [256]uint32
	for _, c := range s.GetCounts() {
		if i := c.GetMark(); i > 0 && i < uint32(len(counts)) {
			counts[i] = c.GetCount()
		}
	}
	o := same
	var has, counted uint64 // in this state or above
	for i := len(counts) - 1; i > 0; i-- {
		has, counted = has+uint64(m.counts[i]), counted+uint64(counts[i])
		switch {
		case has < counted: //mutant:exported-states-are-not-older-than-their-version
			return behind
		case has > counted: //mutant:exported-states-are-not-later-than-their-version
			o = ahead
		}
	}
	return o
}

// Settle reads the states until they add up to the numbers of the task's Status, which latest returns: those of a task that goes on change
// every 150 ms at most, and its states are written every 2 s with the Status that has just these. If that takes too long, the answer is a
// snapshot all the same, of which a version is known that it has all of; ErrBehind where none is. Where exact is false such a snapshot is
// enough.
func (t *Task) Settle(ctx context.Context, exact bool, latest func() (*schemas.Status, error)) error {
	late := time.NewTimer(settleTimeout)
	defer late.Stop()
	for {
		if err := t.marks.read(ctx); err != nil {
			return err
		}
		switch o := t.marks.compare(t.status); o {
		case same:
			t.Version, t.Exact = t.status.GetVersion(), true
			return nil
		case ahead:
			t.Version = max(t.Version, t.status.GetVersion())
			if !exact {
				return nil
			}
		case behind:
		}
		select {
		case <-time.After(settlePause):
		case <-late.C:
			if t.Version == 0 { //mutant:exported-states-have-a-version
				return ErrBehind
			}
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		s, err := latest()
		if err != nil {
			return err
		}
		if s != nil {
			t.status = s
		}
	}
}
