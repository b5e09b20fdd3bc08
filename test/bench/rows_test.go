package bench

import (
	"fmt"
	"time"

	"altavoz/app"
)

// Each row is measured in one of these ways. The sender number with the row's rate is measuredNumber; warmNumber has no limit.
const (
	warmNumber, measuredNumber = "1001", "1002"
	// replies is the part of a number's rate that is left for replies: a number that is to send 80 a second is allowed 100.
	replies = 0.2
	// yardstick is how many sends the bare loop makes where the rate of the row is not the machine's.
	yardstick = 10_000
	// slowInFlight are the calls in flight of the row whose API takes slowLatency.
	slowInFlight = 100
	slowLatency  = 50 * time.Millisecond
	// pollSlow is how often a broadcast at a limited rate is asked for: asking costs CPU too.
	pollSlow = time.Second
)

// row is a row of the table.
type row struct {
	name, what string
	setup      setup
	onlyNamed  bool                                           // too long to be measured each time
	warm       int                                            // sends before the first round, PHONES at most; 0: warmSends
	sends      func(s settings) int                           // of a round, all loops together, where no rate and no time bounds them
	round      func(d *deployment, s settings) []figure       // measures once
	load       func(d *deployment, s settings, end time.Time) // keeps altavoz busy until then, for a profile; nil: nothing does
}

func fourProcesses() []string { return []string{"producer", "fanout", "sender", "aggregator"} }

func numbersAt(rate float64) []number {
	return []number{{warmNumber, "token", 0}, {measuredNumber, "token", rate / (1 - replies)}}
}

func rows() []*row {
	return []*row{
		unlimited("kafka", setup{roles: []string{"all"}}, ">= 1.0", "<= 0.045"),
		unlimited("embedded", setup{embedded: true}, ">= 1.2", "<= 0.035"),
		limited("limited1000", 1000, "<= 0.15", "<= 0.05"),
		limited("limited80", 80, "<= 0.8", "<= 0.5"),
		inFlight(),
		directs(),
		smalls(),
		idle(),
		tenMillion(),
	}
}

// unlimited: one broadcast as fast as it goes, beside both bare loops.
func unlimited(name string, s setup, goal, goalCPU string) *row {
	const phones = 200_000
	s.numbers = numbersAt(0)
	return &row{
		name: name, setup: s, what: "one broadcast, latency 0", sends: func(s settings) int { return 3 * s.recipients(phones) },
		warm: phones, // processes, broker and simulator are slower at first, and not by the same part
		round: func(d *deployment, s settings) []figure {
			n, workers := s.recipients(phones), app.Default().WhatsApp.MaxInFlight
			fast := d.overFastHTTP(n, workers)
			half := d.overNetHTTP(n/2, workers)
			c := d.broadcast(n, followEvery)
			bare := half.and(d.overNetHTTP(n/2, workers))
			out := []figure{
				{"x net/http loop", c.perSecond / bare.perSecond, goal},
				{"x fasthttp loop", c.perSecond / fast.perSecond, ""},
				{"CPU s/1k, with broker", c.perThousand(), goalCPU},
				{"x CPU of the net/http loop", c.perThousand() / bare.perThousand, ""},
				{"sends/s", c.perSecond, ""},
				{"net/http loop: sends/s", bare.perSecond, ""},
				{"net/http loop: CPU s/1k", bare.perThousand, ""},
				{"fasthttp loop: sends/s", fast.perSecond, ""},
				{"fasthttp loop: CPU s/1k", fast.perThousand, ""},
			}
			return append(out, c.ofBroker("")...)
		},
		load: bigOne(1_000_000),
	}
}

// limited: one broadcast at a rate that Meta allows, with an API that takes 100 ms.
func limited(name string, rate float64, goalCPU, goalRequests string) *row {
	return &row{
		name: name, what: fmt.Sprintf("one broadcast at %.0f a second, latency 100 ms", rate),
		setup: setup{roles: []string{"all"}, numbers: numbersAt(rate), faults: "latency=100ms"},
		sends: func(settings) int { return yardstick },
		round: func(d *deployment, s settings) []figure {
			bare := d.overNetHTTP(yardstick, app.Default().WhatsApp.MaxInFlight)
			c := d.broadcast(int(rate*s.span.Seconds()), pollSlow)
			return append([]figure{
				{"CPU s/1k, with broker", c.perThousand(), goalCPU},
				{"x CPU of the net/http loop", c.perThousand() / bare.perThousand, ""},
				{"sends/s", c.perSecond, ""},
			}, c.ofBroker(goalRequests)...)
		},
		load: func(d *deployment, _ settings, end time.Time) {
			d.queue(measuredNumber, int(rate*time.Until(end).Seconds()), end)
		},
	}
}

// inFlight: an API that is slow, and a bound of the calls in flight that it makes the rate of.
func inFlight() *row {
	rate := slowInFlight / slowLatency.Seconds()
	phones := func(s settings) int { return int(rate * s.span.Seconds()) }
	return &row{
		name: "latency50", what: fmt.Sprintf("one broadcast, latency %s, %d in flight", slowLatency, slowInFlight),
		setup: setup{
			roles: []string{"all"}, numbers: numbersAt(0), faults: "latency=" + slowLatency.String(),
			env: []string{fmt.Sprintf("ALTAVOZ_WHATSAPP_MAX_IN_FLIGHT=%d", slowInFlight)},
		},
		sends: func(s settings) int { return 2 * phones(s) },
		round: func(d *deployment, s settings) []figure {
			bare := d.overNetHTTP(phones(s), slowInFlight)
			c := d.broadcast(phones(s), followEvery)
			return append([]figure{
				{"x net/http loop", c.perSecond / bare.perSecond, ">= 0.98"},
				{"CPU s/1k, with broker", c.perThousand(), ""},
				{"x CPU of the net/http loop", c.perThousand() / bare.perThousand, ""},
				{"sends/s", c.perSecond, ""},
			}, c.ofBroker("")...)
		},
		load: func(d *deployment, _ settings, end time.Time) {
			d.queue(measuredNumber, int(rate*time.Until(end).Seconds()), end)
		},
	}
}

