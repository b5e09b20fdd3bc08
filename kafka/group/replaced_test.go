package group_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"altavoz/kafka"
	"altavoz/kafka/group"
	"altavoz/kafka/kafkatest"
	"altavoz/schemas"
	"altavoz/stream"
)

// The client library answers UNKNOWN_MEMBER_ID at JoinGroup by joining again under a new member id, and says nothing of it. Here the
// group gives a member up at that very request, others own its partitions meanwhile, and it gets them back.

// expel takes a member out of the group, as the end of its session does.
func expel(t *testing.T, c kafka.Config, member string) {
	t.Helper()
	opts := []kgo.Opt{kgo.SeedBrokers(c.Brokers...)}
	if c.Dial != nil {
		opts = append(opts, kgo.Dialer(c.Dial))
	}
	cl, err := kgo.NewClient(opts...)
	if err != nil {
		t.Error(err)
		return
	}
	defer cl.Close()
	req := kmsg.NewPtrLeaveGroupRequest()
	req.Group, req.MemberID = c.Prefix+"sender", member
	m := kmsg.NewLeaveGroupRequestMember()
	m.MemberID = member
	if c.InstanceID != "" {
		m.InstanceID = &c.InstanceID
	}
	req.Members = append(req.Members, m)
	if resp, err := req.RequestWith(context.Background(), cl); err != nil || resp.ErrorCode != 0 {
		t.Error(resp, err)
	}
}

// rebalances tells the member at its next heartbeat that the group rebalances.
func rebalances(cluster *kfake.Cluster, member string) {
	cluster.ControlKey(int16(kmsg.Heartbeat), func(req kmsg.Request) (kmsg.Response, error, bool) {
		if req.(*kmsg.HeartbeatRequest).MemberID != member {
			cluster.KeepControl()
			return nil, nil, false
		}
		resp := req.ResponseKind().(*kmsg.HeartbeatResponse)
		resp.ErrorCode = kerr.RebalanceInProgress.Code
		return resp, nil, true
	})
}

// frozenBeforeJoin freezes a member between hearing that the group rebalances and its request to join, until others
// returns; by then the group has given it up. It returns a channel that is closed then.
func frozenBeforeJoin(t *testing.T, cluster *kfake.Cluster, c kafka.Config, member string, others func()) <-chan struct{} {
	t.Helper()
	over := make(chan struct{})
	cluster.ControlKey(int16(kmsg.JoinGroup), func(req kmsg.Request) (kmsg.Response, error, bool) {
		if req.(*kmsg.JoinGroupRequest).MemberID != member {
			cluster.KeepControl()
			return nil, nil, false
		}
		cluster.SleepControl(func() { // the request is only now on its way, for all the broker knows
			defer close(over)
			expel(t, c, member)
			others()
		})
		return nil, nil, false
	})
	return over
}

var expressOne = stream.TopicPartition{Topic: schemas.TopicSendsExpress, Partition: 1}

// commits commits a ledger of a member for its partitions.
func commits(t *testing.T, g *group.Group, ledger string, tps ...stream.TopicPartition) {
	t.Helper()
	ps := make([]stream.Position, len(tps))
	for i, s := range tps {
		ps[i] = stream.Position{Partition: s, Metadata: ledger}
	}
	if refused, err := g.Commit(context.Background(), g.Generation(), ps); err != nil || len(refused) > 0 {
		t.Errorf("committing %q: refused %v, error %v; want none", ledger, refused, err)
	}
}

// ownsAnew waits until a member has lost all that it had, and then got the partition with the given ledger.
func ownsAnew(t *testing.T, p *kafkatest.Probe, ledger string) {
	t.Helper()
	lost, want := 0, fmt.Sprintf("assign %s 0 %s", expressOne, ledger)
	for {
		e := kafkatest.Take(t, p.Events, "assignment with the ledger of the other one")
		if strings.HasPrefix(e, "lost ") {
			lost++
		}
		if e == want {
			break
		}
		if strings.HasPrefix(e, "assign ") && strings.Contains(e, fmt.Sprint(" ", expressOne, " ")) {
			t.Errorf("%s, not with %q", e, ledger)
			break
		}
	}
	if lost != 4 {
		t.Errorf("%d partitions were lost, not 4", lost)
	}
}

