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

// Stage is what a group works for. Calls for one partition never overlap, and of Assign, Revoke and Lost one is under way at a time.
type Stage interface {
	// OnAssigned gives a partition to the stage, with what its last owner committed (NoOffset: nobody ever did). It returns from
	// where to read: below the position to look back, NoOffset for the log's start. A partition that the stage has already
	// starts anew.
	OnAssigned(ctx context.Context, pos stream.Position) (from int64, err error)
	// Process hands over the next records of a partition, in order. It does not block: a stage that has enough pauses the partition.
	Process(tp stream.TopicPartition, recs []stream.Record)
	// OnRevoked takes partitions back in good order. It returns when nothing of them is under way and the last commit was made;
	// ctx bounds it.
	OnRevoked(ctx context.Context, tps []stream.TopicPartition)
	// OnLost takes partitions back that may belong to somebody else already. It returns when the commit under way is over.
	OnLost(tps []stream.TopicPartition)
}

// Errors that end a group for good.
var (
	// ErrInstanceIDInUse says that another process joined the group under this one's instance id.
	ErrInstanceIDInUse = errors.New("another process uses this INSTANCE_ID: give every process its own, or none")
	// ErrOffsetOutsideLog says that a committed offset is not in the log. Reading anywhere else could send twice or lose somebody.
	ErrOffsetOutsideLog = errors.New("a committed offset lies outside the log: the topic was cut or made anew; see `altavoz topics check`")
	// errLogTruncated is the one of a log that was cut, or trimmed, while it was read. Taking over anew finds out where it is now.
	errLogTruncated = fmt.Errorf("while it was read: %w", ErrOffsetOutsideLog)
)

const (
	pollRecords  = 1000
	drainTimeout = 15 * time.Second // longer than a call to WhatsApp (10 s), shorter than the rebalance (30 s)
	leaveTimeout = 2 * time.Second
	rejoinPause  = 500 * time.Millisecond
	// fencedAgainWithin is how soon after the last one a fencing means a twin. One alone may be the broker's doing: killed between
	// handing out a member id and writing it down, it comes back with the one before and takes us for a stranger.
	fencedAgainWithin = time.Minute
	// truncatedAgainWithin is how soon after the last time a log that does not have what is read of it ends the group: taking over anew has not
	// mended it.
	truncatedAgainWithin = time.Minute

	heartbeats = 9 // in a session timeout

	offsetCommitKey, offsetFetchKey = 8, 9 // of the Kafka protocol
	offsetByName                    = 9    // the last version of both that knows topics by name

	// What a member keeps fetched and not yet taken.
	fetchBytes          = 8 << 20
	fetchPartitionBytes = 1 << 20
	// fetchWait is how long an empty fetch may last; a partition that is resumed meanwhile is only in the next one.
	fetchWait = 250 * time.Millisecond
)

// Group is this process's membership of one consumer group.
type Group struct {
	cfg     kafka.Config
	name    string
	topics  []stream.Topic
	log     *slog.Logger
	metrics *groupMetrics

	transactions *transactionMonitor // of others; in the goroutine of watch
	commits      registry.CommitTracker

	mu       sync.Mutex
	session  *session // nil between two
	sessions uint64   // of sessions so far
}

// stageName is the group's name without prefix.
func (g *Group) stageName() string { return strings.TrimPrefix(g.name, g.cfg.Prefix) }

// New returns a member that has not joined yet.
func New(c kafka.Config, name string, topics []stream.Topic) (*Group, error) {
	c = c.WithDefaults()
	return &Group{
		cfg: c, name: c.Prefix + name, topics: topics, log: c.Logger.With("group", c.Prefix+name),
		metrics: newGroupMetrics(c.Registerer, name), transactions: newTransactionMonitor(c.Registerer, name, c.Logger.With("group", c.Prefix+name)),
	}, nil
}

// Run is the membership: it joins, feeds the stage, and joins anew whenever a session ended. When ctx ends it drains,
// leaves the group and returns nil. An error is one that joining again would not mend.
func (g *Group) Run(ctx context.Context, st Stage) error {
	var fenced, cut time.Time
	for {
		s, err := g.openSession(st) //nolint:contextcheck // a session outlives ctx: it drains after it
		if err != nil {
			return err
		}
		err = s.run(ctx)
		g.closeSession(s) //nolint:contextcheck // ctx is over by now; leaving has its own bound
		switch {
		case errors.Is(err, errLogTruncated) && (cut.IsZero() || time.Since(cut) > truncatedAgainWithin):
			cut = time.Now()
			g.log.Error("a log was cut, or trimmed, below what is read of it; its partitions are taken over anew", "error", err)
		case errors.Is(err, ErrInstanceIDInUse) && (fenced.IsZero() || time.Since(fenced) > fencedAgainWithin):
			fenced = time.Now()
		case errors.Is(err, ErrInstanceIDInUse) || errors.Is(err, ErrOffsetOutsideLog):
			return fmt.Errorf("group %s: %w", g.name, err)
		case ctx.Err() != nil:
			return nil //nolint:nilerr // the end that was asked for
		}
		g.metrics.rejoins.Inc()
		g.log.Warn("joining the group anew", "error", err)
		if !kafka.Sleep(ctx, rejoinPause) {
			return nil
		}
	}
}

