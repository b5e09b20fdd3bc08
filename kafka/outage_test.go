package kafka_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"altavoz/kafka"
	"altavoz/schemas"
	"altavoz/stream"
)

const (
	outagePort = 9092
	outage     = 60 * time.Second
	// answerWithin is how long somebody who asks may be kept waiting while Kafka does not answer, and how long he waits
	// himself.
	answerWithin = 6 * time.Second
	answerWait   = 5 * time.Second
	// recovered is how long after the end of an outage everything must go on.
	recovered = 20 * time.Second
)

// stoppable is the broker's side of a network that can stand still, as a broker does that got SIGSTOP: connections are
// made, what is sent to it lies there, and nothing comes back.
type stoppable struct {
	net.Listener
	mu   sync.Mutex
	gate chan struct{} // closed: it runs
}

func (s *stoppable) Accept() (net.Conn, error) {
	c, err := s.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &stoppedConn{c, s}, nil
}

func (s *stoppable) stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.gate = make(chan struct{})
}

func (s *stoppable) cont() {
	s.mu.Lock()
	defer s.mu.Unlock()
	close(s.gate)
}

type stoppedConn struct {
	net.Conn
	s *stoppable
}

func (c *stoppedConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.s.mu.Lock()
	gate := c.s.gate
	c.s.mu.Unlock()
	if gate != nil {
		<-gate
	}
	return n, err
}

// house is what a process has open to Kafka, in fake time.
type house struct {
	t       *testing.T
	vn      kfake.VirtualNetwork
	side    *stoppable
	cluster *kfake.Cluster
	dir     string
	c       kafka.Config
	l       kafka.Layout
	p       *kafka.Publisher
	r       *kafka.Reader
	g       *kafka.Group
	probe   *probe
	s       *kafka.Statuses
	v       *kafka.Controls
	leave   func()
	acked   int
	took    int
}

func inOutage(t *testing.T, run func(h *house)) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "kafka")
	synctest.Test(t, func(t *testing.T) {
		h := &house{t: t, dir: dir}
		h.boot()
		h.c = kafka.Config{Brokers: []string{fmt.Sprintf("127.0.0.1:%d", outagePort)}, Prefix: "t.", Dial: h.vn.DialContext}
		h.l = layout(t, h.c)
		h.open()
		h.goesOn()
		run(h)
		h.goesOn()
		h.close()
		h.cluster.Close()
		time.Sleep(time.Minute) // what the library does in its own time
	})
}

// open is a process that starts.
func (h *house) open() {
	h.t.Helper()
	h.p, h.r, h.probe = publisher(h.t, h.c, h.l), reader(h.t, h.c), newProbe()
	h.acked, h.took = 0, 0
	h.v = controls(h.t, h.c, h.l)
	begin(h.t, h.v)
	var err error
	if h.s, err = kafka.NewStatuses(h.c, h.l); err != nil {
		h.t.Fatal(err)
	}
	if err := h.s.Start(context.WithoutCancel(h.t.Context())); err != nil {
		h.t.Fatal(err)
	}
	h.g, h.leave = join(h.t, h.c, h.l, h.probe)
}

// close ends what a process has open, and says how long that took.
func (h *house) close() time.Duration {
	began := time.Now()
	h.leave()
	h.s.Stop()
	h.v.Stop()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(h.t.Context()), answerWait)
	defer cancel()
	_ = h.p.Close(ctx)
	h.r.Close()
	return time.Since(began)
}

func (h *house) boot() {
	h.t.Helper()
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.Ports(outagePort), kfake.DataDir(h.dir),
		kfake.ListenFn(func(network, addr string) (net.Listener, error) {
			l, err := h.vn.Listen(network, addr)
			h.side = &stoppable{Listener: l}
			return h.side, err
		}))
	if err != nil {
		h.t.Fatal(err)
	}
	h.cluster = cluster
}

