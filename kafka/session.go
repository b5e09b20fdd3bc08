package kafka

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"altavoz/schemas"
)

var errSessionOver = errors.New("the session with the group is over")

// session is one life of a member: one client, from joining to leaving. After a commit of which nobody knows whether it
// was written, the session ends, and the next one is a new member, under which the coordinator refuses what the old one
// may still have on its way. That holds for static members too: the instance id gets a new member id when it joins, and
// requests under the old one are refused as fenced.
type session struct {
	group  *Group
	number uint64
	cl     *kgo.Client
	stage  Stage
	opened chan struct{}           // closed once the client is known here: it may be assigned slots before it is returned
	reader *Reader                 // over the same client
	void   context.Context         //nolint:containedctx // the session's life, ended by end
	end    context.CancelCauseFunc // the first cause stands
	kill   context.CancelFunc      // ends the client with all that it waits for

	mu          sync.Mutex
	owned       map[schemas.Slot]struct{}
	fetched     map[schemas.Slot]schemas.Position // committed, as fetched with the assignment
	next        map[schemas.Slot]int64            // what is read next
	committed   map[schemas.Slot]int64            // or where it starts
	coordinator int32
	leaving     bool
}

// run polls until ctx ends, in which case it drains, or the session is void.
func (s *session) run(ctx context.Context) error {
	poll, cancel := context.WithCancel(s.void)
	defer context.AfterFunc(ctx, cancel)()
	watching := make(chan struct{})
	go func() {
		defer close(watching)
		s.watch(poll)
	}()
	defer func() { cancel(); <-watching }()
	for {
		fetches := s.cl.PollRecords(poll, pollRecords)
		if s.void.Err() != nil {
			s.cl.AllowRebalance()
			return context.Cause(s.void)
		}
		if ctx.Err() != nil {
			s.cl.AllowRebalance()
			s.drain() //mutant:stopping-drains
			return nil
		}
		err := s.errors(fetches)
		fetches.EachPartition(s.take)
		s.cl.AllowRebalance()
		if err != nil {
			return err
		}
	}
}

func (s *session) take(p kgo.FetchTopicPartition) {
	if len(p.Records) == 0 {
		return
	}
	slot := schemas.Slot{Topic: s.group.cfg.bare(p.Topic), Partition: p.Partition}
	recs := make([]schemas.Record, len(p.Records))
	for i, k := range p.Records {
		recs[i] = s.group.cfg.in(k)
	}
	s.mu.Lock()
	_, mine := s.owned[slot]
	s.next[slot] = recs[len(recs)-1].Offset + 1
	s.mu.Unlock()
	if mine { //mutant:only-owned-records-are-handed-over
		s.stage.Take(slot, recs)
	}
}

// errors returns the error that ends the session, if there is one.
func (s *session) errors(fetches kgo.Fetches) error {
	if fetches.IsClientClosed() {
		return errSessionOver
	}
	for _, e := range fetches.Errors() {
		if errors.Is(e.Err, context.Canceled) || errors.Is(e.Err, context.DeadlineExceeded) {
			continue
		}
		if err := fatal(e.Err); err != nil {
			return err
		}
		if poisoned(e.Err) && s.skip(e.Topic, e.Partition, e.Err) {
			continue
		}
		// Also a group that could not be joined: the library tries again as the same member. A new member for each try
		// would leave the old ones behind, for whom everybody waits.
		s.group.log.Warn("reading", "topic", e.Topic, "partition", e.Partition, "error", e.Err)
	}
	return nil
}

// offsetsFetched keeps what was committed, metadata included, for the assignment that follows.
func (s *session) offsetsFetched(_ context.Context, _ *kgo.Client, resp *kmsg.OffsetFetchResponse) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	keep := func(topic string, p int32, offset int64, metadata *string, code int16) {
		if kerr.ErrorForCode(code) != nil {
			return
		}
		pos := schemas.Position{Slot: schemas.Slot{Topic: s.group.cfg.bare(topic), Partition: p}, Offset: max(offset, schemas.NoOffset)}
		if metadata != nil {
			pos.Metadata = *metadata
		}
		s.fetched[pos.Slot] = pos
	}
	for _, g := range resp.Groups {
		for _, t := range g.Topics {
			for _, p := range t.Partitions {
				keep(t.Topic, p.Partition, p.Offset, p.Metadata, p.ErrorCode)
			}
		}
	}
	for _, t := range resp.Topics {
		for _, p := range t.Partitions {
			keep(t.Topic, p.Partition, p.Offset, p.Metadata, p.ErrorCode)
		}
	}
	return nil
}

// assign gives new slots to the stage before anything of them is read.
func (s *session) assign(ctx context.Context, offsets map[string]map[int32]kgo.Offset) (map[string]map[int32]kgo.Offset, error) {
	<-s.opened
	s.mu.Lock()
	leaving := s.leaving
	s.mu.Unlock()
	if leaving || s.void.Err() != nil {
		return nil, errSessionOver
	}
	names := make([]string, 0, len(offsets))
	for name := range offsets {
		names = append(names, name)
	}
	if len(names) == 0 {
		return offsets, nil
	}
	logs, err := s.bounds(ctx, names)
	if err != nil {
		return nil, err
	}
	began, taken := time.Now(), 0
	for name, partitions := range offsets {
		for p := range partitions {
			at, err := s.assignOne(ctx, logs.of(s.group.cfg.bare(name), name, p))
			if err != nil {
				s.group.log.Warn("a partition could not be taken over", "topic", name, "partition", p, "error", err)
				return nil, err
			}
			partitions[p] = kgo.NewOffset().At(at).WithEpoch(-1)
			taken++
		}
	}
	s.group.log.Info("partitions taken over", "partitions", taken, "seconds", time.Since(began).Seconds())
	return offsets, nil
}

