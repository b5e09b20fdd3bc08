package group_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"

	"altavoz/kafka"
	"altavoz/kafka/group"
	"altavoz/kafka/kafkatest"
	"altavoz/schemas"
	"altavoz/stream"
)

func TestNextOwnerGetsOffsetAndMetadata(t *testing.T) {
	t.Parallel()
	kafkatest.OnBrokers(t, func(t *testing.T, c kafka.Config) {
		l := kafkatest.Layout(t, c)
		ends := kafkatest.PublishSends(t, kafkatest.Publisher(t, c, l), 200)
		first := kafkatest.NewProbe()
		g, leave := kafkatest.Join(t, c, first)
		for range 200 {
			kafkatest.Take(t, first.Records, "record")
		}
		var ps []stream.Position
		for tp := range ends {
			ps = append(ps, stream.Position{Partition: tp, Offset: 10, Metadata: "ledger of " + tp.String()})
		}
		refused, err := g.Commit(t.Context(), g.Generation(), ps)
		if err != nil || len(refused) > 0 {
			t.Fatal(refused, err)
		}
		leave()
		second := kafkatest.NewProbe()
		second.Rewind = 3
		kafkatest.Join(t, c, second)
		want := 0
		for tp, end := range ends {
			want += int(end) - 7 // three offsets before the watermark
			_ = tp
		}
		for range want {
			if r := kafkatest.Take(t, second.Records, "record"); r.Offset < 7 {
				t.Errorf("offset %d was read, want at least 7", r.Offset)
			}
		}
		for range ends {
			e := kafkatest.Take(t, second.Events, "assignment")
			if !strings.Contains(e, " 10 ledger of ") {
				t.Errorf("assigned: %s, want %q in it", e, " 10 ledger of ")
			}
		}
	})
}

// A graceful leave hands the partitions over at once, static member or not.
func TestLeavingIsGraceful(t *testing.T) {
	t.Parallel()
	for _, instance := range []string{"", "one"} {
		kafkatest.OnBrokers(t, func(t *testing.T, c kafka.Config) {
			c.InstanceID = instance
			kafkatest.Layout(t, c)
			first := kafkatest.NewProbe()
			_, leave := kafkatest.Join(t, c, first)
			kafkatest.Until(t, "assigned", func() bool { return len(first.Owned()) == 4 })
			leave()
			if n := len(first.Owned()); n != 0 {
				t.Errorf("%d partitions were not revoked, want 0", n)
			}
			if instance != "" {
				c.InstanceID = "two"
			}
			second := kafkatest.NewProbe()
			began := time.Now()
			kafkatest.Join(t, c, second)
			kafkatest.Until(t, "taken over", func() bool { return len(second.Owned()) == 4 })
			if took := time.Since(began); took > 8*time.Second { // a session is 9 s
				t.Errorf("the takeover took %v, want at most %v", took, 8*time.Second)
			}
		})
	}
}

// Two static members share the partitions, one of them comes and goes, and none is left without an owner.
func TestStaticMembersShare(t *testing.T) {
	t.Parallel()
	kafkatest.OnBrokers(t, func(t *testing.T, c kafka.Config) {
		kafkatest.Layout(t, c)
		a, b := kafkatest.NewProbe(), kafkatest.NewProbe()
		ca, cb := c, c
		ca.InstanceID, cb.InstanceID = "a", "b"
		kafkatest.Join(t, ca, a)
		kafkatest.Until(t, "a owns all", func() bool { return len(a.Owned()) == 4 })
		for range 3 {
			_, leave := kafkatest.Join(t, cb, b)
			kafkatest.Until(t, "both own some", func() bool { return len(a.Owned()) == 2 && len(b.Owned()) == 2 })
			leave()
			kafkatest.Until(t, "a owns all again", func() bool { return len(a.Owned()) == 4 })
		}
	})
}

func TestSecondProcessWithTheSameInstanceIDIsAnError(t *testing.T) {
	t.Parallel()
	kafkatest.OnBrokers(t, func(t *testing.T, c kafka.Config) {
		c.InstanceID = "same"
		kafkatest.Layout(t, c)
		first := kafkatest.NewProbe()
		_, done := kafkatest.JoinAs(t, c, first)
		kafkatest.Until(t, "assigned", func() bool { return len(first.Owned()) == 4 })
		kafkatest.Join(t, c, kafkatest.NewProbe())
		if err := kafkatest.Take(t, done, "end of the first"); !errors.Is(err, group.ErrInstanceIDInUse) {
			t.Errorf("the first ended with %v, want %v", err, group.ErrInstanceIDInUse)
		}
	})
}

