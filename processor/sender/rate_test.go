package sender

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"altavoz/schemas"
)

// TestPacerNeverExceeds drives a pacer with whatever can happen to it: in no second does it let more through than its
// highest rate and one burst, nothing before a time that Meta named, and one at a time while that is what it does.
func TestPacerNeverExceeds(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		now := time.Unix(1_700_000_000, 0)
		full := rapid.Float64Range(1, 1000).Draw(t, "full")
		var p pacer
		p.set(now, full)
		most, burstMost := full, max(1, full*burst.Seconds())
		var calls []time.Time
		var flying []call
		var held time.Time
		t.Repeat(map[string]func(*rapid.T){
			"take": func(t *rapid.T) {
				for range rapid.IntRange(1, 100).Draw(t, "calls") {
					trial, at, ok := p.take(now)
					if !ok {
						if !at.IsZero() && !at.After(now) {
							t.Fatal("says to come back at once")
						}
						break
					}
					if now.Before(held) {
						t.Fatalf("a call %v before the time that was named", held.Sub(now))
					}
					calls, flying = append(calls, now), append(flying, call{now, trial})
				}
				trials := 0
				for _, c := range flying {
					if c.trial {
						trials++
					}
				}
				if trials > 1 {
					t.Fatalf("%d trials at once", trials)
				}
			},
			"pass": func(t *rapid.T) {
				now = now.Add(time.Duration(rapid.IntRange(1, 3000).Draw(t, "ms")) * time.Millisecond)
			},
			"answer": func(t *rapid.T) {
				if len(flying) == 0 {
					t.Skip("no call")
				}
				i := rapid.IntRange(0, len(flying)-1).Draw(t, "which")
				c := flying[i]
				flying = slices.Delete(flying, i, i+1)
				before, early := p.rate(), c.began.Before(p.cut)
				switch rapid.IntRange(0, 4).Draw(t, "how") {
				case 0:
					p.throttled(c.began, now, 0)
					p.advance(now)
					if got := p.rate(); early && got < before || got < before*cutTo-1e-9 && got < p.base*leastPart-1e-9 {
						t.Fatalf("from %v to %v by one answer (old news: %v)", before, got, early)
					}
				case 1:
					after := time.Duration(rapid.IntRange(1, 20_000).Draw(t, "after")) * time.Millisecond
					p.throttled(c.began, now, after)
					held = later(held, now.Add(after))
				case 2:
				default:
					p.worked(c.began, now)
				}
				p.ended(c.trial)
			},
			"put": func(t *rapid.T) {
				if len(flying) == 0 || len(calls) == 0 || !flying[len(flying)-1].began.Equal(calls[len(calls)-1]) {
					t.Skip("no call that was not made")
				}
				c := flying[len(flying)-1]
				flying, calls = flying[:len(flying)-1], calls[:len(calls)-1]
				p.put(c.trial)
			},
			"share": func(t *rapid.T) {
				full = rapid.Float64Range(1, 1000).Draw(t, "full")
				p.set(now, full)
				most, burstMost = max(most, full), max(burstMost, full*burst.Seconds())
			},
			"": func(t *rapid.T) {
				if p.rate() > full*(1+1e-9) || p.rate() <= 0 {
					t.Fatalf("%v a second of %v", p.rate(), full)
				}
				first, _ := slices.BinarySearchFunc(calls, now.Add(-time.Second), time.Time.Compare)
				if n := len(calls) - first; float64(n) > most+burstMost+1 {
					t.Fatalf("%d within a second at %v", n, most)
				}
			},
		})
	})
}

type call struct {
	began time.Time
	trial bool
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// run lets a pacer send as fast as it will, to an API that takes what accept says, with the given time for a call; it
// returns when its calls began and how many were refused.
func (p *pacer) run(now, end time.Time, took time.Duration, accept func(at time.Time) bool) (calls []time.Time, refused int) {
	type answer struct {
		at time.Time
		call
		ok bool
	}
	var due []answer
	for now.Before(end) {
		for len(due) > 0 && !due[0].at.After(now) {
			a := due[0]
			due = due[1:]
			if a.ok {
				p.worked(a.began, now)
			} else {
				refused++
				p.throttled(a.began, now, 0)
			}
			p.ended(a.trial)
		}
		trial, at, ok := p.take(now)
		if ok {
			calls = append(calls, now)
			due = append(due, answer{now.Add(took), call{now, trial}, accept(now)})
			now = now.Add(50 * time.Microsecond) // nobody calls in no time
			continue
		}
		if len(due) > 0 && (at.IsZero() || due[0].at.Before(at)) {
			at = due[0].at
		}
		now = at
	}
	return calls, refused
}

// TestPacerRecovers: however often it was throttled, ten seconds after calls get through again it goes at full rate, and by
// then few calls were refused.
func TestPacerRecovers(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		start := time.Unix(1_700_000_000, 0)
		full := rapid.Float64Range(5, 500).Draw(t, "full")
		took := time.Duration(rapid.IntRange(1, 2000).Draw(t, "took")) * time.Millisecond
		outage := time.Duration(rapid.IntRange(100, 60_000).Draw(t, "outage")) * time.Millisecond
		from, to := start.Add(10*time.Second), start.Add(10*time.Second+outage)
		var p pacer
		p.set(start, full)
		end := to.Add(throttleMost + 2*took + 11*time.Second)
		_, refused := p.run(start, end, took, func(at time.Time) bool { return at.Before(from) || !at.Before(to) })
		if p.advance(end); p.rate() != full {
			t.Fatalf("%v of %v a second in the end", p.rate(), full)
		}
		// What was under way at the first refusal, what went at half the rate until it too was refused, and trials.
		if most := full*took.Seconds()*1.5 + 2*burst.Seconds()*full + 4 + 4 + outage.Seconds()/throttleMost.Seconds(); float64(refused) > most {
			t.Fatalf("%d refused, at most %v", refused, most)
		}
	})
}

