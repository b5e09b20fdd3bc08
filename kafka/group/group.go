package group

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kversion"

	"altavoz/kafka"
	"altavoz/kafka/group/balance"
	"altavoz/kafka/group/membership"
	"altavoz/kafka/records"
	"altavoz/kafka/registry"
	"altavoz/stream"
)

// Stage is what a group works for. Calls for one partition never overlap, and OnAssigned, OnRevoked and OnLost run one at a time.
type Stage interface {
	// OnAssigned assigns a partition, with what its last owner committed (NoOffset: nothing was ever committed). It returns from where to
	// read: below the position to look back, NoOffset for the log's start. A partition that the stage already has starts again.
	OnAssigned(ctx context.Context, pos stream.Position) (from int64, err error)
	// Process takes the next records of a partition, in order. It does not block: a stage that has enough pauses the partition.
	Process(p stream.TopicPartition, recs []stream.Record)
	// OnRevoked drains partitions. It returns when nothing of them is in progress and the last commit is made; ctx bounds it.
	OnRevoked(ctx context.Context, ps []stream.TopicPartition)
	// OnLost takes partitions away that may have another owner already. It returns when the commit in progress is over.
	OnLost(ps []stream.TopicPartition)
}

// Errors that end a group.
var (
	// ErrInstanceIDInUse says that another process joined the group under this one's instance id.
	ErrInstanceIDInUse = errors.New("another process uses this INSTANCE_ID: give every process its own, or none")
	// ErrOffsetOutsideLog says that a committed offset is not in the log. Reading anywhere else could send twice or lose somebody.
	ErrOffsetOutsideLog = errors.New("a committed offset lies outside the log: the topic was cut or made anew; see `altavoz topics check`")
	// errLogTruncated is that of a log that was truncated, or trimmed, while it was read. The next takeover finds out where it is now.
	errLogTruncated = fmt.Errorf("while it was read: %w", ErrOffsetOutsideLog)
)

const (
	pollRecords  = 1000
	drainTimeout = 15 * time.Second // longer than a call to WhatsApp (10 s), shorter than the rebalance timeout (30 s)
	leaveTimeout = 2 * time.Second
	rejoinPause  = 500 * time.Millisecond
	// fencedAgainWithin: fenced twice in this time, another process has the instance id. Once may be the broker's doing: killed between
	// assigning a member id and writing it down, it restarts with the id before and takes this process for another one.
	fencedAgainWithin = time.Minute
	// truncatedAgainWithin: a log that lacks the offset to be read twice in this time ends the group, because the takeover has not helped.
	truncatedAgainWithin = time.Minute

	// A member that died is replaced within 12 s: its session timeout, the heartbeat by which the others learn of it, and their JoinGroup.
	sessionTimeout    = 9 * time.Second
	heartbeatInterval = sessionTimeout / 6
	rebalanceTimeout  = 30 * time.Second

	offsetCommitKey, offsetFetchKey = 8, 9 // of the Kafka protocol
	offsetByName                    = 9    // the last version of both that names topics by name

	// What a member keeps of each broker fetched and not yet processed.
	fetchBytes          = 8 << 20
	fetchPartitionBytes = 1 << 20
	// fetchWait is how long an empty fetch may last; a partition that is resumed meanwhile is only in the next one. What was paused has mostly more
	// than what is done in that time, and each empty fetch costs the process some 0.5 ms.
	fetchWait = time.Second
)

// Group is this process's membership of one consumer group.
type Group struct {
	cfg     kafka.Config
	name    string
	topics  []stream.Topic
	log     *slog.Logger
	metrics *groupMetrics

	transactions *transactionMonitor // of upstream producers; in the goroutine of watchLag
	commits      registry.CommitTracker

	mu       sync.Mutex
	session  *session // nil between two
	sessions uint64   // so far
}

// stageName is the group's name without prefix.
func (g *Group) stageName() string { return strings.TrimPrefix(g.name, g.cfg.Prefix) }

// New returns a member that has not joined yet.
func New(c kafka.Config, name string, topics []stream.Topic) (*Group, error) {
	c = c.WithDefaults()
	log := c.Logger.With("group", c.Prefix+name)
	return &Group{
		cfg: c, name: c.Prefix + name, topics: topics, log: log,
		metrics: newGroupMetrics(c.Registerer, name), transactions: newTransactionMonitor(c.Registerer, name, log),
	}, nil
}

// Run joins, feeds the stage, and joins again whenever a session has ended. When ctx ends it drains, leaves the group and returns nil. An
// error is one that joining again would not mend.
func (g *Group) Run(ctx context.Context, st Stage) error {
	var fenced, truncated time.Time
	for {
		s, err := g.openSession(st) //nolint:contextcheck // a session outlives ctx: it drains after it
		if err != nil {
			return err
		}
		err = s.run(ctx)
		g.closeSession(s) //nolint:contextcheck // ctx is over by now; leaving has its own bound
		switch {
		case errors.Is(err, errLogTruncated) && (truncated.IsZero() || time.Since(truncated) > truncatedAgainWithin):
			truncated = time.Now()
			g.log.Error("a log was truncated, or trimmed, below what is read of it; its partitions are taken over again", "error", err)
		case errors.Is(err, ErrInstanceIDInUse) && (fenced.IsZero() || time.Since(fenced) > fencedAgainWithin):
			fenced = time.Now()
		case errors.Is(err, ErrInstanceIDInUse) || errors.Is(err, ErrOffsetOutsideLog):
			return fmt.Errorf("group %s: %w", g.name, err)
		case ctx.Err() != nil:
			return nil //nolint:nilerr // the end that was asked for
		}
		g.metrics.rejoins.Inc()
		g.log.Warn("joining the group again", "error", err)
		if !kafka.Sleep(ctx, rejoinPause) {
			return nil
		}
	}
}