// A broker that was killed after it had handed out a member id, and before it wrote it down, knows the one before: it fences
// the process that owns the name. Seen on Kafka 4.3.1; the process took itself for a twin and ended.
func TestMemberThatTheBrokerForgetsJoinsAnew(t *testing.T) {
	t.Parallel()
	cluster, c := kafkatest.Embedded(t)
	c.InstanceID = "mine"
	kafkatest.Layout(t, c)
	cluster.ControlKey(int16(kmsg.JoinGroup), func(req kmsg.Request) (kmsg.Response, error, bool) {
		resp := req.ResponseKind().(*kmsg.JoinGroupResponse)
		resp.ErrorCode = kerr.FencedInstanceID.Code
		return resp, nil, true // once
	})
	p := kafkatest.NewProbe()
	kafkatest.Join(t, c, p)
	kafkatest.Until(t, "assigned", func() bool { return len(p.Owned()) == 4 })
}

// A member whose join is broken off leaves, or else it would own partitions without being there: for a session in Kafka, and
// for ever in kfake (simulation, seed 5093: the broker came back, and a member that nobody knew had joined meanwhile).
func TestJoinThatIsBrokenOffLeaves(t *testing.T) {
	t.Parallel()
	cluster, c := kafkatest.Embedded(t)
	kafkatest.Layout(t, c)
	stays, goes := kafkatest.NewProbe(), kafkatest.NewProbe()
	kafkatest.Join(t, c, stays)
	kafkatest.Until(t, "assigned", func() bool { return len(stays.Owned()) == 4 })
	cluster.ControlKey(int16(kmsg.Heartbeat), func(req kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		return req.ResponseKind(), nil, true // it does not hear that another one wants to join, who waits for it
	})
	joins := make(chan struct{}, 10)
	cluster.ControlKey(int16(kmsg.JoinGroup), func(req kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		if req.(*kmsg.JoinGroupRequest).MemberID != "" {
			joins <- struct{}{}
		}
		return nil, nil, false
	})
	cluster.ControlKey(int16(kmsg.LeaveGroup), func(req kmsg.Request) (kmsg.Response, error, bool) {
		resp := req.ResponseKind().(*kmsg.LeaveGroupResponse)
		resp.ErrorCode = kerr.UnknownServerError.Code
		return resp, nil, true // once
	})
	_, leave := kafkatest.Join(t, c, goes)
	kafkatest.Take(t, joins, "join")
	leave()
	cl, err := kgo.NewClient(kgo.SeedBrokers(c.Brokers...))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	groups, err := kadm.NewClient(cl).DescribeGroups(t.Context(), c.Prefix+"sender")
	if n := len(groups[c.Prefix+"sender"].Members); err != nil || n != 1 {
		t.Errorf("%d members are left, %v; want 1", n, err)
	}
}

func TestRefusedCommitWritesNothing(t *testing.T) {
	t.Parallel()
	kafkatest.OnBrokers(t, func(t *testing.T, c kafka.Config) {
		kafkatest.Layout(t, c)
		p := kafkatest.NewProbe()
		g, _ := kafkatest.Join(t, c, p)
		kafkatest.Until(t, "assigned", func() bool { return len(p.Owned()) == 4 })
		tp := stream.TopicPartition{Topic: schemas.TopicSendsExpress, Partition: 1}
		f := g.Generation()
		for name, c := range map[string]struct {
			gen  stream.Generation
			meta string
		}{
			"older generation": {stream.Generation{Member: f.Member, Number: f.Number - 1, Session: f.Session}, ""},
			"another member":   {stream.Generation{Member: "nobody", Number: f.Number, Session: f.Session}, ""},
			"another session":  {stream.Generation{Member: f.Member, Number: f.Number, Session: f.Session + 1}, ""},
			"long metadata":    {f, strings.Repeat("x", stream.MaxMetadata+1)},
			"no generation":    {stream.Generation{}, ""},
		} {
			t.Run(name, func(t *testing.T) {
				refused, err := g.Commit(t.Context(), c.gen, []stream.Position{{Partition: tp, Offset: 1, Metadata: c.meta}})
				if err != nil || refused[tp] == nil {
					t.Errorf("refused %v, error %v", refused, err)
				}
			})
		}
		refused, err := g.Commit(t.Context(), f, []stream.Position{{Partition: tp, Offset: 0, Metadata: strings.Repeat("x", stream.MaxMetadata)}})
		if err != nil || len(refused) > 0 {
			t.Errorf("the good one: %v, %v; want none", refused, err)
		}
	})
}

