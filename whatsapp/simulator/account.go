package simulator

import (
	"encoding/json"
	"net/http"
)

// Account is what Meta allows the account; GET and POST /_simulator/account show and change it. Members that a POST does not have stay as they are.
type Account struct {
	// DirectSend allows the field category of a message.
	DirectSend bool `json:"direct_send"`
	// MarketingTerms says that the terms of the Marketing Messages API were accepted, MarketingSyncing that it does not know the templates yet.
	MarketingTerms   bool `json:"marketing_terms"`
	MarketingSyncing bool `json:"marketing_syncing"`
	// MarketingOnMessages says that /messages takes marketing templates too.
	MarketingOnMessages bool `json:"marketing_on_messages"`
	// MessagingLimit is to how many people it may write within 24 hours outside their windows, by all its numbers; 0: to as many as it likes.
	MessagingLimit int `json:"messaging_limit,omitzero"`
}

const maxAccount = 4 << 10 // bytes of a control

// Codes of refusals of what an account may not send.
const (
	codePeople       = 131048 // Meta documents none for its messaging limit
	codeMethod       = 131055
	codeOnlyThere    = 131063
	codeNotMarketing = 134100
	codeSyncing      = 134101
)

const categoryMarketing = "marketing"

// refuses returns why a message by template may not go over /marketing_messages, or /messages; nil: it may. Meta does not say with which code those are
// refused who did not accept the terms: 131055 is the nearest.
func (a *Account) refuses(category string, marketing bool) *apiError {
	switch {
	case !marketing && category == categoryMarketing && !a.MarketingOnMessages:
		return ofCode(codeOnlyThere)
	case !marketing:
		return nil
	case !a.MarketingTerms:
		return ofCode(codeMethod)
	case category != categoryMarketing:
		return ofCode(codeNotMarketing)
	case a.MarketingSyncing:
		return ofCode(codeSyncing)
	}
	return nil
}

// setAccount answers a control of the account.
func (s *Simulator) setAccount(w http.ResponseWriter, r *http.Request) {
	now := *s.account.Load()
	if r.Method == http.MethodPost {
		d := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxAccount))
		d.DisallowUnknownFields()
		if err := d.Decode(&now); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		s.account.Store(&now)
		s.log.Info("account changed", "account", now)
	}
	s.answerJSON(w, now)
}
