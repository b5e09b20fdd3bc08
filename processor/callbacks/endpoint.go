package callbacks

import (
	"net/url"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"altavoz/internal/backoff"
	"altavoz/processor/timers"
	"altavoz/schemas"
	"altavoz/stream"
)

const (
	// atOnce is how many callbacks are under way to an endpoint at once, of one partition. One that fails is tried with one.
	atOnce = 4
	// maxEndpointWaits is how many events may wait for an endpoint in a partition; further ones are dropped.
	maxEndpointWaits = 2000
	// What failed is tried again after 1 s, then twice that, up to 10 min; half of it is drawn.
	firstWait   = time.Second
	longestWait = 10 * time.Minute
	// deliverFor is how long an event is tried.
	deliverFor = 24 * time.Hour
	// offAfter is how long an endpoint may fail, without a success between, before it is switched off.
	offAfter = 5 * 24 * time.Hour
	// offFailures is after how many failures at least: while something waited, so that time in which nothing was tried counts for nothing alone.
	offFailures = 10
	// probeEvery is how often one event is tried of an endpoint that is off.
	probeEvery = time.Hour

	// maxEndpoints is of how many endpoints a partition remembers that they fail.
	maxEndpoints = 10_000
	maxTold      = 200 // bytes of what went wrong, as it is kept and logged: it may have text of the endpoint, up to 64 KiB
)

// told is the beginning of an error, in UTF-8.
func told(err error) string {
	text := err.Error()
	return strings.ToValidUTF8(text[:min(len(text), maxTold)], "?")
}

// EndpointPrefix stands before an endpoint's name in the keys of its State in the topic callbacks; all other keys are ids of events.
const EndpointPrefix = "endpoint/"

// pending is an event that waits to be posted.
type pending struct {
	id, url, owner string
	body           []byte
	offset         int64 // of the event, which is its order
	at             time.Time
}

// task is what waits of one task and endpoint, in order: one after the other is posted.
type task struct {
	of      *endpoint
	waiting []pending
	posting bool
	tries   int
	timer   timers.Timer[*task] // running: it waits
}

// State is how an endpoint stands, as it is kept in the topic callbacks. Times are unix milliseconds, 0: none.
type State struct {
	FailingMs int64  `json:"failing_since_ms"`
	OffMs     int64  `json:"off_since_ms,omitzero"`
	Last      string `json:"last,omitzero"` // what was answered, or went wrong
}

// endpoint is scheme and host of an owner's callbacks, as far as one partition knows it.
type endpoint struct {
	name     string
	ready    []*task
	waits    int // events
	posting  int
	tries    int                     // failures in a row that are the endpoint's, not the URL's
	failures int                     // since something waits, without a success
	openAt   time.Time               // nothing is posted before
	probeAt  time.Time               // when it is off
	timer    timers.Timer[*endpoint] // running: it is asked again then
	State
}

// EndpointOf returns scheme and host of a URL, "" of one that is not posted to. However a host is written it is the same.
func EndpointOf(text string) string {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.User != nil {
		return ""
	}
	u.Host = strings.ToLower(u.Host)
	port := u.Port()
	host := strings.TrimSuffix(strings.TrimSuffix(u.Host, ":"+port), ".")
	if usual := map[string]string{"http": "80", "https": "443"}[u.Scheme]; port != "" && port != usual {
		host += ":" + port
	}
	return u.Scheme + "://" + host
}

// NameOf returns the name of an owner's endpoint: many have URLs of one host, and what those of one do to it is nothing to the others. A host has
// no space.
func NameOf(url, owner string) string {
	name := EndpointOf(url)
	if owner == "" || name == "" { //mutant:owners-of-one-host-are-apart
		return name
	}
	return name + " " + owner
}

// record makes the record of the endpoint's state; of one that works, a tombstone.
func (e *endpoint) record(partition int32) stream.Record {
	rec := stream.Record{Topic: schemas.TopicCallbacks, Partition: partition, Key: []byte(EndpointPrefix + e.name)}
	if e.FailingMs != 0 {
		rec.Value, _ = json.Marshal(e.State) // numbers and a text
	}
	return rec
}

// mayPost reports whether one more may be posted now; at is when to ask again, if it is time that keeps it.
func (e *endpoint) mayPost(now time.Time) (ok bool, at time.Time) {
	if now.Before(e.openAt) {
		return false, e.openAt
	}
	if e.tries > 0 {
		return e.posting == 0, time.Time{}
	}
	return e.posting < atOnce, time.Time{}
}

// refuses returns why an event of that time is dropped, "" if it is not. ahead counts those of the batch up to it, waits all that wait in the partition.
func (e *endpoint) refuses(now, at time.Time, ahead, waits int) string {
	crowded := e.FailingMs != 0 && waits >= maxFailingWaits //mutant:room-is-left-for-endpoints-that-work
	switch {
	case now.Sub(at) >= deliverFor:
		return resultExpired
	case e.OffMs != 0 && (now.Before(e.probeAt) || e.waits > 0 || ahead > 1):
		return resultOff
	case e.waits+ahead > maxEndpointWaits, crowded:
		return resultFull
	}
	return ""
}

// failed takes a failure in. The endpoint's own close it for a while; all of them count for how long it has failed. It reports whether the
// state is to be kept anew.
func (e *endpoint) failed(now time.Time, own bool, wait time.Duration, what string) bool {
	if own {
		e.openAt = now.Add(max(wait, backoff.Equal(firstWait, longestWait, e.tries)))
		e.tries++
	}
	e.failures++
	e.Last = what
	switch {
	case e.FailingMs == 0:
		e.FailingMs = now.UnixMilli()
	case e.OffMs == 0 && e.failures >= offFailures && now.Sub(time.UnixMilli(e.FailingMs)) >= offAfter:
		e.OffMs, e.probeAt = now.UnixMilli(), now.Add(probeEvery)
	default:
		return false
	}
	return true
}

// works takes a success in, and reports whether the state is to be kept anew.
func (e *endpoint) works() bool {
	was := e.FailingMs != 0
	e.tries, e.failures, e.openAt, e.State = 0, 0, time.Time{}, State{}
	return was
}