// The positions of each commit are counted by what became of them: accepted, refused, and without an answer.
func TestCommitsOfAGroupAreCounted(t *testing.T) {
	t.Parallel()
	cluster, c := kafkatest.Embedded(t)
	reg := prometheus.NewRegistry()
	c.Registerer = reg
	kafkatest.Layout(t, c)
	p := kafkatest.NewProbe()
	g, _ := kafkatest.Join(t, c, p)
	kafkatest.Until(t, "assigned", func() bool { return len(p.Owned()) == 4 })
	owned := p.Owned() // in any order
	two := []stream.Position{{Partition: owned[0]}, {Partition: owned[1]}}
	gen := g.Generation()
	if refused, err := g.Commit(t.Context(), gen, two); err != nil || len(refused) > 0 {
		t.Fatalf("got refused %v, error %v, want none", refused, err)
	}
	if refused, err := g.Commit(t.Context(), stream.Generation{}, two); err != nil || len(refused) != len(two) {
		t.Fatalf("got refused %v, error %v, want both refused", refused, err)
	}
	cluster.ControlKey(int16(kmsg.OffsetCommit), func(kmsg.Request) (kmsg.Response, error, bool) {
		return nil, errors.New("cut"), true // closes the connection
	})
	if _, err := g.Commit(t.Context(), gen, two[:1]); err == nil {
		t.Fatal("got no error for a commit without an answer")
	}
	want := map[string]float64{"accepted": 2, "refused": 2, "unclear": 1}
	if diff := cmp.Diff(want, kafkatest.MetricValues(t, reg, "altavoz_commits_total", "result")); diff != "" {
		t.Errorf("positions by result (-want +got):\n%s", diff)
	}
}

// The group only checks who commits. So a live member may write the position of a partition that it does not own, and a
// ledger must live and die with its assignment.
func TestMemberMayCommitAPartitionOfAnother(t *testing.T) {
	t.Parallel()
	kafkatest.OnBrokers(t, func(t *testing.T, c kafka.Config) {
		kafkatest.Layout(t, c)
		a, b := kafkatest.NewProbe(), kafkatest.NewProbe()
		g, _ := kafkatest.Join(t, c, a)
		kafkatest.Join(t, c, b)
		kafkatest.Until(t, "both own some", func() bool { return len(a.Owned()) == 2 && len(b.Owned()) == 2 })
		refused, err := g.Commit(t.Context(), g.Generation(), []stream.Position{{Partition: b.Owned()[0], Offset: 0, Metadata: "foreign"}})
		t.Logf("a commit for a partition of another member: refused %v, error %v", refused, err)
		if err != nil || len(refused) > 0 {
			t.Errorf("the broker checks ownership now (%v, %v): DESIGN.md says that it does not; want none", refused, err)
		}
	})
}

