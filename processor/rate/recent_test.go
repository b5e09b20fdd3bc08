package rate

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

// Whatever comes when: the rate lies between those of the last four and the last five seconds, and is 0 after a rest.
func TestRateIsThatOfTheLastSeconds(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		now := time.Unix(1_700_000_000, rapid.Int64Range(0, 999_999_999).Draw(t, "nanos"))
		var p *Recent
		type event struct {
			at time.Time
			n  uint32
		}
		var all []event
		for range rapid.IntRange(1, 40).Draw(t, "events") {
			now = now.Add(time.Duration(rapid.Int64Range(0, int64(7*time.Second)).Draw(t, "pause")))
			n := rapid.Uint32Range(1, 1000).Draw(t, "n")
			if p == nil {
				p = NewRecent(now, 0)
			}
			p.Count(now, n)
			all = append(all, event{now, n})
			var sum, least float64
			for _, e := range all {
				if now.Sub(e.at) < RecentSeconds*time.Second {
					sum += float64(e.n)
				}
				if now.Sub(e.at) <= (RecentSeconds-1)*time.Second {
					least += float64(e.n)
				}
			}
			span := max(1, min(now.Sub(all[0].at), RecentSeconds*time.Second).Seconds())
			if r := p.Rate(now); r > sum/min(span, RecentSeconds-1)+.1 || r < least/span-.1 {
				t.Fatalf("rate %v, %v in the last five seconds, %v in the last four, span %v; want at least %v", r, sum, least, span, least/span-.1)
			}
		}
		if r := p.Rate(p.Until()); r != 0 {
			t.Fatalf("%v a second after a rest, want 0", r)
		}
		if p.Until().Sub(now) > RecentSeconds*time.Second {
			t.Fatalf("it takes %v to rest, want at most %v", p.Until().Sub(now), RecentSeconds*time.Second)
		}
	})
}
