package callbacks_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"altavoz/internal/logtest"
	"altavoz/processor/callbacks"
	"altavoz/schemas"
	"altavoz/stream"
)

// eventOf appends an event of an owner's task.
func (w *world) eventOf(owner string, task, n int, url string) (id string) {
	id = fmt.Sprintf("%s-paused-%d", taskNo(task), n)
	w.Append(stream.Record{
		Topic: schemas.TopicEvents, Key: []byte(taskNo(task)), Value: []byte(`{"id":"` + id + `"}`), Time: time.Now().Add(-w.age),
		Headers: []stream.Header{
			{Key: schemas.CallbackHeader, Value: []byte(url)}, {Key: schemas.EventHeader, Value: []byte(id)}, {Key: schemas.OwnerHeader, Value: []byte(owner)},
		},
	})
	return id
}

const (
	hubBad  = "https://hub.example/broken"
	hubGood = "https://hub.example/works"
)

func brokenURL(status int) func(string) (int, time.Duration, error) {
	return func(url string) (int, time.Duration, error) {
		if url == hubGood {
			return http.StatusOK, 0, nil
		}
		return status, time.Hour, nil
	}
}

// An event that an endpoint answers with 500 each time is not tried before all others of that endpoint until its day is over.
func TestEventThatAlwaysFailsDoesNotKeepOthersOfItsEndpointWaiting(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.answers(func(url string) (int, time.Duration, error) {
			if url == hubGood {
				return http.StatusOK, 0, nil
			}
			return http.StatusInternalServerError, 0, nil
		})
		p := w.start()
		defer func() { p.leave() }()
		w.event(1, 1, hubBad)
		settle(time.Minute)
		var want []string
		for n := range 5 {
			want = append(want, w.event(2, n, hubGood))
		}
		settle(10 * time.Minute)
		if got := w.got(2, hubGood); !slices.Equal(got, want) {
			t.Errorf("within ten minutes came %v, want %v", got, want)
		}
	})
}

// Many post to the same host: what one owner's URL there answers, how long it asks to wait, and how much waits for it, is nothing to another owner.
func TestOwnersOfOneHostDoNotDisturbEachOther(t *testing.T) {
	t.Parallel()
	for _, status := range []int{http.StatusInternalServerError, http.StatusTooManyRequests, http.StatusNotFound} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t)
			w.answers(brokenURL(status))
			p := w.start()
			defer func() { p.leave() }()
			for n := range 2100 {
				w.eventOf("tienda", n, 1, hubBad)
			}
			settle(time.Minute)
			id := w.eventOf("banco", 5000, 1, hubGood)
			settle(time.Second)
			if got := w.got(5000, hubGood); !slices.Equal(got, []string{id}) {
				t.Errorf("status %d: the other owner's URL got %v within a second, want %s", status, got, id)
			}
		})
	}
}

// Failing for five days switches off what one owner posts to a host, and not what others do; also for the next owner of the partition.
func TestSwitchingOffIsAnOwners(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.answers(brokenURL(http.StatusNotFound))
		p := w.start()
		defer func() { p.leave() }()
		for day := range 6 {
			w.eventOf("tienda", 1, day, hubBad)
			settle(25 * time.Hour)
		}
		if n := value(t, p.reg, "altavoz_callbacks_endpoints", "off"); n != 1 {
			t.Fatalf("%v endpoints are off after five days, want 1", n)
		}
		p.crash()
		p = w.start()
		settle(2 * time.Second)
		w.eventOf("tienda", 2, 1, hubBad) // the probe
		settle(time.Second)
		id := w.eventOf("banco", 3, 1, hubGood)
		settle(10 * time.Second)
		if got := w.got(3, hubGood); !slices.Equal(got, []string{id}) {
			t.Errorf("the other owner's URL got %v, want %s", got, id)
		}
		if n := value(t, p.reg, "altavoz_callbacks_endpoints", "off"); n != 1 {
			t.Errorf("%v endpoints are off, want still 1", n)
		}
	})
}

