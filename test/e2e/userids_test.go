package e2e

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"altavoz/schemas"
	"altavoz/test/harness"
)

// testUserIDs: people are sent to by user id, by phone with a user id beside it, and by phone; receipts name them by user id alone. Who is known by
// both since then, and answers STOP by the one, is skipped by the other, until an administrator has them back.
func testUserIDs(t *testing.T, h *deployment) {
	const alone, beside, phone, hidden = "CO.9910", "573001239911", "573001239912", "CO.9912"
	task := h.Queued(t, `{"recipients":[{"user_id":"`+alone+`"},{"phone":"`+beside+`","user_id":"CO.9911"},{"phone":"`+phone+`"}],"body_text":"b","use_queue":true}`)
	if s := h.Finished(t, task); s.Result.Successful != 3 {
		t.Fatalf("%+v; want three sent", s.Result)
	}
	if all := h.accepted(t); times(all, alone) != 1 || times(all, beside) != 1 || times(all, phone) != 1 {
		t.Errorf("%v; want one message each, to %s, %s and %s", all, alone, beside, phone)
	}
	id, err := schemas.ParseTaskID(task)
	if err != nil {
		t.Fatal(err)
	}
	status := func(index uint32, names string) string {
		return fmt.Sprintf(`{"id":"wamid.%d","status":"delivered","timestamp":"%d",%s,"biz_opaque_callback_data":%q}`, index, time.Now().Unix(), names, schemas.Callback(id, index))
	}
	receipts := harness.Webhook(status(0, `"recipient_user_id":"`+alone+`"`), status(1, `"recipient_parent_user_id":"CO.ENT.9911"`), status(2, `"recipient_id":"`+phone+`","recipient_user_id":"`+hidden+`"`))
	h.receive(t, strings.Replace(receipts, "106540352242922", harness.Number, 1))
	h.corrected(t, id, map[schemas.RecipientState]uint32{schemas.StateDelivered: 3})
	if got := h.outcomes(t, task, "phone="+alone); !slices.Equal(got, []string{alone}) {
		t.Errorf("by user id %q is found", got)
	}

	h.receive(t, fmt.Sprintf(`{"object":"whatsapp_business_account","entry":[{"id":"1","changes":[{"value":{"metadata":{"phone_number_id":%q},"contacts":[{"user_id":%q}],`+
		`"messages":[{"from_user_id":%q,"id":"wamid.x","timestamp":"%d","type":"text","text":{"body":"Baja"}}]},"field":"messages"}]}]}`, harness.Number, hidden, hidden, time.Now().Unix()))
	becomes := func(to string, skipped int) {
		for end := time.Now().Add(harness.SettleTime); ; time.Sleep(100 * time.Millisecond) {
			s := h.Finished(t, h.Queued(t, `{"phones":["`+to+`"],"body_text":"b","use_queue":true}`))
			if s.Result.Skipped == skipped { // as soon as those who send have read it
				return
			}
			if time.Now().After(end) {
				t.Fatalf("%s: %+v; want %d skipped", to, s.Result, skipped)
			}
		}
	}
	becomes(phone, 1)
	becomes(hidden, 1)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodDelete, h.URL+"/api/messages/optouts/"+phone, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	if code, body := h.Do(t, req); code != http.StatusOK {
		t.Fatalf("%d %s; want %s taken off the list", code, body, phone)
	}
	becomes(hidden, 0)
	becomes(phone, 0)
}
