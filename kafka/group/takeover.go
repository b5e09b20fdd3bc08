package group

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"altavoz/kafka"
	"altavoz/kafka/group/membership"
	"altavoz/kafka/group/offsets"
	"altavoz/kafka/registry"
	"altavoz/stream"
)

// boundsTimeout bounds the requests for where logs begin and end: a broker that is gone costs the partitions of the others no more.
const boundsTimeout = 5 * time.Second

var errOffsetNotFetched = errors.New("the coordinator did not say what was committed")

// onOffsetsFetched keeps the committed positions, metadata included, for the assignment that follows.
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

// onAssigned is the library's AdjustFetchOffsetsFn: it assigns new partitions to the stage before anything of them is fetched, and returns from
// where they are fetched. A session that drains assigns none: the library may keep them without fetching.
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
		s.group.log.Warn("taking partitions over", "error", err)
		return nil, err
	}
	return offsets, nil
}

// assignAll assigns new partitions to the stage. What one of them lacks (a log with a leader, a ledger that can be read) blocks that one only.
func (s *session) assignAll(ctx context.Context, assigned map[string]map[int32]kgo.Offset, names []string) error {
	all, err := s.takeFetchedOffsets(assigned)
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
	s.gate.lock()
	defer s.gate.unlock()
	began, blocked := time.Now(), 0
	for i, pos := range all {
		from, err := s.assignOne(ctx, pos, lacks[i])
		switch {
		case err == nil:
		case ctx.Err() != nil || s.life.Err() != nil: //mutant:one-unreadable-ledger-stops-one-partition
			return err
		default:
			from = max(pos.Begin, 0)
			s.block(pos, lacks[i] == nil, err)
			blocked++
		}
		assigned[s.group.cfg.TopicName(pos.Partition.Topic)][pos.Partition.Partition] = kgo.NewOffset().At(from).WithEpoch(-1)
	}
	s.group.log.Info("partitions taken over", "partitions", len(all)-blocked, "blocked", blocked, "seconds", time.Since(began).Seconds())
	return nil
}

// takeFetchedOffsets returns the committed positions of new partitions.
func (s *session) takeFetchedOffsets(assigned map[string]map[int32]kgo.Offset) (all []stream.Position, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for name, partitions := range assigned {
		for p := range partitions {
			tp := stream.TopicPartition{Topic: s.group.cfg.Topic(name), Partition: p}
			pos, ok := s.fetchedOffsets[tp]
			delete(s.fetchedOffsets, tp) // valid for this assignment only
			if !ok {
				err = fmt.Errorf("assigning %s: %w", tp, errOffsetNotFetched)
			}
			all = append(all, pos)
		}
	}
	return all, err
}

// logInfo is what is looked up once for all partitions of an assignment.
type logInfo struct {
	bounds   offsets.Bounds
	registry func() (*registry.Registry, error)
}

// lookUpLogs asks where logs begin and end. Partitions of which no broker says so are left out.
func (s *session) lookUpLogs(ctx context.Context, names ...string) (t *logInfo, err error) {
	adm := kadm.NewClient(s.cl)
	list := func(ask func(context.Context, ...string) (kadm.ListedOffsets, error)) (kadm.ListedOffsets, error) {
		short, cancel := context.WithTimeoutCause(ctx, boundsTimeout, errors.New("the broker does not answer"))
		defer cancel()
		listed, err := kafka.Within(ctx, func() (kadm.ListedOffsets, error) { return ask(short, names...) })
		if err != nil && !offsets.Partial(err) {
			return nil, fmt.Errorf("asking where partitions begin and end: %w", err)
		}
		return listed, nil
	}
	t = &logInfo{registry: sync.OnceValues(func() (*registry.Registry, error) { return registry.Read(ctx, s.reader) })}
	if t.bounds.Begins, err = list(adm.ListStartOffsets); err == nil {
		t.bounds.Ends, err = list(adm.ListEndOffsets)
	}
	return t, err
}

// checkPosition fills in where the log begins and ends, and whether the group has committed here before. A group that has, and whose offset or
// metadata is missing, has lost them, or somebody set them; the same if nothing is committed and the log has lost its beginning. A log that
// disagrees with its position is logged and counted; what follows from it is the stage's decision.
func (s *session) checkPosition(pos *stream.Position, known *logInfo) (err error) {
	if pos.Begin, pos.End, err = known.bounds.Lookup(s.group.cfg.TopicName(pos.Partition.Topic), pos.Partition.Partition); err != nil {
		return fmt.Errorf("asking where %s begins and ends: %w", pos.Partition, err)
	}
	if pos.Metadata == "" {
		reg, err := known.registry()
		if err != nil {
			return fmt.Errorf("reading where groups have committed: %w", err)
		}
		pos.Begun = reg.HasCommitted(s.group.stageName(), pos.Partition) || pos.Offset == stream.NoOffset && pos.Begin > 0
	}
	if kind, text := offsets.Disagreement(*pos); kind != "" {
		s.group.metrics.disagreements.WithLabelValues(kind).Inc()
		s.group.log.Error("log and committed offset disagree", "disagreement", text, "partition", pos.Partition.String(), "committed", pos.Offset, "begin", pos.Begin, "end", pos.End)
	}
	return nil
}

// assignOne makes a partition this member's and assigns it to the stage, unless something is lacking.
func (s *session) assignOne(ctx context.Context, pos stream.Position, lacks error) (int64, error) {
	if s.accepting.Err() != nil {
		return 0, errSessionEnded
	}
	if _, _, err := s.checkOwnership(func(o *membership.Ownership, member string, generation int32) error {
		if err := o.Assigned(member, generation); err != nil {
			return err //nolint:wrapcheck // says all
		}
		if _, ok := s.owned[pos.Partition]; !ok {
			s.owned[pos.Partition] = ownedPartition{position: unknownPosition}
		}
		return nil
	}); err != nil {
		return 0, err
	}
	if lacks != nil {
		return 0, lacks
	}
	return s.assignToStage(ctx, pos)
}

// assignToStage assigns a partition to the stage and returns from where it is fetched.
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
	defer s.mu.Unlock()
	if _, ok := s.owned[pos.Partition]; ok {
		s.owned[pos.Partition] = ownedPartition{position: from, committed: min(max(pos.Offset, pos.Begin), pos.End)}
	}
	return from, nil
}

// block stops fetching a partition that could not be taken over, and has it retried with everything about it that is not known yet.
func (s *session) block(pos stream.Position, checked bool, why error) {
	s.blocked.BlockTakeover(pos, why, func(ctx context.Context) (int64, error) {
		if !checked {
			t, err := s.lookUpLogs(ctx, s.group.cfg.TopicName(pos.Partition.Topic))
			if err == nil {
				err = s.checkPosition(&pos, t)
			}
			if err != nil {
				return 0, err
			}
			checked = true
		}
		return s.gate.retry(ctx, func(ctx context.Context) (int64, error) { return s.assignToStage(ctx, pos) })
	})
}
