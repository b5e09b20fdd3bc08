package sim

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"

	"altavoz/kafka"
	"altavoz/schemas"
)

const (
	simKafka             = 9092 // the first broker's port
	fetchWithoutSessions = 6
)

// broker is the cluster behind a network that can break. One that is restarted keeps its data in a folder.
type broker struct {
	w       *world
	nodes   int
	dir     string // "": in memory
	layout  kafka.Layout
	net     *faultNet
	cluster *kfake.Cluster // answers nothing while it is closed: not to be asked beside a restart
}

func (b *broker) start() error {
	b.net = newFaultNet(nil, b.w.vn.Listen)
	if b.nodes > 1 {
		// A client (franz-go 1.22) that reads several partitions, one of which has moved, asks again at once until it knows where it
		// is. Where an answer takes no time, so does that; and what it waits for may need some.
		b.net.delay = func(c *faultConn) time.Duration {
			if c.spoke(int16(kmsg.Fetch)) {
				return time.Millisecond
			}
			return 0
		}
	}
	ports := make([]int, b.nodes)
	for i := range ports {
		ports[i] = simKafka + i
	}
	opts := []kfake.Opt{kfake.Ports(ports...), kfake.ListenFn(b.net.Listen)}
	if b.dir != "" {
		// kfake (2026-09) numbers fetch sessions from one, again after a restart: a client that goes on with its session
		// would find somebody else's. This version of the request knows no sessions.
		versions := kversion.Stable()
		versions.SetMaxKeyVersion(int16(kmsg.Fetch), fetchWithoutSessions)
		opts = append(opts, kfake.DataDir(b.dir), kfake.MaxVersions(versions))
	}
	c, err := kfake.NewCluster(opts...)
	if err != nil {
		return fmt.Errorf("starting kafka: %w", err)
	}
	b.cluster = c
	b.observe()
	b.w.sessions.watch(b)
	return nil
}

func (b *broker) addrs() []string {
	out := make([]string, b.nodes)
	for i := range out {
		out[i] = fmt.Sprintf("127.0.0.1:%d", simKafka+i)
	}
	return out
}

func (b *broker) stop() {
	b.net.Thaw()
	b.net.Cut()
	b.cluster.Close()
}

// topics creates small topics, with what a check at start wants to see.
func (b *broker) topics(prefix string, large bool) error {
	b.layout = make(kafka.Layout)
	for _, s := range schemas.Topics() {
		set := map[string]string{
			"cleanup.policy": "delete", "retention.ms": fmt.Sprint(s.Retention.Milliseconds()), "retention.bytes": "-1",
			"max.message.bytes": fmt.Sprint(s.MaxRecord + 64<<10),
		}
		if s.Compact {
			set["cleanup.policy"] = "compact"
			set["min.compaction.lag.ms"] = "600000"
			if s.Retention > 0 {
				set["cleanup.policy"] = "compact,delete"
			}
		}
		partitions := s.Embedded
		if !large {
			partitions = min(partitions, 2)
		}
		b.layout[s.Topic] = partitions
		if err := b.cluster.CreateTopic(prefix+string(s.Topic), partitions, set); err != nil {
			return fmt.Errorf("creating %s: %w", s.Topic, err)
		}
	}
	return nil
}

// restart takes the whole cluster down in the middle of everything, and brings it back with its data.
func (b *broker) restart(r *rand.Rand) {
	b.stop()
	time.Sleep(upTo(r, 15*time.Second))
	if err := b.start(); err != nil {
		b.w.t.Errorf("%v", err)
	}
}

// pause stops it for a while, as SIGSTOP does: nothing is refused and nothing answered.
func (b *broker) pause(r *rand.Rand) {
	longest := 10 * time.Second
	if r.IntN(4) == 0 {
		longest = time.Minute
	}
	b.net.Freeze()
	time.Sleep(upTo(r, longest))
	b.net.Thaw()
}

// stall holds everything back for a moment, too short for anybody to be given up.
func (b *broker) stall(r *rand.Rand) {
	b.net.Freeze()
	time.Sleep(upTo(r, 3*time.Second))
	b.net.Thaw()
}

// loseAnswers breaks connections in place of giving answers: what was asked for has been done.
func (b *broker) loseAnswers(r *rand.Rand) {
	left := 1 + r.IntN(6)
	b.net.Lose(func(c *faultConn) bool {
		if left == 0 || !c.spoke(int16(kmsg.Produce), int16(kmsg.OffsetCommit), int16(kmsg.JoinGroup), int16(kmsg.SyncGroup)) {
			return false
		}
		left--
		return true
	})
	time.Sleep(upTo(r, 5*time.Second))
	b.net.Lose(nil)
}

// refusal is what a broker may answer to one kind of request. Some are answered after it was done.
type refusal struct {
	key  kmsg.Key
	errs []*kerr.Error
}

func refusals() []refusal {
	return []refusal{
		{kmsg.Produce, []*kerr.Error{kerr.NotLeaderForPartition, kerr.NotEnoughReplicas, kerr.NotEnoughReplicasAfterAppend, kerr.RequestTimedOut, kerr.KafkaStorageError}},
		{kmsg.OffsetCommit, []*kerr.Error{kerr.NotCoordinator, kerr.CoordinatorNotAvailable, kerr.CoordinatorLoadInProgress, kerr.RequestTimedOut, kerr.RebalanceInProgress}},
		{kmsg.OffsetFetch, []*kerr.Error{kerr.NotCoordinator, kerr.CoordinatorLoadInProgress}},
		{kmsg.Fetch, []*kerr.Error{kerr.NotLeaderForPartition, kerr.KafkaStorageError}},
		{kmsg.ListOffsets, []*kerr.Error{kerr.NotLeaderForPartition}},
		{kmsg.FindCoordinator, []*kerr.Error{kerr.CoordinatorNotAvailable}},
		{kmsg.Heartbeat, []*kerr.Error{kerr.NotCoordinator, kerr.CoordinatorNotAvailable}},
	}
}

// refuse has the broker refuse some requests, on any topic.
func (b *broker) refuse(r *rand.Rand) {
	all := refusals()
	r.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	handles := make([]*kfake.FaultHandle, 0, 3)
	for _, one := range slices.Clip(all[:1+r.IntN(3)]) {
		handles = append(handles, b.cluster.Fault(kfake.Fault{
			Keys: []kmsg.Key{one.key}, Err: one.errs[r.IntN(len(one.errs))], Count: 1 + r.IntN(8),
		}))
	}
	time.Sleep(upTo(r, 8*time.Second))
	for _, h := range handles {
		h.Remove()
	}
}

// move gives partitions and groups to other nodes, where there are any.
func (b *broker) move(*rand.Rand) {
	b.cluster.ShufflePartitionLeaders()
	b.cluster.RehashCoordinators()
}

// upTo draws a duration below d.
func upTo(r *rand.Rand, d time.Duration) time.Duration { return time.Duration(r.Int64N(int64(d))) }
