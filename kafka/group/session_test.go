package group_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"altavoz/kafka"
	"altavoz/kafka/group"
	"altavoz/kafka/kafkatest"
	"altavoz/schemas"
	"altavoz/stream"
)

// A committed offset that is not in the log ends the group: reading from anywhere else could send twice, or lose somebody.
func TestCommittedOffsetOutsideTheLogEndsTheGroup(t *testing.T) {
	t.Parallel()
	_, c := kafkatest.Embedded(t)
	l := kafkatest.Layout(t, c)
	kafkatest.PublishSends(t, kafkatest.Publisher(t, c, l), 100)
	first := kafkatest.NewProbe()
	g, leave := kafkatest.Join(t, c, first)
	kafkatest.Until(t, "assigned", func() bool { return len(first.Owned()) == 4 })
	var ps []stream.Position
	for _, tp := range first.Owned() {
		ps = append(ps, stream.Position{Partition: tp, Offset: 1000})
	}
	if refused, err := g.Commit(t.Context(), g.Generation(), ps); err != nil || len(refused) > 0 {
		t.Fatal(refused, err)
	}
	leave()
	second := kafkatest.NewProbe()
	_, done := kafkatest.JoinAs(t, c, second)
	select {
	case err := <-done:
		if !errors.Is(err, group.ErrOffsetOutsideLog) {
			t.Errorf("the group ended with %v, want %v", err, group.ErrOffsetOutsideLog)
		}
	case r := <-second.Records:
		t.Errorf("offset %d was read, and 1000 was committed", r.Offset)
	case <-time.After(kafkatest.Patience / 3):
		t.Error("the group goes on, and reads nothing")
	}
}

// holding is a stage that takes its time over records.
type holding struct {
	*kafkatest.Probe
	taking, goOn chan struct{}
}

func (h *holding) Process(tp stream.TopicPartition, recs []stream.Record) {
	h.taking <- struct{}{}
	<-h.goOn
	h.Probe.Process(tp, recs)
}

// Another member joins while what was polled is being handed over: nothing of it is given up before that is done, or records would
// be handed over of a partition that is somebody else's.
func TestRevokeWaitsForWhatWasPolled(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "kafka")
	synctest.Test(t, func(t *testing.T) {
		h := &kafkatest.Process{T: t, Dir: dir}
		h.Boot()
		h.Config = kafka.Config{Brokers: []string{fmt.Sprintf("127.0.0.1:%d", kafkatest.BrokerPort)}, Prefix: "t.", Dial: h.Network.DialContext}
		h.Layout = kafkatest.Layout(t, h.Config)
		h.Publisher = kafkatest.Publisher(t, h.Config, h.Layout)
		first, second := &holding{kafkatest.NewProbe(), make(chan struct{}, 100), make(chan struct{})}, kafkatest.NewProbe()
		_, leave := kafkatest.Join(t, h.Config, first)
		kafkatest.Until(t, "assigned", func() bool { return len(first.Owned()) == 4 })
		if err := h.Answers(); err != nil {
			t.Fatal(err)
		}
		kafkatest.Take(t, first.taking, "record")
		_, leaveToo := kafkatest.Join(t, h.Config, second)
		time.Sleep(5 * time.Second) // some heartbeats, each of which says that somebody joins
		if n := len(first.Owned()); n != 4 {
			t.Errorf("%d partitions are left while records are handed over, want 4", n)
		}
		close(first.goOn)
		kafkatest.Until(t, "both own some", func() bool { return len(first.Owned()) == 2 && len(second.Owned()) == 2 })
		leave()
		leaveToo()
		_ = h.Publisher.Close(t.Context())
		h.Cluster.Close()
		time.Sleep(time.Minute) // what the library does in its own time
	})
}

