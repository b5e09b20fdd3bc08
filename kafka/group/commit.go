package group

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"altavoz/kafka"
	"altavoz/kafka/group/membership"
	"altavoz/kafka/group/offsets"
	"altavoz/stream"
)

// ErrFenced is the refusal of a commit whose fence belongs to a session that is over.
var ErrFenced = errors.New("the session of this commit is over")

const (
	// commitTimeout is shorter than a session, so that a member which can't commit joins anew before it is given up.
	commitTimeout = 5 * time.Second
	noCoordinator = -1
)

// Fence says who this member is now. It is to be taken while the locks are held under which the positions of the coming
// commit are encoded: then a commit can be too old for its fence's generation, which is refused, and never pass for a newer one.
// Nor for one of another member: where what is owned was assigned to this process as another member, the fence is void and so is the session.
func (g *Group) Generation() stream.Generation {
	s := g.currentSession()
	if s == nil {
		return stream.Generation{}
	}
	member, generation, err := s.checkOwnership((*membership.Ownership).Check)
	if err != nil {
		return stream.Generation{}
	}
	return stream.Generation{Member: member, Number: generation, Session: s.number}
}

// Commit writes positions under a fence: one request to the coordinator, stamped with exactly that member and
// generation, never sent twice. The library's own commit would stamp the generation of the moment and retry inside.
//
// refused names the partitions of which certainly nothing was written. An error means that nobody knows; the session is then
// over, every partition is taken from the stage (Lost), and the process joins as a new member.
func (g *Group) Commit(ctx context.Context, f stream.Generation, ps []stream.Position) (refused map[stream.TopicPartition]error, err error) {
	began := time.Now()
	defer func() { g.metrics.committed(time.Since(began), len(ps), refused, err) }()
	refused = make(map[stream.TopicPartition]error)
	s := g.currentSession()
	if s == nil || f.Session != s.number || s.life.Err() != nil || f.Member == "" {
		offsets.RefuseAll(refused, ps, ErrFenced)
		return refused, nil
	}
	req := kmsg.NewPtrOffsetCommitRequest()
	req.Group, req.MemberID, req.Generation = g.name, f.Member, f.Number //mutant:commit-carries-its-fence
	if id := g.cfg.InstanceID; id != "" {
		req.InstanceID = &id
	}
	offsets.AddPositions(req, ps, g.cfg.TopicName, refused)
	if len(req.Topics) == 0 {
		return refused, nil
	}
	ctx, cancel := context.WithTimeoutCause(ctx, commitTimeout, errors.New("the commit was not answered in time"))
	defer cancel()
	broker, err := s.findCoordinator(ctx)
	if err != nil {
		offsets.RefuseAll(refused, ps, err) // nothing was sent
		return refused, nil
	}
	resp, err := s.cl.Broker(int(broker)).Request(ctx, req)
	if err == nil {
		err = offsets.ParseCommit(resp.(*kmsg.OffsetCommitResponse), ps, g.cfg.Topic, refused)
	}
	if err != nil {
		err = fmt.Errorf("committing to group %s: %w", g.name, err)
		s.end(err)
		return refused, err
	}
	s.recordCommitted(f, ps, refused)
	if g.commits.Committed(ps, refused) { //mutant:unwritten-registry-delays-one-commit
		s.registerCommits(ctx)
	}
	return refused, nil
}

// recordCommitted remembers what a commit has written. Where the group has refused this member for too long, the session ends.
func (s *session) recordCommitted(f stream.Generation, ps []stream.Position, refused map[stream.TopicPartition]error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range ps {
		if _, mine := s.owned[p.Partition]; mine && refused[p.Partition] == nil {
			s.committed[p.Partition] = p.Offset
		}
	}
	err := s.refusals.Record(f.Member, f.Number, len(refused) < len(ps), maps.Values(refused), time.Now(), maxRefused(s.group.cfg))
	if err != nil {
		s.end(err)
	}
}

// findCoordinator asks once a session: a coordinator that moves fails a commit, which ends the session.
func (s *session) findCoordinator(ctx context.Context) (int32, error) {
	s.mu.Lock()
	known := s.coordinator
	s.mu.Unlock()
	if known != noCoordinator {
		return known, nil
	}
	id, err := kafka.Within(ctx, func() (int32, error) {
		return offsets.ParseCoordinator(offsets.FindCoordinator(s.group.name).RequestWith(ctx, s.cl))
	})
	if err != nil {
		return noCoordinator, fmt.Errorf("finding the coordinator: %w", err)
	}
	s.mu.Lock()
	s.coordinator = id
	s.mu.Unlock()
	return id, nil
}

// maxRefused is how long a member is refused by its group before it joins anew: 39 s. In one generation a rebalance refuses commits only while
// the members wait for its plan, for a rebalance time-out (30 s) at most; and where the group knows another generation, or does not know the member
// any more, a heartbeat says so within a session (9 s), unless a request to join is under way that nobody answers.
func maxRefused(c kafka.Config) time.Duration { return c.RebalanceTimeout + c.SessionTimeout }
