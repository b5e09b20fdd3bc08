package kafka_test

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
	"altavoz/schemas"
	"altavoz/stream"
)

// A committed offset that is not in the log ends the group: reading from anywhere else could send twice, or lose somebody.
func TestCommittedOffsetOutsideTheLogEndsTheGroup(t *testing.T) {
	t.Parallel()
	_, c := embedded(t)
	l := layout(t, c)
	fillSends(t, publisher(t, c, l), 100)
	first := newProbe()
	g, leave := join(t, c, l, first)
	until(t, "assigned", func() bool { return len(first.owned()) == 4 })
	var ps []stream.Position
	for _, slot := range first.owned() {
		ps = append(ps, stream.Position{Partition: slot, Offset: 1000})
	}
	if refused, err := g.Commit(t.Context(), g.Generation(), ps); err != nil || len(refused) > 0 {
		t.Fatal(refused, err)
	}
	leave()
	second := newProbe()
	g, err := kafka.NewGroup(c, l, "sender", []stream.Topic{schemas.TopicSendsExpress})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- g.Run(ctx, second) }()
	defer func() { cancel(); <-done }()
	select {
	case err := <-done:
		if !errors.Is(err, kafka.ErrOffsets) {
			t.Errorf("the group ended with %v", err)
		}
		done <- err
	case r := <-second.recs:
		t.Errorf("offset %d was read, and 1000 was committed", r.Offset)
	case <-time.After(patience / 3):
		t.Error("the group goes on, and reads nothing")
	}
}

// holding is a stage that takes its time over records.
type holding struct {
	*probe
	taking, goOn chan struct{}
}

func (h *holding) Process(slot stream.TopicPartition, recs []stream.Record) {
	h.taking <- struct{}{}
	<-h.goOn
	h.probe.Process(slot, recs)
}

// Another member joins while what was polled is being handed over: nothing of it is given up before that is done, or records would
// be handed over of a partition that is somebody else's.
func TestRevokeWaitsForWhatWasPolled(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "kafka")
	synctest.Test(t, func(t *testing.T) {
		h := &house{t: t, dir: dir}
		h.boot()
		h.c = kafka.Config{Brokers: []string{fmt.Sprintf("127.0.0.1:%d", outagePort)}, Prefix: "t.", Dial: h.vn.DialContext}
		h.l = layout(t, h.c)
		h.p = publisher(t, h.c, h.l)
		first, second := &holding{newProbe(), make(chan struct{}, 100), make(chan struct{})}, newProbe()
		leave := run(t, h, first)
		until(t, "assigned", func() bool { return len(first.owned()) == 4 })
		if err := h.answers(); err != nil {
			t.Fatal(err)
		}
		take(t, first.taking, "record")
		leaveToo := run(t, h, second)
		time.Sleep(5 * time.Second) // some heartbeats, each of which says that somebody joins
		if n := len(first.owned()); n != 4 {
			t.Errorf("%d partitions are left while records are handed over", n)
		}
		close(first.goOn)
		until(t, "both own some", func() bool { return len(first.owned()) == 2 && len(second.owned()) == 2 })
		leave()
		leaveToo()
		_ = h.p.Close(t.Context())
		h.cluster.Close()
		time.Sleep(time.Minute) // what the library does in its own time
	})
}

// run is join for any stage.
func run(t *testing.T, h *house, st kafka.Stage) (leave func()) {
	t.Helper()
	g, err := kafka.NewGroup(h.c, h.l, "sender", []stream.Topic{schemas.TopicSendsExpress})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- g.Run(ctx, st) }()
	return func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

// A process that is told to stop gives its partitions up in good order, and what it commits then is taken: it has not left yet.
func TestStoppingDrainsWhileStillAMember(t *testing.T) {
	t.Parallel()
	onBrokers(t, func(t *testing.T, c kafka.Config) {
		l := layout(t, c)
		p := newProbe()
		var g *kafka.Group
		commits := make(chan error, 1)
		p.revoke = func(slots []stream.TopicPartition) {
			refused, err := g.Commit(context.WithoutCancel(t.Context()), g.Generation(), []stream.Position{{Partition: slots[0], Offset: 0, Metadata: "last"}})
			commits <- errors.Join(err, refused[slots[0]])
		}
		g, leave := join(t, c, l, p)
		until(t, "assigned", func() bool { return len(p.owned()) == 4 })
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
func TestRevokedSlotsDrainWhileStillAMember(t *testing.T) {
	t.Parallel()
	onBrokers(t, func(t *testing.T, c kafka.Config) {
		l := layout(t, c)
		first, second := newProbe(), newProbe()
		join(t, c, l, first)
		until(t, "assigned", func() bool { return len(first.owned()) == 4 })
		join(t, c, l, second)
		until(t, "both own some", func() bool { return len(first.owned()) == 2 && len(second.owned()) == 2 })
		expectRevoked(t, first, 2)
	})
}

// expectRevoked expects that n partitions were revoked, and none lost.
func expectRevoked(t *testing.T, p *probe, n int) {
	t.Helper()
	revoked := 0
	for len(p.events) > 0 {
		switch e := <-p.events; {
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
func TestSlotWithoutAWordInTheAnswerIsUnknown(t *testing.T) {
	t.Parallel()
	cluster, c := embedded(t)
	l := layout(t, c)
	p := newProbe()
	g, _ := join(t, c, l, p)
	until(t, "assigned", func() bool { return len(p.owned()) == 4 })
	for _, words := range []int{0, 1} { // of two
		until(t, "assigned", func() bool { return len(p.owned()) == 4 && g.Generation().Member != "" })
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
		until(t, "joined anew", func() bool { return g.Generation().Session > before })
	}
}
