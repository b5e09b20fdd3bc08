package callbacks

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"altavoz/internal/backoff"
	"altavoz/processor/partition"
	"altavoz/processor/timers"
	"altavoz/schemas"
	"altavoz/stream"
)

const (
	// busyAgain is how long a partition waits where the process, or an endpoint in it, has as many callbacks under way as it may.
	busyAgain = 100 * time.Millisecond
	// offsetHeader is where the event of a record of callbacks lies in events.
	offsetHeader = "offset"
)

// part is one partition.
type part struct {
	*partition.Engine
	partition.Progress
	st *Stage

	writing   bool // a batch of events is written to callbacks
	posting   int
	waits     int // events
	tasks     map[string]*task
	endpoints map[string]*endpoint
	later     timers.Set[*task]
	closed    timers.Set[*endpoint]
	looked    map[*endpoint]struct{} // by the next Step
	waiting   map[string]bool        // ids
}

func newPart(st *Stage, of stream.TopicPartition, from int64) *part {
	p := &part{
		Engine: partition.NewEngine(of, partition.Config{
			Logger: st.cfg.Logger, Pauser: st.ports.Pauser, MaxRecords: waitRecords, MaxBytes: waitBytes,
			Retried: func(n int) { st.metrics.retries.Add(float64(n)) },
		}),
		st: st, tasks: make(map[string]*task), endpoints: make(map[string]*endpoint), looked: make(map[*endpoint]struct{}), waiting: make(map[string]bool),
	}
	p.Progress = partition.NewProgress(p.Engine, from, metadata, func(pos stream.Position) { st.parts.Commit(p, pos) })
	return p
}

// readPending reads an event that is to be posted, of either topic. Of one of events the offset is its own.
func readPending(rec *stream.Record) (pending, bool) {
	one := pending{
		id: rec.Header(schemas.EventHeader), url: rec.Header(schemas.CallbackHeader), owner: rec.Header(schemas.OwnerHeader),
		body: rec.Value, offset: rec.Offset, at: rec.Time,
	}
	if text := rec.Header(offsetHeader); text != "" {
		var err error
		if one.offset, err = strconv.ParseInt(text, 10, 64); err != nil {
			return one, false
		}
	}
	return one, one.id != "" && EndpointOf(one.url) != "" && len(one.body) > 0
}

// Step takes events in, and posts what may be posted.
func (p *part) Step(now time.Time) time.Time {
	if !p.writing && !p.Draining() && p.waits < maxPending {
		p.take(now)
	}
	if p.Draining() {
		return time.Time{}
	}
	for t := p.later.Due(now); t != nil; t = p.later.Due(now) {
		p.ready(t.Of)
	}
	for e := p.closed.Due(now); e != nil; e = p.closed.Due(now) {
		p.looked[e.Of] = struct{}{}
	}
	for e := range p.looked {
		delete(p.looked, e)
		if at := p.dispatch(e, now); !at.IsZero() {
			p.closed.Start(&e.timer, e, at)
		}
	}
	next, some := p.later.Next()
	if at, closed := p.closed.Next(); closed && (!some || at.Before(next)) {
		next = at
	}
	return next
}

// ready has the next Step post the first event of a task, if its endpoint may get one.
func (p *part) ready(t *task) {
	t.of.ready = append(t.of.ready, t)
	p.looked[t.of] = struct{}{}
}

