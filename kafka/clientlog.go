package kafka

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// clientLog writes what the client library logs to our log: its warnings as warnings, the rest for debugging. While a broker is away each of its
// partitions and connections logs the same many times a second, so the same warning is written once in repeatAfter.
type clientLog struct {
	log    *slog.Logger
	mu     sync.Mutex
	logged map[string]time.Time // its messages are constants, some dozens
}

const repeatAfter = 5 * time.Second

func newClientLog(log *slog.Logger) *clientLog {
	return &clientLog{log: log, logged: make(map[string]time.Time)}
}

// Level is kgo.Logger's.
func (l *clientLog) Level() kgo.LogLevel {
	if l.log.Enabled(context.Background(), slog.LevelDebug) {
		return kgo.LogLevelInfo
	}
	return kgo.LogLevelWarn
}

// Log is kgo.Logger's.
func (l *clientLog) Log(level kgo.LogLevel, msg string, keyvals ...any) {
	to := slog.LevelDebug
	if level <= kgo.LogLevelWarn && l.due(msg) {
		to = slog.LevelWarn
	}
	l.log.Log(context.Background(), to, "kafka client", "says", msg, slog.Group("about", keyvals...))
}

// due reports whether the warning was not written within repeatAfter.
func (l *clientLog) due(msg string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if at, ok := l.logged[msg]; ok && time.Since(at) < repeatAfter {
		return false
	}
	l.logged[msg] = time.Now()
	return true
}
