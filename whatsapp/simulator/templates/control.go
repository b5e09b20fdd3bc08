package templates

import (
	"encoding/json"
	"errors"
	"net/http"
	"time"
)

const maxControl = 128 << 10 // bytes of a control

// Control sets, shows and removes templates: GET, POST of a template or of some of its members, DELETE ?name=&language=. It hands the webhook
// that Meta would send to tell, which may be nil.
func (s *Store) Control(w http.ResponseWriter, r *http.Request, account string, tell func(body []byte, now time.Time) error) {
	if r.Method == http.MethodGet {
		s.mu.Lock()
		defer s.mu.Unlock()
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(s.all)
		return
	}
	now, changed, err := s.change(w, r)
	if err == nil && changed && tell != nil {
		err = tell(Webhook(account, &now, time.Now()), time.Now())
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// change carries a control out; changed says that the template's status is another one now.
func (s *Store) change(w http.ResponseWriter, r *http.Request) (now Template, changed bool, err error) {
	if r.Method == http.MethodDelete {
		now, found := s.Remove(r.URL.Query().Get("name"), r.URL.Query().Get("language"))
		if !found {
			err = errors.New("there is no such template")
		}
		return now, found, err
	}
	var t Template
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxControl)).Decode(&t); err != nil {
		return t, false, err //nolint:wrapcheck // it is answered
	}
	was, _ := s.Find(t.Name, t.Language)
	now, err = s.Set(t)
	return now, was.Status != now.Status, err
}
