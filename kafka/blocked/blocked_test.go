package blocked_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"altavoz/kafka/blocked"
	"altavoz/schemas"
	"altavoz/stream"
)

// client writes down what it is told, with the seconds since the start.
type client struct {
	began time.Time
	mu    sync.Mutex
	told  []string
	held  float64
}

func (c *client) note(what string, tps ...stream.TopicPartition) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range tps {
		c.told = append(c.told, fmt.Sprintf("%d %s %d", int(time.Since(c.began).Seconds()), what, s.Partition))
	}
}

func (c *client) Pause(tps ...stream.TopicPartition)  { c.note("pause", tps...) }
func (c *client) Resume(tps ...stream.TopicPartition) { c.note("resume", tps...) }
func (c *client) Seek(tp stream.TopicPartition, at int64) {
	c.note(fmt.Sprintf("seek %d of", at), tp)
}

func (c *client) Add(n float64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.held += n
}

func (c *client) gauge() float64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.held
}

func (c *client) expect(t *testing.T, want ...string) {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	if !slices.Equal(c.told, want) {
		t.Errorf("%q, not %q", c.told, want)
	}
	c.told = nil
}

func tp(p int32) stream.TopicPartition {
	return stream.TopicPartition{Topic: schemas.TopicResults, Partition: p}
}

func records(from int64, versions ...string) (out []stream.Record) {
	for i, v := range versions {
		out = append(out, stream.Record{Offset: from + int64(i), Headers: []stream.Header{{Key: schemas.VersionHeader, Value: []byte(v)}}})
	}
	return out
}

func open(t *testing.T, run func(*blocked.Partitions, *client)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		life, end := context.WithCancel(t.Context())
		defer end()
		c := &client{began: time.Now()}
		var s blocked.Partitions
		s.Bind(life, c, c, slog.New(slog.DiscardHandler))
		run(&s, c)
	})
}

// A partition is held at what a newer version wrote, tried again after 1 s, 2 s and so on, at most a minute, and read on once it is gone.
func TestNewerRecordIsTriedAgainWithGrowingWaits(t *testing.T) {
	open(t, func(s *blocked.Partitions, c *client) {
		if got := s.Deliverable(tp(1), records(4, "1", "2", "3", "1")); len(got) != 2 || c.gauge() != 1 {
			t.Fatalf("%d records, %v held; want 2, 1", len(got), c.gauge())
		}
		if got := s.Deliverable(tp(1), records(7, "1")); len(got) != 0 {
			t.Error("what was fetched before is handed over")
		}
		s.Resume(tp(1))
		c.expect(t, "0 pause 1")
		for _, wait := range []int{1, 2, 4, 8, 16, 32, 60, 60} {
			began := int(time.Since(c.began).Seconds())
			time.Sleep(time.Duration(wait) * time.Second)
			synctest.Wait()
			at := began + wait
			c.expect(t, fmt.Sprintf("%d seek 6 of 1", at), fmt.Sprintf("%d resume 1", at))
			if got := s.Deliverable(tp(1), records(6, "3", "1")); len(got) != 0 || c.gauge() != 1 {
				t.Errorf("%d records, %v held; want 0, 1", len(got), c.gauge())
			}
			c.expect(t, fmt.Sprintf("%d pause 1", at))
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if got := s.Deliverable(tp(1), records(7, "1", "1")); len(got) != 2 || c.gauge() != 0 {
			t.Errorf("%d records, %v held; want 2, 0", len(got), c.gauge())
		}
	})
}

// Whoever paused a partition that is held finds it paused afterwards; one that is given up is tried no more, and read by whoever has it next.
func TestPauseOutlivesBeingHeld(t *testing.T) {
	open(t, func(s *blocked.Partitions, c *client) {
		tries := 0
		again := func(context.Context) (int64, error) {
			if tries++; tries < 3 {
				return 0, errors.New("not yet")
			}
			return 40, nil
		}
		s.BlockTakeover(stream.Position{Partition: tp(1)}, errors.New("no ledger"), again)
		s.BlockTakeover(stream.Position{Partition: tp(2)}, errors.New("no ledger"), func(context.Context) (int64, error) { t.Error("tried"); return 0, nil })
		s.Pause(tp(1))
		s.Remove(tp(2))
		c.expect(t, "0 pause 1", "0 pause 2", "0 pause 1", "0 resume 2")
		time.Sleep(time.Hour)
		synctest.Wait()
		c.expect(t, "7 seek 40 of 1")
		s.Resume(tp(1))
		if c.expect(t, "3600 resume 1"); c.gauge() != 0 || tries != 3 {
			t.Errorf("%v held, %d tries; want 0, 3", c.gauge(), tries)
		}
	})
}
