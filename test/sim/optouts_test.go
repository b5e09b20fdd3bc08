package sim

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"net/http"
	"time"

	"altavoz/processor/sender"
	"altavoz/schemas"
	"altavoz/whatsapp/simulator/webhooks"
)

// simOptOut is what somebody said of being written to.
type simOptOut int

const (
	saidNothing simOptOut = iota
	saidStop              // acknowledged, and as long ago as altavoz needs, before the broadcast came in: no call
	saidAlta              // STOP and then ALTA, both so: not skipped
	saidLate              // STOP while the broadcast goes on: either
)

// optOuts has some people of a broadcast opt out before it comes in, and some of them come back; what Meta repeats comes once more, late.
func (w *world) optOuts(task *simTask, r *rand.Rand) {
	task.said = make([]simOptOut, len(task.phones))
	if r.IntN(3) > 0 {
		return
	}
	for range 1 + r.IntN(2) {
		i, now := r.IntN(len(task.phones)), time.Now().Unix()
		phone := task.phones[i]
		if task.said[i] != saidNothing {
			continue
		}
		names, user := person{phone: phone}, r.IntN(2) == 0
		if user { // who is listed by phone answers by user id; that both are one person's is told before that, or after
			names = person{phone: phone, user: "CO." + phone, hidden: true}
		}
		before := user && r.IntN(2) == 0
		if before {
			w.says(person{phone: phone, user: names.user}, "hola", now-30)
		}
		w.says(names, "STOP", now-20)
		task.said[i] = saidStop
		if r.IntN(3) == 0 {
			w.says(names, "ALTA", now-10)
			w.says(names, "STOP", now-20)
			task.said[i] = saidAlta
		}
		if user && !before {
			w.says(person{phone: phone, user: names.user}, "hola", now-30)
		}
	}
	time.Sleep(sender.MaxOptOutAge)
}

// optOutLate has somebody opt out while the broadcast goes on.
func (w *world) optOutLate(task *simTask, r *rand.Rand) {
	time.Sleep(upTo(r, 6*time.Second))
	i := r.IntN(len(task.phones))
	w.mu.Lock()
	if task.said[i] != saidNothing {
		i = -1
	} else {
		task.said[i] = saidLate
	}
	w.mu.Unlock()
	if i >= 0 {
		w.says(person{phone: task.phones[i]}, "baja", time.Now().Unix())
	}
}

// person is somebody who writes: under both names, or under the user id alone.
type person struct {
	phone, user string
	hidden      bool
}

// says posts a webhook of what somebody wrote.
func (w *world) says(from person, text string, at int64) {
	w.wroteAt(from.phone, at)
	names := fmt.Sprintf(`"from":%q`, from.phone)
	switch {
	case from.hidden:
		names = fmt.Sprintf(`"from_user_id":%q`, from.user)
	case from.user != "":
		names += fmt.Sprintf(`,"from_user_id":%q`, from.user)
	}
	body := fmt.Sprintf(`{"object":"whatsapp_business_account","entry":[{"id":%q,"changes":[{"field":"messages","value":{"metadata":{"phone_number_id":%q},`+
		`"messages":[{%s,"timestamp":"%d","type":"text","text":{"body":%q}}]}}]}]}`, webhooks.AccountID, simNumber, names, at, text)
	w.post200([]byte(body), "said "+text)
}

// post200 posts a webhook until it is answered with 200, as Meta does.
func (w *world) post200(body []byte, what string) {
	mac := hmac.New(sha256.New, []byte(simAppSecret))
	mac.Write(body)
	last := ""
	for range 60 {
		req, err := http.NewRequestWithContext(w.t.Context(), http.MethodPost, "http://"+w.processes()[0].addr+simHooks, bytes.NewReader(body))
		if err != nil {
			w.errorf("%v", err)
			return
		}
		req.Header.Set("X-Hub-Signature-256", "sha256="+hex.EncodeToString(mac.Sum(nil)))
		resp, err := w.client(30 * time.Second).Do(req)
		if err == nil {
			_ = resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				w.tally.count(what)
				return
			}
			last = resp.Status
		} else {
			last = err.Error()
		}
		time.Sleep(2 * time.Second)
	}
	w.errorf("a webhook (%s) was never answered: %s", what, last)
}

// checkOptOut finds who was called although they had opted out, or skipped although they had not.
func (w *world) checkOptOut(task *simTask, i int, m schemas.RecipientState) {
	said := saidLate // of a retry nobody knows who its recipients are
	if i < len(task.said) {
		said = task.said[i]
	}
	calls, _, _ := w.calls(task.id, uint32(i))
	switch {
	case said == saidStop && (calls > 0 || len(w.sim.Ledger(task.phones[i])) > 0):
		w.errorf("%s/%d had opted out before, and was called %d times", task.id, i, calls)
	case m == schemas.StateOptedOut && said != saidStop && said != saidLate:
		w.errorf("%s/%d is skipped, and said nothing, or came back (%d)", task.id, i, said)
	case m.Outcome() == schemas.OutcomeSkipped && m != schemas.StateOptedOut:
		w.errorf("%s/%d is skipped for a reason that there is not: %d", task.id, i, m)
	}
}