// take writes the next events that have a callback to the topic callbacks, and commits behind them once they are acknowledged.
func (p *part) take(now time.Time) {
	recs := p.Take(batch)
	if len(recs) == 0 {
		return
	}
	p.writing = true
	end := recs[len(recs)-1].Offset + 1
	var some []pending
	var out []stream.Record
	room := make(map[string]int)
	for i := range recs {
		one, ok := readPending(&recs[i])
		if !ok || p.waiting[one.id] {
			continue
		}
		e := p.endpoint(NameOf(one.url, one.owner))
		room[e.name]++
		if result := e.refuses(now, one.at, room[e.name], p.waits+len(some)); result != "" {
			p.st.metrics.ended[result].Inc()
			p.st.cfg.Logger.Warn("a callback is dropped", "event", one.id, "endpoint", e.name, "result", result)
			p.forget(e)
			continue
		}
		some, out = append(some, one), append(out, stream.Record{
			Topic: schemas.TopicCallbacks, Partition: p.Partition().Partition, Key: []byte(one.id), Value: one.body, Time: one.at,
			Headers: []stream.Header{
				{Key: schemas.EventHeader, Value: []byte(one.id)},
				{Key: schemas.CallbackHeader, Value: []byte(one.url)},
				{Key: schemas.OwnerHeader, Value: []byte(one.owner)},
				{Key: offsetHeader, Value: strconv.AppendInt(nil, one.offset, 10)},
			},
		})
	}
	//mutant:event-is-committed-once-it-is-kept
	p.Write(&partition.Write{To: p.st.ports.Log, Records: out, Done: func(stream.Record) {
		p.writing = false
		for _, one := range some {
			p.put(one)
		}
		p.Advance(end)
	}})
}

func (p *part) endpoint(name string) *endpoint {
	e := p.endpoints[name]
	if e == nil {
		e = &endpoint{name: name}
		p.endpoints[name] = e
	}
	return e
}

// forget frees an endpoint that nothing waits for and nothing is known against. Where many fail, what is known of one for which nothing waits
// is forgotten too.
func (p *part) forget(e *endpoint) {
	if e.waits > 0 || e.posting > 0 || e.FailingMs != 0 && len(p.endpoints) <= maxEndpoints {
		return
	}
	delete(p.endpoints, e.name)
	p.closed.Stop(&e.timer)
	if e.FailingMs != 0 {
		p.count(e, -1)
		e.State = State{}
		p.keep(e)
	}
}

// put has an event posted behind those of its task.
func (p *part) put(one pending) {
	e := p.endpoint(NameOf(one.url, one.owner))
	key := e.name + " " + taskOf(one.id)
	t := p.tasks[key]
	if t == nil { //mutant:events-of-a-task-are-posted-in-order
		t = &task{of: e}
		p.tasks[key] = t
		p.ready(t)
	}
	t.waiting = append(t.waiting, one)
	p.waiting[one.id] = true
	e.waits++
	p.waits++
	p.st.metrics.waiting.Inc()
}

// taskOf returns the task of an event's id, which begins with it.
func taskOf(id string) string { return id[:min(len(id), len(schemas.TaskID{}.String()))] }

// dispatch posts what an endpoint may get now. It returns when to ask again.
func (p *part) dispatch(e *endpoint, now time.Time) time.Time {
	for len(e.ready) > 0 {
		ok, at := e.mayPost(now)
		if !ok {
			return at
		}
		t := e.ready[0]
		if one := t.waiting[0]; now.Sub(one.at) >= deliverFor {
			e.ready = e.ready[1:]
			p.end(t, resultExpired)
			continue
		}
		if !p.st.places.take(e.name) {
			return now.Add(busyAgain)
		}
		e.ready = e.ready[1:]
		p.post(t)
	}
	return time.Time{}
}

// post posts the first event of a task.
func (p *part) post(t *task) {
	one := t.waiting[0]
	t.posting = true
	t.of.posting++
	p.posting++
	var status int
	var wait time.Duration
	var failed error
	p.Background(func(ctx context.Context) error {
		defer p.st.places.give(t.of.name)
		header := make(http.Header)
		if failed = p.st.cfg.Secrets().Sign(header, one.owner, one.id, time.Now(), one.body); failed == nil {
			status, wait, failed = p.st.ports.Poster.Post(ctx, one.url, header, one.body)
		}
		return nil
	}, func(error) bool { return true }, func(error) {
		t.posting = false
		t.of.posting--
		p.posting--
		p.looked[t.of] = struct{}{}
		p.posted(t, status, wait, failed, time.Now())
	})
}

