package app

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"altavoz/kafka"
	"altavoz/kafka/group"
	"altavoz/kafka/records"
	"altavoz/kafka/rejects"
	"altavoz/kafka/topics"
	"altavoz/processor"
	"altavoz/processor/sender"
	"altavoz/schemas"
	"altavoz/schemas/standing"
	"altavoz/stream"
)

// unspoken is the view of what was said of sender numbers where nobody said anything.
type unspoken struct{}

func (unspoken) ListenNumbers(func(standing.State)) {}

func (unspoken) CaughtUp() <-chan struct{} {
	read := make(chan struct{})
	close(read)
	return read
}

// Out and Confirmed make it the view of who opted out where nobody did.
func (unspoken) Out(string, schemas.Phone, string) bool { return false }

// At makes it the view of who wrote where nobody did.
func (unspoken) At(string, schemas.Phone) (time.Time, bool) { return time.Time{}, false }

func (unspoken) Confirmed() time.Time { return time.Now() }

// calls are those to the Cloud API, whichever process makes them.
type calls struct {
	mu sync.Mutex
	by map[string][]string // process of each call, by callback data
}

// messenger is the way of one process to the Cloud API.
type messenger struct {
	name string
	*calls
	gate chan struct{} // calls return when it is closed
}

func (messenger) Prepare(c *schemas.Content) (schemas.Message, error) { return c.GetBody(), nil }

func (messenger) Probe(context.Context, string) schemas.Reply {
	return schemas.Reply{Verdict: schemas.VerdictSent}
}

func (m messenger) Send(_ context.Context, _ string, _ schemas.Message, _ schemas.Phone, callback string) schemas.Reply {
	m.mu.Lock()
	m.by[callback] = append(m.by[callback], m.name)
	m.mu.Unlock()
	<-m.gate
	return schemas.Reply{Verdict: schemas.VerdictSent, WAMID: "w"}
}

func (c *calls) count(name string) (n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, who := range c.by {
		for _, w := range who {
			if w == name {
				n++
			}
		}
	}
	return n
}

// A sender is stopped (SIGSTOP, a paused VM) just when its group rebalances, after it has heard of that and before it has asked to join
// again, for longer than its session. Another sender takes its partitions over, calls everybody, and leaves. Then the first one wakes.
func TestSenderStoppedBeforeItRejoinsSendsNothingTwice(t *testing.T) {
	t.Parallel()
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1))
	if err != nil {
		t.Fatal(err)
	}
	defer cluster.Close()
	cfg := kafka.Config{Brokers: cluster.ListenAddrs(), Prefix: "z."}
	l, err := topics.Ensure(t.Context(), cfg, true)
	if err != nil {
		t.Fatal(err)
	}
	pub, err := records.NewPublisher(cfg, l, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = pub.Close(context.Background()) }()
	reader, err := records.NewReader(cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	api := &calls{by: map[string][]string{}}
	start := func(name string, inFlight int, gate chan struct{}) (*group.Group, func()) {
		g, err := group.New(cfg, processor.Sender, []stream.Topic{schemas.TopicSendsExpress, schemas.TopicSendsBulk})
		if err != nil {
			t.Fatal(err)
		}
		st := sender.New(sender.Config{
			Partitions: l, MaxInFlight: inFlight, Numbers: []string{"1"},
			Number: func(id string) (sender.NumberConfig, bool) { return sender.NumberConfig{}, id == "1" },
		}, sender.Ports{
			Committer: g, Pauser: g, Express: pub, Bulk: pub, Records: held{reader},
			Numbers: unspoken{}, OptOuts: unspoken{}, Inbound: unspoken{}, Messenger: messenger{name, api, gate}, Reject: rejects.Keep,
		})
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan error, 1)
		go func() { done <- processor.Run(ctx, g, st) }()
		return g, sync.OnceFunc(func() {
			cancel()
			if err := <-done; err != nil {
				t.Log(name, "ended with", err)
			}
		})
	}
	open := make(chan struct{})
	close(open)
	gate := make(chan struct{})
	ga, leaveA := start("a", 1, gate)
	defer leaveA()
	task := schemas.NewTaskID()
	const n = 100
	recs := make([]stream.Record, n)
	for i := range recs {
		recs[i] = schemas.EncodeSend(schemas.LaneExpress, &schemas.Send{
			Task: task.Bytes(), Index: uint32(i), Phone: fmt.Sprintf("57300%07d", i), Sender: "1", Content: &schemas.Content{Body: "hola"},
			NotAfterMs: time.Now().Add(time.Hour).UnixMilli(),
		})
	}
	if _, err := pub.Publish(t.Context(), recs...); err != nil {
		t.Fatal(err)
	}
	wait := func(what string, ok func() bool) {
		t.Helper()
		for end := time.Now().Add(30 * time.Second); !ok(); time.Sleep(10 * time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("not %s", what)
			}
		}
	}
	wait("a calls", func() bool { return api.count("a") == 1 })
	time.Sleep(time.Second) // nothing says when it has read the others
	member := ga.Generation().Member
	over := make(chan struct{})
	cluster.ControlKey(int16(kmsg.JoinGroup), func(req kmsg.Request) (kmsg.Response, error, bool) {
		if req.(*kmsg.JoinGroupRequest).MemberID != member {
			cluster.KeepControl()
			return nil, nil, false
		}
		cluster.SleepControl(func() {
			defer close(over)
			cl, _ := kgo.NewClient(kgo.SeedBrokers(cfg.Brokers...))
			defer cl.Close()
			leave := kmsg.NewPtrLeaveGroupRequest() // what the end of its session does
			leave.Group, leave.MemberID = cfg.Prefix+processor.Sender, member
			m := kmsg.NewLeaveGroupRequestMember()
			m.MemberID = member
			leave.Members = append(leave.Members, m)
			if _, err := leave.RequestWith(context.Background(), cl); err != nil {
				t.Error(err)
			}
			_, leaveB := start("b", 64, open)
			wait("b has called everybody else", func() bool { return api.count("b") == n-1 })
			leaveB()
		})
		return nil, nil, false
	})
	cluster.ControlKey(int16(kmsg.Heartbeat), func(req kmsg.Request) (kmsg.Response, error, bool) {
		if req.(*kmsg.HeartbeatRequest).MemberID != member {
			cluster.KeepControl()
			return nil, nil, false
		}
		resp := req.ResponseKind().(*kmsg.HeartbeatResponse)
		resp.ErrorCode = kerr.RebalanceInProgress.Code
		return resp, nil, true
	})
	<-over
	wait("a is a member again", func() bool { f := ga.Generation(); return f.Member != "" && f.Member != member })
	close(gate)
	admin, err := kgo.NewClient(kgo.SeedBrokers(cfg.Brokers...))
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Close()
	wait("everything done", func() bool {
		lags, err := kadm.NewClient(admin).Lag(t.Context(), cfg.Prefix+processor.Sender)
		return err == nil && lags.Error() == nil && lags[cfg.Prefix+processor.Sender].Lag.Total() == 0
	})
	twice := 0
	api.mu.Lock()
	defer api.mu.Unlock()
	for _, who := range api.by {
		if len(who) > 1 {
			twice++
		}
	}
	if twice > 0 {
		t.Errorf("%d of %d phones got the message twice; want 0", twice, n)
	}
}