// A process that is told to stop gives its partitions up in good order, and what it commits then is taken: it has not left yet.
func TestStoppingDrainsWhileStillAMember(t *testing.T) {
	t.Parallel()
	kafkatest.OnBrokers(t, func(t *testing.T, c kafka.Config) {
		kafkatest.Layout(t, c)
		p := kafkatest.NewProbe()
		var g *group.Group
		commits := make(chan error, 1)
		p.Revoke = func(tps []stream.TopicPartition) {
			refused, err := g.Commit(context.WithoutCancel(t.Context()), g.Generation(), []stream.Position{{Partition: tps[0], Offset: 0, Metadata: "last"}})
			commits <- errors.Join(err, refused[tps[0]])
		}
		g, leave := kafkatest.Join(t, c, p)
		kafkatest.Until(t, "assigned", func() bool { return len(p.Owned()) == 4 })
		leave()
		expectRevoked(t, p, 4)
		select {
		case err := <-commits:
			if err != nil {
				t.Errorf("the last commit: %v", err)
			}
		default:
			t.Error("nothing was drained")
		}
	})
}

// Partitions that go to another member are given up in good order too.
func TestRevokedPartitionsDrainWhileStillAMember(t *testing.T) {
	t.Parallel()
	kafkatest.OnBrokers(t, func(t *testing.T, c kafka.Config) {
		kafkatest.Layout(t, c)
		first, second := kafkatest.NewProbe(), kafkatest.NewProbe()
		kafkatest.Join(t, c, first)
		kafkatest.Until(t, "assigned", func() bool { return len(first.Owned()) == 4 })
		kafkatest.Join(t, c, second)
		kafkatest.Until(t, "both own some", func() bool { return len(first.Owned()) == 2 && len(second.Owned()) == 2 })
		expectRevoked(t, first, 2)
	})
}

// expectRevoked expects that n partitions were revoked, and none lost.
func expectRevoked(t *testing.T, p *kafkatest.Probe, n int) {
	t.Helper()
	revoked := 0
	for len(p.Events) > 0 {
		switch e := <-p.Events; {
		case strings.HasPrefix(e, "revoke "):
			revoked++
		case strings.HasPrefix(e, "lost "):
			t.Errorf("%s, which was to be revoked", e)
		}
	}
	if revoked != n {
		t.Errorf("%d partitions were revoked, not %d", revoked, n)
	}
}

// An answer to a commit that leaves a partition out says nothing of it: the commit may have been made or not.
func TestPartitionMissingFromACommitAnswerIsUnknown(t *testing.T) {
	t.Parallel()
	cluster, c := kafkatest.Embedded(t)
	kafkatest.Layout(t, c)
	p := kafkatest.NewProbe()
	g, _ := kafkatest.Join(t, c, p)
	kafkatest.Until(t, "assigned", func() bool { return len(p.Owned()) == 4 })
	for _, words := range []int{0, 1} { // of two
		kafkatest.Until(t, "assigned", func() bool { return len(p.Owned()) == 4 && g.Generation().Member != "" })
		cluster.ControlKey(int16(kmsg.OffsetCommit), func(req kmsg.Request) (kmsg.Response, error, bool) {
			resp := req.ResponseKind().(*kmsg.OffsetCommitResponse)
			topic := kmsg.NewOffsetCommitResponseTopic()
			topic.Topic = c.Prefix + string(schemas.TopicSendsExpress)
			for i := range words {
				part := kmsg.NewOffsetCommitResponseTopicPartition()
				part.Partition = int32(i)
				topic.Partitions = append(topic.Partitions, part)
			}
			resp.Topics = append(resp.Topics, topic)
			return resp, nil, true // once
		})
		var ps []stream.Position
		for i := range int32(2) {
			ps = append(ps, stream.Position{Partition: stream.TopicPartition{Topic: schemas.TopicSendsExpress, Partition: i}})
		}
		before := g.Generation().Session
		if _, err := g.Commit(t.Context(), g.Generation(), ps); err == nil {
			t.Errorf("an answer with %d of 2 partitions counts as a commit of both", words)
			return
		}
		kafkatest.Until(t, "joined anew", func() bool { return g.Generation().Session > before })
	}
}
