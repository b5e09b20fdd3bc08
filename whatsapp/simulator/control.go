package simulator

import (
	"encoding/json"
	"io"
	"net/http"
	"time"

	"altavoz/whatsapp/simulator/webhooks"
)

const maxFaults = 16 << 10 // bytes of rules

// control is the part that no Cloud API has.
func (s *Simulator) control(w http.ResponseWriter, r *http.Request, what string) {
	switch r.Method + " " + what {
	case "GET summary":
		s.answerJSON(w, s.Summary())
	case "GET ledger":
		s.answerJSON(w, s.Ledger(r.URL.Query().Get("phone")))
	case "GET faults":
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = io.WriteString(w, s.Faults())
	case "POST faults":
		text, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxFaults))
		if err == nil {
			err = s.SetFaults(string(text))
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		s.log.Info("faults changed", "rules", s.Faults())
		w.WriteHeader(http.StatusNoContent)
	case "GET account", "POST account":
		s.setAccount(w, r)
	case "POST inbound":
		s.inbound(w, r)
	case "POST tap":
		s.tap(w, r)
	case "POST webhook":
		s.rawWebhook(w, r)
	case "GET templates", "POST templates", "DELETE templates":
		s.templates.Control(w, r, webhooks.AccountID, s.tell)
	default:
		http.Error(w, "GET ledger?phone=, GET summary, GET or POST faults, GET or POST account, POST inbound, POST tap, POST webhook, GET, POST or DELETE templates", http.StatusNotFound)
	}
}

// tell sends a webhook, where they are sent.
func (s *Simulator) tell(body []byte, now time.Time) error {
	if s.hooks == nil {
		return nil
	}
	return s.hooks.Raw(body, now) //nolint:wrapcheck // it is answered
}

func (s *Simulator) answerJSON(w http.ResponseWriter, v any) {
	b, err := json.Marshal(v)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	_ = s.answer(w, http.StatusOK, b)
}
