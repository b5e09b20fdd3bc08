package relay

import (
	"context"
	"sync"
	"time"

	"altavoz/internal/backoff"
	"altavoz/processor/partition"
	"altavoz/stream"
)

const (
	// What failed is tried again after 100 ms, then twice that, up to 5 s; half of it is drawn.
	firstWait   = 100 * time.Millisecond
	longestWait = 5 * time.Second
	// commitAgain is how long after a refused commit the next one is made, where no record asks for one before.
	commitAgain = time.Second
)

// part is one partition. Its records are relayed one after the other, so that they keep their order.
type part struct {
	st     *Stage
	of     stream.TopicPartition
	flow   *partition.Backpressure
	ctx    context.Context //nolint:containedctx // of the assignment, which begins and ends with the part
	cancel context.CancelFunc
	over   chan struct{}
	wake   chan struct{} // cap 1: something below changed

	mu        sync.Mutex
	waiting   []stream.Record
	bytes     int
	draining  bool
	committed int64 // as acknowledged
	refused   bool  // the last commit was not taken, or nobody knows
	next      int64 // below it everything is relayed; of the goroutine of run
	warned    time.Time
}

func newPart(st *Stage, of stream.TopicPartition, from int64) *part {
	ctx, cancel := context.WithCancel(context.Background())
	return &part{
		st: st, of: of, flow: partition.NewBackpressure(st.ports.Pauser, of), ctx: ctx, cancel: cancel,
		over: make(chan struct{}), wake: make(chan struct{}, 1), committed: from, next: from,
	}
}

// Process takes records in. It does not wait.
func (p *part) Process(recs []stream.Record) {
	p.mu.Lock()
	p.waiting = append(p.waiting, recs...)
	for i := range recs {
		p.bytes += len(recs[i].Value)
	}
	p.mu.Unlock()
	p.press()
	p.signal()
}

// press pauses reading while too much waits, and resumes it once half of that is left.
func (p *part) press() {
	p.flow.Turn(func(paused bool) bool {
		p.mu.Lock()
		defer p.mu.Unlock()
		if paused {
			return len(p.waiting) > waitRecords/2 || p.bytes > waitBytes/2
		}
		return len(p.waiting) > waitRecords || p.bytes > waitBytes
	})
}

// Drain ends it once the record under way is relayed and committed.
func (p *part) Drain() {
	p.mu.Lock()
	p.draining = true
	p.mu.Unlock()
	p.signal()
}

// Stop ends it at once.
func (p *part) Stop() { p.cancel() }

// Over is closed at the end.
func (p *part) Over() <-chan struct{} { return p.over }

// Committed takes in how a commit ended.
func (p *part) Committed(r partition.CommitResult) {
	p.mu.Lock()
	if p.refused = r.Refused != nil || r.Unknown != nil; !p.refused {
		p.committed = max(p.committed, r.Position.Offset)
	}
	p.mu.Unlock()
	p.signal()
}

func (p *part) signal() {
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

func (p *part) run() {
	defer close(p.over)
	defer p.cancel()
	for {
		rec, more, end := p.pop()
		switch {
		case end:
			return
		case more:
			if !p.relayed(&rec) {
				return
			}
			p.next = rec.Offset + 1
			p.commit()
			p.press()
			continue
		}
		select {
		case <-p.wake:
		case <-p.refusedWait():
			p.commit()
		case <-p.ctx.Done():
			return
		}
	}
}

func (p *part) commit() {
	p.mu.Lock()
	p.refused = false
	p.mu.Unlock()
	p.st.parts.Commit(p, stream.Position{Partition: p.of, Offset: p.next, Metadata: metadata})
}

// refusedWait returns when a commit that was refused is to be made again; never, where none was.
func (p *part) refusedWait() <-chan time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.refused {
		return nil
	}
	return time.After(commitAgain)
}

// pop returns the next record; end says that there is nothing left to do.
func (p *part) pop() (rec stream.Record, more, end bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.draining {
		return rec, false, p.refused || p.committed >= p.next
	}
	if p.ctx.Err() != nil || len(p.waiting) == 0 {
		return rec, false, p.ctx.Err() != nil
	}
	rec, p.waiting[0] = p.waiting[0], stream.Record{}
	p.waiting = p.waiting[1:]
	p.bytes -= len(rec.Value)
	return rec, true, false
}

// relayed relays a record, and tries until it is acknowledged; false: the partition is given up.
func (p *part) relayed(rec *stream.Record) bool {
	for tries := 0; ; tries++ {
		result, err := p.st.relay(p.ctx, rec)
		if err == nil {
			p.st.metrics.ended[result].Inc()
			return true
		}
		if p.ctx.Err() != nil {
			return false
		}
		p.st.metrics.retries.Inc()
		if now := time.Now(); now.Sub(p.warned) >= warnEvery {
			p.warned = now
			p.st.cfg.Logger.Warn("a record of an upstream system is not relayed yet", "slot", p.of.String(), "offset", rec.Offset, "error", err)
		}
		select {
		case <-time.After(backoff.Equal(firstWait, longestWait, tries)):
		case <-p.ctx.Done():
			return false
		}
	}
}
