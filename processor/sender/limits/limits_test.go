package limits

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"altavoz/schemas"
)

// TestCapacityKeepsItsBoundsAndEveryShare drives the limits of calls at random: the bounds hold, and nobody is kept from the part that is his.
func TestCapacityKeepsItsBoundsAndEveryShare(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		most := rapid.SampledFrom([]int{1, 2, 7, 64, 256}).Draw(t, "most")
		c := NewCapacity(most)
		var inFlight []int
		type call struct {
			number int
			bulk   bool
		}
		var calls []call
		t.Repeat(map[string]func(*rapid.T){
			"join": func(*rapid.T) {
				if len(inFlight) < 9 {
					c.AddNumber(inFlight)
					inFlight = append(inFlight, 0)
				}
			},
			"call": func(t *rapid.T) {
				if len(inFlight) == 0 {
					t.Skip("no number")
				}
				k := call{rapid.IntRange(0, len(inFlight)-1).Draw(t, "number"), rapid.Bool().Draw(t, "bulk")}
				if inFlight[k.number] < most && c.CanStart(k.bulk, inFlight[k.number]) {
					c.Start(k.bulk, inFlight[k.number])
					inFlight[k.number]++
					calls = append(calls, k)
				}
			},
			"end": func(t *rapid.T) {
				if len(calls) == 0 {
					t.Skip("no call")
				}
				i := rapid.IntRange(0, len(calls)-1).Draw(t, "call")
				k := calls[i]
				calls = append(calls[:i], calls[i+1:]...)
				inFlight[k.number]--
				c.End(k.bulk, inFlight[k.number])
			},
			"": func(t *rapid.T) {
				total, owed := 0, 0
				for _, n := range inFlight {
					total += n
					owed += max(0, c.guaranteed-n)
				}
				if total != c.total || owed != c.reserved || total > c.Most() || c.bulk > c.bulkMax {
					t.Fatalf("%+v, really %d calls, %d owed; want bulk at most %v, %v, at most %v, %v", c, total, owed, c.bulkMax, c.total, c.Most(), c.reserved)
				}
			},
		})
	})
}

// TestCapacityOfHungNumber: a number whose calls never end leaves to each of the others its part, and to express its
// eighth, also where it has all that it may have.
func TestCapacityOfHungNumber(t *testing.T) {
	t.Parallel()
	const most = 256
	c := NewCapacity(most)
	c.AddNumber(nil)
	c.AddNumber([]int{0})
	hung := 0
	for hung < most && c.CanStart(true, hung) {
		c.Start(true, hung)
		hung++
	}
	other := 0
	for c.CanStart(true, other) {
		c.Start(true, other)
		other++
	}
	if hung != most || other != most/4 {
		t.Errorf("%d calls for one, %d left for the other in bulk; want %v, %v", hung, other, most, most/4)
	}
	for c.CanStart(false, other) {
		c.Start(false, other)
		other++
	}
	if other != most/4+most/8 {
		t.Errorf("%d left for the other, want %v", other, most/4+most/8)
	}
	if c.Most() != hung+other {
		t.Errorf("%d calls together, want %v", hung+other, c.Most())
	}
}

func TestCooldownOfAPairEndsAndIsForgotten(t *testing.T) {
	t.Parallel()
	type pair struct {
		number string
		phone  schemas.Phone
	}
	var p Cooldown[pair]
	const n = "1"
	now := time.Unix(1_700_000_000, 0)
	phone := func(i int) pair { return pair{n, schemas.Phone(rune('a' + i%26))} }
	for i := range 1000 {
		now = now.Add(700 * time.Millisecond)
		p.Start(phone(i), now)
		for back := range 9 {
			if at := now.Add(-time.Duration(back) * 700 * time.Millisecond); back <= i && at.Add(CooldownTime).After(now) {
				if got := p.Until(phone(i - back)); !got.Equal(at.Add(CooldownTime)) {
					t.Fatalf("held until %v, want %v", got, at.Add(CooldownTime))
				}
			}
		}
	}
	if got := p.Until(pair{"2", "a"}); !got.IsZero() {
		t.Error("another number is held too")
	}
	p.Cancel(phone(999))
	if got := p.Until(phone(999)); !got.IsZero() {
		t.Error("released, and held")
	}
	for i := range maxPhones + 1000 {
		p.Start(pair{n, schemas.Phone(string(rune(i)))}, now)
	}
	if len(p.current) > maxPhones || len(p.previous) > maxPhones {
		t.Errorf("%d and %d phones are remembered; want at most %v, at most %v", len(p.current), len(p.previous), maxPhones, maxPhones)
	}
	for i := range maxPhones + 1000 {
		p.Refuse(pair{n, schemas.Phone(string(rune(i)))}, now, 0)
	}
	known := len(p.refused)
	if known > maxPhones {
		t.Errorf("%d refused phones are remembered, want at most %v", known, maxPhones)
	}
	if p.Sweep(now.Add(CooldownTime + cooldownMax)); len(p.refused) != known {
		t.Errorf("forgets what may come back: %d are left, want %v", len(p.refused), known)
	}
	if p.Sweep(now.Add(CooldownTime + 2*cooldownMax)); len(p.refused) != 0 {
		t.Errorf("%d refused phones are remembered for ever, want 0", len(p.refused))
	}
}
