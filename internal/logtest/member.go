package logtest

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strconv"
	"sync"
	"time"

	"altavoz/stream"
)

// Stage is what a member runs.
type Stage interface {
	Start()
	OnAssigned(ctx context.Context, position stream.Position) (from int64, err error)
	Process(p stream.TopicPartition, recs []stream.Record)
	OnRevoked(ctx context.Context, ps []stream.TopicPartition)
	OnLost(ps []stream.TopicPartition)
	Stop(ctx context.Context) error
}

// drainTime is what a stage has to give partitions up in good order, as in a group.
const drainTime = 15 * time.Second

// assignTries is how often an assignment that fails is tried again, as a group does.
const assignTries = 100

// Options of a member.
type Options struct {
	Batch   int  // records handed over at most at a time; 0: none come but by Feed
	InOrder bool // writes arrive in the order in which they were appended
	Rejoins bool // it comes back by itself after a commit that was not answered
}

// Member is one process in the group, as its stage sees it: it is its stream.Committer, stream.Pauser, stream.Log and
// stream.RecordReader.
type Member struct {
	Name string

	b       *Broker
	options Options
	stage   Stage
	over    chan struct{}
	reading sync.WaitGroup
	working sync.WaitGroup // what it has under way
	handing chan struct{}  // holds a token while the stage is given partitions or loses them: a group does one at a time

	next map[stream.TopicPartition]int64 // what is read next of each partition that it has; under the broker's lock

	mu       sync.Mutex
	session  uint64
	gen      int32
	dead     bool
	expelled bool          // its session has ended, and it does not know
	dropping bool          // a commit was not answered: it gives all partitions up
	frozen   chan struct{} // not nil: stopped, as by SIGSTOP, until it is closed
	held     chan struct{} // not nil: what it writes does not arrive until it is closed
	written  chan struct{} // closed once the last append has arrived
	onCommit func([]stream.Position) Fault
	onWrite  func(stream.Record) Fault
	paused   map[stream.TopicPartition]bool
}

// Join makes a member, whose name nobody else has, of the group's present generation. Run gives it its stage.
func (b *Broker) Join(name string, o Options) *Member {
	m := &Member{
		Name: name, b: b, options: o, session: 1, over: make(chan struct{}), handing: make(chan struct{}, 1),
		next: make(map[stream.TopicPartition]int64), paused: make(map[stream.TopicPartition]bool),
	}
	b.Lock()
	defer b.Unlock()
	m.join()
	return m
}

// Run starts the stage.
func (m *Member) Run(s Stage) {
	m.stage = s
	s.Start()
	if m.options.Batch > 0 {
		m.reading.Go(m.read)
	}
}

// Next makes the member one of the next generation: commits under way become stale. The broker is locked.
func (m *Member) Next() { m.join() }

func (m *Member) join() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.gen++
	m.b.members[m.id()] = m.gen
}

// id is the member id. Under mu.
func (m *Member) id() string { return m.Name + "/" + strconv.FormatUint(m.session, 10) }

// hand runs do when nothing else gives the stage partitions or takes them from it.
func (m *Member) hand(do func()) {
	m.handing <- struct{}{}
	defer func() { <-m.handing }()
	do()
}

// Assign gives the member a partition with what was last committed of it, unless it has ended. Whoever had it is not told.
func (m *Member) Assign(p stream.TopicPartition) { m.hand(func() { m.assign(p, false) }) }

// assign is Assign, or, if it comes back, only as long as nobody else was given the partition.
func (m *Member) assign(p stream.TopicPartition, back bool) {
	if m.ended() {
		return
	}
	b := m.b
	b.Lock()
	if back && b.Owners[p] != m {
		b.Unlock()
		return
	}
	pos := b.Position(p)
	b.Owners[p] = m
	if b.OnAssign != nil {
		b.OnAssign(m, pos)
	}
	b.Unlock()
	from, err := m.stage.OnAssigned(context.Background(), pos)
	for try := 1; err != nil && try < assignTries; try++ {
		from, err = m.stage.OnAssigned(context.Background(), pos)
	}
	b.Lock()
	defer b.Unlock()
	if err != nil {
		b.failf("%s takes %s over: %v", m.Name, p, err)
		return
	}
	m.next[p] = max(from, b.Log(p).Begin)
	b.Touch()
}

// Revoke takes partitions away in good order.
func (m *Member) Revoke(ps ...stream.TopicPartition) {
	m.hand(func() {
		m.StopReading(ps...)
		ctx, cancel := context.WithTimeout(context.Background(), drainTime)
		defer cancel()
		m.stage.OnRevoked(ctx, ps)
	})
}

// Lose takes partitions away without warning.
func (m *Member) Lose(ps ...stream.TopicPartition) {
	m.hand(func() { m.lose(ps) })
}

func (m *Member) lose(ps []stream.TopicPartition) {
	m.StopReading(ps...)
	m.stage.OnLost(ps)
}

// Rejoin gives the member a new session. What it had is lost.
func (m *Member) Rejoin() { m.hand(func() { m.rejoin() }) }

func (m *Member) rejoin() (lost []stream.TopicPartition) {
	lost = m.Owned()
	m.lose(lost)
	m.b.Lock()
	defer m.b.Unlock()
	m.mu.Lock()
	delete(m.b.members, m.id())
	m.session++
	m.dropping, m.expelled = false, false
	m.mu.Unlock()
	m.join()
	return lost
}

