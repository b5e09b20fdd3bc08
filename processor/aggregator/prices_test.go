package aggregator

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"altavoz/schemas"
)

// What receipts say of prices, in these tests.
const (
	freeService    = 0x21
	billedService  = 0x71
	billedPromoted = 0x75
)

// priced makes receipts from triples of index, mark and price.
func priced(at int64, all ...uint32) *schemas.Result {
	r := received(at)
	for i := 0; i < len(all); i += 3 {
		r.GetReceipts().Outcomes = append(r.GetReceipts().Outcomes, &schemas.Outcome{Index: all[i], Mark: all[i+1], Price: all[i+2], Wamid: "wamid.x"})
	}
	return r
}

func prices(s *schemas.Status) map[uint32]uint32 {
	all := make(map[uint32]uint32)
	for _, c := range s.GetPrices() {
		all[c.GetPrice()] = c.GetCount()
	}
	return all
}

// Each message is counted once, whatever is repeated, late, in another order, read back or taken over, until its task is deleted.
func TestMessagesArePricedOnceThroughTakeovers(t *testing.T) {
	bubble(t, func(w *world) {
		t := w.t
		const delivered, read = uint32(schemas.StateDelivered), uint32(schemas.StateRead)
		p := w.start(Config{Retention: time.Hour})
		plan := planOf(5)
		plan.GetPlan().Sender = "106540352242922"
		w.result(plan, dispatched(5))
		w.result(priced(1900, 0, delivered, freeService, 1, read, 0)) // before the sender's own result
		for i := range uint32(5) {
			w.result(outcome(i, schemas.StateSent, "", ""))
		}
		p.feedAll()
		settle(time.Second)
		if n := p.labelled("altavoz_messages_priced_total", "number", "106540352242922"); n != 1 {
			t.Errorf("%v messages of the number, want 1", n)
		}
		p.crash()
		p = w.start(Config{Retention: time.Hour})
		w.result(priced(2000, 1, delivered, billedService, 0, delivered, freeService, 2, read, billedPromoted, 3, delivered, 0),
			priced(2100, 0, read, freeService, 1, read, 0, 2, delivered, billedPromoted, 9, delivered, freeService))
		p.feedAll()
		settle(time.Second)
		want := map[uint32]uint32{freeService: 1, billedService: 1, billedPromoted: 1}
		if diff := cmp.Diff(want, prices(w.status(task1))); diff != "" {
			t.Fatalf("prices (-want +got):\n%s", diff)
		}
		for label, want := range map[string]float64{"service": 1, "marketing": 1, "utility": 0} { // what was folded before the crash counted there
			if n := p.labelled("altavoz_messages_priced_total", "category", label); n != want {
				t.Errorf("%v messages as %s, want %v", n, label, want)
			}
		}

		settle(5 * time.Minute) // the task is cold now
		if held := p.metric("altavoz_tasks_held"); held != 0 {
			t.Fatalf("%v tasks are held, want 0", held)
		}
		w.result(priced(400_000, 3, read, freeService, 0, delivered, freeService))
		p.feedAll()
		settle(5 * time.Second)
		p.leave()
		p = w.start(Config{Retention: time.Hour})
		w.result(priced(500_000, 3, read, freeService, 0, read, billedService)) // Meta thought better of one
		p.feedAll()
		settle(5 * time.Second)
		if diff := cmp.Diff(map[uint32]uint32{freeService: 1, billedService: 2, billedPromoted: 1}, prices(w.status(task1))); diff != "" {
			t.Fatalf("prices (-want +got):\n%s", diff)
		}
		w.checkView(t, true)
		settle(2 * time.Hour)
		p.leave()
		if w.status(task1) != nil {
			t.Error("not deleted")
		}
	})
}

// A process of an earlier version, which knows no prices, writes page and status without them: they are written again.
func TestPricesThatAnEarlierVersionWroteOverAreWrittenAgain(t *testing.T) {
	bubble(t, func(w *world) {
		t := w.t
		p := w.start(Config{})
		defer p.leave()
		w.result(planOf(2), outcome(0, schemas.StateSent, "", ""), priced(2000, 0, uint32(schemas.StateDelivered), billedService))
		p.feedAll()
		settle(5 * time.Second)
		s := w.status(task1)
		s.Prices, s.Version = nil, s.GetVersion()+1
		w.append(schemas.EncodePage(0, &schemas.StatePage{Task: task1.Bytes(), Marks: []byte{byte(schemas.StateDelivered)}}))
		w.append(schemas.EncodeStatus(0, s))
		settle(10 * time.Second)
		w.Compact(marks0, w.End(marks0))
		w.Compact(statuses0, w.End(statuses0))
		w.checkView(t, true)
	})
}

// An earlier version that had the partition meanwhile wrote a status without prices: the next owner counts them in the pages.
func TestStatusWithoutPricesIsMended(t *testing.T) {
	bubble(t, func(w *world) {
		t := w.t
		p := w.start(Config{})
		w.result(planOf(1), outcome(0, schemas.StateSent, "", ""), priced(2000, 0, uint32(schemas.StateDelivered), billedService))
		p.feedAll()
		settle(time.Minute)
		p.leave()
		s := w.status(task1)
		s.Prices, s.Version = nil, s.GetVersion()+1
		w.append(schemas.EncodeStatus(0, s))
		p = w.start(Config{})
		settle(10 * time.Second)
		p.leave()
		if diff := cmp.Diff(map[uint32]uint32{billedService: 1}, prices(w.status(task1))); diff != "" {
			t.Errorf("prices (-want +got):\n%s", diff)
		}
	})
}
