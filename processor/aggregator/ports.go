package aggregator

import (
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"altavoz/processor/aggregator/outbox"
	"altavoz/processor/aggregator/readback"
	"altavoz/schemas"
	"altavoz/stream"
)

// Table reads partitions of marks, statuses and results.
type Table = readback.Table

// Ports is what the stage is plugged into. One publisher may serve as Statuses and Marks; two keep the statuses,
// which somebody waits for, free of the linger that suits marks.
type Ports struct {
	Committer stream.Committer
	Pauser    stream.Pauser
	Statuses  stream.Appender // no linger
	Marks     stream.Appender // and events and rejects
	Table     Table
	// Reject makes the record that keeps rec, and why it can't be processed, in the topic rejects.
	Reject func(rec stream.Record, stage, code, reason string) stream.Record
	// Event makes the record of topic events that tells an event of a task, as its Status is then. The Status has no lines of recipients.
	Event func(s *schemas.Status, e *schemas.TaskEvent) stream.Record
	// Recipients makes the record of topic events that tells what became of recipients of a task.
	Recipients outbox.Record
	// Tapped makes the record of topic events that tells what a recipient tapped.
	Tapped outbox.Tapped
}

// Config is how the stage behaves; zero values mean the defaults.
type Config struct {
	Logger     *slog.Logger
	Registerer prometheus.Registerer
	// MarksEvery is how often changed pages of states are written and results committed. Default 2 s.
	MarksEvery time.Duration
	// WatchEvery is how often the owner looks for records that it did not write. Default 2 s.
	WatchEvery time.Duration
	// Retention is how long a finished task is kept. Default 35 days.
	Retention time.Duration
	// MarksMemory bounds the states of recipients in memory, over all partitions of the process. Default 64 MiB.
	MarksMemory int64
}

const (
	day = 24 * time.Hour

	defaultMarksEvery = 2 * time.Second
	defaultWatchEvery = 2 * time.Second
	// A result is kept for 30 days; a task must outlive its last result, or a late one would open it anew.
	defaultRetention   = 35 * day
	defaultMarksMemory = 64 << 20 // 4,096 full pages: the states of 67 million recipients
)

func (c Config) withDefaults() Config {
	def := func(d *time.Duration, v time.Duration) {
		if *d == 0 {
			*d = v
		}
	}
	def(&c.MarksEvery, defaultMarksEvery)
	def(&c.WatchEvery, defaultWatchEvery)
	def(&c.Retention, defaultRetention)
	if c.MarksMemory == 0 {
		c.MarksMemory = defaultMarksMemory
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Registerer == nil {
		c.Registerer = prometheus.NewRegistry()
	}
	return c
}
