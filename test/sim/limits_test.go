package sim

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"altavoz/app"
	"altavoz/processor/sender/limits"
	"altavoz/test/harness"
)

// The runs of TestSimulatedLimitsCostLittleOfTheRate...: a number of 80 a second, of which altavoz leaves a fifth to replies.
const (
	limitsRate     = 80.0
	limitsHeadroom = 0.2
	limitsUsable   = limitsRate * (1 - limitsHeadroom)
	limitsTasks    = 3
	limitsPhones   = 20_000 // of each task
	limitsCalm     = "latency=50ms..300ms; rate=80; pair; " + limitsMute
	limitsMute     = "webhook_drop=100%" // receipts are no part of this, and three times as many as messages
	limitsEndless  = 2 * time.Hour
)

// trouble is something that the Cloud API does for a while.
type trouble struct {
	at, lasts time.Duration
	rule      string
	all       bool // refuses every call while it lasts
}

func limitsTroubles() []trouble {
	second := func(n int) time.Duration { return time.Duration(n) * time.Second }
	return []trouble{
		{second(0), second(60), "phone=57300000* 131056=100%", false}, // 100 phones: they fill most of the pipe (W is 160) while they wait
		{second(90), second(3), "130429=100%", true},
		{second(180), second(2), "130429=100% retry_after=4s", true},
		{second(270), second(75), "token_expired", true},
		{second(450), second(5), "130429=100%", true},
		{second(550), second(60), "maintenance", true},
		{second(720), second(20), "131000=10%", false},
		{second(800), second(1), "130429=100%", true},
	}
}

// TestSimulatedLimitsCostLittleOfTheRate runs two processes of the whole of altavoz in fake time against a Cloud API with its limits on: 80 a
// second, one message in 6 s to a phone, bursts of 130429, an expired token, maintenance, errors that pass. Everybody is
// sent to in the end, at 95 % of what is there for the taking, and few calls are refused.
//
// The rate is: messages that the API accepted, over the seconds from the first to the last of them without those in which it
// refused every call. So waiting longer than need be, and going slower afterwards, counts against altavoz; and so do calls
// that are refused, since each takes its place in the rate.
func TestSimulatedLimitsCostLittleOfTheRate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newLimitsWorld(t, 2, limitsCalm)
		defer w.close()
		for i := range limitsTasks {
			w.send(harness.Phones(i, limitsPhones))
		}
		few := []string{"573000000001", "573000000002", "573000000003"}
		for range 20 { // small ones, all to the same phones: one in six seconds each
			w.send(few)
		}
		w.begin()
		w.untilDone(limitsTroubles())
		w.judgeOutcomes()
		w.judgeRate(limitsTroubles())
	})
}

// TestSimulatedLimitsAreShared: two processes, and four, together never send faster than the number's rate less the headroom,
// in any second, whoever comes and goes; and 12 s after one of them was killed the others send as fast as all did before: the
// group gives the dead up after 10 s of silence and hands out its partitions.
//
// What lay on those partitions fills the pipe by then (W is 160, and with two processes nothing else moves any more), and
// whoever inherits it works it off at his own share, while the others have less than they could send. So in the first ten
// seconds nine tenths of the rate are asked for, and all of it from there on.
func TestSimulatedLimitsAreShared(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ processes, victim int }{{2, 0}, {2, 1}, {4, 0}, {4, 3}} {
		t.Run(fmt.Sprintf("%d without %d", c.processes, c.victim), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { shareAndKill(t, c.processes, c.victim) })
		})
	}
}

