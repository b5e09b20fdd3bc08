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

var errSessionOver = fmt.Errorf("the session of this commit is over: %w", stream.ErrFenced)

const (
	// commitTimeout is shorter than the session timeout: a member that cannot commit joins again before the group expels it.
	commitTimeout = 5 * time.Second
	noCoordinator = -1

	// maxRefused is for how long a group may refuse a member's commits before the member joins again: 39 s. In one generation a rebalance refuses commits only
	// while the members wait for its assignment, at most a rebalance timeout (30 s). If the group has another generation, or does not know the member
	// any more, a heartbeat reports it within a session timeout (9 s), unless a JoinGroup is in flight that is never answered.
	maxRefused = rebalanceTimeout + sessionTimeout
)

// Generation returns the current membership, for Commit. It must be taken under the locks under which the positions of the commit are encoded:
// then the positions can be older than the generation's next one, which is refused, and never pass for newer ones. If what is owned was assigned
// to this process as another member, the generation is the zero one, and the session ends.
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

// Commit writes positions under a generation: one request to the coordinator with exactly that member and generation, never retried. The
// library's own commit would use the generation at the time of sending, and retry.
//
// refused has the partitions of which certainly nothing was written. An error means that the outcome is not known; then the session ends,
// the stage loses every partition (OnLost), and the process joins as a new member.
func (g *Group) Commit(ctx context.Context, gen stream.Generation, ps []stream.Position) (refused map[stream.TopicPartition]error, err error) {
	began := time.Now()
	defer func() { g.metrics.committed(time.Since(began), len(ps), refused, err) }()
	refused = make(map[stream.TopicPartition]error)
	s := g.currentSession()
	if s == nil || gen.Session != s.number || s.life.Err() != nil || gen.Member == "" {
		offsets.RefuseAll(refused, ps, errSessionOver)
		return refused, nil
	}
	req := kmsg.NewPtrOffsetCommitRequest()
	req.Group, req.MemberID, req.Generation = g.name, gen.Member, gen.Number //mutant:commit-carries-its-generation
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
	s.recordCommitted(gen, ps, refused)
	if g.commits.Committed(ps, refused) { //mutant:unwritten-registry-delays-one-commit
		s.registerCommits(ctx)
	}
	return refused, nil
}

// recordCommitted records what a commit has written. The session ends if the group has refused this member's commits for too long.
func (s *session) recordCommitted(gen stream.Generation, ps []stream.Position, refused map[stream.TopicPartition]error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range ps {
		if owned, ok := s.owned[p.Partition]; ok && refused[p.Partition] == nil {
			owned.committed = p.Offset
			s.owned[p.Partition] = owned
		}
	}
	err := s.refusals.Record(gen.Member, gen.Number, len(refused) < len(ps), maps.Values(refused), time.Now(), maxRefused)
	if err != nil {
		s.end(err)
	}
}

// findCoordinator asks once a session: a coordinator that moves fails a commit, and that ends the session.
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