// answers publishes as a door does, and fails if that takes longer than a door may.
func (h *house) answers() error {
	h.t.Helper()
	ctx, cancel := context.WithTimeout(h.t.Context(), answerWait)
	defer cancel()
	began := time.Now()
	_, err := h.p.Publish(ctx, express("k"))
	if took := time.Since(began); took > answerWithin {
		h.t.Errorf("an answer took %v", took)
	}
	if err == nil {
		h.acked++
	}
	return err
}

// givesUp asks for all that a stage or a door asks for, and fails if any of it takes longer than it was given.
func (h *house) givesUp() {
	h.t.Helper()
	slot := stream.TopicPartition{Topic: schemas.TopicSendsExpress}
	for name, ask := range map[string]func(context.Context) error{
		"a commit": func(ctx context.Context) error {
			refused, err := h.g.Commit(ctx, h.g.Generation(), []stream.Position{{Partition: slot}})
			return errors.Join(err, refused[slot])
		},
		"a record": func(ctx context.Context) error { _, err := h.r.Record(ctx, slot, 0); return err },
		"the ends": func(ctx context.Context) error { _, err := h.r.Ends(ctx, slot.Topic); return err },
		"a view":   h.v.Sync,
		"a look at the topics": func(ctx context.Context) error {
			_, err := kafka.CheckTopics(ctx, h.c)
			return err
		},
	} {
		ctx, cancel := context.WithTimeout(h.t.Context(), answerWait)
		began := time.Now()
		if ask(ctx) == nil {
			h.t.Errorf("%s was answered by a broker that is stopped", name)
		}
		if took := time.Since(began); took > answerWithin {
			h.t.Errorf("%s took %v", name, took)
		}
		cancel()
	}
}

// goesOn waits until everything works: writing, reading, views, single records, commits.
func (h *house) goesOn() {
	h.t.Helper()
	began := time.Now()
	for h.answers() != nil && time.Since(began) < recovered {
		time.Sleep(500 * time.Millisecond)
	}
	if err := h.answers(); err != nil {
		h.t.Errorf("%v after the outage nothing can be written: %v", time.Since(began), err)
		return
	}
	for h.took < h.acked { // at least what was acknowledged: what was not may have arrived too
		take(h.t, h.probe.recs, "record")
		h.took++
	}
	ctx, cancel := context.WithTimeout(h.t.Context(), recovered)
	defer cancel()
	task := schemas.NewTaskID()
	say(h.t, h.p, control(task, schemas.ControlKind_CONTROL_KIND_PAUSE, 0))
	if err := errors.Join(h.v.Sync(ctx), h.s.Sync(ctx)); err != nil {
		h.t.Error(err)
	}
	if c, _ := h.v.Get(task); !c.Paused {
		h.t.Error("the view of controls stands still")
	}
	slot := stream.TopicPartition{Topic: schemas.TopicSendsExpress, Partition: h.l.Home(schemas.TopicSendsExpress, []byte("k"))}
	if _, err := h.r.Record(ctx, slot, 0); err != nil {
		h.t.Error(err)
	}
	until(h.t, "committed", func() bool {
		refused, err := h.g.Commit(ctx, h.g.Generation(), []stream.Position{{Partition: slot, Offset: 1}})
		return err == nil && len(refused) == 0
	})
	if took := time.Since(began); took > recovered {
		h.t.Errorf("it took %v until everything went on", took)
	}
	h.t.Logf("everything goes on after %v", time.Since(began))
}

// A broker that is stopped for a minute and goes on: whoever asks meanwhile is told so within six seconds, and then
// everything goes on by itself.
func TestBrokerStoppedForAMinute(t *testing.T) {
	t.Parallel()
	inOutage(t, func(h *house) {
		h.side.stop()
		for end := time.Now().Add(outage); time.Now().Before(end); {
			if h.answers() == nil {
				h.t.Error("a broker that is stopped acknowledged a record")
			}
			h.givesUp()
		}
		h.side.cont()
	})
}