// However a host is written it is one endpoint, with one set of waits and bounds.
func TestOneHostIsOneEndpointHoweverItIsWritten(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.answers(func(string) (int, time.Duration, error) { return http.StatusInternalServerError, 0, nil })
		p := w.start()
		defer func() { p.leave() }()
		written := []string{"https://hub.example/", "https://HUB.example/", "https://hub.Example:443/", "https://hub.example./x", "HTTPS://hub.example"}
		w.event(0, 0, written[0])
		settle(time.Minute)
		for n, url := range written {
			w.event(n, 1, url)
		}
		settle(time.Hour)
		if left := w.left(); !slices.Contains(left, "endpoint/https://hub.example tienda") || len(left) != len(written)+2 {
			t.Errorf("%v are left, want one endpoint and %d events", left, len(written)+1)
		}
	})
}

// Endpoints that fail, as many as there may be, do not fill a partition so that nothing more is read of it.
func TestManyDeadEndpointsDoNotStopReading(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.answers(func(url string) (int, time.Duration, error) {
			if url == good {
				return http.StatusOK, 0, nil
			}
			return http.StatusServiceUnavailable, time.Hour, nil
		})
		p := w.start()
		defer func() { p.leave() }()
		for n := range 26 * 2100 {
			w.event(n, 1, fmt.Sprintf("https://%d.example/", n%26))
		}
		settle(10 * time.Minute)
		id := w.event(100_000, 1, good)
		settle(time.Second)
		if got := w.got(100_000, good); !slices.Equal(got, []string{id}) {
			t.Errorf("the endpoint that works got %v within a second, want %s", got, id)
		}
	})
}

// What is known of an endpoint is written again where Kafka refused it, and not over what is known since.
func TestStateThatWasRefusedIsNotWrittenOverANewerOne(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		start := time.Now()
		w.answers(func(string) (int, time.Duration, error) {
			if time.Since(start) < 5*time.Second {
				return http.StatusServiceUnavailable, 0, nil
			}
			return http.StatusOK, 0, nil
		})
		p := w.start()
		defer func() { p.leave() }()
		p.OnWrite(func(rec stream.Record) logtest.Fault {
			return logtest.Fault{Lose: strings.HasPrefix(string(rec.Key), callbacks.EndpointPrefix) && len(rec.Value) > 0 && time.Since(start) < 20*time.Second}
		})
		id := w.event(1, 1, bad)
		settle(10 * time.Minute)
		if got := w.got(1, bad); !slices.Equal(got, []string{id}) {
			t.Fatalf("got %v, want %s", got, id)
		}
		if left := w.left(); len(left) > 0 {
			t.Errorf("%v are left of an endpoint that works, want none", left)
		}
	})
}

// An endpoint that failed once, and was not asked for a week, is not switched off by the first failure after it.
func TestOneFailureAfterAQuietWeekSwitchesNothingOff(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.answers(func(string) (int, time.Duration, error) { return http.StatusServiceUnavailable, 0, nil })
		p := w.start()
		defer func() { p.leave() }()
		w.event(1, 1, bad)
		settle(7 * 24 * time.Hour)
		id := w.event(2, 1, bad)
		settle(300 * time.Millisecond) // its first try
		w.answers(func(string) (int, time.Duration, error) { return http.StatusOK, 0, nil })
		settle(15 * time.Minute)
		if got := w.got(2, bad); !slices.Equal(got, []string{id}) {
			t.Errorf("got %v, want %s", got, id)
		}
	})
}

// A broadcast over Kafka may name anything; it is refused for it, and its events go nowhere.
func TestWhatIsNoEndpointIsNotPostedTo(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		p := w.start()
		defer func() { p.leave() }()
		none := []string{"ftp://good.example/", "https://user:word@good.example/", "good.example/hook", "https://", "mailto:a@good.example"}
		for n, url := range none {
			w.event(n, 1, url)
		}
		settle(time.Minute)
		w.mu.Lock()
		defer w.mu.Unlock()
		if len(w.tries) > 0 {
			t.Errorf("%v were posted to, want none", w.tries)
		}
	})
}
