package sim

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"altavoz/app"
	"altavoz/processor/sender/limits"
	"altavoz/schemas"
	"altavoz/test/harness"
	"altavoz/whatsapp/simulator"
)

const (
	outageOther      = "1066"           // the number that has no trouble
	outageOtherRate  = 20.0             // messages a second of it
	outageProcesses  = 2                // each has its own breaker for a number
	outageLongest    = 15 * time.Second // between two probes
	outageSend       = 10 * time.Second // what a call takes that is never answered
	outageFirst      = 30 * time.Second // until the first send after the end
	outageRecipients = 6_000            // OUTAGE_RECIPIENTS says another number
)

// outageTurn is what the calls of the number meet for a while; refused connections are everybody's, for there is one address.
type outageTurn struct {
	lasts time.Duration
	rule  string
	spoil time.Duration // how long the other number has no fair chance: it is refused too, or finds out that it is not any more
}

func outageTurns() []outageTurn {
	const a = "number=" + simNumber + " "
	return []outageTurn{
		{100 * time.Second, a + "outage=bad_gateway+bad_gateway_after", 0},
		{100 * time.Second, a + "outage=unavailable+unavailable_after retry_after=1h", 0},
		{100 * time.Second, a + "outage=empty+empty_after", 0},
		{100 * time.Second, a + "outage=drop_before+drop_after", 0},
		{20 * time.Second, "refused for=20s", 20 * time.Second},
		{80 * time.Second, a + "outage=stall+stall_before", outageLongest + outageSend},
		{100 * time.Second, a + "outage=portal+blank+braces+success", 0},
	}
}

// TestSimulatedOutageFailsNobody: ten minutes of all that is no answer of the Cloud API, in turns, amid a long list on one of two numbers, in two
// processes. Nobody fails; unknown is no more than was in flight when it began, the runs that open the breakers, and the probing
// sends; these stay unknown until a receipt and are never repeated; everybody else is sent to, nobody twice; the other number keeps its rate.
func TestSimulatedOutageFailsNobody(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		w := newOutageWorld(t, dir, outageTurns())
		defer w.close()
		w.live()
	})
}

type outageWorld struct {
	*numbersWorld
	turns      []outageTurn
	recipients int
	inFlight   int // calls, when it began
	opened     int // calls without a verdict until both breakers were open
	lost       int // all of them
	kept       int // what the other number sent while it could
	could      time.Duration
}

func newOutageWorld(t *testing.T, dir string, turns []outageTurn) *outageWorld {
	w := &outageWorld{numbersWorld: &numbersWorld{file: filepath.Join(dir, "senders.json")}, turns: turns, recipients: outageRecipients}
	if n, err := strconv.Atoi(os.Getenv("OUTAGE_RECIPIENTS")); err == nil {
		w.recipients = n
	}
	w.write(fmt.Sprintf(`[{"id":%q,"token":"other","rate":%v}]`, outageOther, outageOtherRate))
	w.limitsWorld = newLimitsWorld(t, outageProcesses, "latency=100ms; "+limitsMute, func(v *world) {
		v.more = []simulator.Number{{ID: outageOther, Token: "other"}}
		v.tune = func(c *app.Config) {
			c.WhatsApp.Rate, c.WhatsApp.AppSecret, c.WhatsApp.SendersFile = limitsRate, "", w.file
		}
	})
	return w
}

func (w *outageWorld) live() {
	t, began := w.t, time.Now()
	lasts := time.Duration(0)
	for _, turn := range w.turns {
		lasts += turn.lasts
	}
	other := w.ask(outageOther, int((lasts+2*time.Minute).Seconds()*outageOtherRate*(1-limitsHeadroom)), http.StatusAccepted)
	list := w.ask(simNumber, w.recipients, http.StatusAccepted)
	for w.shown(list).Result.Successful < w.recipients/10 {
		time.Sleep(time.Second)
	}
	if n := w.nowhere(); n > 0 {
		t.Fatalf("%d calls without a verdict before it began, want 0", n)
	}
	w.inFlight = int(w.gauge("altavoz_sends_in_flight"))
	for _, turn := range w.turns {
		w.turn(turn, other)
	}
	if err := w.sim.SetFaults("latency=100ms; " + limitsMute); err != nil {
		t.Fatal(err)
	}
	w.lost = w.nowhere()
	end, first := time.Now(), time.Duration(0)
	for sent := w.shown(list).Result.Successful; first == 0; {
		time.Sleep(time.Second)
		if w.shown(list).Result.Successful > sent {
			first = time.Since(end)
		}
		if time.Since(end) > 5*time.Minute {
			t.Fatalf("nothing is sent %v after the end: %+v; want at most %v", time.Since(end), w.shown(list), 5*time.Minute)
		}
	}
	for s := w.shown(list); s.Status != "SUCCESS"; s = w.shown(list) {
		time.Sleep(5 * time.Second)
		if time.Since(end) > limitsEndless {
			t.Fatalf("it does not end: %+v", s)
		}
	}
	w.judge(list, first)
	w.settled(list)
	t.Logf("in fake time %v", time.Since(began).Round(time.Second))
}

