package sender

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"altavoz/internal/logtest"
	"altavoz/processor/sender/limits"
	"altavoz/processor/sender/schedule"
	"altavoz/schemas"
	"altavoz/stream"
)

// within counts the calls of a time.
func (w *world) within(from time.Time, d time.Duration) (n int) {
	for _, c := range w.calls {
		if !c.at.Before(from) && c.at.Before(from.Add(d)) {
			n++
		}
	}
	return n
}

// TestProcessKeepsItsShareOfTheRate: a process sends at most its share of each number's rate, less what is left for replies, and follows when its
// share changes.
func TestProcessKeepsItsShareOfTheRate(t *testing.T) {
	bubble(t, func(w *world) {
		task := schemas.NewTaskID()
		second := stream.TopicPartition{Topic: schemas.TopicSendsBulk, Partition: 1}
		w.produceAll(bulkPartition, task, 8000)
		begin := time.Now()
		p := w.start([]stream.TopicPartition{bulkPartition}, rate(100), partitions(1, 4))
		w.rest(20 * time.Second)
		if n := w.within(begin, 20*time.Second); n < 375 || n > 381 { // 100 x 0.8 x 0.95 x 1/4
			t.Errorf("%d in 20 s, want at least 375, at most 381", n)
		}
		for i := range 20 {
			if n := w.within(begin.Add(time.Duration(i)*time.Second), time.Second); n > 22 {
				t.Errorf("%d within second %d; want at most 22", n, i)
			}
		}
		p.Assign(second)
		p.Assign(expressPartition)
		begin = time.Now()
		w.rest(20 * time.Second)
		if n := w.within(begin, 20*time.Second); n < 830 || n > 845 { // 100 x 0.8 x (0.05 + 0.95 x 2/4)
			t.Errorf("%d in 20 s with express and half of bulk, want at least 830, at most 845", n)
		}
		p.Lose(second)
		p.Lose(expressPartition)
		begin = time.Now()
		w.rest(20 * time.Second)
		if n := w.within(begin, 20*time.Second); n < 375 || n > 385 {
			t.Errorf("%d in 20 s with one again, want at least 375, at most 385", n)
		}
	})
}

// TestBulkHasFewCallsWhileExpressIsSent: where calls only wait for one another, those of bulk make way while somebody waits for express.
func TestBulkHasFewCallsWhileExpressIsSent(t *testing.T) {
	bubble(t, func(w *world) {
		const all, few, each = 224, 64, 400 * time.Microsecond // a call after the other
		var free time.Time
		w.latency = func(*apiCall) time.Duration {
			if now := time.Now(); free.Before(now) {
				free = now
			}
			free = free.Add(each)
			return time.Until(free)
		}
		underWay := func() (n int) {
			w.lock(func() { n = int(time.Until(free) / each) })
			return n
		}
		bulk, express := schemas.NewTaskID(), schemas.NewTaskID()
		w.produceAll(bulkPartition, bulk, 12_000)
		w.start(both, rate(0), partitions(1, 1))
		w.rest(time.Second)
		if n := underWay(); n < all*9/10 {
			t.Errorf("%d calls under way, want nearly %d", n, all)
		}
		most := 0
		for i := range uint32(20) {
			w.produce(expressPartition, express, 100_000+i) // phones of their own
			w.rest(100 * time.Millisecond)
			if i >= 10 {
				most = max(most, underWay())
			}
		}
		if bound := few + limits.MinConcurrency; most > bound || most < few/2 {
			t.Errorf("up to %d calls under way beside express, want %d to %d", most, few/2, bound)
		}
	})
}

// TestRateZeroIsNoLimit: no limit but the calls in flight.
func TestRateZeroIsNoLimit(t *testing.T) {
	bubble(t, func(w *world) {
		w.latency = func(*apiCall) time.Duration { return 100 * time.Millisecond }
		task := schemas.NewTaskID()
		w.produceAll(bulkPartition, task, 5000)
		begin := time.Now()
		w.start(both, rate(0), partitions(1, 1))
		w.until("done", func() bool { return w.allDone(bulkPartition) })
		if took := time.Since(begin); took > 3*time.Second { // 224 in flight: 2,240 a second, less the gaps
			t.Errorf("took %v, want at most %v", took, 3*time.Second)
		}
	})
}

// TestUnknownNumberIsCareful: a number that nobody configured is held to Meta's default.
func TestUnknownNumberIsCareful(t *testing.T) {
	bubble(t, func(w *world) {
		task := schemas.NewTaskID()
		w.produceAll(bulkPartition, task, 1000, by("999"))
		begin := time.Now()
		w.start(both, partitions(1, 1))
		w.rest(10 * time.Second)
		if n := w.within(begin, 10*time.Second); n > 645 || n < 630 {
			t.Errorf("%d in 10 s, want at most 645, at least 630", n)
		}
	})
}