// logBounds is where logs begin and end.
type logBounds struct{ begins, ends kadm.ListedOffsets }

func (s *session) bounds(ctx context.Context, names []string) (b logBounds, err error) {
	if b.begins, err = within(ctx, func() (kadm.ListedOffsets, error) { return s.reader.adm.ListStartOffsets(ctx, names...) }); err == nil {
		err = b.begins.Error()
	}
	if err != nil {
		return b, fmt.Errorf("asking where partitions begin: %w", err)
	}
	if b.ends, err = within(ctx, func() (kadm.ListedOffsets, error) { return s.reader.adm.ListEndOffsets(ctx, names...) }); err == nil {
		err = b.ends.Error()
	}
	if err != nil {
		return b, fmt.Errorf("asking where partitions end: %w", err)
	}
	return b, nil
}

// of returns a slot's position of which only the bounds of its log are known.
func (b logBounds) of(topic schemas.Topic, name string, p int32) schemas.Position {
	begin, _ := b.begins.Lookup(name, p)
	end, _ := b.ends.Lookup(name, p)
	return schemas.Position{Slot: schemas.Slot{Topic: topic, Partition: p}, Offset: schemas.NoOffset, Begin: begin.Offset, End: end.Offset}
}

func (s *session) assignOne(ctx context.Context, pos schemas.Position) (int64, error) {
	slot, start := pos.Slot, pos.Begin
	s.mu.Lock()
	if was, ok := s.fetched[slot]; ok {
		pos.Offset, pos.Metadata = was.Offset, was.Metadata
	}
	s.owned[slot] = struct{}{}
	s.mu.Unlock()
	if pos.Offset != schemas.NoOffset && pos.Offset < start {
		s.group.log.Warn("records were removed by age before they were read", "slot", slot.String(), "committed", pos.Offset, "start", start)
	}
	from, err := s.stage.Assign(ctx, pos)
	if err != nil {
		return 0, fmt.Errorf("assigning %s: %w", slot, err)
	}
	from = max(from, start)
	s.mu.Lock()
	s.next[slot], s.committed[slot] = from, max(pos.Offset, start)
	s.mu.Unlock()
	return from, nil
}

func (s *session) revoked(_ context.Context, _ *kgo.Client, partitions map[string][]int32) {
	<-s.opened
	slots := s.group.cfg.slots(partitions)
	if len(slots) == 0 {
		return
	}
	if s.void.Err() != nil {
		s.forget(slots)
		return
	}
	ctx, cancel := context.WithTimeoutCause(s.void, drainTimeout, errors.New("draining took too long"))
	defer cancel()
	s.stage.Revoke(ctx, slots) //mutant:revoked-slots-drain
	s.disown(slots)
}

func (s *session) lost(_ context.Context, _ *kgo.Client, partitions map[string][]int32) {
	<-s.opened
	s.forget(s.group.cfg.slots(partitions))
}

// forget takes slots from the stage without a word to the group.
func (s *session) forget(slots []schemas.Slot) {
	if len(slots) == 0 {
		return
	}
	s.stage.Lost(slots)
	s.disown(slots)
}

func (s *session) disown(slots []schemas.Slot) {
	s.mu.Lock()
	for _, slot := range slots {
		delete(s.owned, slot)
		delete(s.committed, slot)
		delete(s.next, slot)
	}
	s.mu.Unlock()
	s.cl.ResumeFetchPartitions(s.group.cfg.partitions(slots)) // a pause outlives an assignment
}

func (s *session) slots() []schemas.Slot {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]schemas.Slot, 0, len(s.owned))
	for slot := range s.owned {
		out = append(out, slot)
	}
	return out
}

// drain takes everything back in good order while the member still beats its heart: leaving first would stop the
// heartbeats, and a drain can last longer than the session.
func (s *session) drain() {
	s.mu.Lock()
	s.leaving = true
	s.mu.Unlock()
	slots := s.slots()
	if len(slots) == 0 {
		return
	}
	s.cl.PauseFetchPartitions(s.group.cfg.partitions(slots))
	ctx, cancel := context.WithTimeoutCause(s.void, drainTimeout, errors.New("draining took too long"))
	defer cancel()
	s.stage.Revoke(ctx, slots)
	s.disown(slots)
}

// member is who this is to the group; empty before Kafka has given it a name.
func (s *session) member() string {
	member, _ := s.cl.GroupMetadata()
	return member
}

// leave tells the coordinator, so that others need not wait for the session to time out, and returns who has left. The
// library does not do it for static members. One that is still joining leaves all the same.
func (s *session) leave(cl *kgo.Client) (left string) {
	member := s.member()
	if member == "" {
		return ""
	}
	req := kmsg.NewPtrLeaveGroupRequest()
	req.Group, req.MemberID = s.group.name, member
	m := kmsg.NewLeaveGroupRequestMember()
	m.MemberID = member
	if id := s.group.cfg.InstanceID; id != "" {
		m.InstanceID = &id
	}
	m.Reason = new("stopping")
	req.Members = append(req.Members, m)
	ctx, cancel := context.WithTimeoutCause(context.Background(), leaveTimeout, errors.New("leaving the group took too long"))
	defer cancel()
	resp, err := within(ctx, func() (*kmsg.LeaveGroupResponse, error) { return req.RequestWith(ctx, cl) })
	if err == nil {
		err = kerr.ErrorForCode(resp.ErrorCode)
	}
	if err != nil {
		s.group.log.Debug("leaving the group", "error", err)
		return ""
	}
	return member
}
