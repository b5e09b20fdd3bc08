package sim

import (
	"encoding/json"
	"io"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"altavoz/app/readiness"
	"altavoz/kafka/health"
	"altavoz/test/harness"
)

// readyz is what a process in a simulated world says of itself.
func (w *world) readyz(addr string) (status int, r readiness.Report) {
	w.t.Helper()
	req, err := http.NewRequestWithContext(w.t.Context(), http.MethodGet, "http://"+addr+"/readyz", nil)
	if err != nil {
		w.t.Fatal(err)
	}
	resp, err := w.client(5 * time.Second).Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	_ = resp.Body.Close()
	if err := json.Unmarshal(body, &r); err != nil {
		w.t.Fatalf("%s: %v", body, err)
	}
	return resp.StatusCode, r
}

// until waits for /readyz to answer with a status, and returns how long that took.
func (w *world) until(addr string, status int, patience time.Duration) time.Duration {
	w.t.Helper()
	began := time.Now()
	for {
		got, r := w.readyz(addr)
		if took := time.Since(began); got == status {
			return took
		} else if took > patience {
			w.t.Fatalf("after %s /readyz says %d: %+v", took, got, r)
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// A dead Kafka must take a process out of a load balancer, a restart of the broker must not.
func TestReadyTurnsUnavailableOnceKafkaIsSilentFor30Seconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newLimitsWorld(t, 1, limitsCalm)
		defer w.close()
		addr := w.procs[0].addr
		w.until(addr, http.StatusOK, time.Minute)
		status, r := w.readyz(addr)
		for _, name := range []string{"started", "kafka", "writes", "tasks"} {
			if c := r.Checks[name]; status != http.StatusOK || !c.OK || !c.Required {
				t.Errorf("%d, %s: %+v; want %v", status, name, c, http.StatusOK)
			}
		}
		w.broker.net.Freeze()
		time.Sleep(readiness.Grace / 2) // a restart of the broker
		if status, r = w.readyz(addr); status != http.StatusOK || r.Checks["kafka"].OK || r.Checks["kafka"].Why == "" {
			t.Errorf("after half of the time: %d %+v; want %v", status, r, http.StatusOK)
		}
		w.broker.net.Thaw()
		time.Sleep(health.Silence)
		if status, r = w.readyz(addr); status != http.StatusOK || !r.Checks["kafka"].OK {
			t.Errorf("after a restart of the broker: %d %+v; want %v", status, r, http.StatusOK)
		}
		w.broker.net.Freeze()
		took := w.until(addr, http.StatusServiceUnavailable, time.Minute)
		t.Logf("503 %s after Kafka stopped", took)
		if took > readiness.Grace || took < readiness.Grace-5*time.Second { // the last answer came up to a fetch's wait before
			t.Errorf("503 after %s, want at most %v, at least %v", took, readiness.Grace, readiness.Grace-5*time.Second)
		}
		w.broker.net.Thaw()
		t.Logf("200 %s after Kafka was back", w.until(addr, http.StatusOK, 15*time.Second))
	})
}

// A broker that answers and takes nothing (too few replicas, a full disk) is as bad for callers as one that is away. A process that
// gets no requests any more must find out by itself when that is over.
func TestReadyTurnsUnavailableOnceKafkaTakesNothingFor30Seconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newLimitsWorld(t, 1, limitsCalm)
		defer w.close()
		addr := w.procs[0].addr
		w.until(addr, http.StatusOK, time.Minute)
		refused := w.broker.cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Err: kerr.NotEnoughReplicas, Count: -1})
		code, body, err := w.request(http.MethodPost, harness.SendPath, `{"phones":["573000000001"],"body_text":"hola"}`, "one", 20*time.Second)
		if err != nil || code != http.StatusServiceUnavailable {
			t.Fatalf("a request that Kafka does not take: %v, %d %s; want %v", err, code, body, http.StatusServiceUnavailable)
		}
		took := w.until(addr, http.StatusServiceUnavailable, 2*time.Minute)
		t.Logf("503 %s after Kafka refused every record", took)
		refused.Remove()
		t.Logf("200 %s after it takes them again", w.until(addr, http.StatusOK, time.Minute))
	})
}
