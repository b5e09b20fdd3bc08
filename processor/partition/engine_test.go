package partition_test

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"altavoz/processor/partition"
	"altavoz/stream"
)

// stub is a Handler whose methods are set by a test.
type stub struct {
	*partition.Engine
	step    func(now time.Time) time.Time
	drained bool
	closed  bool
}

func (s *stub) OnCommitted(partition.CommitResult) {}
func (s *stub) Drained() bool                      { return s.drained }
func (s *stub) Close()                             { s.closed = true }

func (s *stub) Step(now time.Time) time.Time {
	if s.step == nil {
		return time.Time{}
	}
	return s.step(now)
}

func newStub(f stream.Pauser, maxRecords, maxBytes int) *stub {
	return &stub{Engine: partition.NewEngine(at(0), partition.Config{
		Logger: slog.New(slog.DiscardHandler), Pauser: f, MaxRecords: maxRecords, MaxBytes: maxBytes,
	})}
}

// appender answers each append by a test's function.
type appender func(rec stream.Record, done func(stream.Record, error))

func (a appender) Append(rec stream.Record, done func(stream.Record, error)) { a(rec, done) }

var errWrite = errors.New("not written")

func TestFetchingIsPausedByRecordsOrBytesAndResumedAtHalf(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		size int
	}{{"records", 0}, {"bytes", 100}} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f := &flow{}
			s := newStub(f, 10, 1000)
			for range 10 {
				s.Process([]stream.Record{{Value: make([]byte, c.size)}})
			}
			s.Take(4)
			if want := []string{"pause broadcasts/0"}; !slices.Equal(f.events, want) {
				t.Errorf("with 10 in, and 4 taken again: %q, not %q", f.events, want)
			}
			s.Take(1)
			if want := []string{"pause broadcasts/0", "resume broadcasts/0"}; !slices.Equal(f.events, want) {
				t.Errorf("with half of them taken: %q, not %q", f.events, want)
			}
		})
	}
}

// Pausing outlives an assignment, and the next one begins with fetching not paused.
func TestPartitionThatEndsDoesNotStayPaused(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := &flow{}
		s := newStub(f, 10, 1000)
		s.Start(s)
		s.Process(make([]stream.Record, 10))
		s.Stop()
		<-s.Over()
		if len(f.events) != 2 {
			t.Errorf("at its end: %q, want length 2", f.events)
		}
		s.Process(make([]stream.Record, 10)) // by somebody who held it still
		if want := []string{"pause broadcasts/0", "resume broadcasts/0"}; !slices.Equal(f.events, want) {
			t.Errorf("%q, not %q", f.events, want)
		}
		if n := s.Waiting(); n != 0 {
			t.Errorf("%d records wait in a partition that has ended, want 0", n)
		}
	})
}

func TestStepIsCalledForRecordsCallsAndTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newStub(&flow{}, 10, 1000)
		began := time.Now()
		var steps []time.Duration
		s.step = func(now time.Time) time.Time {
			steps = append(steps, now.Sub(began).Round(time.Second))
			if len(steps) == 2 {
				return now.Add(time.Minute)
			}
			return time.Time{}
		}
		s.Start(s)
		time.Sleep(time.Second)
		s.Process(make([]stream.Record, 1)) // the second
		time.Sleep(time.Hour)               // the third a minute later
		s.After(time.Hour, func() {})
		time.Sleep(2 * time.Hour)
		s.Wake()
		synctest.Wait()
		s.Stop()
		<-s.Over()
		want := []time.Duration{0, time.Second, time.Minute + time.Second, 2*time.Hour + time.Second, 3*time.Hour + time.Second}
		if !slices.Equal(steps, want) {
			t.Errorf("steps at %v, not %v", steps, want)
		}
	})
}

// Step is called again for the records that it did not take, but not for those that it can't take.
func TestStepIsCalledAgainForTheRestOfTheRecords(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newStub(&flow{}, 10, 1000)
		var taken []int
		s.step = func(time.Time) time.Time {
			n := 3
			if len(taken) == 2 {
				n = 0
			}
			taken = append(taken, len(s.Take(n)))
			return time.Time{}
		}
		s.Process(make([]stream.Record, 7))
		s.Start(s)
		synctest.Wait()
		s.Stop()
		<-s.Over()
		if want := []int{3, 3, 0}; !slices.Equal(taken, want) || s.Waiting() != 0 {
			t.Errorf("taken %v, not %v; %d wait", taken, want, s.Waiting())
		}
	})
}

// After Stop the call under way is the last: the partition may be another's.
func TestStoppedPartitionCallsNobody(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newStub(&flow{}, 10, 1000)
		s.Post(s.Stop)
		s.Post(func() { t.Error("a call after the partition was stopped") })
		s.Start(s)
		<-s.Over()
		s.Post(func() { t.Error("a call after the partition has ended") })
		s.After(time.Second, func() { t.Error("a timer after the partition has ended") })
		time.Sleep(time.Minute)
		if !s.closed {
			t.Error("it was not closed")
		}
	})
}

func TestStoppedPartitionTakesNoStep(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newStub(&flow{}, 10, 1000)
		s.step = func(time.Time) time.Time {
			t.Error("a step after the partition was stopped")
			return time.Time{}
		}
		s.Post(s.Stop)
		s.Start(s)
		<-s.Over()
	})
}

