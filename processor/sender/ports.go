package sender

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"altavoz/schemas"
	"altavoz/schemas/standing"
	"altavoz/stream"
)

// Records reads one record of a partition; found is false where there is none at the offset, or none that can be read.
type Records interface {
	Record(ctx context.Context, s stream.TopicPartition, offset int64) (rec stream.Record, found bool, err error)
}

// Contents reads the message of a task. An error that is schemas.ErrContent says that there is none to be had; any other
// may pass and is tried again.
type Contents interface {
	Content(ctx context.Context, t schemas.TaskID, ref *schemas.BlobRef) (*schemas.Content, error)
}

// Media renews the media id of a file that Meta does not know any more, once for all who ask at the same time. An error
// that is schemas.ErrContent is definite; any other may pass.
type Media interface {
	Refresh(ctx context.Context, sender string, kind schemas.HeaderKind, m *schemas.MediaRef) (*schemas.MediaRef, error)
}

// Numbers is the view of what was said of sender numbers as a whole. ListenNumbers is called once, before the view starts; CaughtUp is
// closed when all that had been said before was heard.
type Numbers interface {
	ListenNumbers(heard func(standing.State))
	CaughtUp() <-chan struct{}
}

// Messenger is the Cloud API. Probe makes a call that only reads, and says whether the API answers. Prepare renders a content for all sends of its task; it does not wait, and an error means
// that the content can't be sent. Send makes one attempt and is over in less than 10 s, which is what a graceful stop
// counts on.
type Messenger interface {
	Prepare(c *schemas.Content) (schemas.Message, error)
	Probe(ctx context.Context, sender string) schemas.Reply
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
	Messenger Messenger
	// Reject makes the record that keeps rec, and why it can't be processed, in the topic rejects.
	Reject func(rec stream.Record, stage, code, reason string) stream.Record
}

// Number is a sender number as it is configured.
type Number struct {
	Name string  // for people; may be empty
	Rate float64 // messages a second that Meta allows it; 0: no limit
	// Access changes whenever its token does: a number that was stopped is tried at once.
	Access uint64
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
	Number func(id string) (Number, bool)
	// MaxInFlight bounds the calls that are under way. Default 256.
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

func (c Config) withDefaults() Config {
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Registerer == nil {
		c.Registerer = prometheus.NewRegistry()
	}
	if c.Number == nil {
		c.Number = func(string) (Number, bool) { return Number{}, false }
	}
	if c.MaxInFlight <= 0 {
		c.MaxInFlight = defaultMaxInFlight
	}
	return c
}

const (
	stageName = "sender"

	// defaultMaxInFlight carries 1,280 sends a second at 200 ms a call.
	defaultMaxInFlight = 256
	maxMaxInFlight     = 1 << 16
	// expressPart of a number's rate goes by who owns the partitions of express: enough that nobody who owns some is without.
	expressPart = 0.05

	// bulkTurn is how many express sends of a number go before a bulk send that waits: a direct answer comes first, and a
	// broadcast still moves while others are small and many.
	bulkTurn = 7

	// maxOpenBytes bounds the values of a partition's open records, because express records carry their message.
	maxOpenBytes = 4 << 20
	// maxUnrecorded is how many results may wait for their acknowledgement before nothing more is admitted: 0.4 s at 10,000
	// a second. What is in it becomes unknown if the process dies.
	maxUnrecorded = 4096
	// maxDetached is how many results of partitions that were lost meanwhile may wait besides: two losses while nothing is written. With what may
	// follow, 8,192 + 4,096 and the calls under way, it is less than maxDetachedRecords, so that none of them is forgotten.
	maxDetached = 2 * maxUnrecorded

	// expressGap and bulkGap are the least time between two commits, by what is in the second one.
	expressGap = time.Millisecond
	bulkGap    = 5 * time.Millisecond
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

	// maxAttempts is how often a send may meet an error that is nobody's limit.
	maxAttempts = 5
	attemptBase = time.Second
	attemptMax  = time.Minute
	// unsentBase and unsentMax bound the waits of a send that could not be sent at all; it may try for ever.
	unsentBase = 100 * time.Millisecond
	unsentMax  = 5 * time.Second
	// recentSuccess is how long it counts, for a send that was refused for now, that others of its number got through.
	recentSuccess = 30 * time.Second

	// probeScan bounds the search for the task whose turn it is to probe.
	probeScan = 1 << 16
	// suspectTries is how often a task is tried whose sends fail alone; suspectBase and suspectMax bound the waits between.
	suspectTries = 5
	suspectBase  = 5 * time.Second
	suspectMax   = 15 * time.Second

	// announceEvery is how often at most the tasks of a stopped number say that they wait.
	announceEvery = time.Minute
	// announceAfter is how long a number is throttled before its tasks say so; a shorter wait explains nothing.
	announceAfter = 5 * time.Second
	// renewalAnnounceAfter is how long a file is renewed before its task says so: a few tries of a host that is away for a moment explain nothing.
	renewalAnnounceAfter = 10 * time.Second

	// resultBase doubles up to resultMax while a result can't be written.
	resultBase = 100 * time.Millisecond
	resultMax  = 5 * time.Second
	// maxDetachedRecords and detachedLife bound what is kept of sends whose partition was lost: how their calls end, and results that can't be
	// written meanwhile. At 1 KiB each they take 16 MiB; an hour is longer than a broker is away without anybody noticing.
	maxDetachedRecords = 16 << 10
	detachedLife       = time.Hour

	// maxLoads is how many messages are read and rendered at a time; loadBase and loadMax bound the wait for another try.
	maxLoads = 16
	loadBase = 500 * time.Millisecond
	loadMax  = 30 * time.Second
	// loadTimeout bounds one try: a message is one record of some KiB.
	loadTimeout = 30 * time.Second
	// maxRenewals is how many files are uploaded again at a time, and renewalsEach how many of them for one number, or from one
	// host: at 16 connections that hang three other numbers still have theirs. renewTimeout bounds one try: 100 MB at 0.4 MB/s.
	maxRenewals  = 16
	renewalsEach = 4
	renewTimeout = 4 * time.Minute
	// maxIdleTasks is how many messages are kept of tasks that have nothing open here: at some 2 KiB, 2 MB.
	maxIdleTasks = 1024

	// sweepEvery is how often what can't move is looked over: expired sends of a number that waits.
	sweepEvery = time.Second
)
