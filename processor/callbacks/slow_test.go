package callbacks_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// Endpoints that answer, and take nearly all of the time that they have, hold more callbacks than a process may have under way: others do not wait for them.
func TestSlowEndpointsDelayNoOther(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		p := w.start()
		defer func() { p.leave() }()
		const good = "https://good.example/hook"
		for host := range 100 {
			for n := range 8 {
				w.event(1000+8*host+n, 1, fmt.Sprintf("https://slow%d.example/hook", host))
			}
		}
		settle(2 * time.Second)
		for n := range 20 {
			w.event(n, 1, good)
		}
		settle(2 * time.Second)
		for n := range 20 {
			if len(w.got(n, good)) != 1 {
				t.Fatalf("event %d of an endpoint that answers at once waits for slow ones", n)
			}
		}
		settle(5 * time.Minute)
		if left := w.left(); len(left) > 0 {
			t.Errorf("%d events are left; want each posted", len(left))
		}
	})
}

// What an endpoint makes an error of may be long, and no text: neither is kept or logged whole.
func TestErrorOfAnEndpointIsCut(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.answers(func(string) (int, time.Duration, error) {
			return 0, 0, errors.New("malformed \xff" + strings.Repeat("ñ", 30_000))
		})
		p := w.start()
		defer func() { p.leave() }()
		w.event(1, 1, "https://bad.example/hook")
		settle(5 * time.Second)
		kept := false
		for _, rec := range w.All(callbacks0, 0) {
			if strings.HasPrefix(string(rec.Key), "endpoint/") {
				kept = len(rec.Value) > 0 && len(rec.Value) < 400
			}
		}
		if !kept {
			t.Error("that the endpoint fails is not kept, or with all that it said")
		}
	})
}
