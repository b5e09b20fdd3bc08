// Package relay takes over what upstream systems write to topics of their own, as broadcasts of those topics' owners.
//
//	<an upstream's topic> ──► checked, put in order ──► blobs, broadcasts: signed
//	                                  └► rejects
//
// A record can't prove who wrote it. Who may write to a topic is the brokers' to say, and whose a topic is the configuration's; so nothing
// counts of what a record says of itself: owner, proofs, origin, other ids, time. It points at nothing in blobs, since that would be somebody
// else's: lists and files stand in the record.
//
// An offset is committed once the broadcast, or the reject, is acknowledged, so a crash relays again what was relayed. That is the same task:
// its id follows from the record, unless the record names one, and the fanout knows a repeat by it. The package holds no Kafka client.
package relay

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
	"golang.org/x/sync/semaphore"

	"altavoz/processor/partition"
	"altavoz/schemas"
	"altavoz/stream"
)

const (
	// Name is this stage, of its consumer group and in rejects.
	Name = "relay"

	// waitRecords and waitBytes are how much of a partition waits before reading pauses. One fetch more may come: 1 MiB, or one record.
	waitRecords = 500
	waitBytes   = 4 << 20
	// readingBytes is how many bytes of records a process puts in order at once: one of the largest, twice over for what is decoded of it.
	readingBytes = 2 * schemas.MaxBroadcastBytes
	// metadata is what stands beside an offset, so that one which somebody else set is known for what it is.
	metadata = "relay 1"
)

// Ports is what the stage is plugged into.
type Ports struct {
	Committer stream.Committer
	Pauser    stream.Pauser
	Log       stream.Publisher
	// Home returns the partition of the topic that a key belongs to.
	Home func(t stream.Topic, key []byte) int32
	// Reject makes the record that keeps rec, and why it can't be processed, in the topic rejects.
	Reject func(rec stream.Record, stage, code, reason string) stream.Record
}

// Config is how the stage behaves.
type Config struct {
	Logger     *slog.Logger
	Registerer prometheus.Registerer
	Owners     map[stream.Topic]string // whose each topic is
	// IDs returns the id of a record that names none, and those that earlier secrets gave; the same ones whenever it is asked.
	IDs func(rec *stream.Record) (id schemas.TaskID, earlier []schemas.TaskID)
	// Made reports whether an ingress made an id: no record may name it.
	Made func(id schemas.TaskID) bool
	// Sign makes a broadcast an owner's.
	Sign func(b *schemas.Broadcast, owner string)
	// DefaultSender returns the number of records that name none; "": there is none.
	DefaultSender func() string
	// Room returns why no broadcast is taken for now, and nil while it is; nil: it always is. Records wait where they are.
	Room func() error
}

// Validate reports what the stage can't work with.
func (c Config) Validate() error {
	if c.Logger == nil || c.Registerer == nil || c.IDs == nil || c.Made == nil || c.Sign == nil || c.DefaultSender == nil {
		return errors.New("something of the relay's configuration is missing")
	}
	return nil
}

// How a record ended.
const (
	resultRelayed = "relayed"
	resultEmpty   = "empty"
)

type metrics struct {
	ended   map[string]prometheus.Counter
	retries prometheus.Counter
}

func newMetrics(reg prometheus.Registerer) metrics {
	records := promauto.With(reg).NewCounterVec(prometheus.CounterOpts{
		Name: "altavoz_relay_records_total", Help: "Records of upstream systems' own topics, by what became of them: relayed, empty (a null value), or the code of its reject.",
	}, []string{"result"})
	m := metrics{ended: make(map[string]prometheus.Counter), retries: promauto.With(reg).NewCounter(prometheus.CounterOpts{
		Name: "altavoz_relay_retries_total", Help: "Tries to relay a record that Kafka did not acknowledge; each is followed by another.",
	})}
	for _, result := range []string{resultRelayed, resultEmpty, codeDecode, codeInvalid, codeForeign} {
		m.ended[result] = records.WithLabelValues(result)
	}
	return m
}

// Stage relays the records of the partitions that it is assigned. It is safe for concurrent use.
type Stage struct {
	cfg     Config
	ports   Ports
	metrics metrics
	reading *semaphore.Weighted
	parts   *partition.Assignments[*part]
}

// New returns a stage that is not started.
func New(cfg Config, ports Ports) *Stage {
	return &Stage{
		cfg: cfg, ports: ports, metrics: newMetrics(cfg.Registerer), reading: semaphore.NewWeighted(readingBytes),
		parts: partition.New[*part](ports.Committer, ports.Pauser, cfg.Logger),
	}
}

// Start starts what the partitions share: their commits.
func (st *Stage) Start() { st.parts.Start() }

// Stop ends the stage. Partitions that were not revoked before are given up without a last commit.
func (st *Stage) Stop(ctx context.Context) error {
	return st.parts.Stop(ctx) //nolint:wrapcheck // says all
}

// OnAssigned takes a partition over. Where the log does not hold what was committed, it is relayed from its beginning: repeats are known.
func (st *Stage) OnAssigned(_ context.Context, pos stream.Position) (int64, error) {
	st.OnLost([]stream.TopicPartition{pos.Partition}) // in case it is assigned to itself
	from := partition.From(pos)
	p := newPart(st, pos.Partition, from)
	st.parts.Put(pos.Partition, p)
	p.Start(p)
	return from, nil
}

// Process hands over the next records of a partition. It does not block.
func (st *Stage) Process(of stream.TopicPartition, recs []stream.Record) { st.parts.Process(of, recs) }

// OnRevoked gives partitions up in good order: the record under way is relayed and committed, unless ctx ends first.
func (st *Stage) OnRevoked(ctx context.Context, of []stream.TopicPartition) {
	st.parts.OnRevoked(ctx, of)
}

// OnLost gives partitions up at once. It returns when nothing of them goes on, the commit under way included.
func (st *Stage) OnLost(of []stream.TopicPartition) { st.parts.OnLost(of) }

// warnEvery is how often a partition says that it does not get on.
const warnEvery = time.Minute
