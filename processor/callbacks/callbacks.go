// Package callbacks posts what happens to tasks to the URLs that their broadcasts name.
//
//	events ──► what has a callback ──► callbacks     compacted: an event that waits, until it is posted or given up
//	               │                      │
//	   commit of events ◄── acknowledged ─┘──► endpoint: task by task, in order
//
// An event is first written to the topic callbacks, in the partition of the same number, and then the offset of events is committed; so the
// commits go on whatever endpoints do. What was posted is deleted there. A process that dies leaves what waits to the next owner of the
// partition, which may post again what was under way: the event's id says so.
//
// An endpoint is scheme and host, of one owner. One that fails is left alone for longer and longer, and tried with one event at a time, of its
// tasks in turn; others do not notice. After five days of failing it is switched off: its events are dropped, and one an hour is tried.
//
// The package holds no client of Kafka or HTTP.
package callbacks

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"altavoz/processor/callbacks/sign"
	"altavoz/processor/partition"
	"altavoz/schemas"
	"altavoz/stream"
)

const (
	// Name is this stage, and its consumer group.
	Name = "callbacks"

	// waitRecords and waitBytes are how much of a partition waits before reading pauses.
	waitRecords = 1000
	waitBytes   = 4 << 20
	// batch is how many events are taken at once.
	batch = 200
	// maxPending is how many events wait in a partition before no more are read: some 50 MB.
	maxPending = 50_000
	// maxFailingWaits is how many wait in a partition before those of endpoints that fail are dropped, so that reading goes on for the others.
	maxFailingWaits = maxPending / 2
	// metadata is what stands beside an offset, so that one which somebody else set is known for what it is.
	metadata = "callbacks 1"
)

// Table reads partitions of topics.
type Table interface {
	// Ends returns where each partition of the topic ends now.
	Ends(ctx context.Context, t stream.Topic) (map[int32]int64, error)
	// Range hands over every record in [from, to) in order.
	Range(ctx context.Context, p stream.TopicPartition, from, to int64, each func(stream.Record) error) error
}

// Poster posts to an endpoint. The answer is its status, and how long it asks to wait.
type Poster interface {
	Post(ctx context.Context, url string, header http.Header, body []byte) (status int, wait time.Duration, err error)
}

// Ports is what the stage is plugged into.
type Ports struct {
	Committer stream.Committer
	Pauser    stream.Pauser
	Log       stream.Appender
	Table     Table
	Poster    Poster
}

// Config is how the stage behaves.
type Config struct {
	Logger     *slog.Logger
	Registerer prometheus.Registerer
	// Secrets returns what callbacks are signed with now.
	Secrets func() sign.Secrets
}

// Validate reports what the stage can't work with.
func (c Config) Validate() error {
	if c.Logger == nil || c.Registerer == nil || c.Secrets == nil {
		return errors.New("something of the configuration of callbacks is missing")
	}
	return nil
}

// How an event ended, or a try of it.
const (
	resultDelivered = "delivered"
	resultFailed    = "failed"
	resultGone      = "gone"
	resultExpired   = "expired"
	resultOff       = "off"
	resultFull      = "full"
)

type metrics struct {
	ended   map[string]prometheus.Counter
	retries prometheus.Counter
	waiting prometheus.Gauge
	failing prometheus.Gauge
	off     prometheus.Gauge
}

func newMetrics(reg prometheus.Registerer) metrics {
	events := promauto.With(reg).NewCounterVec(prometheus.CounterOpts{
		Name: "altavoz_callbacks_total", Help: "Callbacks, by what became of them: delivered, gone (410), expired (a day of trying), off or full (dropped, as their endpoint is switched off, or too many wait for it); and tries that failed.",
	}, []string{"result"})
	endpoints := promauto.With(reg).NewGaugeVec(prometheus.GaugeOpts{
		Name: "altavoz_callbacks_endpoints", Help: "Endpoints that fail, and that are switched off, in each partition that knows them.",
	}, []string{"state"})
	m := metrics{
		ended: make(map[string]prometheus.Counter), failing: endpoints.WithLabelValues("failing"), off: endpoints.WithLabelValues("off"),
		waiting: promauto.With(reg).NewGauge(prometheus.GaugeOpts{Name: "altavoz_callbacks_waiting", Help: "Events that wait to be posted."}),
		retries: promauto.With(reg).NewCounter(prometheus.CounterOpts{
			Name: "altavoz_callbacks_write_retries_total", Help: "Records of the topic callbacks that had to be written again.",
		}),
	}
	for _, result := range []string{resultDelivered, resultFailed, resultGone, resultExpired, resultOff, resultFull} {
		m.ended[result] = events.WithLabelValues(result)
	}
	return m
}