// directs: direct broadcasts to three phones, alone and while a big one goes out on the same number.
func directs() *row {
	const phones = 1_000_000
	return &row{
		name: "direct", what: "direct broadcasts to three phones, four processes, alone and while a big one goes out, latency 0",
		setup: setup{roles: fourProcesses(), numbers: numbersAt(0)}, sends: func(s settings) int { return s.recipients(phones) },
		round: func(d *deployment, s settings) []figure {
			d.directs(measuredNumber, time.Second, always) // connections
			alone := d.directs(measuredNumber, s.span, always)
			const posting = 15 * time.Second
			end := time.Now().Add(s.span + posting)
			big := d.follow(d.queue(measuredNumber, s.recipients(phones), end))
			defer big.stop()
			big.awaitFlow()
			from := time.Now()
			beside := d.directs(measuredNumber, s.span, func() bool { return !big.over() && time.Now().Before(end) })
			rate := big.rate(from, time.Now())
			a, b := alone.times(alone.altavoz), beside.times(beside.altavoz)
			for !big.over() {
				d.sleep(followEvery)
			}
			return []figure{
				{"alone: p50 ms", a[0], "<= 7"},
				{"alone: p95 ms", a[1], "<= 10"},
				{"alone: p50 x three bare calls", alone.ratios()[0], ""},
				{"beside the big one: p50 ms", b[0], "<= 10"},
				{"beside the big one: p95 ms", b[1], "<= 25"},
				{"beside the big one: p50 x three bare calls", beside.ratios()[0], ""},
				{"beside the big one: direct ones", float64(beside.made), ""},
				{"the big one: sends/s", rate, ""},
			}
		},
		load: func(d *deployment, _ settings, end time.Time) {
			d.directs(measuredNumber, time.Until(end), always)
		},
	}
}

// smalls: direct broadcasts to three phones while many small ones wait on the same number.
func smalls() *row {
	const phones = 1_000_000 // of which fairSmallOf are for one small broadcast
	return &row{
		name: "small", what: "direct broadcasts to three phones while small ones wait, four processes, latency 50 ms",
		setup: setup{roles: fourProcesses(), numbers: numbersAt(0), faults: fairLatency}, sends: func(s settings) int { return s.recipients(phones) / fairSmallOf * fairSmall },
		round: func(d *deployment, s settings) []figure {
			end := time.Now().Add(3 * s.span)
			posted := d.smalls(measuredNumber, s.recipients(phones)/fairSmallOf, end)
			waiting := d.waiting(posted)
			last := d.follow(posted[len(posted)-1])
			defer last.stop()
			l := d.directs(measuredNumber, s.span, func() bool { return !last.over() })
			t := l.times(l.altavoz)
			for _, task := range posted {
				d.finish(task, followEvery)
			}
			return []figure{
				{"p50 ms", t[0], "<= 100"},
				{"p95 ms", t[1], ""},
				{"p50 x three bare calls", l.ratios()[0], ""},
				{"small ones", float64(len(posted)), ""},
				{"small ones that wait at first", float64(waiting), ""},
				{"direct ones", float64(l.made), ""},
			}
		},
		load: func(d *deployment, _ settings, end time.Time) {
			d.smalls(measuredNumber, 1<<30, time.Now().Add(3*time.Until(end)))
		},
	}
}

// idle: nothing to do.
func idle() *row {
	return &row{
		name: "idle", what: "nothing to do, all roles", setup: setup{roles: []string{"all"}, numbers: numbersAt(0)}, sends: func(settings) int { return 0 },
		round: func(d *deployment, s settings) []figure {
			d.sleep(fairWarm)
			w := d.window()
			d.sleep(s.span)
			c := w.end(1)
			seconds := c.took.Seconds()
			return []figure{
				{"altavoz: cores", c.own / seconds, "< 0.01"},
				{"broker: cores", c.broker / seconds, ""},
				{"Kafka requests/s", float64(c.requests.sum()) / seconds, ""},
			}
		},
	}
}

// tenMillion: one broadcast that is ten times as large as one before it.
func tenMillion() *row {
	const phones = 1_000_000 // of the smaller one
	return &row{
		name: "tenmillion", what: "one broadcast to ten times as many as one before it, four processes, latency 0", onlyNamed: true,
		setup: setup{roles: fourProcesses(), numbers: numbersAt(0)}, sends: func(s settings) int { return 11 * s.recipients(phones) },
		round: func(d *deployment, s settings) []figure {
			small := d.broadcast(s.recipients(phones), followEvery)
			big := d.broadcast(10*s.recipients(phones), pollSlow)
			return []figure{
				{"answer, s", big.answered.Seconds(), "<= 8"},
				{"largest process, MB", d.largest(), "< 300"},
				{"CPU s/1k, with broker", big.perThousand(), ""},
				{"x CPU of the smaller one", big.perThousand() / small.perThousand(), "<= 1.1"},
				{"sends/s", big.perSecond, ""},
			}
		},
		load: bigOne(10_000_000),
	}
}

func bigOne(phones int) func(*deployment, settings, time.Time) {
	return func(d *deployment, s settings, end time.Time) { d.queue(measuredNumber, s.recipients(phones), end) }
}
