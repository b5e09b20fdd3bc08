package sim

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"

	"altavoz/schemas"
	"altavoz/test/harness"
	"altavoz/whatsapp/simulator/webhooks"
)

const (
	simPeopleBlock = 8  // of phones: no other broadcast has them
	noLimit        = -1 // as Meta says it
)

// peopleADay is the messaging limit of the number's business.
type peopleADay struct {
	w          *world
	configured int
	now        int
	task       *simTask // a broadcast by template of more people

	mu      sync.Mutex
	highest int // that was in force; noLimit: there was none
	inside  int // people of the broadcast who wrote and need no place; the Cloud API does not know
}

// drawPeople gives some histories a messaging limit.
func (w *world) drawPeople(r *rand.Rand) {
	if r.IntN(3) == 0 {
		limit := 1 + r.IntN(60)
		w.people = &peopleADay{w: w, configured: limit, now: limit, highest: limit}
	}
}

// limits has a broadcast by template come in that is of more people than the limit, which changes while it goes on.
func (p *peopleADay) limits(r *rand.Rand) {
	time.Sleep(upTo(r, 10*time.Second))
	w := p.w
	task := &simTask{id: drawID(r), phones: harness.Phones(simPeopleBlock, p.configured+20+r.IntN(60)), resend: r.IntN(4) == 0}
	b := &schemas.Broadcast{
		Task: task.id.Bytes(), Chosen: true, Phones: task.phones, Total: uint32(len(task.phones)), AcceptedMs: time.Now().UnixMilli(),
		Content: &schemas.Content{Template: &schemas.Template{Name: "hello_world", Language: "en_US"}},
	}
	if task.resend {
		b.OnUnknown = schemas.OnUnknown_ON_UNKNOWN_RESEND
	}
	inside := r.IntN(4)
	p.task = task
	p.mu.Lock()
	p.inside = inside
	p.mu.Unlock()
	for i := range inside {
		w.writes(task.phones[i*len(task.phones)/4], upTo(r, time.Minute))
	}
	w.expect(task)
	w.publish(schemas.EncodeBroadcast(b))
	w.mu.Lock()
	task.sure = true
	w.mu.Unlock()
	for range r.IntN(3) {
		time.Sleep(upTo(r, 12*time.Second))
		switch r.IntN(4) {
		case 0:
			p.set(noLimit)
			return
		case 1:
			p.set(max(1, p.now/2))
		default:
			p.set(p.now + 1 + r.IntN(40))
		}
	}
}

// set has a webhook say what the limit is from here on.
func (p *peopleADay) set(limit int) {
	p.check()
	what := "limit lowered"
	p.mu.Lock()
	switch {
	case limit == noLimit:
		what, p.highest = "limit lifted", noLimit
	case limit > p.now:
		what, p.highest = "limit raised", max(p.highest, limit)
	}
	p.mu.Unlock()
	p.now = limit
	p.w.post200(fmt.Appendf(nil, `{"object":"whatsapp_business_account","entry":[{"id":%q,"changes":[{"field":"business_capability_update","value":`+
		`{"max_daily_conversations_per_business":%d}}]}]}`, webhooks.AccountID, limit), what)
}

// check finds more people who were written to than there ever might be. Whoever of a process has not heard of a lower limit goes by the higher one, and what
// was granted by it may leave for minutes.
func (p *peopleADay) check() {
	if p == nil {
		return
	}
	most := p.w.sim.Summary().PeopleADay
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.highest != noLimit && most > p.highest+p.inside {
		p.w.errorf("%d people were written to by template, %d of whom may have had a window; the messaging limit was never above %d", most, p.inside, p.highest)
	}
}

// lift ends the limit once nothing goes wrong any more, and a task says why it waits.
func (p *peopleADay) lift() {
	if p == nil || p.now == noLimit {
		return
	}
	for end := time.Now().Add(simPatient); ; time.Sleep(time.Second) {
		open := ""
		for _, task := range p.w.known() {
			s, _, err := p.w.status(p.w.processes()[0], task.id, 10*time.Second)
			if err == nil && strings.Contains(s.Why, fmt.Sprintf("%d personas", p.now)) {
				p.w.tally.count("limit said")
				p.set(noLimit)
				return
			}
			if task == p.task && ended(s.Status) { // the limit was raised above its people
				p.set(noLimit)
				return
			}
			if task == p.task {
				open = fmt.Sprintf("%s of %d: %+v %v", task.id, len(task.phones), s, err)
			}
		}
		if time.Now().After(end) {
			p.w.errorf("no task says that it waits for the messaging limit of %d: %s", p.now, open)
			p.set(noLimit)
			return
		}
	}
}

// checkWaited finds who of the broadcast failed, where nothing that the Cloud API does wrong explains it.
func (p *peopleADay) checkWaited(task *simTask, i int, m schemas.RecipientState) {
	if p == nil || task != p.task || m.Outcome() != schemas.OutcomeFailed {
		return
	}
	if !slices.ContainsFunc(p.w.kinds, func(k faultKind) bool { return k.place == placeAPI }) {
		p.w.errorf("%s/%d is %s, and nothing was wrong but the messaging limit", task.id, i, m.Label())
	}
}