// TestExpressDoesNotWaitForBulk: three phones never wait behind a million, neither for the rate nor for room; and bulk still moves.
func TestExpressDoesNotWaitForBulk(t *testing.T) {
	bubble(t, func(w *world) {
		w.latency = func(*apiCall) time.Duration { return 5 * time.Second }
		task := schemas.NewTaskID()
		w.produceAll(bulkPartition, task, 5000)
		w.start(both, inFlight(44), rate(10)) // 8 a second, of 5 s each, are 40 under way
		w.rest(20 * time.Second)
		for range 5 {
			begin := time.Now()
			id := who{schemas.NewTaskID(), uint32(time.Now().Unix())}
			for i := range uint32(3) {
				w.produce(expressPartition, id.task, id.index+i*100)
			}
			w.until("express calls", func() bool { return w.attempts[who{id.task, id.index + 200}] == 1 })
			if took := time.Since(begin); took > 500*time.Millisecond {
				t.Errorf("took %v, want at most %v", took, 500*time.Millisecond)
			}
			w.rest(7 * time.Second)
		}
		crowd := schemas.NewTaskID()
		for i := range uint32(4000) {
			w.produce(expressPartition, crowd, 100_000+i)
		}
		begin := time.Now()
		w.rest(100 * time.Second)
		bulk := 0
		for _, c := range w.calls {
			if c.task == task && c.at.After(begin) {
				bulk++
			}
		}
		if all := w.within(begin, 100*time.Second); bulk < all/9 || bulk > all/7 {
			t.Errorf("%d of %d are bulk; want at least %v, at most %v", bulk, all, all/9, all/7)
		}
	})
}

// TestHungNumberLeavesTheCapacityOfOthers: a number whose calls never come back does not take the room of others.
func TestHungNumberLeavesTheCapacityOfOthers(t *testing.T) {
	bubble(t, func(w *world) {
		w.latency = func(c *apiCall) time.Duration {
			if c.sender == "2" {
				return 10 * time.Second
			}
			return 100 * time.Millisecond
		}
		w.start(both, inFlight(64))
		hung, task := schemas.NewTaskID(), schemas.NewTaskID()
		for i := range uint32(2000) {
			w.produce(bulkPartition, hung, 10_000+i, by("2"))
		}
		w.rest(time.Second)
		w.produceAll(bulkPartition, task, 640)
		begin := time.Now()
		w.until("640 are sent", func() bool {
			n := 0
			for _, r := range w.results {
				if schemas.TaskID(r.GetTask()) == task {
					n++
				}
			}
			return n == 640
		})
		if took := time.Since(begin); took > 15*time.Second { // 5 of 64 in flight at least: 50 a second
			t.Errorf("took %v, want at most %v", took, 15*time.Second)
		}
	})
}

// TestSimulatedNumbersDoNotDisturbEachOther: beside a slow number, a stopped one, a throttled one and one whose calls hang, a fast
// number has its rate, and the slow one has its own. What each has in flight is what the fanout lets it
// have: four seconds of its rate.
func TestSimulatedNumbersDoNotDisturbEachOther(t *testing.T) {
	bubble(t, func(w *world) {
		rates := map[string]float64{"fast": 200, "slow": 10, "stopped": 200, "throttled": 200, "hangs": 200}
		w.latency = func(c *apiCall) time.Duration {
			if c.sender == "hangs" {
				return 9 * time.Second
			}
			return 100 * time.Millisecond
		}
		w.answer = func(c *apiCall) schemas.Reply {
			switch c.sender {
			case "stopped":
				return schemas.Reply{Verdict: schemas.VerdictAccount, Code: 190}
			case "throttled":
				return schemas.Reply{Verdict: schemas.VerdictThrottled, Code: 130429}
			}
			return schemas.Reply{Verdict: schemas.VerdictSent}
		}
		w.start(both, inFlight(64), partitions(1, 1), func(c *Config) {
			c.Numbers = slices.Sorted(maps.Keys(rates))
			c.Number = func(id string) (NumberConfig, bool) { rate, ok := rates[id]; return NumberConfig{Rate: rate}, ok }
		})
		tasks, open := map[string]schemas.TaskID{}, map[schemas.TaskID]int{}
		for number := range rates {
			tasks[number] = schemas.NewTaskID()
		}
		next, heard := uint32(0), 0
		fill := func() { // as the fanout does
			w.lock(func() {
				for ; heard < len(w.results); heard++ {
					if r := w.results[heard]; r.GetOutcome() != nil {
						open[schemas.TaskID(r.GetTask())]--
					}
				}
			})
			for _, number := range slices.Sorted(maps.Keys(rates)) {
				for task := tasks[number]; open[task] < int(4*rates[number]); open[task]++ {
					w.produce(bulkPartition, task, next, by(number))
					next++
				}
			}
		}
		const warm, minute, run = 200, 600, 1800 // tenths of a second; the shorter, the more it depends on how goroutines take turns
		var begin time.Time
		for i := range warm + run {
			if i == warm {
				begin = time.Now()
			}
			fill()
			w.rest(100 * time.Millisecond)
		}
		calls, first := map[string]int{}, map[string]int{} // of the whole run, and of its first minute
		for _, c := range w.calls {
			if since := c.at.Sub(begin); since >= 0 {
				calls[c.sender]++
				if since < minute*100*time.Millisecond {
					first[c.sender]++
				}
			}
		}
		for number, want := range map[string]float64{"fast": 160, "slow": 8} {
			got := float64(calls[number]) / (run / 10)
			usable := (1 - schedule.ExpressPart) * want
			if got < 0.9*usable { // the hanging calls have some of the 64 that the fast one could do with
				t.Errorf("%s: %.1f a second of %v; want at least %v", number, got, usable, 0.9*usable)
			}
			t.Logf("%s: %.1f a second of %v", number, got, usable)
		}
		if first["stopped"] > 3 || first["throttled"] > 10 {
			t.Errorf("got %v, want at most 3 stopped and 10 throttled", first)
		}
		w.lock(func() { w.answer, w.latency = nil, nil })
	})
}

