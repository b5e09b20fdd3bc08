// Package librarylog is what the Kafka client library says, in our log.
package librarylog

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Log passes the library's words on: its warnings as warnings, the rest for debugging. While a broker is away each
// of its partitions and connections says the same many times a second, so the same warning is passed on once in quiet.
type Log struct {
	log  *slog.Logger
	mu   sync.Mutex
	said map[string]time.Time // its messages are constants, some dozens
}

const quiet = 5 * time.Second

// New returns a log that passes on to another.
func New(log *slog.Logger) *Log { return &Log{log: log, said: make(map[string]time.Time)} }

// Level is kgo.Logger's.
func (l *Log) Level() kgo.LogLevel {
	if l.log.Enabled(context.Background(), slog.LevelDebug) {
		return kgo.LogLevelInfo
	}
	return kgo.LogLevelWarn
}

// Log is kgo.Logger's.
func (l *Log) Log(level kgo.LogLevel, msg string, keyvals ...any) {
	to := slog.LevelDebug
	if level <= kgo.LogLevelWarn && l.anew(msg) {
		to = slog.LevelWarn
	}
	l.log.Log(context.Background(), to, "kafka client", "says", msg, slog.Group("about", keyvals...))
}

// anew reports whether the warning was not passed on a moment ago.
func (l *Log) anew(msg string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if at, ok := l.said[msg]; ok && time.Since(at) < quiet {
		return false
	}
	l.said[msg] = time.Now()
	return true
}
