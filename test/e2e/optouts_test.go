package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"altavoz/test/harness"
)

// writer is somebody who writes to our number.
const writer = "5215512349901"

// wrote is a webhook of what the writer wrote.
func wrote(text string, at time.Time) string {
	return fmt.Sprintf(`{"object":"whatsapp_business_account","entry":[{"id":"1","changes":[{"value":{"messaging_product":"whatsapp",`+
		`"metadata":{"display_phone_number":"15550783881","phone_number_id":%q},"contacts":[{"wa_id":%q,"user_id":"CO.%s"}],`+
		`"messages":[{"from":%q,"id":"wamid.%d","timestamp":"%d","type":"text","text":{"body":%q}}]},"field":"messages"}]}]}`,
		harness.Number, writer, writer, writer, at.UnixNano(), at.Unix(), text)
}

// testOptOuts: who answers STOP while a broadcast waits is skipped, in whatever writing they are listed, and others are sent to; after START
// they are sent to again, whatever comes late of the STOP.
func testOptOuts(t *testing.T, h *deployment) {
	const listed, other = "525512349901", "573001239902"
	said := time.Now().Add(-time.Minute)
	list := `{"phones":["` + listed + `","` + other + `"],"body_text":"b","use_queue":true%s}`
	queued := h.Queued(t, fmt.Sprintf(list, fmt.Sprintf(`,"schedule_at":%q`, time.Now().Add(4*time.Second).UTC().Format(time.RFC3339))))
	h.receive(t, wrote(" stop. ", said))
	s := h.Finished(t, queued)
	if s.Result.Successful != 1 || s.Result.Skipped != 1 || len(s.Result.Errors) != 1 || s.Result.Errors[0] != "Error para "+listed+": La persona pidió no recibir más mensajes" {
		t.Fatalf("after STOP: %+v; want one sent and one skipped", s.Result)
	}
	if n := times(h.accepted(t), listed); n != 0 {
		t.Errorf("who opted out got %d messages", n)
	}
	h.receive(t, wrote("no quiero START", said.Add(time.Second))) // a sentence is no word
	h.receive(t, wrote("ALTA", said.Add(2*time.Second)))
	h.receive(t, wrote("STOP", said)) // once more, late
	for end := time.Now().Add(harness.SettleTime); ; time.Sleep(100 * time.Millisecond) {
		s = h.Finished(t, h.Queued(t, fmt.Sprintf(list, "")))
		if s.Result.Successful == 2 { // as soon as those who send have read it
			break
		}
		if time.Now().After(end) {
			t.Fatalf("after ALTA: %+v; want both sent", s.Result)
		}
	}
	if n := times(h.accepted(t), listed); n != 1 {
		t.Errorf("who came back got %d messages; want 1", n)
	}
}

func times(all []string, of string) (n int) {
	for _, one := range all {
		if one == of {
			n++
		}
	}
	return n
}

// TestEndToEndPreferences: the simulator tells a preference as Meta does; who set it is skipped, and sent to again after they took it back.
func TestEndToEndPreferences(t *testing.T) {
	t.Parallel()
	a := harness.Start(t, harness.Config(t))
	h := &deployment{API: harness.API{URL: a.URL()}, simulator: a.SimulatorURL()}
	const phone = "573001239903"
	for _, c := range []struct {
		preference    string
		sent, skipped int
	}{{"stop", 0, 1}, {"resume", 1, 0}} {
		post(t, h.simulator+"/_simulator/inbound", fmt.Sprintf(`{"from":%q,"preference":%q}`, phone, c.preference))
		for end := time.Now().Add(harness.SettleTime); ; time.Sleep(200 * time.Millisecond) { // until the webhook has come
			s := h.Finished(t, h.Queued(t, `{"phones":["`+phone+`"],"body_text":"b","use_queue":true}`))
			if s.Result.Skipped == c.skipped && s.Result.Successful == c.sent {
				break
			}
			if time.Now().After(end) {
				t.Fatalf("%s: %+v", c.preference, s.Result)
			}
		}
		// A message that left before the webhook came is not delivered (131050): if that were told after the next preference, it would be the newer word.
		for pending, end := true, time.Now().Add(harness.SettleTime); pending; time.Sleep(50 * time.Millisecond) {
			_, summary := h.Get(t, h.simulator+"/_simulator/summary")
			if pending = !strings.Contains(summary, `"pending":0`); pending && time.Now().After(end) {
				t.Fatalf("webhooks are not told: %s", summary)
			}
		}
		time.Sleep(1100 * time.Millisecond) // preferences have whole seconds, and of two in one the opt-out counts
	}
}