// turn lives through one of the outage's turns, and counts what the other number sends where it can.
func (w *outageWorld) turn(turn outageTurn, other schemas.TaskID) {
	if err := w.sim.SetFaults("latency=100ms; " + limitsMute + "; " + turn.rule); err != nil {
		w.t.Fatal(err)
	}
	end := time.Now().Add(turn.lasts)
	for w.opened == 0 && time.Now().Before(end) && w.gauge("altavoz_sender_stops_total") < outageProcesses {
		time.Sleep(50 * time.Millisecond)
	}
	if w.opened == 0 {
		w.opened = w.nowhere()
	}
	time.Sleep(time.Until(end.Add(turn.spoil - turn.lasts)))
	from, sent := time.Now(), w.shown(other).Result.Successful
	time.Sleep(time.Until(end))
	w.kept += w.shown(other).Result.Successful - sent
	w.could += time.Since(from)
}

// nowhere counts the calls that got no verdict.
func (w *outageWorld) nowhere() int { s := w.sim.Summary(); return s.Dropped + s.Unanswered }

// gauge adds up a metric over its labels and all processes.
func (w *outageWorld) gauge(name string) (sum float64) {
	for _, p := range w.procs {
		sum += harness.MetricSum(w.t, w.metrics(p), name)
	}
	return sum
}

func (w *outageWorld) judge(list schemas.TaskID, first time.Duration) {
	t, s, sum := w.t, w.shown(list).Result, w.sim.Summary()
	probes := w.lost - w.opened
	rate := float64(w.kept) / w.could.Seconds()
	t.Logf("%d sent, %d unknown: %d calls in flight when it began, %d without a verdict until the breakers were open, %d probing sends; first send %v after the end; "+
		"the other number %.2f a second", s.Successful, s.Unknown, w.inFlight, w.opened, probes, first, rate)
	if s.Failed != s.Unknown || s.Expired+s.Cancelled+s.Skipped+s.Undelivered > 0 || s.Successful+s.Unknown != w.recipients {
		t.Errorf("got %+v, want Failed %v", s, s.Unknown)
	}
	if s.Unknown > w.lost || w.opened > w.inFlight+outageProcesses*limits.SilentRun || w.lost == 0 {
		t.Errorf("%d unknown; %d calls without a verdict, %d of them before the breakers were open, with %d in flight when it began; want at most %v, other than 0, at most %v", s.Unknown, w.lost, w.opened, w.inFlight, w.lost, w.inFlight+outageProcesses*limits.SilentRun)
	}
	lasts := time.Duration(0)
	for _, turn := range w.turns {
		lasts += turn.lasts
	}
	// A gateway that passes on messages only is tried with every fourth probe, and each turn may be met by one more.
	if most := outageProcesses * (int(lasts/outageLongest)/4 + len(w.turns)); probes > most {
		t.Errorf("%d probing sends, at most %d", probes, most)
	}
	if first > outageFirst {
		t.Errorf("the first send came %v after the end, want at most %v", first, outageFirst)
	}
	if full := outageOtherRate * (1 - limitsHeadroom); rate < 0.95*full {
		t.Errorf("the other number sent %.1f a second of %.1f; want at least %v", rate, full, 0.95*full)
	}
	if sum.Repeated > 0 || sum.Duplicates > 0 {
		t.Errorf("%d calls repeated, %d messages doubled; want 0, 0", sum.Repeated, sum.Duplicates)
	}
}

// settled has a receipt come for one who is unknown: only that tells.
func (w *outageWorld) settled(list schemas.TaskID) {
	unknown := w.shown(list).Result.Unknown
	marks, _, _ := w.recount()
	for who, m := range marks {
		if _, _, accepted := w.calls(who.task, who.index); m != schemas.StateUnknown || accepted == 0 || who.task != list {
			continue
		}
		body, err := json.Marshal(map[string]any{"entry": []any{map[string]any{"changes": []any{map[string]any{"field": "messages", "value": map[string]any{
			"statuses": []any{map[string]any{"id": "wamid.x", "status": "sent", "biz_opaque_callback_data": schemas.Callback(who.task, who.index)}},
		}}}}}})
		if err != nil {
			w.t.Fatal(err)
		}
		if code, answer, err := w.request(http.MethodPost, simHooks, string(body), "", time.Minute); err != nil || code != http.StatusOK {
			w.t.Fatalf("%d %s %v", code, answer, err)
		}
		time.Sleep(5 * time.Second)
		if n := w.shown(list).Result.Unknown; n != unknown-1 {
			w.t.Errorf("%d unknown, and %d after the receipt of one", unknown, n)
		}
		return
	}
	w.t.Error("nobody is unknown who was accepted: this shows nothing")
}