// TestTokensComeBack: a commit that is refused costs none of the rate.
func TestTokensComeBack(t *testing.T) {
	bubble(t, func(w *world) {
		task := schemas.NewTaskID()
		w.produceAll(bulkPartition, task, 200)
		p := w.start([]stream.TopicPartition{bulkPartition}, rate(10), partitions(1, 1))
		p.OnCommit(func([]stream.Position) logtest.Fault {
			return logtest.Fault{Refuse: func(stream.TopicPartition) error { return logtest.ErrUnknown }}
		})
		w.rest(10 * time.Second)
		p.OnCommit(nil)
		begin := time.Now()
		w.rest(10 * time.Second)
		if n := w.within(begin, 10*time.Second); n < 72 || n > 80 { // 10 x 0.8 x 0.95
			t.Errorf("%d in 10 s, want at least 72, at most 80", n)
		}
		p.stage.mu.Lock()
		defer p.stage.mu.Unlock()
		if n := p.stage.schedule.InFlight(schedule.Bulk) + p.stage.schedule.InFlight(schedule.Express); n != 0 {
			t.Errorf("%d calls in flight, want none", n)
		}
	})
}

// TestMetricsAreThere: everything that waits is counted by what for, and the oldest by its age.
func TestMetricsAreThere(t *testing.T) {
	bubble(t, func(w *world) {
		w.answer = func(*apiCall) schemas.Reply {
			return schemas.Reply{Verdict: schemas.VerdictTransient, After: time.Minute}
		}
		p := w.start(both, rate(1), partitions(1, 1))
		task := schemas.NewTaskID()
		w.produceAll(bulkPartition, task, 10)
		w.rest(5 * time.Second)
		if n := p.value("altavoz_sends_oldest_seconds", "bulk"); n != 5 {
			t.Errorf("the oldest is %v s old, want 5", n)
		}
		backoff, pace := p.value("altavoz_sends_waiting", "backoff"), p.value("altavoz_sends_waiting", "pace")
		if backoff+pace != 10 || backoff < 3 {
			t.Errorf("%v back off, %v wait for the rate; want at least 3", backoff, pace)
		}
	})
}

// TestDirectSendsGoBeforeOthersOfTheirLane: somebody waits for them; and the others go on meanwhile.
func TestDirectSendsGoBeforeOthersOfTheirLane(t *testing.T) {
	bubble(t, func(w *world) {
		const queued, direct = 200, 40
		w.produceAll(expressPartition, schemas.NewTaskID(), queued)
		w.start(both, rate(80), partitions(1, 1))
		w.rest(time.Second)
		before, task := len(w.calls), schemas.NewTaskID()
		for i := range uint32(direct) {
			w.produce(expressPartition, task, i, to(fmt.Sprintf("57310%07d", i)), func(s *schemas.Send) { s.Direct = true })
		}
		w.until("the direct ones called", func() bool {
			return slices.IndexFunc(w.calls, func(c *apiCall) bool { return c.who == who{task, direct - 1} }) >= 0
		})
		others := len(w.calls) - before - direct
		if least, most := direct/8, direct/7+4; others < least || others > most {
			t.Errorf("%d others were called meanwhile; want %d to %d of the %d that came first", others, least, most, queued-before)
		}
	})
}
