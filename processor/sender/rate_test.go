package sender

import (
	"testing"
	"time"

	"altavoz/processor/sender/limits"
	"altavoz/schemas"
	"altavoz/stream"
)

// TestSimulatedSharesAddUp: two and four processes together send no more than the number's rate less what is left for replies, in
// any second, and when one is killed the others have all of it within 12 s: the group notices after 10.
func TestSimulatedSharesAddUp(t *testing.T) {
	t.Parallel()
	const ex, bu, configured, session = 4, 12, 100.0, 10 * time.Second
	for _, processes := range []int{2, 4} {
		inBubble(t, func(w *world) {
			w.latency = func(*apiCall) time.Duration { return 200 * time.Millisecond }
			var owned []stream.TopicPartition
			for i := range int32(ex) {
				owned = append(owned, stream.TopicPartition{Topic: schemas.TopicSendsExpress, Partition: i})
			}
			for i := range int32(bu) {
				owned = append(owned, stream.TopicPartition{Topic: schemas.TopicSendsBulk, Partition: i})
			}
			task := schemas.NewTaskID()
			for i := range uint32(120 * configured) { // more than can go
				w.produce(owned[int(i)%len(owned)], task, i)
			}
			begin := time.Now()
			var all []*process
			for range processes {
				all = append(all, w.start(nil, rate(configured), partitions(ex, bu)))
			}
			for i, s := range owned {
				all[i%processes].Assign(s)
			}
			w.rest(30 * time.Second)
			killed := time.Now()
			of := all[0].Owned()
			all[0].Kill()
			w.rest(session)
			for i, s := range of {
				all[1+i%(processes-1)].Assign(s)
			}
			w.rest(50 * time.Second)
			usable := configured * (1 - limits.ReplyShare)
			var worst int
			for at := begin; at.Before(time.Now().Add(-time.Second)); at = at.Add(50 * time.Millisecond) {
				worst = max(worst, w.within(at, time.Second))
			}
			if most := usable + float64(processes)*limits.Burst(usable/float64(processes)); float64(worst) > most {
				t.Errorf("%d processes: %d within a second, at most %v", processes, worst, most)
			}
			if n := w.within(begin.Add(5*time.Second), 25*time.Second); float64(n) < 25*usable*0.98 {
				t.Errorf("%d processes: %d in 25 s", processes, n)
			}
			if n := w.within(killed.Add(12*time.Second), 10*time.Second); float64(n) < 10*usable*0.97 {
				t.Errorf("%d processes: %d in ten seconds, 12 s after one was killed", processes, n)
			}
			t.Logf("%d processes: at most %d a second of %v, %d/10 in the ten seconds that begin 12 s after the kill", processes, worst, usable,
				w.within(killed.Add(12*time.Second), 10*time.Second))
		})
	}
}

// TestRatesAreReloaded: a rate that changes takes effect within a second or so; a number that is taken off the list keeps
// its own.
func TestRatesAreReloaded(t *testing.T) {
	bubble(t, func(w *world) {
		now, ours := 50.0, true
		task := schemas.NewTaskID()
		w.produceAll(bulkPartition, task, 4000)
		w.start(both, func(c *Config) {
			c.Number = func(string) (NumberConfig, bool) {
				w.Lock()
				defer w.Unlock()
				return NumberConfig{Rate: now}, ours
			}
		})
		for _, step := range []struct {
			rate float64
			ours bool
			want int
		}{{50, true, 400}, {100, true, 800}, {25, true, 200}, {500, false, 200}} {
			w.lock(func() { now, ours = step.rate, step.ours })
			w.rest(2 * time.Second)
			begin := time.Now()
			w.rest(10 * time.Second)
			if n := w.within(begin, 10*time.Second); n < step.want-step.want/50 || n > step.want+step.want/50 {
				t.Errorf("%d in 10 s, want %d", n, step.want)
			}
		}
	})
}

// TestThrottleNeverCosts: whatever the API throttles and however often, everybody is sent to, at the first attempt that
// counts.
func TestThrottleNeverCosts(t *testing.T) {
	bubble(t, func(w *world) {
		w.latency = func(*apiCall) time.Duration { return 80 * time.Millisecond }
		w.answer = func(c *apiCall) schemas.Reply {
			switch {
			case c.n <= int(c.index%12): // up to eleven times, more than attempts there are
				return schemas.Reply{Verdict: schemas.VerdictThrottled, Code: 130429}
			case c.n == int(c.index%12)+1:
				return schemas.Reply{Verdict: schemas.VerdictTransient, Code: 131000}
			}
			return schemas.Reply{Verdict: schemas.VerdictSent}
		}
		w.start(both, rate(100), partitions(1, 1))
		task := schemas.NewTaskID()
		w.produceAll(bulkPartition, task, 48)
		for !w.allDone(bulkPartition) {
			w.rest(time.Minute)
			if time.Since(bubbleStart) > 6*time.Hour {
				t.Fatal("never done")
			}
		}
		if n := w.count(schemas.OutcomeSent); n != 48 {
			t.Errorf("%d sent, want 48", n)
		}
	})
}
