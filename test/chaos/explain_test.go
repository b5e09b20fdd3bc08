//go:build linux

package chaos

import (
	"context"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"altavoz/schemas"
	"altavoz/stream"
	"altavoz/test/witness"
)

const (
	// faultReach is how long what a fault has broken off may go on after it: a commit waits for its answer for 5 s, on a busy machine.
	faultReach = 10 * time.Second
	// wireTime is how long after the death of a process a commit may arrive that it had sent.
	wireTime = 2 * time.Second
	// recordTime is how long a call may count as under way after its end: its result is acknowledged and committed as done by then.
	recordTime = 2 * time.Second
	// stillUnknownMost of the sends may be unknown once all receipts are through: their calls never reached the API.
	stillUnknownMost = 0.01
	offsetsTopic     = "__consumer_offsets"
)

// recipient is one entry of a task.
type recipient struct {
	task  schemas.TaskID
	index uint32
}

// call is one call of the API as the gate saw it.
type call struct {
	process  string
	from, to time.Time // to: zero while it is under way
}

// evidence is what explains who was unknown: the faults, and when commits said that somebody's call may begin.
type evidence struct {
	harm   []witness.Fault
	starts map[recipient][]time.Time
}

// hurting notes a fault of a process until over is called; what it breaks off may be felt for a while after. One of a process
// that calls nobody explains nothing.
func (s *faultRun) hurting(what string, p *process) (over func(felt time.Duration)) {
	if !callsAPI(p.role) {
		return func(time.Duration) {}
	}
	return s.harms(what, p.name, 1)
}

// harms notes a fault of so many processes that call the API: of one, or of all of them.
func (s *faultRun) harms(what, of string, callers int) (over func(felt time.Duration)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n, now := len(s.harm), time.Now()
	s.callers += callers
	s.harm = append(s.harm, witness.Fault{What: what, Of: of, From: now, To: now.Add(time.Hour)})
	return func(felt time.Duration) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.harm[n].To = time.Now().Add(felt)
	}
}

// evidence gathers what can explain an unknown: on a real Kafka the commits themselves, embedded the calls and the records.
func (s *faultRun) evidence(ctx context.Context) (*evidence, error) {
	s.mu.Lock()
	e := &evidence{harm: append([]witness.Fault(nil), s.harm...), starts: make(map[recipient][]time.Time)}
	s.mu.Unlock()
	var commits *witness.Commits
	if s.h.kafka != nil {
		var err error
		if commits, err = s.h.commits(ctx); err != nil {
			return nil, fmt.Errorf("reading the commits: %w", err)
		}
	}
	for _, topic := range []stream.Topic{schemas.TopicSendsExpress, schemas.TopicSendsBulk} {
		err := s.h.each(ctx, topic, func(rec stream.Record) error {
			var m schemas.Send
			if err := schemas.Decode(&rec, &m); err != nil {
				return err
			}
			who := recipient{schemas.TaskID(m.GetTask()), m.GetIndex()}
			switch calls := s.h.gate.callsOf(schemas.Callback(who.task, who.index)); {
			case commits != nil:
				e.starts[who] = append(e.starts[who], commits.Started(stream.TopicPartition{Topic: topic, Partition: rec.Partition}, rec.Offset)...)
			case len(calls) == 0:
				e.starts[who] = append(e.starts[who], rec.Time)
			default:
				for _, c := range calls {
					e.starts[who] = append(e.starts[who], c.from)
				}
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return e, nil
}

// commits reads every commit that the senders' group ever made. Kafka keeps them in a topic, which is not compacted as fast as that.
func (h *deployment) commits(ctx context.Context) (*witness.Commits, error) {
	asking, err := kgo.NewClient(kgo.SeedBrokers(h.brokers))
	if err != nil {
		return nil, err
	}
	defer asking.Close()
	ends, err := kadm.NewClient(asking).ListEndOffsets(ctx, offsetsTopic)
	if err != nil {
		return nil, err
	}
	from, left := make(map[int32]kgo.Offset), make(map[int32]int64)
	ends.Each(func(o kadm.ListedOffset) {
		if o.Offset > 0 {
			from[o.Partition], left[o.Partition] = kgo.NewOffset().AtStart(), o.Offset
		}
	})
	reading, err := kgo.NewClient(kgo.SeedBrokers(h.brokers), kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{offsetsTopic: from}))
	if err != nil {
		return nil, err
	}
	defer reading.Close()
	var all witness.Commits
	for len(left) > 0 {
		fetches := reading.PollFetches(ctx)
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		for _, e := range fetches.Errors() {
			return nil, e.Err
		}
		for _, rec := range fetches.Records() {
			if rec.Offset+1 >= left[rec.Partition] {
				delete(left, rec.Partition)
			}
			if err := saw(&all, rec); err != nil {
				return nil, err
			}
		}
	}
	return &all, nil
}

// saw takes a record of the offsets' topic in, if it is a commit of the senders.
func saw(all *witness.Commits, rec *kgo.Record) error {
	var key kmsg.OffsetCommitKey
	if len(rec.Key) < 2 || rec.Key[0] != 0 || rec.Key[1] > 1 || rec.Value == nil || key.ReadFrom(rec.Key) != nil || key.Group != prefix+"sender" {
		return nil //nolint:nilerr // what groups are made of, and other groups
	}
	var v kmsg.OffsetCommitValue
	if err := v.ReadFrom(rec.Value); err != nil {
		return fmt.Errorf("a commit at offset %d: %w", rec.Offset, err)
	}
	return all.Saw(stream.Position{
		Partition: stream.TopicPartition{Topic: stream.Topic(key.Topic[len(prefix):]), Partition: key.Partition}, Offset: v.Offset, Metadata: v.Metadata,
	}, time.UnixMilli(v.CommitTimestamp))
}

// explain finds out why a recipient was unknown.
func (v *verdict) explain(g *gate, e *evidence, t *task, f *fold, i int) {
	who := recipient{t.id, uint32(i)}
	said, was := f.unknown[who.index]
	if !was || e == nil {
		return
	}
	name := schemas.Callback(t.id, who.index)
	calls := g.callsOf(name)
	switch {
	case g.sim.Withheld(name) > 0:
		v.Withheld++
	case witness.Explains(e.starts[who], said, e.harm) != nil:
		v.BrokenOff++
		if len(calls) == 0 {
			v.NeverCalled++
		}
	default:
		v.Unexplained++
		v.say("%s/%d (%s) is said to be unknown at %s, and nothing explains it: started at %v, calls %+v", t.id, i, t.via, said.Format(time.StampMilli), e.starts[who], calls)
	}
}

// resent finds out whether a recipient who asked for it was called again more often than faults allow: once for each answer that the
// API kept back, and for each death or stop of the process that had the call under way.
func (v *verdict) resent(g *gate, e *evidence, t *task, i, open int) {
	if e == nil {
		return
	}
	name := schemas.Callback(t.id, uint32(i))
	calls := g.callsOf(name)
	allowed := g.sim.Withheld(name)
	for _, c := range calls {
		allowed += witness.Hits(c.from, c.to.Add(recordTime), c.process, e.harm)
	}
	if over := open - 1 - allowed; over > 0 {
		v.ResentTooOften += over
		v.say("%s/%d (%s) asked for it and was called %d times without a plain refusal; faults allow %d more than one: %+v", t.id, i, t.via, open, allowed, calls)
	}
}
