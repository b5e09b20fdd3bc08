package limits

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// server answers a call after its latency, or once it has served those before it, as many a second as it can.
type server struct {
	latency  time.Duration
	capacity float64
}

// saturate has a number without a limit call a server as often as it may for a time, and returns the calls a second.
func saturate(f *Concurrency, s server, from, d time.Duration, ceiling int, r *rand.Rand) (perSecond float64) {
	type call struct{ began, ends time.Time }
	now := time.Time{}.Add(from)
	end, free := now.Add(d), now
	var calls []call
	ended := 0
	for ; now.Before(end); ended++ {
		for len(calls) < f.Max(0, ceiling, false, true) {
			took := time.Duration(float64(s.latency) * (0.7 + 0.6*r.Float64()))
			if free.Before(now) {
				free = now
			}
			free = free.Add(time.Duration(float64(time.Second) / s.capacity * 2 * r.Float64()))
			c := call{now, now.Add(took)}
			if c.ends.Before(free) {
				c.ends = free
			}
			calls = append(calls, c)
		}
		i := 0
		for j := range calls {
			if calls[j].ends.Before(calls[i].ends) {
				i = j
			}
		}
		now = calls[i].ends
		began := calls[i].began
		under := len(calls)
		calls = slices.Delete(calls, i, i+1)
		f.Observe(began, now, under, ceiling)
	}
	return float64(ended) / d.Seconds()
}

// TestSimulatedNumberHasAsManyCallsAsMakeItFaster: all where the API takes its time, and few where calls only wait for one another.
func TestSimulatedNumberHasAsManyCallsAsMakeItFaster(t *testing.T) {
	t.Parallel()
	const ceiling, all = 96, 224
	slow, middle, near := server{100 * time.Millisecond, 1e6}, server{20 * time.Millisecond, 1e6}, server{time.Millisecond, 8000}
	for name, c := range map[string]struct {
		servers     []server // one after the other
		ceiling     int
		least, most int // calls under way in the end
	}{
		"slow":              {[]server{slow}, ceiling, ceiling, ceiling},
		"at the bound":      {[]server{{50 * time.Millisecond, 1e6}}, ceiling, ceiling, ceiling},
		"quick":             {[]server{middle}, ceiling, ceiling / 2, ceiling},
		"near":              {[]server{near}, ceiling, fewCalls, 2 * fewCalls},
		"near after slow":   {[]server{slow, near}, ceiling, fewCalls, 2 * fewCalls},
		"slow after near":   {[]server{near, slow}, ceiling, ceiling, ceiling},
		"quick after near":  {[]server{near, middle}, ceiling, ceiling / 2, ceiling},
		"overloaded though": {[]server{{time.Millisecond, 3000}}, ceiling, fewCalls, 2 * fewCalls},
		// A call takes 45 ms and more beside 224 others, though it waits for nothing but these.
		"overloaded after slow, of all":   {[]server{slow, {time.Millisecond, 3000}}, all, fewCalls, 2 * fewCalls},
		"very overloaded, of all":         {[]server{{time.Millisecond, 500}}, all, fewCalls, 2 * fewCalls},
		"slow, of all":                    {[]server{slow}, all, all, all},
		"quick, of a little more than 64": {[]server{middle}, 80, 80, 80},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for seed := range uint64(3) {
				r := rand.New(rand.NewPCG(seed, 1))
				var f Concurrency
				var at time.Duration
				for _, s := range c.servers {
					saturate(&f, s, at, 30*time.Second, c.ceiling, r)
					at += 30 * time.Second
				}
				if got := f.Max(0, c.ceiling, false, true); got < c.least || got > c.most {
					t.Errorf("seed %d: %d calls, want %d to %d", seed, got, c.least, c.most)
				}
				last := c.servers[len(c.servers)-1]
				want := min(last.capacity, float64(c.ceiling)/last.latency.Seconds())
				if got := saturate(&f, last, at, 10*time.Second, c.ceiling, r); got < 0.9*want {
					t.Errorf("seed %d: %.0f calls a second, want nearly %.0f", seed, got, want)
				}
			}
		})
	}
}
