package e2e

import (
	"testing"

	"altavoz/kafka"
	"altavoz/test/harness"
)

// embeddedDeployment runs everything in this process, as `altavoz up` does. Its simulator is a process of its own, so to say:
// it outlives a restart, as Meta would.
func embeddedDeployment(t *testing.T) *deployment {
	t.Helper()
	sim := harness.StartSimulator(t)
	cfg := harness.ConfigOf(t, sim.URL())
	cfg.Callback.Secrets, cfg.Media.FetchAllow = "whsec_"+callbackKey, []string{callbackAllow}
	a := harness.Start(t, cfg)
	h := &deployment{API: harness.API{URL: a.URL()}, simulator: sim.URL(), kafka: func() kafka.Config { return harness.Kafka(a, cfg) }}
	h.publish = func(t *testing.T, key string, value []byte) {
		t.Helper()
		publishRaw(t, harness.Kafka(a, cfg), key, value)
	}
	h.restart = func(*testing.T) { // for the whole test, whichever scenario asked for it
		harness.Stop(t, a)
		a = harness.Start(t, cfg)
		h.URL = a.URL()
	}
	return h
}

// TestEndToEndEmbedded is every promise of the path on the embedded Kafka, which a restart continues.
func TestEndToEndEmbedded(t *testing.T) {
	t.Parallel()
	h := embeddedDeployment(t)
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) { s.run(t, h) })
	}
}
