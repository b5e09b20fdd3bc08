package e2e

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"altavoz/app"
	"altavoz/processor/sender/limits"
	"altavoz/test/harness"
	"altavoz/whatsapp/simulator"
)

const (
	realOutage     = 20 * time.Second
	realRate       = 50.0 // messages a second of each number; a fifth is left for replies
	realRecipients = 1500 // OUTAGE_RECIPIENTS says another number, for which the outage lasts longer and the numbers are faster
	realLongOutage = 10 * time.Minute
	realFastRate   = 250.0
	// realBefore is how long the other number's rate is measured before the outage, and realKeeps what is left of it at least: what else
	// takes the machine is part of both. That it keeps 95 % is measured in fake time.
	realBefore = 5 * time.Second
	realKeeps  = 0.5

	outageOther     = "1066"           // the number that has no trouble
	outageProcesses = 2                // each has its own breaker for a number
	outageLongest   = 15 * time.Second // between two probes
	outageFirst     = 30 * time.Second // until the first send after the end
)

// TestRealKafkaOutageFailsNobody: as TestSimulatedOutageFailsNobody in test/sim, short, with two processes on a real Kafka: an outage of one of two numbers costs no more than was
// in flight, the runs that open the breakers and the probing sends; nobody fails, nobody is sent to twice, and the other number goes on.
func TestRealKafkaOutageFailsNobody(t *testing.T) {
	t.Parallel()
	lasts, limit, recipients := realOutage, realRate, realRecipients
	if n, err := strconv.Atoi(os.Getenv("OUTAGE_RECIPIENTS")); err == nil {
		lasts, limit, recipients = realLongOutage, realFastRate, n
	}
	patience := harness.SettleTime + time.Duration(float64(recipients)/(limit*0.8)*float64(time.Second))
	brokers, _ := harness.StartReal(t, "kafka-local")
	sim := simulator.New(simulator.Config{
		Numbers:     []simulator.Number{{ID: harness.Number, Token: harness.Token}, {ID: outageOther, Token: "other"}},
		PlainPhones: true, Logger: harness.Logger(t), Faults: "latency=100ms", Listen: net.Listen,
	})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	served := make(chan error, 1)
	go func() { served <- sim.Serve(ctx, l) }()
	t.Cleanup(func() {
		cancel()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	api := "http://" + l.Addr().String()
	file := filepath.Join(t.TempDir(), "senders.json")
	if err := os.WriteFile(file, fmt.Appendf(nil, `[{"id":%q,"token":"other","rate":%v}]`, outageOther, limit), 0o600); err != nil {
		t.Fatal(err)
	}
	prefix := fmt.Sprintf("outage%d.", time.Now().UnixNano())
	var apps []*app.App
	for i := range outageProcesses {
		cfg := harness.ConfigOf(t, api)
		cfg.Process.InstanceID = fmt.Sprint("all-", i)
		cfg.Kafka.Brokers, cfg.Kafka.TopicPrefix = []string{brokers}, prefix
		cfg.WhatsApp.Rate, cfg.WhatsApp.SendersFile = limit, file
		apps = append(apps, harness.Start(t, cfg))
	}
	h := &deployment{API: harness.API{URL: apps[0].URL()}, simulator: api}
	ask := func(number string, block int) string {
		return h.Queued(t, fmt.Sprintf(`{"phones":%s,"body_text":"hola","sender":%q,"use_queue":true}`, harness.Quoted(harness.Phones(block, recipients)), number))
	}
	list, other := ask(harness.Number, 1), ask(outageOther, 2)
	h.sentTo(t, list, 100, harness.SettleTime)
	h.sentTo(t, other, 100, harness.SettleTime)
	rateOf := func(d time.Duration) float64 {
		before, began := h.Status(t, other).Result.Successful, time.Now()
		time.Sleep(d)
		return float64(h.Status(t, other).Result.Successful-before) / time.Since(began).Seconds()
	}
	usual := rateOf(realBefore)

	inFlight := 0
	for _, a := range apps {
		inFlight += int(harness.MetricSum(t, (&harness.API{URL: a.URL()}).Metrics(t), "altavoz_sends_in_flight"))
	}
	rule := fmt.Sprintf("latency=100ms; number=%s outage for=%v", harness.Number, lasts)
	over := time.Now().Add(lasts)
	if err := sim.SetFaults(rule); err != nil {
		t.Fatal(err)
	}
	rate := rateOf(min(lasts, time.Duration(float64(recipients)/limit)*time.Second)) // while it has whom to send to
	time.Sleep(time.Until(over))
	sent, end := h.Status(t, list).Result.Successful, time.Now()
	h.sentTo(t, list, sent+1, harness.SettleTime)
	first := time.Since(end)
	h.sentTo(t, list, recipients*9/10, patience)
	h.sentTo(t, other, recipients*9/10, patience)
	s, o, sum := h.Finished(t, list).Result, h.Finished(t, other).Result, sim.Summary()
	t.Logf("%d sent, %d unknown, %d in flight when it began; first send %v after the end; the other number %.1f a second, and %.1f before", s.Successful, s.Unknown, inFlight, first, rate, usual)
	// A process that met an outage probes after 1, 2, 4 and 8 s, and then every 15 s: no more of its probes can be sends.
	if most := inFlight + outageProcesses*(limits.SilentRun+4+int(lasts/outageLongest)); s.Unknown > most || s.Failed != s.Unknown || s.Successful+s.Unknown != recipients || s.Unknown == 0 {
		t.Errorf("%+v, with %d in flight when it began; want Unknown at most %v, Failed %v, Unknown other than 0", s, inFlight, most, s.Unknown)
	}
	if first > outageFirst {
		t.Errorf("the first send came %v after the end, want at most %v", first, outageFirst)
	}
	if rate < realKeeps*usual || o.Successful != recipients {
		t.Errorf("the other number sent %.1f a second, %.1f before the outage, and in the end %+v; want at least %v, Successful %v", rate, usual, o, realKeeps*usual, recipients)
	}
	if sum.Repeated > 0 || sum.Duplicates > 0 {
		t.Errorf("%d calls repeated, %d messages doubled; want 0, 0", sum.Repeated, sum.Duplicates)
	}
}

// sentTo waits until so many of a task were sent to.
func (h *deployment) sentTo(t testing.TB, task string, n int, patience time.Duration) {
	t.Helper()
	for end := time.Now().Add(patience); h.Status(t, task).Result.Successful < n; time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not %d of task %s are sent to: %+v", n, task, h.Status(t, task))
		}
	}
}
