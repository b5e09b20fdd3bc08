package kafka

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"altavoz/schemas"
)

// Errors of commits.
var (
	// ErrFenced is the refusal of a commit whose fence belongs to a session that is over.
	ErrFenced = errors.New("the session of this commit is over")
	// ErrMetadata is the refusal of metadata that is longer than brokers take.
	ErrMetadata = errors.New("the metadata of a commit is longer than 4,096 bytes")
)

const (
	// commitTimeout is shorter than a session, so that a member which can't commit joins anew before it is given up.
	commitTimeout = 5 * time.Second
	noBroker      = -1
)

// Fence says who this member is now. It is to be taken while the locks are held under which the positions of the coming
// commit are encoded: then a commit can be too old for its fence's generation, which is refused, and never pass for a newer one.
func (g *Group) Fence() schemas.Fence {
	s := g.live()
	if s == nil {
		return schemas.Fence{}
	}
	member, generation := s.cl.GroupMetadata()
	return schemas.Fence{Member: member, Generation: generation, Session: s.number}
}

// Commit writes positions under a fence: one request to the coordinator, stamped with exactly that member and
// generation, never sent twice. The library's own commit would stamp the generation of the moment and retry inside.
//
// refused names the slots of which certainly nothing was written. An error means that nobody knows; the session is then
// over, every slot is taken from the stage (Lost), and the process joins as a new member.
func (g *Group) Commit(ctx context.Context, f schemas.Fence, ps []schemas.Position) (refused map[schemas.Slot]error, err error) {
	began := time.Now()
	defer func() { g.metrics.committed(time.Since(began), len(ps), refused, err) }()
	refused = make(map[schemas.Slot]error)
	s := g.live()
	if s == nil || f.Session != s.number || s.void.Err() != nil || f.Member == "" {
		return refuseAll(refused, ps, ErrFenced), nil
	}
	req := kmsg.NewPtrOffsetCommitRequest()
	req.Group, req.MemberID, req.Generation = g.name, f.Member, f.Generation //mutant:commit-carries-its-fence
	if id := g.cfg.InstanceID; id != "" {
		req.InstanceID = &id
	}
	fill(req, g.cfg, ps, refused)
	if len(req.Topics) == 0 {
		return refused, nil
	}
	ctx, cancel := context.WithTimeoutCause(ctx, commitTimeout, errors.New("the commit was not answered in time"))
	defer cancel()
	broker, err := s.findCoordinator(ctx)
	if err != nil {
		return refuseAll(refused, ps, err), nil // nothing was sent
	}
	resp, err := s.cl.Broker(int(broker)).Request(ctx, req)
	if err == nil {
		err = s.judge(resp.(*kmsg.OffsetCommitResponse), ps, refused)
	}
	if err != nil {
		err = fmt.Errorf("committing to group %s: %w", g.name, err)
		s.end(err)
		return refused, err
	}
	s.noteCommitted(ps, refused)
	return refused, nil
}

func refuseAll(refused map[schemas.Slot]error, ps []schemas.Position, why error) map[schemas.Slot]error {
	for _, p := range ps {
		if refused[p.Slot] == nil {
			refused[p.Slot] = why
		}
	}
	return refused
}

func fill(req *kmsg.OffsetCommitRequest, c Config, ps []schemas.Position, refused map[schemas.Slot]error) {
	at := make(map[schemas.Topic]int)
	for _, p := range ps {
		if len(p.Metadata) > schemas.MaxMetadata {
			refused[p.Slot] = ErrMetadata
			continue
		}
		i, ok := at[p.Slot.Topic]
		if !ok {
			i = len(req.Topics)
			at[p.Slot.Topic] = i
			t := kmsg.NewOffsetCommitRequestTopic()
			t.Topic = c.topic(p.Slot.Topic)
			req.Topics = append(req.Topics, t)
		}
		rp := kmsg.NewOffsetCommitRequestTopicPartition()
		rp.Partition, rp.Offset, rp.Metadata = p.Slot.Partition, p.Offset, &p.Metadata
		req.Topics[i].Partitions = append(req.Topics[i].Partitions, rp)
	}
}

// judge reads the answer. An error means that for at least one slot nobody knows.
func (s *session) judge(resp *kmsg.OffsetCommitResponse, ps []schemas.Position, refused map[schemas.Slot]error) error {
	answered := make(map[schemas.Slot]bool, len(ps))
	for _, t := range resp.Topics {
		for _, p := range t.Partitions {
			slot := schemas.Slot{Topic: s.group.cfg.bare(t.Topic), Partition: p.Partition}
			answered[slot] = true
			err := kerr.ErrorForCode(p.ErrorCode)
			switch {
			case err == nil:
			case certainlyRefused(err):
				refused[slot] = err
			default:
				return fmt.Errorf("%s: %w", slot, err)
			}
		}
	}
	for _, p := range ps {
		if !answered[p.Slot] && refused[p.Slot] == nil { //mutant:slot-without-a-word-is-unknown
			return fmt.Errorf("%s: no word in the answer", p.Slot)
		}
	}
	return nil
}

// certainlyRefused tells the errors that the coordinator gives before it writes anything. All others stay open: it also answers
// COORDINATOR_NOT_AVAILABLE and NOT_COORDINATOR when the write to its log was not acknowledged in time or failed half way
// (Kafka 4.3, GroupCoordinatorService and CoordinatorRuntime), and then the commit may stand.
func certainlyRefused(err error) bool {
	for _, sure := range []error{
		kerr.IllegalGeneration, kerr.UnknownMemberID, kerr.FencedInstanceID, kerr.RebalanceInProgress, kerr.StaleMemberEpoch,
		kerr.OffsetMetadataTooLarge, kerr.InvalidCommitOffsetSize, kerr.GroupIDNotFound, kerr.InvalidGroupID,
		kerr.GroupAuthorizationFailed, kerr.TopicAuthorizationFailed, kerr.UnknownTopicOrPartition, kerr.CoordinatorLoadInProgress,
	} {
		if errors.Is(err, sure) {
			return true
		}
	}
	return false
}

// findCoordinator asks once a session: a coordinator that moves fails a commit, which ends the session.
func (s *session) findCoordinator(ctx context.Context) (int32, error) {
	s.mu.Lock()
	known := s.coordinator
	s.mu.Unlock()
	if known != noBroker {
		return known, nil
	}
	req := kmsg.NewPtrFindCoordinatorRequest()
	req.CoordinatorKey, req.CoordinatorKeys = s.group.name, []string{s.group.name}
	resp, err := within(ctx, func() (*kmsg.FindCoordinatorResponse, error) { return req.RequestWith(ctx, s.cl) })
	if err != nil {
		return noBroker, fmt.Errorf("finding the coordinator: %w", err)
	}
	id, code := resp.NodeID, resp.ErrorCode
	if len(resp.Coordinators) > 0 {
		id, code = resp.Coordinators[0].NodeID, resp.Coordinators[0].ErrorCode
	}
	if err := kerr.ErrorForCode(code); err != nil {
		return noBroker, fmt.Errorf("finding the coordinator: %w", err)
	}
	s.mu.Lock()
	s.coordinator = id
	s.mu.Unlock()
	return id, nil
}