// Pause stops the reading of partitions until Resume, or until they are taken away.
func (g *Group) Pause(tps ...stream.TopicPartition) {
	if s := g.currentSession(); s != nil {
		s.blocked.Pause(tps...)
	}
}

// Resume goes on reading them.
func (g *Group) Resume(tps ...stream.TopicPartition) {
	if s := g.currentSession(); s != nil {
		s.blocked.Resume(tps...)
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
		group: g, number: g.sessions, stage: st, coordinator: noCoordinator, clientReady: make(chan struct{}), assignLock: make(chan struct{}, 1), stopDrain: func() {}, stopRetry: func() {},
		owned: make(map[stream.TopicPartition]struct{}), fetchedOffsets: make(map[stream.TopicPartition]stream.Position), positions: make(map[stream.TopicPartition]int64),
		committed: make(map[stream.TopicPartition]int64),
	}
	g.mu.Unlock()
	s.life, s.end = context.WithCancelCause(context.Background())
	s.accepting, s.stopAccepting = context.WithCancel(s.life)
	life, kill := context.WithCancel(context.Background())
	s.abort = kill
	names := make([]string, len(g.topics))
	for i, t := range g.topics {
		names[i] = g.cfg.TopicName(t)
	}
	opts := []kgo.Opt{
		kgo.WithContext(life),
		kgo.ConsumerGroup(g.name), kgo.ConsumeTopics(names...),
		kgo.DisableAutoCommit(), kgo.DisableIdempotentWrite(), // it writes to the registry only, where repeats do no harm
		kgo.Balancers(membership.Balancer{
			GroupBalancer: balance.New(),
			OnClaim:       func() error { _, _, err := s.checkOwnership((*membership.Ownership).Claimed); return err },
			OnAssignment:  func() error { _, _, err := s.checkOwnership((*membership.Ownership).Check); return err },
		}),
		kgo.SessionTimeout(g.cfg.SessionTimeout), kgo.HeartbeatInterval(g.cfg.SessionTimeout / heartbeats),
		kgo.RebalanceTimeout(g.cfg.RebalanceTimeout),
		//mutant:rebalance-waits-for-what-was-polled
		kgo.BlockRebalanceOnPoll(), // so that no record of a partition is handed over after the partition was
		//mutant:reading-is-never-reset
		kgo.ConsumeResetOffset(kgo.NoResetOffset()), kgo.ConsumeStartOffset(kgo.NewOffset().AtStart()),
		kgo.FetchMaxBytes(fetchBytes), kgo.FetchMaxPartitionBytes(fetchPartitionBytes), kgo.MaxConcurrentFetches(2),
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
	cl, err := g.cfg.NewClient(opts...)
	if err != nil {
		kill()
		return nil, err
	}
	s.cl = cl
	s.reader = records.ReaderOver(g.cfg, cl)
	s.blocked.Bind(s.accepting, kafka.Fetcher{Config: g.cfg, Client: cl}, g.metrics.blocked, g.log)
	g.mu.Lock()
	g.session = s
	g.mu.Unlock()
	close(s.clientReady)
	return s, nil
}

func (g *Group) closeSession(s *session) {
	s.end(errSessionEnded)
	g.mu.Lock()
	g.session = nil
	g.mu.Unlock()
	left := s.leave(s.cl)
	// A client that is joining waits for the whole group to join, which lasts as long as a dead member is believed alive.
	impatient := time.AfterFunc(leaveTimeout, s.abort)
	s.cl.Close()
	broken := !impatient.Stop()
	s.abort()
	// The join that was broken off may have been of another member than had left. Kafka believes in that one until its session
	// is over. kfake (2026-09) does so for ever: the session of a member whose connection broke while it joined never begins.
	if broken && s.memberID() != left { //mutant:broken-join-leaves
		if cl, err := g.cfg.NewClient(); err == nil {
			s.leave(cl)
			cl.Close()
		}
	}
	s.loseAll() // what the closing client did not take back by itself
	for _, t := range g.topics {
		g.metrics.lag.WithLabelValues(string(t)).Set(0)
	}
}

// endsGroup says whether an error of the library ends the group for good.
func endsGroup(err error) error {
	var cut *kgo.ErrDataLoss
	switch {
	case errors.Is(err, kerr.FencedInstanceID):
		return ErrInstanceIDInUse
	// The library has set itself back, and would hand over records whose offsets the stage knows as those of others.
	case errors.As(err, &cut): //mutant:log-cut-while-read-is-taken-over-anew
		return errLogTruncated
	case errors.Is(err, kerr.OffsetOutOfRange): //mutant:offset-out-of-range-is-fatal
		return errLogTruncated
	default:
		return nil
	}
}