// What hangs does not keep a partition from ending: neither a write that is never answered, nor background work that ends with its
// context, nor one that waits to be tried again.
func TestDrainEndsWithinItsBound(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		set := partition.New[*stub](&gate{}, &flow{}, slog.New(slog.DiscardHandler))
		s := newStub(&flow{}, 10, 1000)
		s.Append(appender(func(stream.Record, func(stream.Record, error)) {}), stream.Record{}, nil)
		for _, f := range []func(context.Context) error{
			func(ctx context.Context) error { <-ctx.Done(); return context.Cause(ctx) },
			func(context.Context) error { return errWrite },
		} {
			s.Background(f, func(error) bool { return false }, func(error) { t.Error("work that did not succeed is done") })
		}
		set.Put(at(0), s)
		s.Start(s)
		began, bound := time.Now(), 10*time.Second
		ctx, cancel := context.WithTimeout(t.Context(), bound)
		defer cancel()
		set.OnRevoked(ctx, []stream.TopicPartition{at(0)})
		if took := time.Since(began); took != bound {
			t.Errorf("giving it up took %s, not %s", took, bound)
		}
		if !s.closed || set.Len() != 0 {
			t.Error("it goes on")
		}
	})
}

func TestBackgroundWorkIsTriedAgainUntilItsErrorIsFinal(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newStub(&flow{}, 10, 1000)
		final := errors.New("final")
		tries := 0
		var ended []error
		s.Background(func(context.Context) error {
			if tries++; tries == 4 {
				return final
			}
			return errWrite
		}, func(err error) bool { return errors.Is(err, final) }, func(err error) { ended = append(ended, err) })
		s.Start(s)
		time.Sleep(4 * partition.MostBackOff)
		s.Stop()
		<-s.Over()
		if tries != 4 || len(ended) != 1 || !errors.Is(ended[0], final) {
			t.Errorf("%d tries, ended %v; want 4, 1 of them", tries, ended)
		}
	})
}

// Of a batch only what failed is written again, each time after it was asked whether it may be.
func TestBatchIsWrittenUntilAllOfItIsAcknowledged(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newStub(&flow{}, 10, 1000)
		var tried []string
		log := appender(func(rec stream.Record, done func(stream.Record, error)) {
			tried = append(tried, string(rec.Key))
			if string(rec.Key) == "b" && len(tried) < 6 {
				done(rec, errWrite)
				return
			}
			rec.Offset = int64(len(tried))
			done(rec, nil)
		})
		ready, asked, acked := true, 0, int64(-1)
		w := &partition.Write{
			To: log, Records: []stream.Record{{Key: []byte("a")}, {Key: []byte("b")}, {Key: []byte("c")}},
			Ready: func() bool { asked++; return ready },
			Done:  func(last stream.Record) { acked = last.Offset },
		}
		s.Post(func() { s.Write(w) })
		s.Post(func() { ready = false })
		s.Start(s)
		time.Sleep(time.Minute)
		synctest.Wait()
		if want := []string{"a", "b", "c"}; !slices.Equal(tried, want) || asked != 2 || acked >= 0 {
			t.Errorf("tried %q, not %q; asked %d times; acknowledged %d", tried, want, asked, acked)
		}
		s.Post(func() { ready = true; s.Write(w) })
		time.Sleep(time.Minute)
		s.Stop()
		<-s.Over()
		if want := []string{"a", "b", "c", "b", "b", "b"}; !slices.Equal(tried, want) || acked != 6 || s.InFlight() != 0 {
			t.Errorf("tried %q, not %q; acknowledged %d; %d in flight", tried, want, acked, s.InFlight())
		}
	})
}

// A partition that drains writes what it decided, once: what fails is left to the next owner.
func TestDrainTriesNothingAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newStub(&flow{}, 10, 1000)
		tried := 0
		log := appender(func(rec stream.Record, done func(stream.Record, error)) {
			tried++
			done(rec, errWrite)
		})
		s.Start(s)
		s.Drain()
		s.Post(func() {
			s.Write(&partition.Write{To: log, Records: make([]stream.Record, 1), Done: func(stream.Record) { t.Error("it is done") }})
		})
		time.Sleep(time.Minute)
		synctest.Wait()
		if tried != 1 {
			t.Errorf("written %d times, want 1", tried)
		}
		s.Post(func() { s.drained = true })
		<-s.Over()
	})
}

// Whoever fills a mailbox never waits, and what several put into it is taken in the order of each.
func TestRecordsOfOneSourceKeepTheirOrder(t *testing.T) {
	t.Parallel()
	s := newStub(&flow{}, 100, 1<<20)
	var next [4]int64
	total := 0
	s.step = func(time.Time) time.Time {
		for _, rec := range s.Take(7) {
			if rec.Offset != next[rec.Partition] {
				t.Errorf("record %d of %d after %d; want %v", rec.Offset, rec.Partition, next[rec.Partition]-1, next[rec.Partition])
			}
			next[rec.Partition]++
			if total++; total == 4*500 {
				s.Stop()
			}
		}
		return time.Time{}
	}
	s.Start(s)
	var from sync.WaitGroup
	for p := range int32(4) {
		from.Go(func() {
			for i := range int64(500) {
				s.Process([]stream.Record{{Partition: p, Offset: i}})
			}
		})
	}
	from.Wait()
	<-s.Over()
}
