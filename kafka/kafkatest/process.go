package kafkatest

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

	"github.com/twmb/franz-go/pkg/kfake"

	"altavoz/kafka"
	"altavoz/kafka/group"
	"altavoz/kafka/records"
	"altavoz/kafka/table"
	"altavoz/kafka/topics"
	"altavoz/schemas"
	"altavoz/stream"
)

// StoppableListener is the broker's side of a network that can stand still, as a broker does that got SIGSTOP: connections are
// made, what is sent to it lies there, and nothing comes back.
type StoppableListener struct {
	net.Listener
	mu   sync.Mutex
	gate chan struct{} // closed: it runs
}

// Accept is net.Listener's.
func (s *StoppableListener) Accept() (net.Conn, error) {
	c, err := s.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &stoppedConn{c, s}, nil
}

// Stop stops all connections, as SIGSTOP does.
func (s *StoppableListener) Stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.gate = make(chan struct{})
}

// Continue lets them continue.
func (s *StoppableListener) Continue() {
	s.mu.Lock()
	defer s.mu.Unlock()
	close(s.gate)
}

type stoppedConn struct {
	net.Conn
	s *StoppableListener
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

// Process is what a process has open to Kafka, in fake time.
type Process struct {
	T         *testing.T
	Network   kfake.VirtualNetwork
	Broker    *StoppableListener
	Cluster   *kfake.Cluster
	Dir       string
	Config    kafka.Config
	Layout    kafka.Layout
	Publisher *records.Publisher
	Reader    *records.Reader
	Group     *group.Group
	Probe     *Probe
	Statuses  *table.Statuses
	Controls  *table.Controls
	Leave     func()
	Acked     int
	Taken     int
}

// Open is a process that starts.
func (h *Process) Open() {
	h.T.Helper()
	h.Publisher, h.Reader, h.Probe = Publisher(h.T, h.Config, h.Layout), Reader(h.T, h.Config), NewProbe()
	h.Acked, h.Taken = 0, 0
	h.Controls = Controls(h.T, h.Config, h.Layout)
	StartControls(h.T, h.Controls)
	var err error
	if h.Statuses, err = table.NewStatuses(h.Config, h.Layout); err != nil {
		h.T.Fatal(err)
	}
	if err := h.Statuses.Start(context.WithoutCancel(h.T.Context())); err != nil {
		h.T.Fatal(err)
	}
	h.Group, h.Leave = Join(h.T, h.Config, h.Probe)
}

// Close ends what a process has open, and says how long that took.
func (h *Process) Close() time.Duration {
	began := time.Now()
	h.Leave()
	h.Statuses.Stop()
	h.Controls.Stop()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(h.T.Context()), answerWait)
	defer cancel()
	_ = h.Publisher.Close(ctx)
	h.Reader.Close()
	return time.Since(began)
}

// Boot starts the broker.
func (h *Process) Boot() {
	h.T.Helper()
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.Ports(BrokerPort), kfake.DataDir(h.Dir),
		kfake.ListenFn(func(network, addr string) (net.Listener, error) {
			l, err := h.Network.Listen(network, addr)
			h.Broker = &StoppableListener{Listener: l}
			return h.Broker, err
		}))
	if err != nil {
		h.T.Fatal(err)
	}
	h.Cluster = cluster
}

// Answers publishes as the ingress does, and fails if that takes longer than its answer may.
func (h *Process) Answers() error {
	h.T.Helper()
	ctx, cancel := context.WithTimeout(h.T.Context(), answerWait)
	defer cancel()
	began := time.Now()
	_, err := h.Publisher.Publish(ctx, ExpressSend("k"))
	if took := time.Since(began); took > AnswerWithin {
		h.T.Errorf("an answer took %v", took)
	}
	if err == nil {
		h.Acked++
	}
	return err
}

// GivesUp asks for all that a stage or the ingress asks for, and fails if any of it takes longer than it was given.
func (h *Process) GivesUp() {
	h.T.Helper()
	tp := stream.TopicPartition{Topic: schemas.TopicSendsExpress}
	for name, ask := range map[string]func(context.Context) error{
		"a commit": func(ctx context.Context) error {
			refused, err := h.Group.Commit(ctx, h.Group.Generation(), []stream.Position{{Partition: tp}})
			return errors.Join(err, refused[tp])
		},
		"a record":         func(ctx context.Context) error { _, err := h.Reader.Record(ctx, tp, 0); return err },
		"the ends":         func(ctx context.Context) error { _, err := h.Reader.Ends(ctx, tp.Topic); return err },
		"the watched ends": func(ctx context.Context) error { _, err := h.Reader.WatchEnds(ctx, tp.Topic); return err },
		"a view":           h.Controls.Sync,
		"a look at the topics": func(ctx context.Context) error {
			_, err := topics.Check(ctx, h.Config)
			return err
		},
	} {
		ctx, cancel := context.WithTimeout(h.T.Context(), answerWait)
		began := time.Now()
		if ask(ctx) == nil {
			h.T.Errorf("%s was answered by a broker that is stopped", name)
		}
		if took := time.Since(began); took > AnswerWithin {
			h.T.Errorf("%s took %v", name, took)
		}
		cancel()
	}
}