func shareAndKill(t *testing.T, processes, victim int) {
	const before, silence, first, after = 20, 12, 10, 15            // seconds
	w := newLimitsWorld(t, processes, "latency=100ms; "+limitsMute) // always the same, so that what is seen there is as fast as it left
	defer w.close()
	w.send(harness.Phones(1, int(limitsUsable)*200))
	w.begin()
	for w.rate(5) < 0.97*limitsUsable || w.shares() < 0.99*limitsUsable {
		if w.second(); len(w.seconds) > 300 {
			t.Fatalf("it never gets as fast as it may: %v, want at most 300 of them", w.seconds)
		}
	}
	span := func(what string, seconds int, part float64) {
		for range seconds {
			w.second()
		}
		got := w.rate(seconds)
		t.Logf("%s: %.1f a second of %v: %v", what, got, limitsUsable, w.seconds[len(w.seconds)-seconds:])
		if got < part*limitsUsable {
			t.Errorf("%s: %.1f a second of %v; want at least %v", what, got, limitsUsable, part*limitsUsable)
		}
	}
	span("all of them", before, 0.97)
	w.procs[victim].kill()
	w.procs[victim].gone = true
	back := 0
	for s := range silence {
		if w.second(); back == 0 && w.shares() > 0.99*limitsUsable {
			back = s + 1
		}
	}
	t.Logf("the others have all of the rate %d s after the kill", back)
	if back == 0 {
		t.Errorf("%d s after one was killed the others may send %.1f a second of %v", silence, w.shares(), limitsUsable)
	}
	span("after 12 s", first, 0.9)
	span("and then", after, 0.97)
	w.join(app.AllRoles(), "") // takes a part from them
	span("while another joins", 2*after, 0)
	span("with the new one", after, 0.97)

	sum := w.sim.Summary()
	worst := sum.MaxRateByNumber[simNumber]
	t.Logf("most within a second: %d of %v", worst, limitsUsable)
	if most := min(withinASecond(limitsUsable, processes), limitsRate); float64(worst) > most { // what Meta allows is not exceeded either
		t.Errorf("%d within a second, at most %v", worst, most)
	}
	if sum.Repeated > 0 || sum.Duplicates > 0 {
		t.Errorf("%d calls repeated, %d messages doubled; want 0, 0", sum.Repeated, sum.Duplicates)
	}
}

// withinASecond is how many of a rate so many processes send within a second at most: each may have saved up the burst of its share.
func withinASecond(usable float64, processes int) float64 {
	n := float64(processes)
	return usable + n*limits.Burst(usable/n)
}

// limitsWorld is a broker, a Cloud API with limits, and some processes with all roles, in a bubble.
type limitsWorld struct {
	*world
	stopAPI func()
	start   time.Time
	seconds []int // messages accepted, by second
	counted int
}

func newLimitsWorld(t *testing.T, processes int, rules string, changes ...func(*world)) *limitsWorld {
	t.Helper()
	w := &limitsWorld{world: &world{
		t: t, seed: 1, large: true, tally: newSimTally(), log: slog.New(slog.DiscardHandler),
		tune: func(c *app.Config) { c.WhatsApp.Rate, c.WhatsApp.AppSecret = limitsRate, "" },
	}}
	if os.Getenv("SIM_LOG") != "" {
		w.log = slog.New(slog.NewTextHandler(os.Stderr, nil))
	}
	for _, change := range changes {
		change(w.world)
	}
	w.broker = &broker{w: w.world, nodes: 1}
	if err := w.broker.start(); err != nil {
		t.Fatal(err)
	}
	if err := w.broker.topics(simPrefix, w.large); err != nil {
		t.Fatal(err)
	}
	w.stopAPI = w.serveAPI()
	if err := w.sim.SetFaults(rules); err != nil {
		t.Fatal(err)
	}
	for range processes {
		w.join(app.AllRoles(), "")
	}
	return w
}

func (w *limitsWorld) close() {
	for _, p := range w.procs {
		if err := p.stop(); err != nil {
			w.errorf("%s does not stop: %v", p.addr, err)
		}
	}
	for _, d := range w.dead {
		<-d
	}
	w.stopAPI()
	w.broker.stop()
	time.Sleep(simAftermath)
}

func (w *limitsWorld) send(phones []string) {
	body, err := json.Marshal(map[string]any{"phones": phones, "body_text": "hola", "use_queue": true})
	if err != nil {
		w.t.Fatal(err)
	}
	task := &simTask{phones: phones, sure: true}
	w.post(task, string(body), fmt.Sprint("request-", len(w.tasks)))
}

// begin waits for the first message, which begins the first second.
func (w *limitsWorld) begin() {
	for w.sim.Summary().Accepted == 0 {
		time.Sleep(10 * time.Millisecond)
	}
	w.start = time.Now()
}

// second lets one pass and counts it.
func (w *limitsWorld) second() {
	time.Sleep(time.Second)
	n := w.sim.Summary().Accepted
	w.seconds = append(w.seconds, n-w.counted)
	w.counted = n
}

