// Package processor is the map of the stream: which stages there are, what each reads and what it writes.
//
// Read Topology first. A stage itself is a package of its own (fanout, sender, aggregator), knows events and no client, and
// meets the others only in topics.
package processor

import (
	"context"
	"errors"
	"fmt"
	"time"

	"altavoz/kafka"
	"altavoz/kafka/group"
	"altavoz/processor/aggregator"
	"altavoz/processor/fanout"
	"altavoz/processor/relay"
	"altavoz/processor/sender"
	"altavoz/schemas"
	"altavoz/stream"
)

// Stage is one step of the way of a broadcast.
type Stage struct {
	Name   string // also of its consumer group
	Reads  []stream.Topic
	Writes []stream.Topic
	// Looks names topics that it reads on its own account, outside the group.
	Looks []stream.Topic
}

// The stages' names.
const (
	Fanout     = "fanout"
	Sender     = "sender"
	Aggregator = "aggregator"
)

// Ingress is what takes requests over HTTP: a stage without a group.
func Ingress() Stage {
	return Stage{
		Name:   "producer",
		Looks:  []stream.Topic{schemas.TopicStatuses, schemas.TopicControls},
		Writes: []stream.Topic{schemas.TopicBlobs, schemas.TopicBroadcasts, schemas.TopicControls, schemas.TopicResults},
	}
}

// Topology returns the stages in the order in which a broadcast meets them.
func Topology() []Stage {
	return []Stage{
		{
			Name:   Fanout,
			Reads:  []stream.Topic{schemas.TopicBroadcasts},
			Looks:  []stream.Topic{schemas.TopicBlobs, schemas.TopicControls, schemas.TopicStatuses, schemas.TopicMarks},
			Writes: []stream.Topic{schemas.TopicBroadcasts, schemas.TopicBlobs, schemas.TopicControls, schemas.TopicSendsExpress, schemas.TopicSendsBulk, schemas.TopicResults, schemas.TopicRejects},
		},
		{
			Name:   Sender,
			Reads:  []stream.Topic{schemas.TopicSendsExpress, schemas.TopicSendsBulk},
			Looks:  []stream.Topic{schemas.TopicBlobs, schemas.TopicControls},
			Writes: []stream.Topic{schemas.TopicResults, schemas.TopicControls, schemas.TopicRejects},
		},
		{
			Name:   Aggregator,
			Reads:  []stream.Topic{schemas.TopicResults},
			Looks:  []stream.Topic{schemas.TopicMarks, schemas.TopicStatuses},
			Writes: []stream.Topic{schemas.TopicMarks, schemas.TopicStatuses, schemas.TopicRejects},
		},
	}
}

// Relay is the stage of the topics that upstream systems have of their own. It works where the fanout does.
func Relay(topics []stream.Topic) Stage {
	return Stage{
		Name: relay.Name, Reads: topics,
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
)

// stopTimeout bounds what a stage does after it gave its partitions back, which is next to nothing.
const stopTimeout = 5 * time.Second

// Group returns the membership of a stage's consumer group; the stage commits through it.
func (s Stage) Group(cfg kafka.Config) (*group.Group, error) {
	g, err := group.New(cfg, s.Name, s.Reads)
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
