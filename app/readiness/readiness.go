// Package readiness answers /readyz: what is checked, what fails and since when, and whether work may be sent here.
package readiness

import (
	"cmp"
	"context"
	"math"
	"time"

	"altavoz/schemas/es"
)

// Grace is how long Kafka may be away, or take no record, before a process says that it is not ready. Restarts of a broker are
// shorter (13 to 16 s), and every request is answered with 503 and Retry-After meanwhile.
const Grace = 30 * time.Second

// Process is what /readyz is made of.
type Process struct {
	Started  bool
	Producer bool  // it takes broadcasts, so it must be able to write
	Kafka    Kafka // what its clients saw
	// Tasks returns why not all tasks are known yet; nil: nobody asks for tasks here.
	Tasks func() error
	// Full returns since when the data budget is full, the zero time while it is not; nil: there is none.
	Full func() time.Time
	// Redis returns whether it answers and since when; nil: there is none.
	Redis func() (up bool, since time.Time)
}

// Kafka is what the clients of a process saw.
type Kafka interface {
	Silent() bool
	Answered() time.Time
	Failing() time.Time // since when no record is taken; zero: the last one was
	Refused() string    // why it refused the last connection; "": it did not
}

// Report makes the checks.
func (p *Process) Report() *Report {
	checks := []check{
		{name: "started", ok: p.Started, why: "it waits for Kafka, or stops", since: time.Now()},
		{name: "kafka", ok: !p.Kafka.Silent(), why: cmp.Or(p.Kafka.Refused(), "Kafka does not answer"), since: p.Kafka.Answered(), grace: Grace},
	}
	if p.Producer {
		since := p.Kafka.Failing()
		checks = append(checks, check{name: "writes", ok: since.IsZero(), why: "Kafka takes no records", since: since, grace: Grace})
	}
	if p.Tasks != nil {
		checks = append(checks, check{name: "tasks", ok: p.Tasks() == nil, why: "not all tasks are known yet", since: time.Now()})
	}
	if p.Redis != nil {
		up, since := p.Redis()
		checks = append(checks, check{name: "redis", ok: up, why: "Redis does not answer: files may be uploaded again", since: since, optional: true})
	}
	if p.Full != nil {
		full := p.Full()
		checks = append(checks, check{name: "data", ok: full.IsZero(), why: "ALTAVOZ_DATA_BUDGET is full: broadcasts are refused", since: full, optional: true})
	}
	return run(checks)
}

// check is one condition.
type check struct {
	name     string
	ok       bool
	why      string        // it does not hold
	since    time.Time     // it does not hold
	grace    time.Duration // how long it may not hold before the process is not ready
	optional bool          // the process is ready without it
}

// Result is what is said of one check.
type Result struct {
	OK       bool    `json:"ok"`
	Required bool    `json:"required"`
	Seconds  float64 `json:"for_seconds,omitzero"` // how long it has not held
	Why      string  `json:"why,omitzero"`
}

// Report is the body of /readyz. The members of a refusal are those of every other one of the API.
type Report struct {
	Status string            `json:"status"` // ready, or unavailable
	Error  string            `json:"error,omitzero"`
	Code   string            `json:"code,omitzero"`
	Hint   string            `json:"hint,omitzero"` // the first check that failed for too long
	Checks map[string]Result `json:"checks"`
}

// Ready reports whether work may be sent here.
func (r *Report) Ready() bool { return r.Code == "" }

func run(checks []check) *Report {
	r := &Report{Status: "ready", Checks: make(map[string]Result, len(checks))}
	for _, c := range checks {
		if c.ok {
			r.Checks[c.name] = Result{OK: true, Required: !c.optional}
			continue
		}
		lasts := time.Since(c.since)
		r.Checks[c.name] = Result{Required: !c.optional, Seconds: math.Round(lasts.Seconds()*10) / 10, Why: c.why}
		if !c.optional && lasts >= c.grace && r.Ready() {
			r.Status, r.Error, r.Code, r.Hint = "unavailable", es.Say(es.NotReady).Spanish(), "unavailable", c.name+": "+c.why
		}
	}
	return r
}

// probeEvery is how often a write is tried while none succeeds and nobody else may try: 12 records of some bytes a minute.
const probeEvery = 5 * time.Second

// Probe writes for as long as writes fail, until ctx ends. A process that is not ready gets no requests, so without it nothing
// would show that Kafka takes records again.
func Probe(ctx context.Context, failing func() bool, write func()) {
	tick := time.NewTicker(probeEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if failing() {
				write()
			}
		}
	}
}
