package schedule

import (
	"slices"
	"time"

	"altavoz/processor/sender/places"
	"altavoz/processor/sender/schedule/queue"
	"altavoz/schemas"
	"altavoz/schemas/people"
)

// Link implements places.Send, as the next ones.
func (e *Send) Link() *queue.Link[*Send] { return &e.link }

// Person is whom it is for.
func (e *Send) Person() people.Person { return people.Of(e.Phone) }

// NumberID is that of its sender number.
func (e *Send) NumberID() string { return e.Number.ID }

// Urgent reports whether it waits for no others.
func (e *Send) Urgent() bool { return e.Lane == Express }

// Placed reports whether it had a place when it was enqueued.
func (e *Send) Placed() bool { return !e.placeUntil.IsZero() }

// waitForPlace has a send wait that needs a place among the people to whom its business may write, and has none for as long as a start takes.
func (s *Scheduler) waitForPlace(e *Send, now time.Time) bool {
	if !s.places.Limited(e.Number.ID) || e.placeUntil.After(now) || !e.Record.Unprompted(now) { //mutant:nobody-is-written-to-without-a-place
		return false
	}
	e.link.Unlink()
	s.MoveTo(e, PhaseWaiting, CausePlace)
	s.places.Wait(e.Number.ID, e)
	s.ports.Host.Wake()
	return true
}

// Unplaced reports whether the call under way may reach nobody outside their window: there is a limit, and it has no place.
func (e *Send) Unplaced() bool { return e.call.unplaced }

// askForPlaces has claims written for who waits.
func (s *Scheduler) askForPlaces(now time.Time) {
	for _, e := range s.places.Ask(now, s.placesAhead, func(c *people.Claim) { s.ports.Host.Claim(c.Encode(), now) }) {
		s.Enqueue(e, false)
	}
}

// placesAhead is how many more places a number takes.
func (s *Scheduler) placesAhead(id string) int {
	return places.Ahead(s.numbers.byID[id].pacer.Rate(), places.Count(s.numbers.byID[id].ready[Bulk].All()))
}

// OnVerdict lets those go on whom a claim of this process was for, if it is granted.
func (s *Scheduler) OnVerdict(process string, claim uint64, granted bool, now time.Time) {
	if process != s.process {
		return
	}
	on, asked := s.places.Verdict(claim, granted, now)
	for _, e := range slices.Backward(on) {
		e.placeUntil = asked.Add(places.Valid)
		s.Enqueue(e, true)
	}
	s.ports.Host.Wake()
}

// limitPeople says to how many people the businesses of the numbers that are configured may write: what a webhook said of any of a business's numbers last, or else what is
// configured.
func (s *Scheduler) limitPeople() {
	said := make(map[string]*schemas.NumberEvent)
	for id, n := range s.numbers.byID {
		if e := s.numbers.states[id].People; e.GetAtMs() > said[n.Business].GetAtMs() {
			said[n.Business] = e
		}
	}
	for id, n := range s.numbers.byID {
		if _, known := s.cfg.Number(id); known { //mutant:a-number-that-is-gone-says-no-limit
			s.places.Limit(id, n.Business, people.Limit(said[n.Business], n.People))
		}
	}
}

// PlaceTallies is how far the people of each business that has a limit are used up.
func (s *Scheduler) PlaceTallies(now time.Time) []places.Tally { return s.places.Tallies(now) }