// The answer to a commit gets lost: the member gives everything up, joins as somebody else, and the generation it had is void.
func TestLostCommitAnswerEndsTheSession(t *testing.T) {
	t.Parallel()
	cluster, c := kafkatest.Embedded(t)
	kafkatest.Layout(t, c)
	p := kafkatest.NewProbe()
	g, _ := kafkatest.Join(t, c, p)
	kafkatest.Until(t, "assigned", func() bool { return len(p.Owned()) == 4 })
	old := g.Generation()
	tp := stream.TopicPartition{Topic: schemas.TopicSendsExpress, Partition: 2}
	cluster.ControlKey(int16(kmsg.OffsetCommit), func(kmsg.Request) (kmsg.Response, error, bool) {
		return nil, errors.New("cut"), true // closes the connection
	})
	_, err := g.Commit(t.Context(), old, []stream.Position{{Partition: tp, Offset: 0, Metadata: "m"}})
	if err == nil {
		t.Fatal("a commit without an answer was taken for done")
	}
	seen := map[string]int{}
	for seen["lost"] < 4 || seen["assign"] < 8 {
		seen[strings.Fields(kafkatest.Take(t, p.Events, "event"))[0]]++
	}
	kafkatest.Until(t, "joined anew", func() bool { return g.Generation().Session > old.Session && g.Generation().Member != "" })
	if now := g.Generation(); now.Member == old.Member {
		t.Errorf("the new session is the same member %s, want other than %v", now.Member, old.Member)
	}
	refused, err := g.Commit(t.Context(), old, []stream.Position{{Partition: tp, Offset: 0}})
	if err != nil || !errors.Is(refused[tp], stream.ErrFenced) {
		t.Errorf("a commit of the old session: %v, %v", refused, err)
	}
	// And what the old member may still have on its way is refused by the coordinator itself.
	late := kmsg.NewPtrOffsetCommitRequest()
	late.Group, late.MemberID, late.Generation = c.Prefix+"sender", old.Member, old.Number
	topic := kmsg.NewOffsetCommitRequestTopic()
	topic.Topic = c.Prefix + string(tp.Topic)
	part := kmsg.NewOffsetCommitRequestTopicPartition()
	part.Partition = tp.Partition
	topic.Partitions = append(topic.Partitions, part)
	late.Topics = append(late.Topics, topic)
	byName := kversion.Stable()
	byName.SetMaxKeyVersion(int16(kmsg.OffsetCommit), 9)
	cl, err := kgo.NewClient(kgo.SeedBrokers(c.Brokers...), kgo.MaxVersions(byName))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	resp, err := late.RequestWith(t.Context(), cl)
	if err != nil {
		t.Fatal(err)
	}
	if code := resp.Topics[0].Partitions[0].ErrorCode; !errors.Is(kerr.ErrorForCode(code), kerr.UnknownMemberID) {
		t.Errorf("the stray commit was answered with %v, want %v", kerr.ErrorForCode(code), kerr.UnknownMemberID)
	}
}

// A commit that the coordinator may have written counts as unknown, not as refused.
func TestUnclearCommitIsNotARefusal(t *testing.T) {
	t.Parallel()
	cluster, c := kafkatest.Embedded(t)
	kafkatest.Layout(t, c)
	p := kafkatest.NewProbe()
	g, _ := kafkatest.Join(t, c, p)
	kafkatest.Until(t, "assigned", func() bool { return len(p.Owned()) == 4 })
	cluster.ControlKey(int16(kmsg.OffsetCommit), func(req kmsg.Request) (kmsg.Response, error, bool) {
		r := req.(*kmsg.OffsetCommitRequest)
		resp := r.ResponseKind().(*kmsg.OffsetCommitResponse)
		for _, t := range r.Topics {
			rt := kmsg.NewOffsetCommitResponseTopic()
			rt.Topic = t.Topic
			for _, p := range t.Partitions {
				rp := kmsg.NewOffsetCommitResponseTopicPartition()
				rp.Partition, rp.ErrorCode = p.Partition, kerr.CoordinatorNotAvailable.Code
				rt.Partitions = append(rt.Partitions, rp)
			}
			resp.Topics = append(resp.Topics, rt)
		}
		return resp, nil, true
	})
	tp := stream.TopicPartition{Topic: schemas.TopicSendsExpress}
	if refused, err := g.Commit(t.Context(), g.Generation(), []stream.Position{{Partition: tp}}); err == nil {
		t.Errorf("refused %v", refused)
	}
}

func TestPausedPartitionsAreNotFetched(t *testing.T) {
	t.Parallel()
	kafkatest.OnBrokers(t, func(t *testing.T, c kafka.Config) {
		l := kafkatest.Layout(t, c)
		pub := kafkatest.Publisher(t, c, l)
		p := kafkatest.NewProbe()
		g, _ := kafkatest.Join(t, c, p)
		kafkatest.Until(t, "assigned", func() bool { return len(p.Owned()) == 4 })
		stopped := stream.TopicPartition{Topic: schemas.TopicSendsExpress, Partition: l.Home(schemas.TopicSendsExpress, []byte("stopped"))}
		other := "a"
		for l.Home(schemas.TopicSendsExpress, []byte(other)) == stopped.Partition {
			other += "a"
		}
		g.Pause(stopped)
		if _, err := pub.Publish(t.Context(), kafkatest.ExpressSend("stopped"), kafkatest.ExpressSend(other)); err != nil {
			t.Fatal(err)
		}
		if r := kafkatest.Take(t, p.Records, "record"); string(r.Key) != other {
			t.Errorf("%s came from a paused partition", r.Key)
		}
		g.Resume(stopped)
		if r := kafkatest.Take(t, p.Records, "record"); string(r.Key) != "stopped" {
			t.Errorf("got %s", r.Key)
		}
	})
}
