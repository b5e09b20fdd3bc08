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

// Stage is what a group works for. Calls for one slot never overlap, and of Assign, Revoke and Lost one is under way at a time.
type Stage interface {
	// OnAssigned gives a slot to the stage, with what its last owner committed (NoOffset: nobody ever did). It returns from
	// where to read: below the position to look back, NoOffset for the log's start. A slot that the stage has already
	// starts anew.
	OnAssigned(ctx context.Context, pos stream.Position) (from int64, err error)
	// Process hands over the next records of a slot, in order. It does not block: a stage that has enough pauses the slot.
	Process(slot stream.TopicPartition, recs []stream.Record)
	// OnRevoked takes slots back in good order. It returns when nothing of them is under way and the last commit was made;
	// ctx bounds it.
	OnRevoked(ctx context.Context, slots []stream.TopicPartition)
	// OnLost takes slots back that may belong to somebody else already. It returns when the commit under way is over.
	OnLost(slots []stream.TopicPartition)
}

// Errors that end a group for good.
var (
	// ErrTwin says that another process joined the group under this one's instance id.
	ErrTwin = errors.New("another process uses this INSTANCE_ID: give every process its own, or none")
	// ErrOffsets says that a committed offset is not in the log. Reading anywhere else could send twice or lose somebody.
	ErrOffsets = errors.New("a committed offset lies outside the log: the topic was cut or made anew; see `altavoz topics check`")
	// errMoved is the one of a log that was cut, or trimmed, while it was read. Taking over anew finds out where it is now.
	errMoved = fmt.Errorf("while it was read: %w", ErrOffsets)
)

const (
	pollRecords  = 1000
	drainTimeout = 15 * time.Second // longer than a call to WhatsApp (10 s), shorter than the rebalance (30 s)
	leaveTimeout = 2 * time.Second
	rejoinPause  = 500 * time.Millisecond
	// twinWithin is how soon after the last one a fencing means a twin. One alone may be the broker's doing: killed between
	// handing out a member id and writing it down, it comes back with the one before and takes us for a stranger.
	twinWithin = time.Minute
	// cutWithin is how soon after the last time a log that does not have what is read of it ends the group: taking over anew has not
	// mended it.
	cutWithin = time.Minute

	heartbeats = 9 // in a session timeout

	offsetCommitKey, offsetFetchKey = 8, 9 // of the Kafka protocol
	offsetByName                    = 9    // the last version of both that knows topics by name

	// What a member keeps fetched and not yet taken.
	fetchBytes          = 8 << 20
	fetchPartitionBytes = 1 << 20
	// fetchWait is how long an empty fetch may last; a slot that is resumed meanwhile is only in the next one.
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
	begun        registry.Begun

	mu      sync.Mutex
	session *session // nil between two
	count   uint64   // of sessions so far
}

// stage is the group's name without prefix.
func (g *Group) stage() string { return strings.TrimPrefix(g.name, g.cfg.Prefix) }

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
		s, err := g.open(st) //nolint:contextcheck // a session outlives ctx: it drains after it
		if err != nil {
			return err
		}
		err = s.run(ctx)
		g.close(s) //nolint:contextcheck // ctx is over by now; leaving has its own bound
		switch {
		case errors.Is(err, errMoved) && (cut.IsZero() || time.Since(cut) > cutWithin):
			cut = time.Now()
			g.log.Error("a log was cut, or trimmed, below what is read of it; its partitions are taken over anew", "error", err)
		case errors.Is(err, ErrTwin) && (fenced.IsZero() || time.Since(fenced) > twinWithin):
			fenced = time.Now()
		case errors.Is(err, ErrTwin) || errors.Is(err, ErrOffsets):
			return fmt.Errorf("group %s: %w", g.name, err)
		case ctx.Err() != nil:
			return nil //nolint:nilerr // the end that was asked for
		}
		g.metrics.sessions.Inc()
		g.log.Warn("joining the group anew", "error", err)
		if !kafka.Sleep(ctx, rejoinPause) {
			return nil
		}
	}
}

// Pause stops the reading of slots until Resume, or until they are taken away.
func (g *Group) Pause(slots ...stream.TopicPartition) {
	if s := g.live(); s != nil {
		s.unread.Pause(slots...)
	}
}