// Stage posts the callbacks of the partitions that it is assigned. It is safe for concurrent use.
type Stage struct {
	cfg     Config
	ports   Ports
	metrics metrics
	places  places
	parts   *partition.Assignments[*part]
}

// New returns a stage that is not started.
func New(cfg Config, ports Ports) *Stage {
	return &Stage{
		cfg: cfg, ports: ports, metrics: newMetrics(cfg.Registerer),
		parts: partition.New[*part](ports.Committer, ports.Pauser, cfg.Logger),
	}
}

// Start starts what the partitions share: their commits.
func (st *Stage) Start() { st.parts.Start() }

// Stop ends the stage. Partitions that were not revoked before are given up without a last commit.
func (st *Stage) Stop(ctx context.Context) error {
	return st.parts.Stop(ctx) //nolint:wrapcheck // says all
}

// OnAssigned takes a partition over: what waits in callbacks is read, and posted. Where the log of events does not hold what was committed it is
// read from its beginning: what is older than a day is not posted any more.
func (st *Stage) OnAssigned(ctx context.Context, pos stream.Position) (int64, error) {
	st.OnLost([]stream.TopicPartition{pos.Partition}) // in case it is assigned to itself
	from := partition.From(pos)
	p := newPart(st, pos.Partition, from)
	if err := p.load(ctx); err != nil {
		return 0, fmt.Errorf("taking over %s: %w", pos.Partition, err)
	}
	st.parts.Put(pos.Partition, p)
	p.Start(p)
	return from, nil
}

// load reads what waits, and which endpoints fail.
func (p *part) load(ctx context.Context) error {
	of := stream.TopicPartition{Topic: schemas.TopicCallbacks, Partition: p.Partition().Partition}
	ends, err := p.st.ports.Table.Ends(ctx, of.Topic)
	if err != nil {
		return fmt.Errorf("asking for the end of %s: %w", of, err)
	}
	last, err := Latest(ctx, p.st.ports.Table, of, ends[of.Partition])
	if err != nil {
		return err
	}
	var waiting []pending
	for key, rec := range last {
		name, ok := strings.CutPrefix(key, EndpointPrefix)
		if !ok {
			if one, ok := readPending(&rec); ok {
				waiting = append(waiting, one)
			}
			continue
		}
		e := p.endpoint(name)
		if json.Unmarshal(rec.Value, &e.State) == nil && e.OffMs != 0 {
			e.probeAt = time.UnixMilli(e.OffMs).Add(probeEvery)
		}
		p.count(e, 1)
	}
	slices.SortFunc(waiting, func(a, b pending) int { return int(a.offset - b.offset) })
	for _, one := range waiting {
		p.put(one)
	}
	return nil
}

// Latest reads a partition of the topic callbacks up to an offset: what is there, by key.
func Latest(ctx context.Context, t Table, of stream.TopicPartition, end int64) (map[string]stream.Record, error) {
	last := make(map[string]stream.Record)
	err := t.Range(ctx, of, 0, end, func(rec stream.Record) error {
		if len(rec.Value) == 0 {
			delete(last, string(rec.Key))
		} else {
			last[string(rec.Key)] = rec
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", of, err)
	}
	return last, nil
}

// Process hands over the next records of a partition. It does not block.
func (st *Stage) Process(of stream.TopicPartition, recs []stream.Record) { st.parts.Process(of, recs) }

// OnRevoked gives partitions up in good order: what is under way is posted, and what was posted is noted and committed, unless ctx ends first.
func (st *Stage) OnRevoked(ctx context.Context, of []stream.TopicPartition) {
	st.parts.OnRevoked(ctx, of)
}

// OnLost gives partitions up at once. It returns when nothing of them goes on, the commit under way included.
func (st *Stage) OnLost(of []stream.TopicPartition) { st.parts.OnLost(of) }
