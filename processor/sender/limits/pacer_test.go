package limits

import (
	"slices"
	"testing"
	"time"

	"altavoz/processor/rate"
	"altavoz/processor/timers"

	"pgregory.net/rapid"
)

// TestPacerNeverExceeds drives a pacer with whatever can happen to it: in no second does it let more through than its
// highest rate and one burst, nothing before a time that Meta named, and one at a time while that is what it does.
func TestPacerNeverExceeds(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		now := time.Unix(1_700_000_000, 0)
		full := rapid.Float64Range(1, 1000).Draw(t, "full")
		var p Pacer
		p.Set(now, full)
		most, burstMost := full, Burst(full)
		var calls []time.Time
		var flying []call
		var held time.Time
		t.Repeat(map[string]func(*rapid.T){
			"take": func(t *rapid.T) {
				for range rapid.IntRange(1, 100).Draw(t, "calls") {
					trial, at, ok := p.Acquire(now)
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
					t.Fatalf("%d trials at once, want at most 1", trials)
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
				before, early := p.Rate(), c.began.Before(p.lastCut)
				switch rapid.IntRange(0, 4).Draw(t, "how") {
				case 0:
					p.Throttled(c.began, now, 0)
					p.Advance(now)
					if got := p.Rate(); early && got < before || got < before*cutTo-1e-9 && got < p.base*minFraction-1e-9 {
						t.Fatalf("from %v to %v by one answer (old news: %v)", before, got, early)
					}
				case 1:
					after := time.Duration(rapid.IntRange(1, 20_000).Draw(t, "after")) * time.Millisecond
					p.Throttled(c.began, now, after)
					held = timers.Later(held, now.Add(after))
				case 2:
				default:
					p.Succeeded(c.began, now)
				}
				p.TrialEnded(c.trial)
			},
			"put": func(t *rapid.T) {
				if len(flying) == 0 || len(calls) == 0 || !flying[len(flying)-1].began.Equal(calls[len(calls)-1]) {
					t.Skip("no call that was not made")
				}
				c := flying[len(flying)-1]
				flying, calls = flying[:len(flying)-1], calls[:len(calls)-1]
				p.Return(c.trial)
			},
			"share": func(t *rapid.T) {
				full = rapid.Float64Range(1, 1000).Draw(t, "full")
				p.Set(now, full)
				most, burstMost = max(most, full), max(burstMost, Burst(full))
			},
			"": func(t *rapid.T) {
				if p.Rate() > full*(1+1e-9) || p.Rate() <= 0 {
					t.Fatalf("%v a second of %v; want at most %v, more than 0", p.Rate(), full, full*(1+1e-9))
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

// run lets a pacer send as fast as it will, to an API that takes what accept says, with the given time for a call; it
// returns when its calls began and how many were refused.
func (p *Pacer) run(now, end time.Time, took time.Duration, accept func(at time.Time) bool) (calls []time.Time, refused int) {
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
				p.Succeeded(a.began, now)
			} else {
				refused++
				p.Throttled(a.began, now, 0)
			}
			p.TrialEnded(a.trial)
		}
		trial, at, ok := p.Acquire(now)
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

// TestPacerIsAtFullRateTenSecondsAfterThrottling: however often it was throttled, ten seconds after calls get through again it goes at full rate, and by
// then few calls were refused.
func TestPacerIsAtFullRateTenSecondsAfterThrottling(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		start := time.Unix(1_700_000_000, 0)
		full := rapid.Float64Range(5, 500).Draw(t, "full")
		took := time.Duration(rapid.IntRange(1, 2000).Draw(t, "took")) * time.Millisecond
		outage := time.Duration(rapid.IntRange(100, 60_000).Draw(t, "outage")) * time.Millisecond
		from, to := start.Add(10*time.Second), start.Add(10*time.Second+outage)
		var p Pacer
		p.Set(start, full)
		end := to.Add(waitMax + 2*took + 11*time.Second)
		_, refused := p.run(start, end, took, func(at time.Time) bool { return at.Before(from) || !at.Before(to) })
		if p.Advance(end); p.Rate() != full {
			t.Fatalf("%v of %v a second in the end; want %v", p.Rate(), full, full)
		}
		// What was under way at the first refusal, what went at half the rate until it too was refused, and trials.
		if most := full*took.Seconds()*1.5 + 2*Burst(full) + 4 + 4 + outage.Seconds()/waitMax.Seconds(); float64(refused) > most {
			t.Fatalf("%d refused, at most %v", refused, most)
		}
	})
}

// TestPacerFindsTheLimit: an API that takes less than what is configured gets that, and refuses little.
func TestPacerFindsTheLimit(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ full, limit float64 }{{64, 40}, {64, 10}, {800, 64}, {0, 64}} {
		start := time.Unix(1_700_000_000, 0)
		var p Pacer
		p.Set(start, c.full)
		var meta rate.Bucket
		meta.Set(start, c.limit, Burst(c.limit))
		const run = 10 * time.Minute
		calls, refused := p.run(start, start.Add(run), 100*time.Millisecond, func(at time.Time) bool {
			if meta.Ready(at, 1).After(at) {
				return false
			}
			meta.Take(1)
			return true
		})
		got := float64(len(calls)-refused) / run.Seconds()
		share := float64(refused) / float64(len(calls))
		if got < 0.8*c.limit || got > 1.1*c.limit {
			t.Errorf("%v a second of %v got through; want at least %v, at most %v", got, c.limit, 0.8*c.limit, 1.1*c.limit)
		}
		if share > 0.03 && c.full > 0 { // without a limit, all that was sent before the first refusal came back is refused
			t.Errorf("configured %v, limit %v: %.1f %% refused", c.full, c.limit, 100*share)
		}
		t.Logf("configured %v, limit %v: %.1f/s get through, %.1f %% refused", c.full, c.limit, got, 100*share)
	}
}

// One commit starts 80 ms of the rate, or just what is called together; and 40 ms of what a number without a limit takes.
func TestGroupSpan(t *testing.T) {
	t.Parallel()
	for rate, want := range map[float64]time.Duration{
		0: 40 * time.Millisecond, 1: 0, 80: 0, 120: 80 * time.Millisecond, 1000: 80 * time.Millisecond,
	} {
		var p Pacer
		p.Set(time.Unix(1_800_000_000, 0), rate)
		if got := p.GroupSpan(false); got != want {
			t.Errorf("%v a second: %v, want %v", rate, got, want)
		}
		if got, want := p.GroupSpan(true), max(want, 80*time.Millisecond); rate > 0 && got != want {
			t.Errorf("%v a second, and few slots are free: %v, want %v", rate, got, want)
		}
	}
}

// Eight calls begin together, or those that get their tokens in 160 ms, and at a high rate those of 10 ms.
func TestCallGap(t *testing.T) {
	t.Parallel()
	for rate, want := range map[float64]time.Duration{
		0: time.Millisecond, 1: 160 * time.Millisecond, 40: 160 * time.Millisecond, 80: 100 * time.Millisecond, 160: 50 * time.Millisecond, 1000: 10 * time.Millisecond,
	} {
		var p Pacer
		p.Set(time.Unix(1_800_000_000, 0), rate)
		if got := p.CallGap(false); got != want {
			t.Errorf("%v a second: %v, want %v", rate, got, want)
		}
		if got := p.CallGap(true); got != time.Millisecond {
			t.Errorf("%v a second, and too few may be in flight: %v, want 1 ms", rate, got)
		}
	}
}

// Calls of numbers with the same gap begin at the same moments, whenever they began before.
func TestNextCalls(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var p Pacer
		p.Set(time.Unix(1_800_000_000, 0), rapid.Float64Range(0, 2000).Draw(t, "rate"))
		few := rapid.Bool().Draw(t, "few")
		gap := p.CallGap(few)
		at := time.Unix(0, rapid.Int64Range(1_700_000_000e9, 1_900_000_000e9).Draw(t, "after"))
		next := p.NextCalls(at, few)
		if wait := next.Sub(at); wait <= 0 || wait > gap {
			t.Fatalf("%v after %v, want within the gap of %v", wait, at, gap)
		}
		between := at.Add(time.Duration(rapid.Int64Range(0, int64(next.Sub(at))-1).Draw(t, "later")))
		if got := p.NextCalls(between, few); !got.Equal(next) {
			t.Fatalf("after %v at %v, after %v at %v; want the same", at, next, between, got)
		}
		if got := p.NextCalls(next, few); got.Sub(next) != gap {
			t.Fatalf("%v after %v, want %v", got.Sub(next), next, gap)
		}
	})
}

// TestPacerWithoutLimit: it has none until it is throttled, and none again when much more gets through.
func TestPacerWithoutLimit(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_700_000_000, 0)
	var p Pacer
	p.Set(now, 0)
	for range 1000 {
		if _, _, ok := p.Acquire(now); !ok {
			t.Fatal("limited")
		}
		p.Succeeded(now, now)
	}
	p.Throttled(now, now, 0)
	if got := p.Rate(); got < 499 || got > 500 {
		t.Errorf("%v a second after 1,000 within one, want at least 499, at most 500", got)
	}
	p.Succeeded(now, now)
	p.Advance(now.Add(31 * time.Second))
	if got := p.Rate(); got != 0 {
		t.Errorf("still limited to %v, want 0", got)
	}
}
