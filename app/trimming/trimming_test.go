package trimming

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"altavoz/internal/testio"
	"altavoz/kafka/kafkatest"
	"altavoz/kafka/trim"
	"altavoz/schemas"
	"altavoz/stream"
)

var bulk = stream.TopicPartition{Topic: schemas.TopicSendsBulk, Partition: 3}

func TestOnlySendsThatAreDoneAndOldAreTrimmed(t *testing.T) {
	t.Parallel()
	const readBack = 28_192 // what a takeover reads below its watermark
	for name, c := range map[string]struct {
		log   trim.Log
		young map[stream.TopicPartition]int64
		want  int64
	}{
		"all of it is old":             {trim.Log{End: 120_000, Committed: 100_000}, map[stream.TopicPartition]int64{bulk: 120_000}, 100_000 - readBack},
		"some of it is old":            {trim.Log{End: 120_000, Committed: 100_000}, map[stream.TopicPartition]int64{bulk: 50_000}, 50_000},
		"none of it is old":            {trim.Log{End: 120_000, Committed: 100_000}, map[stream.TopicPartition]int64{bulk: 0}, 0},
		"how old is not known":         {trim.Log{End: 120_000, Committed: 100_000}, nil, 0},
		"trimmed before":               {trim.Log{Begin: 71_808, End: 120_000, Committed: 100_000}, map[stream.TopicPartition]int64{bulk: 120_000}, 0},
		"nothing is committed":         {trim.Log{End: 120_000, Committed: stream.NoOffset}, map[stream.TopicPartition]int64{bulk: 120_000}, 0},
		"a takeover reads all of it":   {trim.Log{End: 120_000, Committed: readBack}, map[stream.TopicPartition]int64{bulk: 120_000}, 0},
		"nothing waits, all is done":   {trim.Log{End: 100_000, Committed: 100_000}, map[stream.TopicPartition]int64{bulk: 100_000}, 100_000 - readBack},
		"all waits, and was done once": {trim.Log{Begin: 90_000, End: 120_000, Committed: 90_000}, map[stream.TopicPartition]int64{bulk: 120_000}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c.log.Partition = bulk
			got, cut := plan([]trim.Log{c.log}, c.young)[bulk]
			if got != c.want || cut != (c.want > 0) {
				t.Errorf("trimmed to %d (%v), want %d", got, cut, c.want)
			}
		})
	}
}

// logs is a Kafka with one partition of 100,000 sends that are done, one written each second, that removes what it is asked to.
type logs struct {
	mu     sync.Mutex
	log    trim.Log
	began  time.Time
	broken error
}

func (l *logs) begin() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.log.Begin
}

func (l *logs) fail(with error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.broken = with
}

func (l *logs) Offsets(context.Context, ...stream.Topic) ([]trim.Log, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return []trim.Log{l.log}, nil
}

func (l *logs) Since(_ context.Context, of stream.Topic, moment time.Time) (map[int32]int64, error) {
	if of != bulk.Topic {
		return nil, nil
	}
	return map[int32]int64{bulk.Partition: max(0, int64(moment.Sub(l.began)/time.Second))}, nil
}

func (l *logs) Delete(_ context.Context, before map[stream.TopicPartition]int64) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.broken == nil {
		l.log.Begin = before[bulk]
	}
	return l.broken
}

// What fails is said and counted, and tried again.
func TestSendsAreTrimmedEveryFiveMinutes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := &logs{log: trim.Log{Partition: bulk, End: 100_000, Committed: 100_000}, began: time.Now()}
		var log testio.Buffer
		reg := prometheus.NewRegistry()
		s := New(Config{After: time.Hour, Logs: l, Logger: slog.New(slog.NewTextHandler(&log, nil)), Registerer: reg})
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { s.Run(ctx); close(ended) }()
		passes := func(d time.Duration) { time.Sleep(d); synctest.Wait() }
		passes(time.Hour + time.Second)
		if l.begin() != 0 {
			t.Errorf("after an hour it begins at %d, want 0", l.begin())
		}
		passes(every)
		if l.begin() != 300 {
			t.Errorf("five minutes later it begins at %d, want 300: what was written in the first five minutes is gone", l.begin())
		}
		l.fail(errors.New("no right"))
		passes(every)
		if n := kafkatest.MetricValues(t, reg, "altavoz_sends_trimmings_total", "result")["failed"]; l.begin() != 300 || !strings.Contains(log.String(), "no right") || n != 1 {
			t.Errorf("it begins at %d after a failure, %v failures, the log says %q; want 300 and one", l.begin(), n, log.String())
		}
		l.fail(nil)
		passes(every)
		if got := kafkatest.MetricValues(t, reg, "altavoz_sends_trimmed_total", "topic")[string(bulk.Topic)]; l.begin() != 900 || got != 900 {
			t.Errorf("it begins at %d, and %v are counted, want 900", l.begin(), got)
		}
		cancel()
		<-ended
	})
}
