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
	errSessionEnded     = errors.New("the session with the group is over")
	errOffsetNotFetched = errors.New("the coordinator did not say what was committed")
)

// session is one life of a member: one client, from joining to leaving. After a commit of which nobody knows whether it
// was written, the session ends, and the next one is a new member, under which the coordinator refuses what the old one
// may still have on its way. That holds for static members too: the instance id gets a new member id when it joins, and
// requests under the old one are refused as fenced.
type session struct {
	group         *Group
	number        uint64
	cl            *kgo.Client
	stage         Stage
	clientReady   chan struct{}           // closed once the client is known here: it may be assigned partitions before it is returned
	reader        *records.Reader         // over the same client
	blocked       blocked.Partitions      // what is assigned and not read for now
	life          context.Context         //nolint:containedctx // the session's life, ended by end
	end           context.CancelCauseFunc // the first cause stands
	abort         context.CancelFunc      // ends the client with all that it waits for
	accepting     context.Context         //nolint:containedctx // ended by refuse, and with the session: no slot is assigned any more
	stopAccepting context.CancelFunc

	// assignLock holds a token while partitions are given to the stage or taken from it, so that none is taken twice. (A mutex that is
	// waited for keeps a bubble's clock from moving.)
	assignLock chan struct{}

	mu             sync.Mutex
	ownership      membership.Ownership // of all that is owned
	refusals       membership.Refusals  // of commits
	stopDrain      context.CancelFunc   // ends the draining under way
	stopRetry      context.CancelFunc   // ends the try under way to take over what is held
	revoking       int                  // of those who take partitions back: no try begins
	owned          map[stream.TopicPartition]struct{}
	fetchedOffsets map[stream.TopicPartition]stream.Position // committed, as fetched with the assignment
	positions      map[stream.TopicPartition]int64           // what is read next
	committed      map[stream.TopicPartition]int64           // or where it starts
	coordinator    int32
}

// checkOwnership asks whether what is owned is this member's, and returns who it is. Who it is not any more gives up all: the session ends.
func (s *session) checkOwnership(how func(*membership.Ownership, string, int32) error) (member string, generation int32, err error) {
	<-s.clientReady
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
	poll, cancel := context.WithCancel(s.life)
	defer context.AfterFunc(ctx, cancel)()
	watching := make(chan struct{})
	go func() {
		defer close(watching)
		s.watchLag(poll)
	}()
	defer func() { cancel(); <-watching }()
	for {
		fetches := s.cl.PollRecords(poll, pollRecords)
		if s.life.Err() != nil {
			s.cl.AllowRebalance()
			return context.Cause(s.life)
		}
		if ctx.Err() != nil {
			s.cl.AllowRebalance()
			s.drain() //mutant:stopping-drains
			return nil
		}
		err := s.fatalError(fetches)
		if err == nil {
			fetches.EachPartition(s.process)
		}
		s.cl.AllowRebalance()
		if err != nil {
			return err
		}
	}
}

func (s *session) process(p kgo.FetchTopicPartition) {
	if len(p.Records) == 0 {
		return
	}
	tp := stream.TopicPartition{Topic: s.group.cfg.Topic(p.Topic), Partition: p.Partition}
	recs := s.blocked.Deliverable(tp, s.group.cfg.Records(p.Records)) //mutant:newer-records-are-not-handed-over
	if len(recs) == 0 {
		return
	}
	s.mu.Lock()
	_, mine := s.owned[tp]
	s.positions[tp] = recs[len(recs)-1].Offset + 1
	s.mu.Unlock()
	if mine { //mutant:only-owned-records-are-handed-over
		s.stage.Process(tp, recs)
	}
}