// The other one moves the ledgers on, and leaves. Nothing else asks for a generation meanwhile.
func TestReplacedMemberIsToldThatItLostAll(t *testing.T) {
	t.Parallel()
	for _, instance := range []string{"", "mine"} {
		t.Run("instance="+instance, func(t *testing.T) {
			t.Parallel()
			cluster, c := kafkatest.Embedded(t)
			kafkatest.Layout(t, c)
			a, ca := kafkatest.NewProbe(), c
			ca.InstanceID = instance
			ga, _ := kafkatest.Join(t, ca, a)
			kafkatest.Until(t, "a owns all", func() bool { return len(a.Owned()) == 4 })
			commits(t, ga, "of a", expressOne)
			old := ga.Generation()
			a.Received()
			<-thenRebalances(cluster, old.Member, frozenBeforeJoin(t, cluster, ca, old.Member, func() {
				b := kafkatest.NewProbe()
				gb, leave := kafkatest.Join(t, c, b)
				kafkatest.Until(t, "b owns all", func() bool { return len(b.Owned()) == 4 })
				commits(t, gb, "of b: all of it was called", expressOne)
				leave()
			}))
			ownsAnew(t, a, "of b: all of it was called")
			refused, err := ga.Commit(t.Context(), old, []stream.Position{{Partition: expressOne, Metadata: "encoded before"}})
			if err != nil || refused[expressOne] == nil {
				t.Errorf("a commit under the generation of before: refused %v, error %v", refused, err)
			}
			commits(t, ga, "of a again", expressOne)
		})
	}
}

func thenRebalances(cluster *kfake.Cluster, member string, over <-chan struct{}) <-chan struct{} {
	rebalances(cluster, member)
	return over
}

// The other one lives: what the member knew is not committed when half of it is to be given up.
func TestReplacedMemberCommitsNothing(t *testing.T) {
	t.Parallel()
	cluster, c := kafkatest.Embedded(t)
	kafkatest.Layout(t, c)
	a, b := kafkatest.NewProbe(), kafkatest.NewProbe()
	ga, _ := kafkatest.Join(t, c, a)
	kafkatest.Until(t, "a owns all", func() bool { return len(a.Owned()) == 4 })
	old, had := ga.Generation(), a.Owned()
	var stale atomic.Bool
	a.Revoke = func(tps []stream.TopicPartition) { // the last commit of what it knows
		ps := make([]stream.Position, len(tps))
		for i, s := range tps {
			ps[i] = stream.Position{Partition: s, Metadata: "stale"}
		}
		if refused, err := ga.Commit(context.Background(), ga.Generation(), ps); err != nil || len(refused) < len(ps) {
			stale.Store(true)
		}
	}
	a.Received()
	<-thenRebalances(cluster, old.Member, frozenBeforeJoin(t, cluster, c, old.Member, func() {
		gb, _ := kafkatest.Join(t, c, b)
		kafkatest.Until(t, "b owns all", func() bool { return len(b.Owned()) == 4 })
		commits(t, gb, "of b", had...)
	}))
	lost := 0
	kafkatest.Until(t, "shared", func() bool {
		for _, e := range a.Received() {
			if strings.HasPrefix(e, "lost ") {
				lost++
			}
			if strings.HasPrefix(e, "assign ") && !strings.HasSuffix(e, " of b") {
				t.Error(e)
			}
		}
		return lost > 0 && len(a.Owned()) == 2 && len(b.Owned()) == 2
	})
	if stale.Load() || lost != 4 {
		t.Errorf("a ledger from before was committed: %v; %d partitions were lost; want 4", stale.Load(), lost)
	}
}

