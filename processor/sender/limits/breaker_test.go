package limits

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

var start = time.Unix(1_700_000_000, 0)

// TestBreakerOpensByARunAndClosesBySuccess drives a breaker with whatever can happen to it: a run opens it and nothing shorter does, while it is open one probe at
// a time is under way, a send is allowed only after a look was answered, it closes by a send that got through, and what it
// waits for always comes.
func TestBreakerOpensByARunAndClosesBySuccess(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		now := start
		b := Breaker{account: rapid.Bool().Draw(t, "account")}
		run, under := 0, ProbeWait
		answered, foreign := false, 0
		kinds := []Signal{SignalWorks, SignalSilent, SignalNone, SignalForeign}
		if b.account {
			kinds = []Signal{SignalWorks, SignalNone, SignalRefused}
		}
		t.Repeat(map[string]func(*rapid.T){
			"answer": func(t *rapid.T) { // to a call that was begun before, or while it was closed
				k := rapid.SampledFrom(kinds).Draw(t, "kind")
				_, was := b.Open()
				changed := b.Observe(now, k, false)
				_, is := b.Open()
				if was {
					if !is || changed {
						t.Fatal("closed by a call that was no probe")
					}
					answered = answered || k == SignalWorks && !b.account && under == ProbeWait
					return
				}
				switch k {
				case SignalWorks:
					run = 0
				case SignalSilent:
					run++
				case SignalNone, SignalForeign, SignalRefused:
				}
				want := k == SignalForeign || k == SignalRefused || k == SignalSilent && run >= SilentRun
				if is != want || changed != want {
					t.Fatalf("open: %v after %d in a row and kind %d; want %v", is, run, k, want)
				}
				if is {
					run, answered, foreign = 0, false, 0
				}
			},
			"pass": func(t *rapid.T) {
				now = now.Add(time.Duration(rapid.IntRange(1, 20_000).Draw(t, "ms")) * time.Millisecond)
			},
			"probe": func(t *rapid.T) {
				p, at := b.Allows(now)
				_, open := b.Open()
				switch {
				case (p == ProbeNone) == open:
					t.Fatalf("allows %d, open %v", p, open)
				case p == ProbeWait && under != ProbeWait && !at.IsZero(), p == ProbeWait && under == ProbeWait && !at.After(now):
					t.Fatalf("to be asked again at %v", at)
				case p == ProbeWait && at.Sub(now) > max(probeMax, accountWait):
					t.Fatalf("waits %v", at.Sub(now))
				case p == ProbeWait, p == ProbeNone:
					t.Skip("nothing to probe")
				case under != ProbeWait:
					t.Fatal("two probes at once")
				case p == ProbeRead && b.account, p == ProbeSend && !b.account && !answered && foreign < maxForeignReads:
					t.Fatalf("allows %d", p)
				}
				b.Begin()
				under = p
			},
			"cancel": func(t *rapid.T) {
				if under == ProbeWait {
					t.Skip("no probe")
				}
				b.Cancel()
				under = ProbeWait
			},
			"renew": func(*rapid.T) { b.Renew(now) },
			"probed": func(t *rapid.T) {
				k := rapid.SampledFrom(kinds).Draw(t, "kind")
				p := under
				under = ProbeWait
				switch p {
				case ProbeRead:
					got := b.ProbeAnswered(now, k)
					if got != (k == SignalWorks || k == SignalNone) {
						t.Fatalf("a look that met %d: %v; want %v", k, got, k == SignalWorks || k == SignalNone)
					}
					if answered = got; k == SignalForeign {
						foreign++
					} else {
						foreign = 0
					}
				case ProbeSend:
					changed := b.Observe(now, k, true)
					if _, open := b.Open(); open == (k == SignalWorks) || changed != (k == SignalWorks) {
						t.Fatalf("a send that met %d leaves it open: %v; want other than %v", k, open, k == SignalWorks)
					}
					answered, foreign = false, 0
				case ProbeWait, ProbeNone:
					t.Skip("no probe")
				}
			},
			"": func(t *rapid.T) {
				if since, open := b.Open(); open && (since.Before(start) || since.After(now)) {
					t.Fatalf("open since %v", since)
				}
			},
		})
	})
}

