// Package processor is the topology as data: which stages there are, and which topics each reads and writes.
//
// Read Topology first. A stage itself is a package of its own (relay, fanout, sender, aggregator, callbacks), imports no Kafka client, and
// exchanges records with the others only through topics.
package processor

import (
	"context"
	"errors"
	"fmt"
	"time"

	"altavoz/kafka"
	"altavoz/kafka/group"
	"altavoz/processor/aggregator"
	"altavoz/processor/callbacks"
	"altavoz/processor/fanout"
	"altavoz/processor/relay"
	"altavoz/processor/sender"
	"altavoz/schemas"
	"altavoz/stream"
)

// Stage is what a consumer group reads of Kafka and writes, or the role producer, which has no group. A stage's name is its role's, but
// for the relay's. A test compares this with what each role was seen to do (test/sim), and the rights of Kafka's users are made of it.
type Stage struct {
	Name     string         // also of its consumer group
	Consumes []stream.Topic // by its consumer group; the producer has none
	Reads    []stream.Topic // outside the group: views read whole, and records read back by their place
	Writes   []stream.Topic
}

// The names of the stages. The topic registry, which every process reads and writes at its start, is in none of them.
const (
	Producer   = "producer"
	Fanout     = "fanout"
	Sender     = "sender"
	Aggregator = "aggregator"
	Callbacks  = callbacks.Name
)

// Topology returns the stages in the order in which a broadcast meets them.
func Topology() []Stage {
	return []Stage{
		{
			Name:   Producer,
			Reads:  []stream.Topic{schemas.TopicStatuses, schemas.TopicControls, schemas.TopicOptOuts, schemas.TopicSent, schemas.TopicMarks, schemas.TopicBroadcasts, schemas.TopicBlobs, schemas.TopicSendsExpress, schemas.TopicSendsBulk},
			Writes: []stream.Topic{schemas.TopicBlobs, schemas.TopicBroadcasts, schemas.TopicControls, schemas.TopicOptOuts, schemas.TopicInbound, schemas.TopicResults},
		},
		{
			Name:     Fanout,
			Consumes: []stream.Topic{schemas.TopicBroadcasts},
			Reads:    []stream.Topic{schemas.TopicBlobs, schemas.TopicControls, schemas.TopicStatuses, schemas.TopicMarks, schemas.TopicOptOuts},
			Writes:   []stream.Topic{schemas.TopicBroadcasts, schemas.TopicBlobs, schemas.TopicControls, schemas.TopicSendsExpress, schemas.TopicSendsBulk, schemas.TopicResults, schemas.TopicRejects},
		},
		{
			Name:     Sender,
			Consumes: []stream.Topic{schemas.TopicSendsExpress, schemas.TopicSendsBulk},
			Reads:    []stream.Topic{schemas.TopicBlobs, schemas.TopicControls, schemas.TopicOptOuts, schemas.TopicInbound, schemas.TopicPeople},
			Writes:   []stream.Topic{schemas.TopicPeople, schemas.TopicSent, schemas.TopicResults, schemas.TopicControls, schemas.TopicOptOuts, schemas.TopicRejects},
		},
		{
			Name:     Aggregator,
			Consumes: []stream.Topic{schemas.TopicResults},
			Reads:    []stream.Topic{schemas.TopicMarks, schemas.TopicStatuses},
			Writes:   []stream.Topic{schemas.TopicMarks, schemas.TopicStatuses, schemas.TopicEvents, schemas.TopicRejects},
		},
		{
			Name:     Callbacks,
			Consumes: []stream.Topic{schemas.TopicEvents},
			Reads:    []stream.Topic{schemas.TopicCallbacks},
			Writes:   []stream.Topic{schemas.TopicCallbacks},
		},
	}
}

// Relay is the stage of the topics that upstream systems have of their own. It works where the fanout does.
func Relay(topics []stream.Topic) Stage {
	return Stage{
		Name: relay.Name, Consumes: topics,
		Writes: []stream.Topic{schemas.TopicBlobs, schemas.TopicBroadcasts, schemas.TopicRejects},
	}
}

// Worker is a stage at work.
type Worker interface {
	group.Stage
	Start()
	Stop(ctx context.Context) error
}

var (
	_ Worker = (*relay.Stage)(nil)
	_ Worker = (*fanout.Stage)(nil)
	_ Worker = (*sender.Stage)(nil)
	_ Worker = (*aggregator.Stage)(nil)
	_ Worker = (*callbacks.Stage)(nil)
)

// stopTimeout bounds what a stage does after it gave its partitions back, which is next to nothing.
const stopTimeout = 5 * time.Second

// Group returns the membership of a stage's consumer group; the stage commits through it.
func (s Stage) Group(cfg kafka.Config) (*group.Group, error) {
	g, err := group.New(cfg, s.Name, s.Consumes)
	if err != nil {
		return nil, fmt.Errorf("joining the group of the %s: %w", s.Name, err)
	}
	return g, nil
}

// Run lets a stage work for its group until ctx ends, and drains it. An error is one that ends the stage for good.
func Run(ctx context.Context, g *group.Group, w Worker) error {
	w.Start()
	err := g.Run(ctx, w)
	stop, cancel := context.WithTimeoutCause(context.WithoutCancel(ctx), stopTimeout, errors.New("the stage does not stop"))
	defer cancel()
	return errors.Join(err, w.Stop(stop))
}