// Resume goes on reading them.
func (g *Group) Resume(slots ...stream.TopicPartition) {
	if s := g.live(); s != nil {
		s.unread.Resume(slots...)
	}
}

func (g *Group) live() *session {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.session
}

func (g *Group) open(st Stage) (*session, error) {
	g.mu.Lock()
	g.count++
	s := &session{
		group: g, number: g.count, stage: st, coordinator: noCoordinator, opened: make(chan struct{}), handing: make(chan struct{}, 1), hurry: func() {}, trying: func() {},
		owned: make(map[stream.TopicPartition]struct{}), fetched: make(map[stream.TopicPartition]stream.Position), next: make(map[stream.TopicPartition]int64),
		committed: make(map[stream.TopicPartition]int64),
	}
	g.mu.Unlock()
	s.void, s.end = context.WithCancelCause(context.Background())
	s.taking, s.refuse = context.WithCancel(s.void)
	life, kill := context.WithCancel(context.Background())
	s.kill = kill
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
			Claims:        func() error { _, _, err := s.check((*membership.Ownership).Claimed); return err },
			Synced:        func() error { _, _, err := s.check((*membership.Ownership).Check); return err },
		}),
		kgo.SessionTimeout(g.cfg.SessionTimeout), kgo.HeartbeatInterval(g.cfg.SessionTimeout / heartbeats),
		kgo.RebalanceTimeout(g.cfg.RebalanceTimeout),
		//mutant:rebalance-waits-for-what-was-polled
		kgo.BlockRebalanceOnPoll(), // so that no record of a slot is handed over after the slot was
		//mutant:reading-is-never-reset
		kgo.ConsumeResetOffset(kgo.NoResetOffset()), kgo.ConsumeStartOffset(kgo.NewOffset().AtStart()),
		kgo.FetchMaxBytes(fetchBytes), kgo.FetchMaxPartitionBytes(fetchPartitionBytes), kgo.MaxConcurrentFetches(2),
		kgo.FetchMaxWait(fetchWait), kafka.Isolation(g.topics),
		kgo.OnOffsetsFetched(s.offsetsFetched), kgo.AdjustFetchOffsetsFn(s.assign),
		kgo.OnPartitionsRevoked(s.revoked), kgo.OnPartitionsLost(s.lost),
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
	s.unread.Open(s.taking, kafka.Fetcher{Config: g.cfg, Client: cl}, g.metrics.held, g.log)
	g.mu.Lock()
	g.session = s
	g.mu.Unlock()
	close(s.opened)
	return s, nil
}

func (g *Group) close(s *session) {
	s.end(errSessionOver)
	g.mu.Lock()
	g.session = nil
	g.mu.Unlock()
	left := s.leave(s.cl)
	// A client that is joining waits for the whole group to join, which lasts as long as a dead member is believed alive.
	impatient := time.AfterFunc(leaveTimeout, s.kill)
	s.cl.Close()
	broken := !impatient.Stop()
	s.kill()
	// The join that was broken off may have been of another member than had left. Kafka believes in that one until its session
	// is over. kfake (2026-09) does so for ever: the session of a member whose connection broke while it joined never begins.
	if broken && s.member() != left { //mutant:broken-join-leaves
		if cl, err := g.cfg.NewClient(); err == nil {
			s.leave(cl)
			cl.Close()
		}
	}
	s.forget() // what the closing client did not take back by itself
	for _, t := range g.topics {
		g.metrics.lag.WithLabelValues(string(t)).Set(0)
	}
}

// fatal says whether an error of the library ends the group for good.
func fatal(err error) error {
	var cut *kgo.ErrDataLoss
	switch {
	case errors.Is(err, kerr.FencedInstanceID):
		return ErrTwin
	// The library has set itself back, and would hand over records whose offsets the stage knows as those of others.
	case errors.As(err, &cut): //mutant:log-cut-while-read-is-taken-over-anew
		return errMoved
	case errors.Is(err, kerr.OffsetOutOfRange): //mutant:offset-out-of-range-is-fatal
		return errMoved
	default:
		return nil
	}
}
