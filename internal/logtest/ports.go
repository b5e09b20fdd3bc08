package logtest

import (
	"context"
	"fmt"
	"time"

	"altavoz/stream"
)

// writeTime is what a write takes that nothing delays: it is never acknowledged before Append has returned.
const writeTime = time.Millisecond

// earlyTime is how long after its answer a commit is made that is answered too early.
const earlyTime = 20 * time.Millisecond

// OnCommit sets how commits go from now on; nil: by the broker's chances. One call of f at a time.
func (m *Member) OnCommit(f func([]stream.Position) Fault) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.onCommit = f
}

// OnWrite sets how writes go from now on; nil: by the broker's chances. One call of f at a time.
func (m *Member) OnWrite(f func(stream.Record) Fault) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.onWrite = f
}

func (m *Member) commitFault(ps []stream.Position) Fault {
	m.mu.Lock()
	if m.onCommit == nil {
		m.mu.Unlock()
		return m.b.drawCommit()
	}
	defer m.mu.Unlock()
	return m.onCommit(ps)
}

func (m *Member) writeFault(rec stream.Record) Fault {
	m.mu.Lock()
	if m.onWrite == nil {
		m.mu.Unlock()
		return m.b.drawWrite()
	}
	defer m.mu.Unlock()
	return m.onWrite(rec)
}

// Generation is stream.Committer's.
func (m *Member) Generation() stream.Generation {
	m.mu.Lock()
	defer m.mu.Unlock()
	return stream.Generation{Member: m.id(), Number: m.gen, Session: m.session}
}

// stale reports whether the member itself refuses a commit: what it is of has ended since.
func (m *Member) stale(g stream.Generation) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return g.Session != m.session || m.dropping
}

// Commit is stream.Committer's.
func (m *Member) Commit(_ context.Context, g stream.Generation, ps []stream.Position) (map[stream.TopicPartition]error, error) {
	f := m.commitFault(ps)
	if m.stale(g) {
		refused := make(map[stream.TopicPartition]error, len(ps))
		for _, pos := range ps {
			refused[pos.Partition] = ErrFenced
		}
		return refused, nil
	}
	if f.Early {
		m.working.Go(func() {
			time.Sleep(f.Before + earlyTime)
			if !m.Dead() {
				m.apply(g, ps, f)
			}
		})
		return nil, nil //nolint:nilnil // nothing refused and no error
	}
	if f.Hold != nil {
		<-f.Hold
	}
	time.Sleep(f.Before)
	m.Pass()
	if f.Lose || m.Dead() {
		m.drop(f) //nolint:contextcheck // it comes back in a life of its own
		return nil, ErrUnknown
	}
	refused := m.apply(g, ps, f)
	time.Sleep(f.After)
	m.Pass()
	if f.LoseAnswer || m.Dead() {
		m.drop(f) //nolint:contextcheck // it comes back in a life of its own
		return nil, ErrUnknown
	}
	return refused, nil
}

// apply is the coordinator's part of a commit.
func (m *Member) apply(g stream.Generation, ps []stream.Position, f Fault) map[stream.TopicPartition]error {
	b, refused := m.b, make(map[stream.TopicPartition]error)
	b.Lock()
	defer b.Unlock()
	known := b.members[g.Member] == g.Number && g.Number > 0
	var taken []stream.Position
	for _, pos := range ps {
		if len(pos.Metadata) > stream.MaxMetadata {
			b.failf("metadata of %d bytes", len(pos.Metadata))
		}
		var err error
		switch {
		case !known, b.OwnersOnly && b.Owners[pos.Partition] != m:
			err = ErrFenced
		case f.Refuse != nil:
			err = f.Refuse(pos.Partition)
		}
		if err != nil {
			refused[pos.Partition] = err
			continue
		}
		taken = append(taken, pos)
	}
	if b.OnCommit != nil {
		b.OnCommit(m, taken)
	}
	for _, pos := range taken {
		b.Positions[pos.Partition], b.Begun[pos.Partition] = pos, true
	}
	b.Touch()
	return refused
}

// drop is what a member does when nobody knows what it committed.
func (m *Member) drop(f Fault) {
	if f.Unnoticed {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.options.Rejoins && !m.dropping && !m.dead && !m.isOver() {
		go m.comeBack()
	}
	m.dropping = true
}

// Pause is stream.Pauser's.
func (m *Member) Pause(ps ...stream.TopicPartition) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, p := range ps {
		m.paused[p] = true
	}
}