// comeBack comes back after a commit that was not answered, and is given again what nobody else was given meanwhile.
func (m *Member) comeBack() {
	m.hand(func() { // all at once: nobody assigns it one of them in between
		for _, p := range m.rejoin() {
			m.assign(p, true)
		}
	})
}

// Expel ends the member's session at the broker, without a word to it.
func (m *Member) Expel() {
	m.b.Lock()
	defer m.b.Unlock()
	m.mu.Lock()
	defer m.mu.Unlock()
	m.expelled = true
	delete(m.b.members, m.id())
}

// Kill ends the member as kill -9 does: nothing of it gets out any more, and the broker knows it no longer. Its stage is not told.
func (m *Member) Kill() {
	m.b.Lock()
	m.mu.Lock()
	m.dead = true
	delete(m.b.members, m.id())
	m.mu.Unlock()
	m.b.Unlock()
	m.StopReading(m.Owned()...)
}

// End stops the stage in the end, killed or not, and waits for what the member has under way: nothing may hold that back.
func (m *Member) End(ctx context.Context) (err error) {
	m.StopReading(m.Owned()...)
	m.mu.Lock()
	if !m.isOver() {
		close(m.over)
	}
	m.mu.Unlock()
	m.reading.Wait()
	m.hand(func() { err = m.stage.Stop(ctx) })
	m.working.Wait()
	return err
}

func (m *Member) isOver() bool {
	select {
	case <-m.over:
		return true
	default:
		return false
	}
}

func (m *Member) ended() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.dead || m.isOver()
}

// Dead reports whether the member was killed.
func (m *Member) Dead() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.dead
}

// Active reports whether the member takes part in the group: not killed, expelled, frozen or about to give everything up.
func (m *Member) Active() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return !m.dead && !m.expelled && !m.dropping && m.frozen == nil
}

// Outside reports whether the member runs and has lost its place in the group: dropping if it knows that, expelled if it does not.
func (m *Member) Outside() (dropping, expelled bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	runs := !m.dead && m.frozen == nil
	return runs && m.dropping, runs && m.expelled
}

// Freeze stops the member as SIGSTOP does, for the broker and whoever calls Pass, until Thaw.
func (m *Member) Freeze() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.frozen == nil {
		m.frozen = make(chan struct{})
	}
}

// Thaw lets it go on.
func (m *Member) Thaw() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.frozen != nil {
		close(m.frozen)
		m.frozen = nil
	}
}

// Pass holds whoever comes by while the member is frozen.
func (m *Member) Pass() { m.await(&m.frozen) }

// HoldWrites keeps what the member has under way, and what it appends from now on, from arriving until ReleaseWrites. The member
// goes on meanwhile.
func (m *Member) HoldWrites() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.held == nil {
		m.held = make(chan struct{})
	}
}

// ReleaseWrites lets it arrive.
func (m *Member) ReleaseWrites() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.held != nil {
		close(m.held)
		m.held = nil
	}
}

// await waits until a gate is open.
func (m *Member) await(gate *chan struct{}) {
	for {
		m.mu.Lock()
		shut := *gate
		m.mu.Unlock()
		if shut == nil {
			return
		}
		<-shut
	}
}

// Owned returns the partitions that the member reads.
func (m *Member) Owned() []stream.TopicPartition {
	m.b.Lock()
	defer m.b.Unlock()
	return slices.SortedFunc(maps.Keys(m.next), compare)
}

func compare(a, b stream.TopicPartition) int {
	return cmp.Or(cmp.Compare(a.Topic, b.Topic), cmp.Compare(a.Partition, b.Partition))
}

// StopReading ends the reading of partitions; the stage is not told.
func (m *Member) StopReading(ps ...stream.TopicPartition) {
	m.b.Lock()
	defer m.b.Unlock()
	for _, p := range ps {
		delete(m.next, p)
	}
}

// read hands records over until the end, as the loop of a group does.
func (m *Member) read() {
	for !m.isOver() {
		m.b.Lock()
		changed, batches := m.b.changed, m.batches(m.options.Batch, true)
		m.b.Unlock()
		for _, recs := range batches {
			m.stage.Process(stream.TopicPartition{Topic: recs[0].Topic, Partition: recs[0].Partition}, recs)
		}
		if len(batches) > 0 {
			continue
		}
		select {
		case <-m.over:
		case <-changed:
		}
	}
}

// batches takes up to n records of each partition, unless its fetching is paused and that is heeded. The broker is locked.
func (m *Member) batches(n int, heed bool) (out [][]stream.Record) {
	for _, p := range slices.SortedFunc(maps.Keys(m.next), compare) {
		if heed && m.Paused(p) {
			continue
		}
		recs, next := m.b.Log(p).Range(m.next[p], n)
		m.next[p] = next
		if len(recs) > 0 {
			out = append(out, recs)
		}
	}
	return out
}

// Feed hands over up to n records of each partition, paused or not (what was fetched before still comes), and returns how many.
func (m *Member) Feed(n int) (fed int) {
	m.b.Lock()
	batches := m.batches(n, false)
	m.b.Unlock()
	for _, recs := range batches {
		m.stage.Process(stream.TopicPartition{Topic: recs[0].Topic, Partition: recs[0].Partition}, recs)
		fed += len(recs)
	}
	return fed
}