// fatalError returns the error that ends the session, if there is one.
func (s *session) fatalError(fetches kgo.Fetches) error {
	if fetches.IsClientClosed() {
		return errSessionEnded
	}
	for _, e := range fetches.Errors() {
		if errors.Is(e.Err, context.Canceled) || errors.Is(e.Err, context.DeadlineExceeded) {
			continue
		}
		if err := endsGroup(e.Err); err != nil {
			return err
		}
		if errors.Is(e.Err, kafka.ErrCorruptBatch) && s.skipCorruptBatch(e.Topic, e.Partition, e.Err) {
			continue
		}
		// Also a group that could not be joined: the library tries again as the same member. A new member for each try
		// would leave the old ones behind, for whom everybody waits.
		s.group.log.Warn("reading", "topic", e.Topic, "partition", e.Partition, "error", e.Err)
	}
	return nil
}

// onOffsetsFetched keeps what was committed, metadata included, for the assignment that follows.
func (s *session) onOffsetsFetched(_ context.Context, _ *kgo.Client, resp *kmsg.OffsetFetchResponse) error {
	ps, err := offsets.ParseFetch(resp, s.group.cfg.Topic)
	if err != nil {
		return err //nolint:wrapcheck // says all
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, pos := range ps {
		s.fetchedOffsets[pos.Partition] = pos
	}
	return nil
}

// onAssigned gives new partitions to the stage before anything of them is read. While the session drains it gives none: the library may keep them
// without reading them.
func (s *session) onAssigned(ctx context.Context, offsets map[string]map[int32]kgo.Offset) (map[string]map[int32]kgo.Offset, error) {
	<-s.clientReady
	names := slices.Collect(maps.Keys(offsets))
	if len(names) == 0 {
		return offsets, nil
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(s.accepting, func() { cancel(errSessionEnded) })()
	err := s.assignAll(ctx, offsets, names)
	switch {
	case s.life.Err() != nil:
		return nil, context.Cause(s.life)
	case s.accepting.Err() != nil:
		return map[string]map[int32]kgo.Offset{}, nil
	case err != nil:
		s.group.log.Warn("partitions could not be taken over", "error", err)
		return nil, err
	}
	return offsets, nil
}

// assignAll gives new partitions to the stage. What one of them lacks (a log with a leader, a ledger that can be read) holds that one only.
func (s *session) assignAll(ctx context.Context, given map[string]map[int32]kgo.Offset, names []string) error {
	all, err := s.takeFetchedOffsets(given)
	if err != nil {
		return err
	}
	known, err := s.lookUpLogs(ctx, names...)
	if err != nil {
		return err
	}
	lacks := make([]error, len(all))
	for i := range all {
		lacks[i] = s.checkPosition(&all[i], known) //mutant:partition-without-a-leader-holds-no-other
	}
	s.assignLock <- struct{}{}
	defer func() { <-s.assignLock }()
	began, kept := time.Now(), 0
	for i, pos := range all {
		at, err := s.assignOne(ctx, pos, lacks[i])
		switch {
		case err == nil:
		case ctx.Err() != nil || s.life.Err() != nil: //mutant:one-unreadable-ledger-stops-one-partition
			return err
		default:
			at = max(pos.Begin, 0)
			s.block(pos, lacks[i] == nil, err)
			kept++
		}
		given[s.group.cfg.TopicName(pos.Partition.Topic)][pos.Partition.Partition] = kgo.NewOffset().At(at).WithEpoch(-1)
	}
	s.group.log.Info("partitions taken over", "partitions", len(all)-kept, "held", kept, "seconds", time.Since(began).Seconds())
	return nil
}

// assignOne takes a partition for this member's, and gives it to the stage unless something is lacking.
func (s *session) assignOne(ctx context.Context, pos stream.Position, lacks error) (int64, error) {
	if s.accepting.Err() != nil {
		return 0, errSessionEnded
	}
	if _, _, err := s.checkOwnership(func(o *membership.Ownership, member string, generation int32) error {
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
	return s.assignToStage(ctx, pos)
}

// assignToStage gives a partition to the stage, and returns from where it is read.
func (s *session) assignToStage(ctx context.Context, pos stream.Position) (int64, error) {
	from, err := s.stage.OnAssigned(ctx, pos)
	if from = max(from, pos.Begin); err == nil && from > pos.End { //mutant:nothing-above-the-end-is-waited-for
		err = ErrOffsetOutsideLog
		s.end(fmt.Errorf("%w: %s is to be read from %d, and ends at %d", err, pos.Partition, from, pos.End))
	}
	if err != nil {
		return 0, fmt.Errorf("assigning %s: %w", pos.Partition, err)
	}
	s.mu.Lock()
	s.positions[pos.Partition], s.committed[pos.Partition] = from, min(max(pos.Offset, pos.Begin), pos.End)
	s.mu.Unlock()
	return from, nil
}

func (s *session) onRevoked(_ context.Context, _ *kgo.Client, partitions map[string][]int32) {
	if _, _, err := s.checkOwnership((*membership.Ownership).Check); err != nil {
		s.loseAll()
		return
	}
	tps := s.group.cfg.TopicPartitions(partitions)
	if len(tps) == 0 { // nothing to wait for: the group may rebalance while partitions are drained
		return
	}
	s.revoke(func(tp stream.TopicPartition) bool { return slices.Contains(tps, tp) })
}

// onLost means all, whatever the library names: it has given the membership up.
func (s *session) onLost(context.Context, *kgo.Client, map[string][]int32) {
	<-s.clientReady
	s.loseAll()
}

// revoke takes partitions from the stage in good order.
func (s *session) revoke(which func(stream.TopicPartition) bool) {
	s.lockForRevoke()
	defer func() { <-s.assignLock }()
	ctx, cancel := context.WithTimeoutCause(s.life, drainTimeout, errors.New("draining took too long"))
	defer cancel()
	s.mu.Lock()
	s.stopDrain = cancel
	s.mu.Unlock()
	tps := slices.DeleteFunc(s.ownedPartitions(), func(tp stream.TopicPartition) bool { return !which(tp) })
	switch {
	case len(tps) == 0:
		return
	case s.life.Err() != nil:
		s.stage.OnLost(tps)
	default:
		s.stage.OnRevoked(ctx, tps) //mutant:revoked-slots-drain
	}
	s.removeOwned(tps)
}

// lockForRevoke takes the token. A try to take over what is held may last longer than a rebalance waits: it is cut short, and made again later.
func (s *session) lockForRevoke() {
	s.mu.Lock()
	s.revoking++
	s.stopRetry()
	s.mu.Unlock()
	s.assignLock <- struct{}{}
	s.mu.Lock()
	s.revoking--
	s.mu.Unlock()
}

// loseAll takes all partitions from the stage without a word to the group, which would refuse it. A draining under way is cut short.
func (s *session) loseAll() {
	s.mu.Lock()
	s.stopDrain()
	s.mu.Unlock()
	s.lockForRevoke()
	defer func() { <-s.assignLock }()
	if tps := s.ownedPartitions(); len(tps) > 0 {
		s.stage.OnLost(tps)
		s.removeOwned(tps)
	}
}

func (s *session) removeOwned(tps []stream.TopicPartition) {
	s.mu.Lock()
	for _, tp := range tps {
		delete(s.owned, tp)
		delete(s.committed, tp)
		delete(s.positions, tp)
	}
	if len(s.owned) == 0 {
		s.ownership.Released()
	}
	s.mu.Unlock()
	s.blocked.Remove(tps...)
}

func (s *session) ownedPartitions() []stream.TopicPartition {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Collect(maps.Keys(s.owned))
}

// drain takes everything back in good order while the member still beats its heart: leaving first would stop the
// heartbeats, and a drain can last longer than the session.
func (s *session) drain() {
	s.stopAccepting()
	s.blocked.Pause(s.ownedPartitions()...)
	s.revoke(func(stream.TopicPartition) bool { return true })
}

// memberID is who this is to the group; empty before Kafka has given it a name.
func (s *session) memberID() string {
	member, _ := s.cl.GroupMetadata()
	return member
}

// leave tells the coordinator, so that others need not wait for the session to time out, and returns who has left. The
// library does not do it for static members. One that is still joining leaves all the same.
func (s *session) leave(cl *kgo.Client) (left string) {
	member := s.memberID()
	if member == "" {
		return ""
	}
	req := membership.LeaveRequest(s.group.name, member, s.group.cfg.InstanceID)
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