// Resume is stream.Pauser's.
func (m *Member) Resume(ps ...stream.TopicPartition) {
	m.mu.Lock()
	for _, p := range ps {
		delete(m.paused, p)
	}
	m.mu.Unlock()
	m.b.Lock()
	defer m.b.Unlock()
	m.b.Touch()
}

// Paused reports whether the fetching of a partition is paused.
func (m *Member) Paused(p stream.TopicPartition) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.paused[p]
}

// turn returns what an append waits for, and what it closes once it has arrived.
func (m *Member) turn() (before, arrived chan struct{}) {
	m.mu.Lock()
	defer m.mu.Unlock()
	before, arrived = m.written, make(chan struct{})
	if !m.options.InOrder {
		before = nil
	}
	m.written = arrived
	return before, arrived
}

// Append is stream.Appender's.
func (m *Member) Append(rec stream.Record, done func(stream.Record, error)) {
	f := m.writeFault(rec)
	if f.Busy {
		done(rec, ErrBusy)
		return
	}
	before, arrived := m.turn()
	m.working.Go(func() {
		defer close(arrived)
		if before != nil {
			<-before
		}
		if f.Hold != nil {
			<-f.Hold
		}
		time.Sleep(f.Before + writeTime)
		m.await(&m.held)
		m.Pass()
		out, ok, err := m.write(rec, f)
		if ok {
			done(out, err)
		}
	})
}

// write reports whether there is an answer.
func (m *Member) write(rec stream.Record, f Fault) (out stream.Record, ok bool, err error) {
	if m.Dead() {
		return rec, false, ErrUnknown
	}
	if f.Lose {
		return rec, true, ErrUnknown
	}
	out = rec
	if !f.Forgotten {
		out = m.b.Append(rec)
	}
	time.Sleep(f.After)
	m.Pass()
	if f.LoseAnswer {
		return rec, true, ErrUnknown
	}
	return out, true, nil
}

// Publish is stream.Publisher's.
func (m *Member) Publish(ctx context.Context, recs ...stream.Record) ([]stream.Record, error) {
	out := make([]stream.Record, len(recs))
	var failed error
	for i, rec := range recs {
		f := m.writeFault(rec)
		if f.Busy {
			return nil, ErrBusy
		}
		select {
		case <-time.After(f.Before):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		got, _, err := m.write(rec, f)
		if out[i] = got; err != nil {
			failed = err
		}
	}
	if failed != nil {
		return nil, failed
	}
	return out, nil
}

// Record is stream.RecordReader's.
func (m *Member) Record(_ context.Context, p stream.TopicPartition, offset int64) (stream.Record, error) {
	wait, err := m.b.drawRead()
	time.Sleep(wait)
	if err != nil {
		return stream.Record{}, err
	}
	m.b.Lock()
	defer m.b.Unlock()
	if rec := m.b.Log(p).At(offset); rec != nil {
		return *rec, nil
	}
	return stream.Record{}, fmt.Errorf("%s has no record at %d: %w", p, offset, stream.ErrGone)
}

// Records is stream.RecordReader's.
func (m *Member) Records(ctx context.Context, p stream.TopicPartition, offsets []int64, each func(stream.Record) error) error {
	for _, o := range offsets {
		rec, err := m.Record(ctx, p, o)
		if err != nil {
			return err
		}
		if err := each(rec); err != nil {
			return err
		}
	}
	return nil
}

// Range reads the records of a part of a log that are still there.
func (m *Member) Range(ctx context.Context, p stream.TopicPartition, from, to int64, each func(stream.Record) error) error {
	for _, rec := range m.b.All(p, from) {
		if rec.Offset >= to || ctx.Err() != nil {
			break
		}
		if _, err := m.b.drawRead(); err != nil {
			return err
		}
		if err := each(rec); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// Ends returns where the partitions of a topic end.
func (m *Member) Ends(_ context.Context, t stream.Topic) (map[int32]int64, error) {
	m.b.Lock()
	defer m.b.Unlock()
	ends := make(map[int32]int64)
	for p, log := range m.b.Logs {
		if p.Topic == t {
			ends[p.Partition] = log.End()
		}
	}
	return ends, nil
}

// WatchEnds returns where the partitions of topics end.
func (m *Member) WatchEnds(ctx context.Context, topics ...stream.Topic) (map[stream.Topic]map[int32]int64, error) {
	all := make(map[stream.Topic]map[int32]int64)
	for _, t := range topics {
		ends, err := m.Ends(ctx, t)
		if err != nil {
			return nil, err
		}
		all[t] = ends
	}
	return all, nil
}