// TestPacerFindsTheLimit: an API that takes less than what is configured gets that, and refuses little.
func TestPacerFindsTheLimit(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ full, limit float64 }{{64, 40}, {64, 10}, {800, 64}, {0, 64}} {
		start := time.Unix(1_700_000_000, 0)
		var p pacer
		p.set(start, c.full)
		meta := bucket{}
		meta.set(start, c.limit)
		const run = 10 * time.Minute
		calls, refused := p.run(start, start.Add(run), 100*time.Millisecond, func(at time.Time) bool {
			_, ok := meta.take(at)
			return ok
		})
		got := float64(len(calls)-refused) / run.Seconds()
		if got < 0.6*c.limit || got > 1.1*c.limit {
			t.Errorf("%v a second of %v got through", got, c.limit)
		}
		t.Logf("configured %v, limit %v: %.1f/s get through, %.1f %% refused", c.full, c.limit, got, 100*float64(refused)/float64(len(calls)))
	}
}

// TestPacerWithoutLimit: it has none until it is throttled, and none again when much more gets through.
func TestPacerWithoutLimit(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_700_000_000, 0)
	var p pacer
	p.set(now, 0)
	for range 1000 {
		if _, _, ok := p.take(now); !ok {
			t.Fatal("limited")
		}
		p.worked(now, now)
	}
	p.throttled(now, now, 0)
	if got := p.rate(); got < 499 || got > 500 {
		t.Errorf("%v a second after 1,000 within one", got)
	}
	p.worked(now, now)
	p.advance(now.Add(31 * time.Second))
	if got := p.rate(); got != 0 {
		t.Errorf("still limited to %v", got)
	}
}

// TestSharesAddUp: two and four processes together send no more than the number's rate less what is left for replies, in
// any second, and when one is killed the others have all of it within 12 s: the group notices after 10.
func TestSharesAddUp(t *testing.T) {
	t.Parallel()
	const ex, bu, configured, session = 4, 12, 100.0, 10 * time.Second
	for _, processes := range []int{2, 4} {
		bubble(t, func(w *world) {
			w.latency = func(*apiCall) time.Duration { return 200 * time.Millisecond }
			var slots []schemas.Slot
			for i := range int32(ex) {
				slots = append(slots, schemas.Slot{Topic: schemas.TopicSendsExpress, Partition: i})
			}
			for i := range int32(bu) {
				slots = append(slots, schemas.Slot{Topic: schemas.TopicSendsBulk, Partition: i})
			}
			task := schemas.NewTaskID()
			for i := range uint32(120 * configured) { // more than can go
				w.produce(slots[int(i)%len(slots)], task, i)
			}
			begin := time.Now()
			var all []*process
			for range processes {
				all = append(all, w.start(nil, rate(configured), partitions(ex, bu)))
			}
			for i, s := range slots {
				all[i%processes].assign(s)
			}
			w.rest(30 * time.Second)
			killed := time.Now()
			of := all[0].owned()
			all[0].kill()
			w.rest(session)
			for i, s := range of {
				all[1+i%(processes-1)].assign(s)
			}
			w.rest(50 * time.Second)
			usable := configured * (1 - replyShare)
			var worst int
			for at := begin; at.Before(time.Now().Add(-time.Second)); at = at.Add(50 * time.Millisecond) {
				worst = max(worst, w.within(at, time.Second))
			}
			if most := usable + float64(processes)*max(1, usable/float64(processes)*burst.Seconds()); float64(worst) > most {
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
	t.Parallel()
	bubble(t, func(w *world) {
		now, ours := 50.0, true
		task := schemas.NewTaskID()
		for i := range uint32(4000) {
			w.produce(bulkSlot, task, i)
		}
		w.start(both, func(c *Config) {
			c.Rate = func(string) (float64, bool) {
				w.mu.Lock()
				defer w.mu.Unlock()
				return now, ours
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
	t.Parallel()
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
		for i := range uint32(48) {
			w.produce(bulkSlot, task, i)
		}
		for !w.allDone(bulkSlot) {
			w.rest(time.Minute)
			if time.Since(bubbleStart) > 6*time.Hour {
				t.Fatal("never done")
			}
		}
		if n := w.count(schemas.OutcomeSent); n != 48 {
			t.Errorf("%d sent", n)
		}
	})
}
