package sender

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"altavoz/processor/sender/content"
	"altavoz/processor/sender/limits"
	"altavoz/processor/sender/places"
	"altavoz/processor/sender/route"
	"altavoz/processor/sender/schedule"
	"altavoz/schemas"
	"altavoz/schemas/standing"
	"altavoz/stream"
)

// Records reads one record of a partition; found is false where there is none at the offset, or none that can be read.
type Records interface {
	Record(ctx context.Context, s stream.TopicPartition, offset int64) (rec stream.Record, found bool, err error)
}

// Contents reads the message of a task.
type Contents = content.Contents

// Media renews media ids.
type Media = content.Media

// NumberConfig is a sender number as it is configured.
type NumberConfig = schedule.NumberConfig

// Numbers is the view of what was published of sender numbers as a whole. ListenNumbers is called once, before the view starts; CaughtUp
// is closed when all that had been published before was delivered.
type Numbers interface {
	ListenNumbers(heard func(standing.State))
	CaughtUp() <-chan struct{}
}

// OptOuts is the view of who does not want to be written to.
type OptOuts interface {
	// Out reports whether a recipient has opted out, under that name or a user id beside it (or empty), of what the business of a sender number
	// sends. It must not wait.
	Out(number string, to schemas.Phone, user string) bool
	// Confirmed is a moment at which everything was known that had been acknowledged by then.
	Confirmed() time.Time
	// CaughtUp is closed when all that had been published before the start was read.
	CaughtUp() <-chan struct{}
}

// People is the view of to whom businesses that have a limit of people a day write. ListenVerdicts is called once, before the view starts; verdict is not
// called under a lock.
type People interface {
	places.View
	ListenVerdicts(verdict func(process string, claim uint64, granted bool))
}

// Inbound is the view of when people wrote to our numbers.
type Inbound = route.Inbound

// Messenger is the Cloud API. Send makes one attempt and is over in less than 10 s, which is what a graceful stop counts on.
type Messenger interface {
	schedule.API
	Send(ctx context.Context, sender string, m schemas.Message, to schemas.Phone, callback string) schemas.Reply
}

// Ports is what the stage is plugged into.
type Ports struct {
	Committer stream.Committer
	Pauser    stream.Pauser
	Express   stream.Appender // results of the express lane: no linger
	Bulk      stream.Appender // results of the bulk lane, notes and rejects
	Records   Records
	Contents  Contents
	Media     Media
	Numbers   Numbers
	OptOuts   OptOuts
	Inbound   Inbound
	People    People // nil: no business has a limit
	Messenger Messenger
	// RefusedBy makes the record that a person has opted out, because Meta refused a message to them for that; false where it is known. Nil: none.
	RefusedBy func(number string, to schemas.Phone, now time.Time) (stream.Record, bool)
	// Reject makes the record that keeps rec, and why it can't be processed, in the topic rejects.
	Reject func(rec stream.Record, stage, code, reason string) stream.Record
}

// Config is how the stage behaves; zero values mean the defaults.
type Config struct {
	Logger     *slog.Logger
	Registerer prometheus.Registerer
	// Partitions of each topic. Of the rate of a number, this process uses its share of the partitions of sends. A topic that
	// is not there counts as one partition.
	Partitions map[stream.Topic]int32
	// Numbers are the sender numbers there are at the start: each has its part of the calls in flight from then on.
	Numbers []string
	// Number returns what is known of a sender number, and whether it is one of ours. It is asked again every second, under a
	// lock: it must not wait. What is not ours any more stays as it was; what never was is held to Meta's default rate.
	Number func(id string) (NumberConfig, bool)
	// MaxInFlight bounds the calls of one number that are under way, and MostCalls all of them. Default DefaultMaxInFlight.
	MaxInFlight int
}

// Validate reports what the stage can't work with.
func (c Config) Validate() error {
	if c.Number == nil {
		return errors.New("nobody knows the sender numbers")
	}
	if c.MaxInFlight < 0 || c.MaxInFlight > maxMaxInFlight {
		return errors.New("the calls in flight must be between 1 and 65,536")
	}
	return nil
}

// MostCalls is how many calls are under way at most where one number may have so many: three eighths more, for express and for numbers that have few.
func MostCalls(maxInFlight int) int {
	c := limits.NewCapacity(maxInFlight)
	return c.Most()
}

func (c Config) withDefaults() Config {
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Registerer == nil {
		c.Registerer = prometheus.NewRegistry()
	}
	if c.Number == nil {
		c.Number = func(string) (NumberConfig, bool) { return NumberConfig{}, false }
	}
	if c.MaxInFlight <= 0 {
		c.MaxInFlight = DefaultMaxInFlight
	}
	return c
}

const (
	stageName = "sender"

	// DefaultMaxInFlight carries 1,120 sends a second of a number at 200 ms a call.
	DefaultMaxInFlight = 224
	maxMaxInFlight     = 1 << 16
	// maxOpenBytes bounds the values of a partition's open records, because express records carry their message.
	maxOpenBytes = 4 << 20
	// doneGap is how long done marks wait for a commit that something else needs. What a process that dies has not committed is
	// called unknown by the next owner, though its result is there; 50 commits a second are what that costs at most.
	doneGap = 20 * time.Millisecond
	// doneMaxGap is how long they wait at most.
	doneMaxGap = 200 * time.Millisecond
	// commitTimeout bounds a commit; after it nobody knows.
	commitTimeout = 10 * time.Second
	// refusedWait is how long a partition waits whose commit was refused, usually because partitions are changing hands.
	refusedWait = 250 * time.Millisecond

	// lastCommits is how often the last commit of a partition that is given up is tried: 2.5 s of the 15 that a drain has.
	lastCommits = 10

	// MaxOptOutAge is how old may be what is known of opt-outs where a call is started: an opt-out that was acknowledged so long before is
	// respected, whatever happened since. Usually it is known within milliseconds. The view is confirmed every two seconds.
	MaxOptOutAge = 5 * time.Second
	// optOutRetry is how long a send waits where it is older.
	optOutRetry = time.Second

	// resultBase doubles up to resultMax while a result can't be written.
	resultBase = 100 * time.Millisecond
	resultMax  = 5 * time.Second
	// maxDetachedRecords and detachedLife bound what is kept of sends whose partition was lost: how their calls end, and results that can't be
	// written meanwhile; schedule.MaxDetached of them, with what may follow (8,192 + 4,096 and the calls under way), always fit. At 1 KiB each they take 16 MiB; an hour is longer than a broker is away without anybody noticing.
	maxDetachedRecords = 16 << 10
	detachedLife       = time.Hour
)