// posted takes an answer in.
func (p *part) posted(t *task, status int, wait time.Duration, failed error, now time.Time) {
	e := t.of
	switch {
	case failed == nil && status/100 == 2:
		was := *e
		if e.works() {
			p.count(&was, -1)
			p.keep(e)
		}
		p.end(t, resultDelivered)
		return
	case failed == nil && status == http.StatusGone:
		p.end(t, resultGone)
		return
	}
	p.st.metrics.ended[resultFailed].Inc()
	what := "status " + strconv.Itoa(status)
	if failed != nil {
		what = told(failed)
	}
	own := failed != nil || status >= http.StatusInternalServerError || status == http.StatusTooManyRequests || status == http.StatusRequestTimeout
	was := *e
	if e.failed(now, own, wait, what) {
		p.count(&was, -1)
		p.count(e, 1)
		p.keep(e)
		p.st.cfg.Logger.Warn("an endpoint of callbacks fails", "endpoint", e.name, "off", e.OffMs != 0, "error", what)
	}
	if e.OffMs != 0 {
		e.probeAt = now.Add(probeEvery)
		p.dropAll(e)
		return
	}
	t.tries++
	if own { // the endpoint's wait is the task's. It may be this event that it fails at: others go first
		p.ready(t)
		return
	}
	p.later.Start(&t.timer, t, now.Add(max(wait, backoff.Equal(firstWait, longestWait, t.tries-1))))
}

// dropAll drops what waits for an endpoint that is off.
func (p *part) dropAll(e *endpoint) {
	for key, t := range p.tasks {
		if t.of != e || t.posting {
			continue
		}
		p.later.Stop(&t.timer)
		for range t.waiting {
			p.end(t, resultOff)
		}
		delete(p.tasks, key)
	}
	e.ready = nil
}

// end takes the first event of a task off, in the topic too, and has the next one posted.
func (p *part) end(t *task, result string) {
	one := t.waiting[0]
	p.st.metrics.ended[result].Inc()
	if result != resultDelivered {
		p.st.cfg.Logger.Warn("a callback is given up", "event", one.id, "endpoint", t.of.name, "result", result)
	}
	t.waiting, t.tries = t.waiting[1:], 0
	delete(p.waiting, one.id)
	if t.of.waits--; t.of.waits == 0 {
		t.of.failures = 0
	}
	p.waits--
	p.st.metrics.waiting.Dec()
	p.Write(&partition.Write{
		To: p.st.ports.Log, Records: []stream.Record{{Topic: schemas.TopicCallbacks, Partition: p.Partition().Partition, Key: []byte(one.id)}}, Done: func(stream.Record) {},
	})
	switch {
	case len(t.waiting) == 0:
		delete(p.tasks, t.of.name+" "+taskOf(one.id))
		p.forget(t.of)
	case result != resultOff:
		p.ready(t)
	}
}

// keep writes the state of an endpoint; again where that fails, unless there is a newer one, which is written by itself.
func (p *part) keep(e *endpoint) {
	name, failing, off := e.name, e.FailingMs, e.OffMs
	p.Write(&partition.Write{
		To: p.st.ports.Log, Records: []stream.Record{e.record(p.Partition().Partition)}, Done: func(stream.Record) {},
		Ready: func() bool {
			var now State
			if e := p.endpoints[name]; e != nil {
				now = e.State
			}
			if now.FailingMs != failing || now.OffMs != off { //mutant:older-state-is-not-written-over-a-newer-one
				return false
			}
			return true
		},
	})
}

// count counts an endpoint in the gauges.
func (p *part) count(e *endpoint, n float64) {
	if e.OffMs != 0 {
		p.st.metrics.off.Add(n)
	} else if e.FailingMs != 0 {
		p.st.metrics.failing.Add(n)
	}
}

// Drained reports whether what is under way is posted, noted and committed.
func (p *part) Drained() bool {
	return p.posting == 0 && p.InFlight() == 0 && p.Settled()
}

// Close gives back what the partition added to the gauges.
func (p *part) Close() {
	p.st.metrics.waiting.Sub(float64(p.waits))
	for _, e := range p.endpoints {
		p.count(e, -1)
	}
}
