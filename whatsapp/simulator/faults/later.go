package faults

import (
	"cmp"
	"errors"
	"math/rand/v2"
	"slices"
	"strconv"
	"time"

	"altavoz/whatsapp/simulator/ledger"
)

// What webhooks are like where no rule says so: delivered within a second, read by some within four.
const (
	usualRead = 0.6

	usualUntilSent      = 150 * time.Millisecond
	usualUntilDelivered = 700 * time.Millisecond
	usualUntilRead      = 3 * time.Second
	usualUntilAnswer    = 10 * time.Second
)

// wish is what a rule says about webhooks. The first rule that says it counts.
type wish struct {
	delay                  *span
	read, drop, dup, early *float64
	taps, stops            *float64
	priced                 *float64
	free                   *int
	shuffle, old           bool
	username, linked       bool
}

// word reads one word; known is false for what is none of webhooks.
func (w *wish) word(key, value string) (known bool, err error) {
	parts := map[string]**float64{
		"read": &w.read, "webhook_drop": &w.drop, "webhook_dup": &w.dup, "webhook_early": &w.early, "taps": &w.taps, "stops": &w.stops, "price_with_read": &w.priced,
	}
	switch key {
	case "free_service":
		n, e := strconv.Atoi(value)
		if e != nil || n < 0 {
			return true, errors.New("want a number of messages, such as free_service=10")
		}
		w.free = &n
	case "webhook_delay":
		var s span
		s, err = parseSpan(value)
		w.delay = &s
	case "webhook_shuffle":
		w.shuffle = true
	case "webhook_old":
		w.old = true
	case "webhook_username":
		w.username = true
	case "webhook_linked":
		w.linked = true
	default:
		into := parts[key]
		if into == nil {
			return false, nil
		}
		var part float64
		part, err = parsePart(key, value)
		*into = &part
	}
	return true, err
}

func (w *wish) join(r *wish) {
	if r.delay != nil {
		w.delay = r.delay
	}
	for _, p := range []struct{ into, from **float64 }{
		{&w.read, &r.read}, {&w.drop, &r.drop}, {&w.dup, &r.dup}, {&w.early, &r.early}, {&w.taps, &r.taps}, {&w.stops, &r.stops}, {&w.priced, &r.priced},
	} {
		if *p.from != nil {
			*p.into = *p.from
		}
	}
	if r.free != nil {
		w.free = r.free
	}
	w.shuffle = w.shuffle || r.shuffle
	w.old = w.old || r.old
	w.username = w.username || r.username
	w.linked = w.linked || r.linked
}

// Step is one status that a webhook tells.
type Step struct {
	Status  ledger.Status
	Happens time.Duration // after the message was accepted
	Told    time.Duration // after the message was accepted
	Again   bool          // it is told a second time
}

// Later is what webhooks tell of a message.
type Later struct {
	Steps []Step // in the order in which they are told
	Lost  int    // steps that are not told
	Early bool   // the first one comes before the answer
	Old   bool   // in the shape of before 2026

	// How long after the message was accepted the phone that got it taps something of it, and says STOP; 0: it does not.
	Tap, Stop time.Duration
	Choice    uint64 // chance of what is tapped

	Free           int  // how many free-form messages of the number are free in a month
	Delivered      bool // it arrives
	PricedWithRead bool // the price comes with read and not with delivered

	Username, Linked bool // the recipient is named by user id alone, and by that of linked portfolios too
}

// Later decides what is told of a message that was accepted, and when.
func (rs *Rules) Later(c Call, now time.Time, late Late) Later {
	var w wish
	for _, r := range slices.Backward(rs.rules) {
		if r.matches(c, now) {
			w.join(&r.webhooks)
		}
	}
	chance := rand.New(rand.NewPCG(c.Chance, ^uint64(0))) // the streams of the rules count from 0
	hits := func(part *float64) bool { return chance.Float64() < orZero(part) }
	out := Later{Early: hits(w.early), Old: w.old, Username: w.username, Linked: w.linked, Free: ledger.FreeService}
	if w.free != nil {
		out.Free = *w.free
	}
	steps := w.steps(late, chance)
	is := func(status ledger.Status) bool {
		return slices.ContainsFunc(steps, func(s Step) bool { return s.Status == status })
	}
	out.Delivered = is(ledger.Delivered)
	out.PricedWithRead = w.priced != nil && is(ledger.Read) && hits(w.priced)
	for _, s := range steps {
		if hits(w.drop) {
			out.Lost++
			continue
		}
		out.Steps = append(out.Steps, s)
		if hits(w.dup) {
			s.Told += w.until(s.Status).draw(chance)
			s.Again = true
			out.Steps = append(out.Steps, s)
		}
	}
	slices.SortStableFunc(out.Steps, func(a, b Step) int { return cmp.Compare(a.Told, b.Told) })
	if out.Early = out.Early && len(out.Steps) > 0; out.Early {
		first := out.Steps[0].Told
		for i := range out.Steps {
			s := &out.Steps[i]
			s.Told, s.Happens = s.Told-first, max(s.Happens-first, 0)
		}
	}
	if late.Code == 0 { // who did not get it does nothing with it
		out.answers(&w, chance)
	}
	return out
}

// answers decides what the phone does by itself, once it has the message.
func (l *Later) answers(w *wish, chance *rand.Rand) {
	least := usualUntilSent + usualUntilDelivered
	until := span{least, usualUntilAnswer - least}
	l.Choice = chance.Uint64()
	if chance.Float64() < orZero(w.taps) {
		l.Tap = until.draw(chance)
	}
	if chance.Float64() < orZero(w.stops) {
		l.Stop = until.draw(chance)
	}
}

// steps returns the way of a message.
func (w *wish) steps(late Late, chance *rand.Rand) []Step {
	read := usualRead
	if w.read != nil {
		read = *w.read
	}
	way := make([]ledger.Status, 0, 3)
	switch isRead := chance.Float64() < read; {
	case late.Code != 0 && late.Sent:
		way = append(way, ledger.Sent, ledger.Failed)
	case late.Code != 0:
		way = append(way, ledger.Failed)
	case isRead:
		way = append(way, ledger.Sent, ledger.Delivered, ledger.Read)
	default:
		way = append(way, ledger.Sent, ledger.Delivered)
	}
	steps := make([]Step, len(way), len(way)+1)
	var at time.Duration
	for i, s := range way {
		at += w.until(s).draw(chance)
		steps[i] = Step{Status: s, Happens: at, Told: at}
	}
	if w.shuffle {
		chance.Shuffle(len(steps), func(i, j int) { steps[i].Told, steps[j].Told = steps[j].Told, steps[i].Told })
		for i := range steps { // nothing is told before it has happened
			steps[i].Happens = steps[0].Happens
		}
	}
	return steps
}

// until returns how long a status comes after the one before it.
func (w *wish) until(s ledger.Status) span {
	if w.delay != nil {
		return *w.delay
	}
	most := usualUntilDelivered
	switch s { //nolint:exhaustive // the others are as delivered is
	case ledger.Sent:
		most = usualUntilSent
	case ledger.Read:
		most = usualUntilRead
	}
	return span{most / 10, most - most/10}
}

func orZero(part *float64) float64 {
	if part == nil {
		return 0
	}
	return *part
}