// rate is how many messages a second were accepted lately.
func (w *limitsWorld) rate(seconds int) float64 {
	return mean(w.seconds[max(0, len(w.seconds)-seconds):])
}

func mean(ns []int) float64 {
	sum := 0
	for _, n := range ns {
		sum += n
	}
	return float64(sum) / float64(max(1, len(ns)))
}

// shares adds up what the processes say that they may send a second.
func (w *limitsWorld) shares() (sum float64) {
	for _, p := range w.procs {
		if p.gone {
			continue
		}
		sum += harness.MetricSum(w.t, w.metrics(p), "altavoz_sender_rate", `of="full"`)
	}
	return sum
}

// untilDone switches the troubles on as their time comes, until every task is at its end.
func (w *limitsWorld) untilDone(next []trouble) {
	for {
		for len(next) > 0 && time.Since(w.start) >= next[0].at {
			rules := fmt.Sprintf("%s; for=%s %s", limitsCalm, next[0].lasts, next[0].rule)
			if err := w.sim.SetFaults(rules); err != nil {
				w.t.Fatal(err)
			}
			next = next[1:]
		}
		w.second()
		if len(w.seconds)%20 == 0 && w.allEnded() {
			break
		}
		if time.Since(w.start) > limitsEndless {
			w.t.Fatal("it does not end")
		}
	}
	if len(next) > 0 {
		w.t.Errorf("it was over before %v", next[0])
	}
}

func (w *limitsWorld) allEnded() bool {
	for _, task := range w.tasks {
		if s, code, err := w.status(w.procs[0], task.id, simPatient); err != nil || code != http.StatusOK || s.Status != "SUCCESS" {
			return false
		}
	}
	return true
}

// judgeOutcomes: everybody was sent to, once.
func (w *limitsWorld) judgeOutcomes() {
	sum, recipients, sent := w.sim.Summary(), 0, 0
	for _, task := range w.tasks {
		s, _, _ := w.status(w.procs[0], task.id, simPatient)
		if r := s.Result; r.Successful != len(task.phones) || r.Failed != 0 {
			w.t.Errorf("task %s: %+v", task.id, r)
		}
		sent += s.Result.Successful
		recipients += len(task.phones)
	}
	if sent != recipients || sum.Accepted != recipients || sum.Repeated > 0 || sum.Duplicates > 0 {
		w.t.Errorf("%d of %d sent; %d accepted, %d calls repeated, %d messages doubled", sent, recipients, sum.Accepted, sum.Repeated, sum.Duplicates)
	}
}

func (w *limitsWorld) judgeRate(troubles []trouble) {
	sum, refused := w.sim.Summary(), 0
	for _, n := range sum.Refused {
		refused += n
	}
	share := float64(refused) / float64(refused+sum.Accepted)
	length := len(w.seconds)
	for length > 0 && w.seconds[length-1] == 0 {
		length--
	}
	out := time.Duration(0)
	for _, x := range troubles {
		if x.all {
			out += x.lasts
		}
	}
	open := time.Duration(length)*time.Second - out
	got := float64(sum.Accepted) / open.Seconds()
	w.t.Logf("%d messages in %d s, of which the API refused everything for %v: %.1f a second, %.1f %% of %v; %d calls refused (%.2f %%): %v; most within a second: %d",
		sum.Accepted, length, out, got, 100*got/limitsUsable, limitsUsable, refused, 100*share, sum.Refused, sum.MaxRateByNumber[simNumber])
	var course strings.Builder
	for i := 0; i < length; i += 20 {
		fmt.Fprintf(&course, " %d:%.0f", i, mean(w.seconds[i:min(i+20, length)]))
	}
	w.t.Logf("a second, by twenties:%s", &course)
	if got < 0.95*limitsUsable {
		w.t.Errorf("%.1f a second, of %v that were there", got, limitsUsable)
	}
	if share >= 0.02 {
		w.t.Errorf("%.2f %% of the calls were refused", 100*share)
	}
	if n := sum.MaxRateByNumber[simNumber]; float64(n) > limitsRate {
		w.t.Errorf("%d messages within a second", n)
	}
}