// TestWaitsBetweenProbesGrowToTheirLimit: probes come after 1, 2, 4, 8 and then every 15 seconds; those of an account every 30.
func TestWaitsBetweenProbesGrowToTheirLimit(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		b    Breaker
		kind Signal
		want []int
	}{
		{Breaker{}, SignalSilent, []int{1, 2, 4, 8, 15, 15, 15}},
		{ForAccount(), SignalRefused, []int{30, 30, 30}},
	} {
		now, b := start, c.b
		for range SilentRun {
			b.Observe(now, c.kind, false)
		}
		var got []int
		for range c.want {
			_, at := b.Allows(now)
			got = append(got, int(at.Sub(now).Seconds()))
			now = at
			p, _ := b.Allows(now)
			b.Begin()
			if p == ProbeRead {
				b.ProbeAnswered(now, c.kind)
			} else {
				b.Observe(now, c.kind, true)
			}
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("waits %v, want %v", got, c.want)
		}
	}
}

// TestSimulatedBreakerKeepsCallsFewInAnOutageAndEndsSoonAfter simulates a number that sends at a rate through outages of every kind: few calls lead nowhere, and the first one after
// the end comes soon.
func TestSimulatedBreakerKeepsCallsFewInAnOutageAndEndsSoonAfter(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		took := time.Duration(rapid.IntRange(1, 400).Draw(t, "ms")) * time.Millisecond
		gap := time.Duration(rapid.IntRange(2, 100).Draw(t, "gap")) * time.Millisecond
		from := start.Add(time.Duration(rapid.IntRange(0, 20).Draw(t, "begin")) * time.Second)
		to := from.Add(time.Duration(rapid.IntRange(1, 600).Draw(t, "outage")) * time.Second)
		kind := rapid.SampledFrom([]Signal{SignalSilent, SignalForeign}).Draw(t, "kind")
		slow := rapid.SampledFrom([]time.Duration{took, ProbeTimeout}).Draw(t, "until an answer, in the outage")
		end := to.Add(40 * time.Second)
		type call struct {
			at    time.Time
			kind  Signal
			probe Probe
		}
		var b Breaker
		var flying []call
		nowhere, sends := 0, 0 // calls that led nowhere, of which probes
		var first time.Time
		for now, next := start, start; now.Before(end); now = now.Add(time.Millisecond) {
			for len(flying) > 0 && !flying[0].at.After(now) {
				c := flying[0]
				flying = flying[1:]
				if c.probe == ProbeRead {
					b.ProbeAnswered(now, c.kind)
				} else {
					b.Observe(now, c.kind, c.probe == ProbeSend)
				}
			}
			if now.Before(next) {
				continue
			}
			p, _ := b.Allows(now)
			if p == ProbeWait {
				continue
			}
			next = now.Add(gap)
			c := call{now.Add(took), SignalWorks, p}
			if !now.Before(from) && now.Before(to) {
				c = call{now.Add(slow), kind, p}
				if p != ProbeRead {
					nowhere++
				}
				if p == ProbeSend {
					sends++
				}
			} else if p != ProbeRead && !now.Before(to) && first.IsZero() {
				first = now
			}
			if p != ProbeNone {
				b.Begin()
			}
			at, _ := slices.BinarySearchFunc(flying, c.at.Add(1), func(c call, at time.Time) int { return c.at.Compare(at) })
			flying = slices.Insert(flying, at, c)
		}
		if most := int(slow/gap) + SilentRun + 1 + sends; nowhere > most {
			t.Fatalf("%d calls led nowhere, at most %d", nowhere, most)
		}
		if most := to.Sub(from)/probeMax/maxForeignReads + 4; time.Duration(sends) > most {
			t.Fatalf("%d sends were probes in %v", sends, to.Sub(from))
		}
		if first.IsZero() || first.Sub(to) > 30*time.Second {
			t.Fatalf("the first send came %v after the end, want at most %v", first.Sub(to), 30*time.Second)
		}
	})
}
