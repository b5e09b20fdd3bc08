package group

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"altavoz/kafka"
	"altavoz/kafka/blocked"
	"altavoz/kafka/group/membership"
	"altavoz/kafka/records"
	"altavoz/stream"
)

var errSessionEnded = errors.New("the session with the group is over")

// session is one member: one client, from joining to leaving. A session ends after a commit of unknown outcome, and the next one is a new member:
// the coordinator refuses what the old one may still have in flight. That holds for static members too: an instance id gets a new
// member id when it joins, and requests under the old one are fenced.
type session struct {
	lifetime

	group       *Group
	number      uint64 // of the sessions of this process with the group
	cl          *kgo.Client
	clientReady chan struct{}   // closed once cl is set: partitions may be assigned before the library returns the client
	reader      *records.Reader // over the same client
	stage       Stage
	gate        *gate              // one assignment callback at a time
	blocked     blocked.Partitions // assigned, and not fetched for now

	mu             sync.Mutex
	ownership      membership.Ownership // of all of owned
	refusals       membership.Refusals  // of commits
	owned          map[stream.TopicPartition]ownedPartition
	fetchedOffsets map[stream.TopicPartition]stream.Position // committed, as fetched with the assignment in progress
	coordinator    int32
}

// lifetime is what ends a session, and in what order.
type lifetime struct {
	accepting     context.Context //nolint:containedctx // of new assignments; ended by stopAccepting, and with life
	stopAccepting context.CancelFunc
	life          context.Context         //nolint:containedctx // of the session; once it has ended nothing is committed
	end           context.CancelCauseFunc // of life; the first cause counts
	abort         context.CancelFunc      // of the client, with all that it waits for
}

func newLifetime() (l lifetime, client context.Context) {
	l.life, l.end = context.WithCancelCause(context.Background())
	l.accepting, l.stopAccepting = context.WithCancel(l.life)
	client, l.abort = context.WithCancel(context.Background())
	return l, client
}

// ownedPartition is a partition that is assigned to this member.
type ownedPartition struct {
	position  int64 // the next offset to be fetched; unknownPosition until the stage has accepted the partition
	committed int64 // what the lag is counted from
}

const unknownPosition = -1

// checkOwnership applies a check of whether what is owned is this member's, and returns who the member is. If it is not, the session ends.
func (s *session) checkOwnership(check func(*membership.Ownership, string, int32) error) (member string, generation int32, err error) {
	<-s.clientReady
	s.mu.Lock()
	member, generation = s.cl.GroupMetadata()
	err = check(&s.ownership, member, generation)
	s.mu.Unlock()
	if err != nil {
		s.end(err)
	}
	return member, generation, err
}

// run polls until the session ends, or until ctx ends; then it drains.
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

// process hands records to the stage, if their partition is still owned.
func (s *session) process(p kgo.FetchTopicPartition) {
	if len(p.Records) == 0 {
		return
	}
	tp := stream.TopicPartition{Topic: s.group.cfg.Topic(p.Topic), Partition: p.Partition}
	recs := s.blocked.Deliverable(tp, s.group.cfg.Records(p.Records)) //mutant:newer-records-are-not-handed-over
	if len(recs) == 0 {
		return
	}
	if owned := s.advance(tp, recs[len(recs)-1].Offset+1); owned { //mutant:only-owned-records-are-handed-over
		s.stage.Process(tp, recs)
	}
}

// advance sets the position of a partition, and reports whether the partition is owned.
func (s *session) advance(tp stream.TopicPartition, position int64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	p, ok := s.owned[tp]
	if ok {
		p.position = position
		s.owned[tp] = p
	}
	return ok
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
		if err := endsSession(e.Err); err != nil {
			return err
		}
		if errors.Is(e.Err, kafka.ErrCorruptBatch) && s.skipCorruptBatch(e.Topic, e.Partition, e.Err) {
			continue
		}
		// A group that could not be joined is among these: the library retries as the same member. A new member for each try would leave
		// the old ones behind, and every rebalance would wait for them.
		s.group.log.Warn("fetching records", "topic", e.Topic, "partition", e.Partition, "error", e.Err)
	}
	return nil
}

