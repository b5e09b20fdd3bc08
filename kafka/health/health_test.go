package health

import (
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

func answer(h *Health, key kmsg.Key, err error) {
	h.OnBrokerE2E(kgo.BrokerMetadata{}, int16(key), kgo.BrokerE2E{ReadErr: err})
}

func gauge(t *testing.T, reg *prometheus.Registry, name string) float64 {
	t.Helper()
	all, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range all {
		if f.GetName() == name {
			return f.GetMetric()[0].GetGauge().GetValue()
		}
	}
	t.Fatalf("no gauge %s", name)
	return 0
}

func TestKafkaIsUpWhileItAnswers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		reg := prometheus.NewRegistry()
		h := New(reg, slog.New(slog.DiscardHandler))
		up := func(want float64, when string) {
			t.Helper()
			if got := gauge(t, reg, "altavoz_kafka_up"); got != want {
				t.Errorf("%s: altavoz_kafka_up is %v; want %v", when, got, want)
			}
		}
		up(0, "before the first answer")
		for _, key := range []kmsg.Key{kmsg.ApiVersions, kmsg.SASLHandshake, kmsg.SASLAuthenticate} {
			answer(h, key, nil)
		}
		up(0, "after a handshake, which a refused password has too")
		answer(h, kmsg.Fetch, errors.New("connection reset"))
		up(0, "after a request without an answer")
		answer(h, kmsg.Fetch, nil)
		up(1, "after an answer")
		time.Sleep(Silence - time.Nanosecond)
		up(1, "at the end of the time that an answer may take")
		time.Sleep(time.Nanosecond)
		up(0, "after a longer silence")
		if since := time.Since(h.Answered()); since != Silence {
			t.Errorf("the last answer was %s ago, want %v", since, Silence)
		}
		answer(h, kmsg.Heartbeat, nil)
		up(1, "after the next answer")
	})
}

func TestKafkaIsWritableUntilAWriteFailsAndAgainOnceOneIsTaken(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		reg := prometheus.NewRegistry()
		h := New(reg, slog.New(slog.DiscardHandler))
		for _, err := range []error{kerr.MessageTooLarge, kgo.ErrMaxBuffered} {
			if h.ObserveWrite(err); !h.Failing().IsZero() || gauge(t, reg, "altavoz_kafka_writable") != 1 {
				t.Errorf("%v says something about Kafka", err)
			}
		}
		h.ObserveWrite(kerr.NotEnoughReplicas)
		first := time.Now()
		time.Sleep(7 * time.Second)
		h.ObserveWrite(kgo.ErrRecordTimeout)
		if got := h.Failing(); !got.Equal(first) {
			t.Errorf("failing since %s, not since the first failure at %s", got, first)
		}
		if gauge(t, reg, "altavoz_kafka_writable") != 0 {
			t.Error("writable although writes fail")
		}
		h.ObserveWrite(nil)
		if !h.Failing().IsZero() || gauge(t, reg, "altavoz_kafka_writable") != 1 {
			t.Error("not writable although a record was taken")
		}
	})
}

func TestHealthThatIsNotAskedForObservesNothing(t *testing.T) {
	t.Parallel()
	var h *Health
	answer(h, kmsg.Fetch, nil)
	h.ObserveWrite(errors.New("any"))
}