// Pause stops fetching partitions until Resume, or until they are revoked.
func (g *Group) Pause(ps ...stream.TopicPartition) {
	if s := g.currentSession(); s != nil {
		s.blocked.Pause(ps...)
	}
}

// Resume continues fetching them.
func (g *Group) Resume(ps ...stream.TopicPartition) {
	if s := g.currentSession(); s != nil {
		s.blocked.Resume(ps...)
	}
}

func (g *Group) currentSession() *session {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.session
}

func (g *Group) openSession(st Stage) (*session, error) {
	g.mu.Lock()
	g.sessions++
	s := &session{
		group: g, number: g.sessions, stage: st, coordinator: noCoordinator, clientReady: make(chan struct{}), gate: newGate(),
		owned: make(map[stream.TopicPartition]ownedPartition), fetchedOffsets: make(map[stream.TopicPartition]stream.Position),
	}
	g.mu.Unlock()
	var client context.Context
	s.lifetime, client = newLifetime()
	cl, err := g.cfg.NewClient(g.options(client, s)...)
	if err != nil {
		s.abort()
		return nil, err
	}
	s.cl, s.reader = cl, records.ReaderOver(g.cfg, cl)
	s.blocked.Bind(s.accepting, kafka.Fetcher{Config: g.cfg, Client: cl}, g.metrics.blocked, g.log)
	g.mu.Lock()
	g.session = s
	g.mu.Unlock()
	close(s.clientReady)
	return s, nil
}

// options are those of a session's client.
func (g *Group) options(client context.Context, s *session) []kgo.Opt {
	names := make([]string, len(g.topics))
	for i, t := range g.topics {
		names[i] = g.cfg.TopicName(t)
	}
	opts := []kgo.Opt{
		kgo.WithContext(client),
		kgo.ConsumerGroup(g.name), kgo.ConsumeTopics(names...),
		kgo.DisableAutoCommit(), kgo.DisableIdempotentWrite(), // it writes to the registry only, where repeats do no harm
		kgo.Balancers(membership.Balancer{
			GroupBalancer: balance.New(),
			OnClaim:       func() error { _, _, err := s.checkOwnership((*membership.Ownership).Claimed); return err },
			OnAssignment:  func() error { _, _, err := s.checkOwnership((*membership.Ownership).Check); return err },
		}),
		kgo.SessionTimeout(sessionTimeout), kgo.HeartbeatInterval(heartbeatInterval), kgo.RebalanceTimeout(rebalanceTimeout),
		//mutant:rebalance-waits-for-what-was-polled
		kgo.BlockRebalanceOnPoll(), // so that no record of a partition is processed after the partition was revoked
		//mutant:reading-is-never-reset
		kgo.ConsumeResetOffset(kgo.NoResetOffset()), kgo.ConsumeStartOffset(kgo.NewOffset().AtStart()),
		kgo.FetchMaxBytes(fetchBytes), kgo.FetchMaxPartitionBytes(fetchPartitionBytes),
		kgo.FetchMaxWait(fetchWait), kafka.Isolation(g.topics),
		kgo.OnOffsetsFetched(s.onOffsetsFetched), kgo.AdjustFetchOffsetsFn(s.onAssigned),
		kgo.OnPartitionsRevoked(s.onRevoked), kgo.OnPartitionsLost(s.onLost),
	}
	// Newer versions of these name topics by id; the requests here name them by name.
	versions := kversion.Stable()
	versions.SetMaxKeyVersion(offsetCommitKey, offsetByName)
	versions.SetMaxKeyVersion(offsetFetchKey, offsetByName)
	opts = append(opts, kgo.MaxVersions(versions))
	if g.cfg.InstanceID != "" {
		opts = append(opts, kgo.InstanceID(g.cfg.InstanceID))
	}
	return opts
}

func (g *Group) closeSession(s *session) {
	s.end(errSessionEnded)
	g.mu.Lock()
	g.session = nil
	g.mu.Unlock()
	left := s.leave(s.cl)
	// A client that is joining waits for the whole group to join, for as long as a dead member is believed alive.
	aborting := time.AfterFunc(leaveTimeout, s.abort)
	s.cl.Close()
	aborted := !aborting.Stop()
	s.abort()
	// The join that was aborted may have been of another member than has left. Kafka keeps that one until its session timeout. kfake (2026-09)
	// keeps it for ever: the session of a member whose connection broke while it joined never begins.
	if aborted && s.memberID() != left { //mutant:broken-join-leaves
		if cl, err := g.cfg.NewClient(); err == nil {
			s.leave(cl)
			cl.Close()
		}
	}
	s.loseAll() // what the closing client has not revoked
	for _, t := range g.topics {
		g.metrics.lag.WithLabelValues(string(t)).Set(0)
	}
}

// endsSession returns what the session ends with after an error of the library; nil for one that passes.
func endsSession(err error) error {
	var loss *kgo.ErrDataLoss
	switch {
	case errors.Is(err, kerr.FencedInstanceID):
		return ErrInstanceIDInUse
	// The library has reset its position, and would return records whose offsets the stage knows as those of others.
	case errors.As(err, &loss): //mutant:log-cut-while-read-is-taken-over-anew
		return errLogTruncated
	case errors.Is(err, kerr.OffsetOutOfRange): //mutant:offset-out-of-range-is-fatal
		return errLogTruncated
	default:
		return nil
	}
}