// The member is given up while its stage takes a partition over, with what was committed before the other one came.
func TestMemberReplacedWhilePartitionsAreAssigned(t *testing.T) {
	t.Parallel()
	cluster, c := kafkatest.Embedded(t)
	kafkatest.Layout(t, c)
	a := kafkatest.NewProbe()
	begun, goOn := make(chan struct{}), make(chan struct{})
	var once sync.Once
	a.Assign = func(stream.Position) { once.Do(func() { close(begun); <-goOn }) }
	ga, _ := kafkatest.Join(t, c, a)
	<-begun
	old := ga.Generation()
	over := frozenBeforeJoin(t, cluster, c, old.Member, func() {
		b := kafkatest.NewProbe()
		gb, leave := kafkatest.Join(t, c, b)
		kafkatest.Until(t, "b owns all", func() bool { return len(b.Owned()) == 4 })
		commits(t, gb, "of b", expressOne)
		leave()
	})
	heard := make(chan struct{})
	cluster.ControlKey(int16(kmsg.Heartbeat), func(req kmsg.Request) (kmsg.Response, error, bool) {
		defer close(heard)
		resp := req.ResponseKind().(*kmsg.HeartbeatResponse)
		resp.ErrorCode = kerr.RebalanceInProgress.Code
		return resp, nil, true
	})
	<-heard
	close(goOn)
	<-over
	kafkatest.Until(t, "assigned with the ledger of b", func() bool {
		return slices.Contains(a.Received(), fmt.Sprintf("assign %s 0 of b", expressOne)) && len(a.Owned()) == 4
	})
	if a.Overlapped.Load() {
		t.Error("two of Assign, Revoke and Lost were under way at once")
	}
}

// lossy is a network that loses the packets of one request to join a group, and of what follows it on that connection, for a while: TCP
// sends them again. Nothing else is disturbed; no process is stopped, no connection breaks.
type lossy struct {
	armed atomic.Bool
	late  time.Duration
	lost  chan struct{}
}

func (n *lossy) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	c, err := (&net.Dialer{}).DialContext(ctx, network, addr)
	if err != nil {
		return nil, fmt.Errorf("dialling: %w", err)
	}
	return &lossyConn{Conn: c, n: n}, nil
}

type lossyConn struct {
	net.Conn
	n  *lossy
	mu sync.Mutex
	at time.Time // nothing goes before
}

func (c *lossyConn) Write(b []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(b) > 6 && int16(binary.BigEndian.Uint16(b[4:])) == int16(kmsg.JoinGroup) && c.n.armed.CompareAndSwap(true, false) {
		c.at = time.Now().Add(c.n.late)
		close(c.n.lost)
	}
	if wait := time.Until(c.at); wait > 0 {
		data := slices.Clone(b)
		time.AfterFunc(wait, func() { _, _ = c.Conn.Write(data) })
		return len(b), nil // it is in the kernel's hands
	}
	return c.Conn.Write(b)
}

// A request to join is on its way for longer than a session lasts, and nothing else is wrong: another member takes everything over
// meanwhile, and leaves.
func TestMemberIsReplacedWhoseJoinIsLate(t *testing.T) {
	t.Parallel()
	for _, instance := range []string{"", "mine"} {
		kafkatest.OnBrokers(t, func(t *testing.T, c kafka.Config) {
			kafkatest.Layout(t, c)
			a, b := kafkatest.NewProbe(), kafkatest.NewProbe()
			late := &lossy{late: 12 * time.Second, lost: make(chan struct{})} // a session is 9 s
			ca := c
			ca.Dial, ca.InstanceID = late.dial, instance
			ga, _ := kafkatest.Join(t, ca, a)
			kafkatest.Until(t, "a owns all", func() bool { return len(a.Owned()) == 4 })
			commits(t, ga, "of a", expressOne)
			a.Received()
			late.armed.Store(true)
			gb, leave := kafkatest.Join(t, c, b) // a hears of it, and its request to join gets lost for a while
			<-late.lost
			kafkatest.Until(t, "b owns all", func() bool { return len(b.Owned()) == 4 })
			commits(t, gb, "of b: all of it was called", expressOne)
			leave()
			ownsAnew(t, a, "of b: all of it was called")
		})
	}
}

