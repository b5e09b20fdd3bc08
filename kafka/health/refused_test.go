package health

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"

	"altavoz/schemas/refused"
)

type buffer struct {
	mu  sync.Mutex
	all strings.Builder
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.all.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.all.String()
}

func count(t *testing.T, reg *prometheus.Registry, reason refused.Reason) float64 {
	t.Helper()
	all, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range all {
		for _, m := range f.GetMetric() {
			if f.GetName() == "altavoz_kafka_refusals_total" && m.GetLabel()[0].GetValue() == string(reason) {
				return m.GetCounter().GetValue()
			}
		}
	}
	t.Fatalf("nothing counts %s", reason)
	return 0
}

// TestThreatS14KafkaSaysWhatItRefuses: a wrong password, an unknown user, another mechanism and none at all. The double closes the connection
// where a real broker says more; TestRealLeastRights has that.
func TestThreatS14KafkaSaysWhatItRefuses(t *testing.T) {
	t.Parallel()
	c, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.EnableSASL(), kfake.Superuser("SCRAM-SHA-256", "altavoz", "right"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	as := func(user, password string) sasl.Mechanism {
		return scram.Auth{User: user, Pass: password}.AsSha256Mechanism()
	}
	for name, e := range map[string]struct {
		opts []kgo.Opt
		want refused.Reason
		says string
	}{
		"the right password": {[]kgo.Opt{kgo.SASL(as("altavoz", "right"))}, refused.None, ""},
		"a wrong password":   {[]kgo.Opt{kgo.SASL(as("altavoz", "canary"))}, refused.Unsecured, "ALTAVOZ_KAFKA_SASL_MECHANISM"},
		"an unknown user":    {[]kgo.Opt{kgo.SASL(as("nobody", "canary"))}, refused.Unsecured, "ALTAVOZ_KAFKA_SASL_MECHANISM"},
		"PLAIN":              {[]kgo.Opt{kgo.SASL(plain.Auth{User: "altavoz", Pass: "canary"}.AsMechanism())}, refused.Unsecured, "ALTAVOZ_KAFKA_SASL_MECHANISM"},
		"no password":        {nil, refused.Unsecured, "ALTAVOZ_KAFKA_SASL_MECHANISM"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var log buffer
			reg := prometheus.NewRegistry()
			h := New(reg, slog.New(slog.NewTextHandler(&log, nil)))
			cl, err := kgo.NewClient(append(e.opts, kgo.SeedBrokers(c.ListenAddrs()...), kgo.WithHooks(h), kgo.RequestRetries(0))...)
			if err != nil {
				t.Fatal(err)
			}
			defer cl.Close()
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
			defer cancel()
			err = cl.Ping(ctx)
			if name == "no password" { // the connection itself is made
				h.ObserveError(err)
			}
			if (err == nil) != (e.want == refused.None) {
				t.Errorf("the client's error is %v, want reason %v", err, e.want)
			}
			said := log.String()
			if e.want == refused.None {
				if said != "" || h.Refused() != "" {
					t.Errorf("%q, %q; want %q, %q", said, h.Refused(), "", "")
				}
				return
			}
			if count(t, reg, e.want) == 0 || !strings.Contains(said, e.says) || (name != "no password" && !strings.Contains(h.Refused(), e.says)) {
				t.Errorf("%v counted, said %q and %q after %v; want other than 0, %q in it", count(t, reg, e.want), said, h.Refused(), err, e.says)
			}
			if strings.Contains(said, "canary") {
				t.Errorf("the password is in the log: %s, want no %q in it", said, "canary")
			}
		})
	}
}

func TestRefusalsAreSaidOnceAMinuteAndCountedAlways(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log buffer
		reg := prometheus.NewRegistry()
		h := New(reg, slog.New(slog.NewTextHandler(&log, nil)))
		for range 150 {
			h.OnBrokerConnect(kgo.BrokerMetadata{}, 0, nil, kerr.SaslAuthenticationFailed)
			h.ObserveWrite(kerr.TopicAuthorizationFailed)
			time.Sleep(time.Second)
		}
		if n := strings.Count(log.String(), "refuses"); n != 2*3 || count(t, reg, refused.Credentials) != 150 || count(t, reg, refused.Rights) != 150 {
			t.Errorf("said %d times in 150 s, %v and %v counted; want %v, 150, 150", n, count(t, reg, refused.Credentials), count(t, reg, refused.Rights), 2*3)
		}
		h.OnBrokerConnect(kgo.BrokerMetadata{}, 0, nil, errors.New("connection refused"))
		if h.Refused() != "" {
			t.Error("a broker that is away refuses nothing")
		}
	})
}