// GoesOn waits until everything works: writing, reading, views, single records, commits.
func (h *Process) GoesOn() {
	h.T.Helper()
	began := time.Now()
	for h.Answers() != nil && time.Since(began) < recovered {
		time.Sleep(500 * time.Millisecond)
	}
	if err := h.Answers(); err != nil {
		h.T.Errorf("%v after the outage nothing can be written: %v", time.Since(began), err)
		return
	}
	for h.Taken < h.Acked { // at least what was acknowledged: what was not may have arrived too
		Take(h.T, h.Probe.Records, "record")
		h.Taken++
	}
	ctx, cancel := context.WithTimeout(h.T.Context(), recovered)
	defer cancel()
	task := schemas.NewTaskID()
	Publish(h.T, h.Publisher, Control(task, schemas.ControlKind_CONTROL_KIND_PAUSE, 0))
	if err := errors.Join(h.Controls.Sync(ctx), h.Statuses.Sync(ctx)); err != nil {
		h.T.Error(err)
	}
	if c, _ := h.Controls.Get(task); !c.Paused {
		h.T.Error("the view of controls stands still")
	}
	tp := stream.TopicPartition{Topic: schemas.TopicSendsExpress, Partition: h.Layout.Home(schemas.TopicSendsExpress, []byte("k"))}
	if _, err := h.Reader.Record(ctx, tp, 0); err != nil {
		h.T.Error(err)
	}
	Until(h.T, "committed", func() bool {
		refused, err := h.Group.Commit(ctx, h.Group.Generation(), []stream.Position{{Partition: tp, Offset: 1}})
		return err == nil && len(refused) == 0
	})
	if took := time.Since(began); took > recovered {
		h.T.Errorf("it took %v until everything went on", took)
	}
	h.T.Logf("everything goes on after %v", time.Since(began))
}

// Brokers starts so many of them in a bubble.
func Brokers(t *testing.T, n int) (*kfake.Cluster, kafka.Config) {
	t.Helper()
	var network kfake.VirtualNetwork
	ports := make([]int, n)
	for i := range ports {
		ports[i] = BrokerPort + i
	}
	cluster, err := kfake.NewCluster(kfake.NumBrokers(n), kfake.Ports(ports...), kfake.ListenFn(network.Listen))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	return cluster, kafka.Config{Brokers: cluster.ListenAddrs(), Prefix: "t.", Dial: network.DialContext}
}

// Spread has the partitions of a topic led by all brokers in turn.
func Spread(t *testing.T, cluster *kfake.Cluster, c kafka.Config, l kafka.Layout, topic stream.Topic) {
	t.Helper()
	for p := range l[topic] {
		if err := cluster.MoveTopicPartition(c.TopicName(topic), p, p%int32(len(c.Brokers))); err != nil {
			t.Fatal(err)
		}
	}
}

// InOutage runs a test with a process that works before and must work after it.
func InOutage(t *testing.T, run func(h *Process)) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "kafka")
	synctest.Test(t, func(t *testing.T) {
		h := &Process{T: t, Dir: dir}
		h.Boot()
		h.Config = kafka.Config{Brokers: []string{fmt.Sprintf("127.0.0.1:%d", BrokerPort)}, Prefix: "t.", Dial: h.Network.DialContext}
		h.Layout = Layout(t, h.Config)
		h.Open()
		h.GoesOn()
		run(h)
		h.GoesOn()
		h.Close()
		h.Cluster.Close()
		time.Sleep(time.Minute) // what the library does in its own time
	})
}

const (
	// BrokerPort is that of the broker in a bubble.
	BrokerPort = 9092
	// Outage is how long Kafka does not answer in a test of that.
	Outage = 60 * time.Second
	// AnswerWithin is how long somebody who asks may be kept waiting while Kafka does not answer, and how long he waits
	// himself.
	AnswerWithin = 6 * time.Second
	answerWait   = 5 * time.Second
	// recovered is how long after the end of an outage everything must go on.
	recovered = 20 * time.Second
)