// What was committed is not known of one partition (its ACL is being changed, say): the library would leave that one out. It
// is asked again, and nothing is read from the start of the log for want of an answer.
func TestOffsetsThatAreNotKnownAreAskedForAgain(t *testing.T) {
	t.Parallel()
	cluster, c := kafkatest.Embedded(t)
	kafkatest.Layout(t, c)
	first := kafkatest.NewProbe()
	g, leave := kafkatest.Join(t, c, first)
	kafkatest.Until(t, "assigned", func() bool { return len(first.Owned()) == 4 })
	commits(t, g, "known", first.Owned()...)
	leave()
	cluster.ControlKey(int16(kmsg.OffsetFetch), func(req kmsg.Request) (kmsg.Response, error, bool) {
		resp := req.ResponseKind().(*kmsg.OffsetFetchResponse)
		for _, g := range req.(*kmsg.OffsetFetchRequest).Groups {
			rg := kmsg.NewOffsetFetchResponseGroup()
			rg.Group = g.Group
			for _, t := range g.Topics {
				rt := kmsg.NewOffsetFetchResponseGroupTopic()
				rt.Topic = t.Topic
				for _, p := range t.Partitions {
					rp := kmsg.NewOffsetFetchResponseGroupTopicPartition()
					rp.Partition, rp.Offset, rp.Metadata = p, 0, new("known")
					if p == expressOne.Partition {
						rp.Offset, rp.ErrorCode = -1, kerr.TopicAuthorizationFailed.Code
					}
					rt.Partitions = append(rt.Partitions, rp)
				}
				rg.Topics = append(rg.Topics, rt)
			}
			resp.Groups = append(resp.Groups, rg)
		}
		return resp, nil, true // once
	})
	second := kafkatest.NewProbe()
	kafkatest.Join(t, c, second)
	kafkatest.Until(t, "assigned", func() bool { return len(second.Owned()) == 4 })
	for _, e := range second.Received() {
		if strings.HasPrefix(e, "assign ") && !strings.HasSuffix(e, " 0 known") {
			t.Error(e)
		}
	}
}

// The group takes partitions back while the process, told to stop, gives all of them up: each is given up once, and in good order.
func TestTwoRevocationsAtOnceGiveEachPartitionUpOnce(t *testing.T) {
	t.Parallel()
	cluster, c := kafkatest.Embedded(t)
	kafkatest.Layout(t, c)
	a, b := kafkatest.NewProbe(), kafkatest.NewProbe()
	begun, goOn := make(chan struct{}), make(chan struct{})
	var calls atomic.Int32
	a.Revoke = func([]stream.TopicPartition) {
		if calls.Add(1) == 1 {
			close(begun)
			<-goOn
		}
	}
	g, leave := kafkatest.Join(t, c, a)
	kafkatest.Until(t, "a owns all", func() bool { return len(a.Owned()) == 4 })
	a.Received()
	member, synced := g.Generation().Member, make(chan struct{}, 10)
	cluster.ControlKey(int16(kmsg.SyncGroup), func(req kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		if req.(*kmsg.SyncGroupRequest).MemberID == member {
			synced <- struct{}{}
		}
		return nil, nil, false
	})
	left := make(chan struct{})
	go func() { defer close(left); leave() }()
	<-begun
	end := sync.OnceFunc(func() { close(goOn) })
	defer end()
	kafkatest.Join(t, c, b)
	kafkatest.Take(t, synced, "rebalance")
	time.AfterFunc(time.Second, end) // the library has asked for two of the partitions by then
	<-left
	events := a.Received()
	slices.Sort(events)
	if a.Overlapped.Load() || calls.Load() != 1 || len(events) != 4 || len(slices.Compact(events)) != 4 || !strings.HasPrefix(events[0], "revoke ") {
		t.Errorf("overlapped: %v; revoked %d times; told: %q; want 1, length 4", a.Overlapped.Load(), calls.Load(), events)
	}
}
