package group

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"altavoz/kafka"
	"altavoz/kafka/blocked"
	"altavoz/kafka/group/membership"
	"altavoz/kafka/group/offsets"
	"altavoz/kafka/records"
	"altavoz/stream"
)

var (
	errSessionOver = errors.New("the session with the group is over")
	errNotFetched  = errors.New("the coordinator did not say what was committed")
)

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
	reader *records.Reader         // over the same client
	unread blocked.Partitions      // what is assigned and not read for now
	void   context.Context         //nolint:containedctx // the session's life, ended by end
	end    context.CancelCauseFunc // the first cause stands
	kill   context.CancelFunc      // ends the client with all that it waits for
	taking context.Context         //nolint:containedctx // ended by refuse, and with the session: no slot is assigned any more
	refuse context.CancelFunc

	// handing holds a token while slots are given to the stage or taken from it, so that none is taken twice. (A mutex that is
	// waited for keeps a bubble's clock from moving.)
	handing chan struct{}

	mu          sync.Mutex
	ownership   membership.Ownership // of all that is owned
	refusals    membership.Refusals  // of commits
	hurry       context.CancelFunc   // ends the draining under way
	trying      context.CancelFunc   // ends the try under way to take over what is held
	waiting     int                  // of those who take slots back: no try begins
	owned       map[stream.TopicPartition]struct{}
	fetched     map[stream.TopicPartition]stream.Position // committed, as fetched with the assignment
	next        map[stream.TopicPartition]int64           // what is read next
	committed   map[stream.TopicPartition]int64           // or where it starts
	coordinator int32
}

