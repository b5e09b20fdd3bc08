package sim

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash/fnv"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"altavoz/app"
	"altavoz/schemas"
	"altavoz/whatsapp/simulator"
	"altavoz/whatsapp/simulator/webhooks"
)

const (
	accountPhones = 3_000
	// accountStops is how long what webhooks say may take to stop a number: the simulator tells it within some seconds.
	accountStops = 15 * time.Second
)

// TestSimulatedLockedAccount: after the first thousand sends Meta still accepts every message of a number, and webhooks say that the account is locked. The
// number stops in both processes, also in one that starts meanwhile; its task says why; the other number goes on. Once the account works again
// everybody else is sent to, nobody twice.
func TestSimulatedLockedAccount(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		w := newAccountWorld(t, dir)
		defer w.close()
		list, other := w.ask(simNumber, accountPhones, http.StatusAccepted), w.ask(outageOther, 5_000, http.StatusAccepted)
		for w.shown(list).Result.Successful < 1000 {
			time.Sleep(time.Second)
		}
		w.rules("number=" + simNumber + " late_131031=100%")
		time.Sleep(accountStops)
		was := w.shown(list).Result
		w.procs[1].kill() // what was said of the number is in Kafka
		time.Sleep(time.Second)
		w.procs[1].start()
		time.Sleep(10 * time.Minute)
		s := w.shown(list)
		if n := s.Result.Total - s.Result.Pending - (was.Total - was.Pending); n > 100 {
			t.Errorf("%d more were sent in ten minutes in which webhooks said that the account is locked, want at most 100", n)
		}
		if want := "(131031) Cuenta bloqueada"; s.Status != "STARTED" || !strings.Contains(s.Why, want) {
			t.Errorf("%s, %q, want %q", s.Status, s.Why, want)
		}
		if r := w.shown(other).Result; r.Successful+r.Unknown != r.Total || r.Unknown > outageOtherRate { // those of the killed process in flight
			t.Errorf("the other number: %+v, want Total %v, Unknown at most %v", r, r.Successful+r.Unknown, outageOtherRate)
		}
		w.rules("")
		for began := time.Now(); w.shown(list).Status != "SUCCESS"; time.Sleep(time.Second) {
			if time.Since(began) > time.Hour {
				t.Fatalf("it does not go on: %+v", w.shown(list))
			}
		}
		if r := w.shown(list).Result; r.Successful+r.Undelivered+r.Unknown != accountPhones || r.Undelivered > 1000 {
			t.Errorf("got %+v, want Undelivered at most 1000", r)
		}
		if sum := w.sim.Summary(); sum.Repeated > 0 || sum.Duplicates > 0 {
			t.Errorf("%d calls repeated, %d messages doubled; want 0, 0", sum.Repeated, sum.Duplicates)
		}
	})
}

// TestSimulatedAccountUpdate: a signed webhook about the account stops its numbers, a warning about a number is told, and what restores the account lets
// them go on at once. One that nobody signed does nothing.
func TestSimulatedAccountUpdate(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		w := newAccountWorld(t, dir)
		defer w.close()
		list := w.ask(simNumber, accountPhones, http.StatusAccepted)
		for w.shown(list).Result.Successful < 500 {
			time.Sleep(time.Second)
		}
		banned := `{"event":"DISABLED_UPDATE","ban_info":{"waba_ban_state":%q}}`
		if code := w.hook("another secret", "account_update", fmt.Sprintf(banned, "DISABLE")); code != http.StatusUnauthorized {
			t.Errorf("what another one signed: %d, want %v", code, http.StatusUnauthorized)
		}
		name := fnv.New64a() // as the simulator displays a number
		name.Write([]byte(simNumber))
		w.hook(simAppSecret, "phone_number_quality_update", fmt.Sprintf(`{"display_phone_number":"%d","event":"FLAGGED"}`, 15_550_000_000+name.Sum64()%10_000_000))
		time.Sleep(3 * time.Second)
		s := w.shown(list)
		time.Sleep(5 * time.Second)
		if after := w.shown(list); after.Result.Successful < s.Result.Successful+200 || !strings.Contains(s.Why, "está en riesgo") {
			t.Errorf("warned: %+v, and 5 s later %+v", s, after)
		}
		w.hook(simAppSecret, "account_update", fmt.Sprintf(banned, "DISABLE"))
		time.Sleep(5 * time.Second)
		s = w.shown(list)
		time.Sleep(10 * time.Second)
		if after := w.shown(list); after.Result.Pending != s.Result.Pending || !strings.Contains(after.Why, "account_update DISABLED_UPDATE") {
			t.Errorf("banned: %+v, and 10 s later %+v", s, after)
		}
		w.hook(simAppSecret, "account_update", fmt.Sprintf(banned, "REINSTATE"))
		time.Sleep(5 * time.Second)
		if after := w.shown(list); after.Result.Successful < s.Result.Successful+100 {
			t.Errorf("5 s after it was reinstated: %+v", after)
		}
		w.ends(list, 5*time.Minute)
	})
}

type accountWorld struct{ *numbersWorld }

func newAccountWorld(t *testing.T, dir string) *accountWorld {
	w := &accountWorld{&numbersWorld{file: filepath.Join(dir, "senders.json")}}
	w.write(fmt.Sprintf(`[{"id":%q,"token":"other","rate":%v}]`, outageOther, outageOtherRate))
	w.limitsWorld = newLimitsWorld(t, 2, "latency=100ms", func(v *world) {
		v.more = []simulator.Number{{ID: outageOther, Token: "other"}}
		v.tune = func(c *app.Config) { c.WhatsApp.Rate, c.WhatsApp.SendersFile = limitsRate, w.file }
	})
	return w
}

func (w *accountWorld) rules(more string) {
	if err := w.sim.SetFaults("latency=100ms; " + more); err != nil {
		w.t.Fatal(err)
	}
}

// hook posts a signed webhook of one change.
func (w *accountWorld) hook(secret, field, value string) int {
	body := fmt.Sprintf(`{"object":"whatsapp_business_account","entry":[{"id":%q,"changes":[{"field":%q,"value":%s}]}]}`, webhooks.AccountID, field, value)
	req, err := http.NewRequestWithContext(w.t.Context(), http.MethodPost, "http://"+w.procs[0].addr+simHooks, strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	mac := hmac.New(sha256.New, []byte(schemas.Secret(secret).Reveal()))
	mac.Write([]byte(body))
	req.Header.Set("X-Hub-Signature-256", "sha256="+hex.EncodeToString(mac.Sum(nil)))
	resp, err := w.client(time.Minute).Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	_ = resp.Body.Close()
	return resp.StatusCode
}
