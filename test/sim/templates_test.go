package sim

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"time"

	"altavoz/schemas"
	"altavoz/test/harness"
	"altavoz/test/witness"
	"altavoz/whatsapp/simulator/templates"
	"altavoz/whatsapp/simulator/webhooks"
)

const (
	simPausable = "aviso_corte" // the template of the broadcasts with both messages
	simRejected = "oferta"      // that of the one whose template is rejected
	simLanguage = "es_CO"

	// simKnown is how long it takes, where nothing goes wrong, until every sender knows what Kafka has of a number.
	simKnown = 2 * time.Second
	// simLeaving is how long a call that is started already may take until it is written.
	simLeaving = 100 * time.Millisecond
)

// shutTemplate is a template that Meta does not send for a while, or any more, and who knows that.
type shutTemplate struct {
	w          *world
	name       string
	components string // as a member of its control; empty: it is one that every account has

	mu      sync.Mutex
	shut    bool
	told    time.Time               // when altavoz answered the webhook that says so; none: it has not
	refused map[*faultNet]time.Time // when each process was answered 132015
}

// shutTemplates are those of a history.
type shutTemplates []*shutTemplate

// watch looks at what one process writes to the Cloud API and reads from it.
func (all shutTemplates) watch(process *faultNet) {
	process.sees = func(to string, b []byte) {
		for _, s := range all {
			if to == simAPI && bytes.Contains(b, []byte(`"template":{"name":"`+s.name+`"`)) {
				s.called(process)
			}
		}
	}
	process.hears = func(from string, b []byte) {
		for _, s := range all {
			if from == simAPI && bytes.Contains(b, []byte("132015")) && bytes.Contains(b, []byte("("+s.name+")")) {
				s.refuses(process)
			}
		}
	}
}

// called finds a call by a process that knows that the template can't be sent: Meta has answered it so, or Kafka has it and nothing went wrong since.
func (s *shutTemplate) called(process *faultNet) {
	s.mu.Lock()
	shut, told, refused := s.shut, s.told, s.refused[process]
	s.mu.Unlock()
	if !shut {
		return
	}
	s.w.tally.count("called_" + s.name)
	now := time.Now()
	if !refused.IsZero() && now.Sub(refused) > simLeaving {
		s.w.errorf("a call with the template %s at %v by a process that was refused one at %v", s.name, now, refused)
	}
	if !told.IsZero() && now.Sub(told) > simKnown {
		s.w.mu.Lock()
		harm := slices.Clone(s.w.harm)
		s.w.mu.Unlock()
		if witness.Hits(told, now, "", harm) == 0 {
			s.w.errorf("a call with the template %s at %v, %v after all were told that it can't be sent", s.name, now, now.Sub(told))
		}
	}
}

func (s *shutTemplate) refuses(process *faultNet) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, known := s.refused[process]; s.shut && !known {
		s.refused[process] = time.Now()
	}
}

// set changes the template at Meta, and has everybody told.
func (s *shutTemplate) set(status string) {
	open := status == "APPROVED"
	s.mu.Lock()
	if open { // before it is so: who calls from here on may be late to know
		s.shut = false
	}
	s.mu.Unlock()
	body := fmt.Sprintf(`{"name":%q,"language":%q,"status":%q%s}`, s.name, simLanguage, status, s.components)
	answer := httptest.NewRecorder()
	s.w.sim.Handler().ServeHTTP(answer, httptest.NewRequestWithContext(s.w.t.Context(), http.MethodPost, "/_simulator/templates", strings.NewReader(body)))
	if answer.Code != http.StatusNoContent {
		s.w.errorf("setting %s: %d %s", body, answer.Code, answer.Body)
	}
	now := time.Now()
	s.mu.Lock()
	if !open {
		s.shut, s.told, s.refused = true, time.Time{}, map[*faultNet]time.Time{}
	}
	s.mu.Unlock()
	s.w.post200(templates.Webhook(webhooks.AccountID, &templates.Template{ID: "1", Name: s.name, Language: simLanguage, Status: status, Reason: "NONE"}, now), s.name+" "+status)
	s.mu.Lock()
	defer s.mu.Unlock()
	if status == "PAUSED" { // of one that is rejected what is dispatched is called, and refused
		s.told = time.Now()
	}
}

// pauses has the template of the broadcasts with both messages paused and resumed while they go on.
func (w *world) pauses(r *rand.Rand) {
	if r.IntN(2) == 0 {
		return
	}
	for range 1 + r.IntN(3) {
		select {
		case <-w.routes:
			time.Sleep(upTo(r, 2*time.Second))
		case <-time.After(upTo(r, 15*time.Second)):
		}
		w.shut[0].set("PAUSED")
		time.Sleep(time.Second + upTo(r, 12*time.Second))
		w.shut[0].set("APPROVED")
		time.Sleep(time.Second) // Meta's time is one of whole seconds
	}
}

// rejects has a broadcast by a template come in, and the template rejected while it goes on.
func (w *world) rejects(r *rand.Rand) {
	if r.IntN(3) > 0 {
		return
	}
	w.shut[1].set("APPROVED")
	time.Sleep(upTo(r, 10*time.Second))
	task := &simTask{id: drawID(r), phones: harness.Phones(simRejectedBlock, 20+r.IntN(100))}
	b := &schemas.Broadcast{
		Task: task.id.Bytes(), Chosen: true, Phones: task.phones, Total: uint32(len(task.phones)), AcceptedMs: time.Now().UnixMilli(),
		Content: &schemas.Content{Template: &schemas.Template{Name: simRejected, Language: simLanguage, Body: []*schemas.TemplateValue{{Text: "tú"}}}},
	}
	w.expect(task)
	w.publish(schemas.EncodeBroadcast(b))
	time.Sleep(time.Second + upTo(r, 5*time.Second))
	if r.IntN(3) == 0 {
		w.shut[1].set("PAUSED")
		time.Sleep(time.Second + upTo(r, 5*time.Second))
	}
	w.mu.Lock()
	task.sure, task.rejected = true, true
	w.mu.Unlock()
	w.shut[1].set("REJECTED")
}

// checkRejected finds a task that does not say that it ended because of its template.
func (w *world) checkRejected(task *simTask, s harness.TaskStatus) {
	if s.Status == "FAILURE" && !strings.Contains(s.Why, fmt.Sprintf("(%d)", codeNoTemplate)) {
		w.errorf("%s is %s (%s), and its template was rejected", task.id, s.Status, s.Why)
	}
}

// checkTemplate finds who was not sent to because a template was paused, and who did not get one that nobody rejected.
func (w *world) checkTemplate(task *simTask, i int, m schemas.RecipientState) {
	switch code, _ := m.Code(); {
	case code == codePaused:
		w.errorf("%s/%d is %s (%d): a pause is waited for", task.id, i, m.Label(), code)
	case code == codeNoTemplate && !task.rejected:
		w.errorf("%s/%d is %s (%d), and its template was there all the time", task.id, i, m.Label(), code)
	case m.Outcome() == schemas.OutcomeCancelled && task.rejected:
		w.tally.count("rejected")
	}
}

const (
	codePaused     = 132015
	codeNoTemplate = 132001

	simRejectedBlock = 9 // of phones: no other broadcast has them
)