// check asks whether what is owned is this member's, and returns who it is. Who it is not any more gives up all: the session ends.
func (s *session) check(how func(*membership.Ownership, string, int32) error) (member string, generation int32, err error) {
	<-s.opened
	s.mu.Lock()
	member, generation = s.cl.GroupMetadata()
	err = how(&s.ownership, member, generation)
	s.mu.Unlock()
	if err != nil {
		s.end(err)
	}
	return member, generation, err
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
		if err == nil {
			fetches.EachPartition(s.take)
		}
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
	slot := stream.TopicPartition{Topic: s.group.cfg.Topic(p.Topic), Partition: p.Partition}
	recs := s.unread.Readable(slot, s.group.cfg.Records(p.Records)) //mutant:newer-records-are-not-handed-over
	if len(recs) == 0 {
		return
	}
	s.mu.Lock()
	_, mine := s.owned[slot]
	s.next[slot] = recs[len(recs)-1].Offset + 1
	s.mu.Unlock()
	if mine { //mutant:only-owned-records-are-handed-over
		s.stage.Process(slot, recs)
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
		if errors.Is(e.Err, kafka.ErrCorruptBatch) && s.skip(e.Topic, e.Partition, e.Err) {
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
	ps, err := offsets.Fetched(resp, s.group.cfg.Topic)
	if err != nil {
		return err //nolint:wrapcheck // says all
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, pos := range ps {
		s.fetched[pos.Partition] = pos
	}
	return nil
}

// assign gives new slots to the stage before anything of them is read. While the session drains it gives none: the library may keep them
// without reading them.
func (s *session) assign(ctx context.Context, offsets map[string]map[int32]kgo.Offset) (map[string]map[int32]kgo.Offset, error) {
	<-s.opened
	names := slices.Collect(maps.Keys(offsets))
	if len(names) == 0 {
		return offsets, nil
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(s.taking, func() { cancel(errSessionOver) })()
	err := s.assignAll(ctx, offsets, names)
	switch {
	case s.void.Err() != nil:
		return nil, context.Cause(s.void)
	case s.taking.Err() != nil:
		return map[string]map[int32]kgo.Offset{}, nil
	case err != nil:
		s.group.log.Warn("partitions could not be taken over", "error", err)
		return nil, err
	}
	return offsets, nil
}

// assignAll gives new slots to the stage. What one of them lacks (a log with a leader, a ledger that can be read) holds that one only.
func (s *session) assignAll(ctx context.Context, given map[string]map[int32]kgo.Offset, names []string) error {
	all, err := s.positions(given)
	if err != nil {
		return err
	}
	known, err := s.look(ctx, names...)
	if err != nil {
		return err
	}
	lacks := make([]error, len(all))
	for i := range all {
		lacks[i] = s.complete(&all[i], known) //mutant:partition-without-a-leader-holds-no-other
	}
	s.handing <- struct{}{}
	defer func() { <-s.handing }()
	began, kept := time.Now(), 0
	for i, pos := range all {
		at, err := s.assignOne(ctx, pos, lacks[i])
		switch {
		case err == nil:
		case ctx.Err() != nil || s.void.Err() != nil: //mutant:one-unreadable-ledger-stops-one-partition
			return err
		default:
			at = max(pos.Begin, 0)
			s.hold(pos, lacks[i] == nil, err)
			kept++
		}
		given[s.group.cfg.TopicName(pos.Partition.Topic)][pos.Partition.Partition] = kgo.NewOffset().At(at).WithEpoch(-1)
	}
	s.group.log.Info("partitions taken over", "partitions", len(all)-kept, "held", kept, "seconds", time.Since(began).Seconds())
	return nil
}

// assignOne takes a slot for this member's, and gives it to the stage unless something is lacking.
func (s *session) assignOne(ctx context.Context, pos stream.Position, lacks error) (int64, error) {
	if s.taking.Err() != nil {
		return 0, errSessionOver
	}
	if _, _, err := s.check(func(o *membership.Ownership, member string, generation int32) error {
		if err := o.Assigned(member, generation); err != nil {
			return err //nolint:wrapcheck // says all
		}
		s.owned[pos.Partition] = struct{}{}
		return nil
	}); err != nil {
		return 0, err
	}
	if lacks != nil {
		return 0, lacks
	}
	return s.give(ctx, pos)
}

// give gives a slot to the stage, and returns from where it is read.
func (s *session) give(ctx context.Context, pos stream.Position) (int64, error) {
	from, err := s.stage.OnAssigned(ctx, pos)
	if from = max(from, pos.Begin); err == nil && from > pos.End { //mutant:nothing-above-the-end-is-waited-for
		err = ErrOffsets
		s.end(fmt.Errorf("%w: %s is to be read from %d, and ends at %d", err, pos.Partition, from, pos.End))
	}
	if err != nil {
		return 0, fmt.Errorf("assigning %s: %w", pos.Partition, err)
	}
	s.mu.Lock()
	s.next[pos.Partition], s.committed[pos.Partition] = from, min(max(pos.Offset, pos.Begin), pos.End)
	s.mu.Unlock()
	return from, nil
}

func (s *session) revoked(_ context.Context, _ *kgo.Client, partitions map[string][]int32) {
	if _, _, err := s.check((*membership.Ownership).Check); err != nil {
		s.forget()
		return
	}
	slots := s.group.cfg.TopicPartitions(partitions)
	if len(slots) == 0 { // nothing to wait for: the group may rebalance while slots are drained
		return
	}
	s.takeBack(func(slot stream.TopicPartition) bool { return slices.Contains(slots, slot) })
}

// lost means all, whatever the library names: it has given the membership up.
func (s *session) lost(context.Context, *kgo.Client, map[string][]int32) {
	<-s.opened
	s.forget()
}

// takeBack takes slots from the stage in good order.
func (s *session) takeBack(which func(stream.TopicPartition) bool) {
	s.interrupt()
	defer func() { <-s.handing }()
	ctx, cancel := context.WithTimeoutCause(s.void, drainTimeout, errors.New("draining took too long"))
	defer cancel()
	s.mu.Lock()
	s.hurry = cancel
	s.mu.Unlock()
	slots := slices.DeleteFunc(s.slots(), func(slot stream.TopicPartition) bool { return !which(slot) })
	switch {
	case len(slots) == 0:
		return
	case s.void.Err() != nil:
		s.stage.OnLost(slots)
	default:
		s.stage.OnRevoked(ctx, slots) //mutant:revoked-slots-drain
	}
	s.disown(slots)
}

// interrupt takes the token. A try to take over what is held may last longer than a rebalance waits: it is cut short, and made again later.
func (s *session) interrupt() {
	s.mu.Lock()
	s.waiting++
	s.trying()
	s.mu.Unlock()
	s.handing <- struct{}{}
	s.mu.Lock()
	s.waiting--
	s.mu.Unlock()
}

// forget takes all slots from the stage without a word to the group, which would refuse it. A draining under way is cut short.
func (s *session) forget() {
	s.mu.Lock()
	s.hurry()
	s.mu.Unlock()
	s.interrupt()
	defer func() { <-s.handing }()
	if slots := s.slots(); len(slots) > 0 {
		s.stage.OnLost(slots)
		s.disown(slots)
	}
}

func (s *session) disown(slots []stream.TopicPartition) {
	s.mu.Lock()
	for _, slot := range slots {
		delete(s.owned, slot)
		delete(s.committed, slot)
		delete(s.next, slot)
	}
	if len(s.owned) == 0 {
		s.ownership.Released()
	}
	s.mu.Unlock()
	s.unread.Drop(slots...)
}

func (s *session) slots() []stream.TopicPartition {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Collect(maps.Keys(s.owned))
}

// drain takes everything back in good order while the member still beats its heart: leaving first would stop the
// heartbeats, and a drain can last longer than the session.
func (s *session) drain() {
	s.refuse()
	s.unread.Pause(s.slots()...)
	s.takeBack(func(stream.TopicPartition) bool { return true })
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
	req := membership.Leave(s.group.name, member, s.group.cfg.InstanceID)
	ctx, cancel := context.WithTimeoutCause(context.Background(), leaveTimeout, errors.New("leaving the group took too long"))
	defer cancel()
	resp, err := kafka.Within(ctx, func() (*kmsg.LeaveGroupResponse, error) { return req.RequestWith(ctx, cl) })
	if err == nil {
		err = kerr.ErrorForCode(resp.ErrorCode)
	}
	if err != nil {
		s.group.log.Debug("leaving the group", "error", err)
		return ""
	}
	return member
}