// skipCorruptBatch continues behind a batch that cannot be decompressed: no stage can use it, and it must not block what follows. Only
// somebody outside altavoz can have written it. It reports whether the batch was skipped.
func (s *session) skipCorruptBatch(topic string, partition int32, why error) bool {
	tp := stream.TopicPartition{Topic: s.group.cfg.Topic(topic), Partition: partition}
	s.mu.Lock()
	p, ok := s.owned[tp]
	s.mu.Unlock()
	if !ok || p.position == unknownPosition {
		return false
	}
	next, err := s.reader.SkipBatch(s.life, tp, p.position)
	if err != nil {
		s.group.log.Warn("skipping a corrupt batch", "partition", tp.String(), "offset", p.position, "error", err)
		return false
	}
	s.group.metrics.corruptBatches.Inc()
	s.group.log.Error("a corrupt batch is skipped", "partition", tp.String(), "from", p.position, "to", next, "error", why)
	s.advance(tp, next)
	return true
}

// onRevoked is the library's OnPartitionsRevoked.
func (s *session) onRevoked(_ context.Context, _ *kgo.Client, partitions map[string][]int32) {
	if _, _, err := s.checkOwnership((*membership.Ownership).Check); err != nil {
		s.loseAll()
		return
	}
	tps := s.group.cfg.TopicPartitions(partitions)
	if len(tps) == 0 { // nothing to wait for: the group may rebalance while partitions drain
		return
	}
	s.revoke(func(tp stream.TopicPartition) bool { return slices.Contains(tps, tp) })
}

// onLost is the library's OnPartitionsLost. All is lost, whatever it names: the library has given up the membership.
func (s *session) onLost(context.Context, *kgo.Client, map[string][]int32) {
	<-s.clientReady
	s.loseAll()
}

// revoke drains partitions and takes them from the stage.
func (s *session) revoke(which func(stream.TopicPartition) bool) {
	s.gate.lockForRevoke()
	defer s.gate.unlock()
	ctx, cancel := context.WithTimeoutCause(s.life, drainTimeout, errors.New("draining took too long"))
	defer cancel()
	s.gate.draining(cancel)
	tps := slices.DeleteFunc(s.ownedPartitions(), func(tp stream.TopicPartition) bool { return !which(tp) })
	switch {
	case len(tps) == 0:
		return
	case s.life.Err() != nil:
		s.stage.OnLost(tps)
	default:
		s.stage.OnRevoked(ctx, tps) //mutant:revoked-partitions-drain
	}
	s.removeOwned(tps)
}

// loseAll takes all partitions from the stage without a commit, which the group would refuse. A drain in progress is cancelled.
func (s *session) loseAll() {
	s.gate.hurry()
	s.gate.lockForRevoke()
	defer s.gate.unlock()
	if tps := s.ownedPartitions(); len(tps) > 0 {
		s.stage.OnLost(tps)
		s.removeOwned(tps)
	}
}

func (s *session) removeOwned(tps []stream.TopicPartition) {
	s.mu.Lock()
	for _, tp := range tps {
		delete(s.owned, tp)
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

// drain revokes all partitions while the member still sends heartbeats: leaving first would stop them, and a drain can outlast the
// session timeout.
func (s *session) drain() {
	s.stopAccepting()
	s.blocked.Pause(s.ownedPartitions()...)
	s.revoke(func(stream.TopicPartition) bool { return true })
}

// memberID is empty until the coordinator has assigned one.
func (s *session) memberID() string {
	member, _ := s.cl.GroupMetadata()
	return member
}

// leave sends a LeaveGroup, so that the group need not wait for the session timeout, and returns the member that has left. The library does
// not send one for static members. A member that is still joining leaves too.
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