// A process that is told to stop while the broker is stopped, with records on their way, ends before anybody loses patience.
func TestStoppingWhileTheBrokerIsStopped(t *testing.T) {
	t.Parallel()
	inOutage(t, func(h *house) {
		h.side.stop()
		for range 3 {
			_ = h.answers()
		}
		if took := h.close(); took > outage/3 {
			h.t.Errorf("it took %v", took)
		} else {
			h.t.Logf("it took %v", took)
		}
		h.side.cont()
		h.open()
	})
}

// A broker that is killed, and started again with its data after a while.
func TestBrokerKilledAndStartedAgain(t *testing.T) {
	t.Parallel()
	inOutage(t, func(h *house) {
		h.cluster.Close()
		for end := time.Now().Add(outage); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
			if h.answers() == nil {
				h.t.Error("a broker that is down acknowledged a record")
			}
		}
		h.boot()
	})
}

// A broker that takes no writes for a while: a disk that is full, replicas that are behind, a write that takes too long.
func TestBrokerThatRefusesWrites(t *testing.T) {
	t.Parallel()
	for name, why := range map[string]*kerr.Error{
		"replicas": kerr.NotEnoughReplicas, "after append": kerr.NotEnoughReplicasAfterAppend, "disk": kerr.KafkaStorageError,
		"time-out": kerr.RequestTimedOut, "leader": kerr.NotLeaderForPartition, "unknown": kerr.UnknownServerError,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inOutage(t, func(h *house) {
				fault := h.cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Err: why, Count: -1})
				for end := time.Now().Add(outage); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
					if err := h.answers(); err == nil {
						h.t.Error("what was refused counts as written")
					}
				}
				if fault.Hits() == 0 {
					h.t.Error("the fault was not met")
				}
				fault.Remove()
			})
		})
	}
}

// A coordinator that does not know where it is for a while, or can't write what is committed.
func TestCoordinatorAway(t *testing.T) {
	t.Parallel()
	for name, why := range map[string]*kerr.Error{
		"moved": kerr.NotCoordinator, "loading": kerr.CoordinatorLoadInProgress, "not available": kerr.CoordinatorNotAvailable,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inOutage(t, func(h *house) {
				fault := h.cluster.Fault(kfake.Fault{
					Keys: []kmsg.Key{kmsg.OffsetCommit, kmsg.Heartbeat, kmsg.JoinGroup, kmsg.SyncGroup, kmsg.OffsetFetch}, Err: why, Count: -1, TopLevel: true,
				}, kfake.Fault{Keys: []kmsg.Key{kmsg.OffsetCommit, kmsg.OffsetFetch}, Err: why, Count: -1})
				slot := stream.TopicPartition{Topic: schemas.TopicSendsExpress}
				for end := time.Now().Add(outage); time.Now().Before(end); time.Sleep(time.Second) {
					began := time.Now()
					refused, err := h.g.Commit(h.t.Context(), h.g.Generation(), []stream.Position{{Partition: slot}})
					if err == nil && len(refused) == 0 {
						h.t.Error("a commit was taken for done")
					}
					if took := time.Since(began); took > answerWithin {
						h.t.Errorf("a commit took %v", took)
					}
					if err := h.answers(); err != nil {
						h.t.Errorf("writing stands still too: %v", err)
					}
				}
				if fault.Hits() == 0 {
					h.t.Error("the fault was not met")
				}
				fault.Remove()
			})
		})
	}
}

// A publisher that is opened while the broker is stopped is ready when the broker is back.
func TestPublisherIsReadyWhenTheBrokerIs(t *testing.T) {
	t.Parallel()
	inOutage(t, func(h *house) {
		h.side.stop()
		p := publisher(h.t, h.c, h.l)
		back := time.AfterFunc(outage, h.side.cont)
		defer back.Stop()
		began := time.Now()
		if err := p.Ready(h.t.Context()); err != nil {
			t.Error(err)
		}
		if waited := time.Since(began); waited < outage {
			t.Errorf("ready after %v without a broker", waited)
		}
		_ = p.Close(h.t.Context())
	})
}
