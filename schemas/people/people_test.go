package people_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"altavoz/schemas"
	"altavoz/schemas/people"
	"altavoz/stream"
)

var start = time.Date(2026, time.March, 1, 8, 0, 30, 0, time.UTC)

// log is the topic, and when each record was written.
type log struct {
	claims []people.Claim
	at     []time.Time
}

func (l *log) write(c people.Claim, at time.Time) {
	l.claims, l.at = append(l.claims, c), append(l.at, at)
}

// begun has the first claim of a process, which has nobody.
func begun() *log { return &log{make([]people.Claim, 1), []time.Time{start}} }

// reader is a process: it reads at its own pace.
type reader struct {
	*people.Set
	begin   int64
	next    int // offset
	granted map[int]bool
}

func newReader(from int) *reader {
	return &reader{people.NewSet(people.MaxPeople), int64(from), from, make(map[int]bool)}
}

func (r *reader) read(l *log, n int, now time.Time) {
	for ; r.next < len(l.claims) && n > 0; n-- {
		r.granted[r.next] = r.Apply(&l.claims[r.next], int64(r.next), l.at[r.next], now)
		r.next++
	}
}

// underWay is a claim that was made and is not written yet.
type underWay struct {
	claim people.Claim
	asked time.Time
	lands time.Time
}

// sent is a message that left.
type sent struct {
	to people.Person
	at time.Time
}

// TestNeverMorePeopleThanTheLimit: several processes, whose clocks differ by up to ten minutes, write claims with what each has read so far, which
// arrive late and in any order; processes begin with what retention has left of the log. Messages leave on what was granted, as late as they may. In no
// 24 hours do more people than the limit get one, and every process that knows a claim's verdict has the same.
func TestNeverMorePeopleThanTheLimit(t *testing.T) {
	t.Parallel()
	for seed := range uint64(25) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		limit, crowd := 1+rnd.IntN(20), uint64(1+rnd.IntN(120))
		l, readers, pending := new(log), make([]*reader, 1+rnd.IntN(4)), make(map[int]*underWay)
		skew := make([]time.Duration, len(readers))
		for i := range readers {
			readers[i], skew[i] = newReader(0), time.Duration(rnd.IntN(600)-300)*time.Second
		}
		var out []sent
		for now := start; now.Sub(start) < 4*people.Window; now = now.Add(time.Duration(rnd.IntN(240)) * time.Second) {
			i := rnd.IntN(len(readers))
			r, local := readers[i], now.Add(skew[i])
			switch p := pending[i]; {
			case rnd.IntN(80) == 0: // it ends, and another begins
				kept := slices.IndexFunc(l.at, func(at time.Time) bool { return now.Sub(at) < 26*time.Hour })
				readers[i], pending[i] = newReader(max(0, kept)), nil
			case p == nil:
				wanted := make([]people.Person, 1+rnd.IntN(2*limit))
				for w := range wanted {
					wanted[w] = people.Person(rnd.Uint64N(crowd))
				}
				c, in := r.Draw("b", limit, wanted, local)
				for w := range in {
					if in[w] != slices.Contains(c.People, wanted[w]) {
						t.Fatalf("seed %d: it says %v of %d", seed, in[w], w)
					}
				}
				pending[i] = &underWay{c, now, now.Add(time.Duration(rnd.IntN(400)) * time.Second)}
			case !now.Before(p.lands):
				l.write(p.claim, local)
				at := len(l.claims) - 1
				r.read(l, len(l.claims), local)
				if r.granted[at] && now.Sub(p.asked) < people.Fresh {
					for _, to := range p.claim.People {
						out = append(out, sent{to, p.asked.Add(people.Fresh)})
					}
				}
				pending[i] = nil
			}
			i = rnd.IntN(len(readers))
			readers[i].read(l, rnd.IntN(20), now.Add(skew[i]))
		}
		agree(t, seed, l, readers)
		if n := mostInADay(out); n > limit || n < min(limit, int(crowd)/2) {
			t.Errorf("seed %d: at most %d people within a day, the limit is %d", seed, n, limit)
		}
	}
}

// mostInADay returns to how many people messages left within 24 hours at most.
func mostInADay(out []sent) (most int) {
	slices.SortFunc(out, func(a, b sent) int { return a.at.Compare(b.at) })
	messages, first := make(map[people.Person]int), 0
	for _, s := range out {
		messages[s.to]++
		for ; s.at.Sub(out[first].at) >= people.Window; first++ {
			if of := out[first].to; messages[of] > 1 {
				messages[of]--
			} else {
				delete(messages, of)
			}
		}
		most = max(most, len(messages))
	}
	return most
}

// agree holds processes to one verdict of each claim, but for those that were made before what a process begins with.
func agree(t *testing.T, seed uint64, l *log, readers []*reader) {
	t.Helper()
	said := make(map[int]bool)
	for _, r := range readers {
		for at, granted := range r.granted {
			if l.claims[at].Read < r.begin {
				continue
			}
			if was, known := said[at]; known && was != granted {
				t.Errorf("seed %d: of claim %d one process says %v, another %v", seed, at, was, granted)
			}
			said[at] = granted
		}
	}
}

// TestTheFirstClaimBehindWhatItsWriterReadIsGranted: whoever is refused asks anew and does not wait for ever.
func TestTheFirstClaimBehindWhatItsWriterReadIsGranted(t *testing.T) {
	t.Parallel()
	s, l := newReader(0), begun()
	s.read(l, 1, start)
	for i := range 10 {
		now := start.Add(time.Duration(i) * time.Second)
		a, _ := s.Draw("b", 100, []people.Person{people.Person(10 * i), people.Person(10*i + 1)}, now)
		b, _ := s.Draw("b", 100, []people.Person{people.Person(10*i + 2), people.Person(10*i + 3)}, now)
		l.write(a, now)
		l.write(b, now)
		s.read(l, 2, now)
		if !s.granted[2*i+1] || !s.granted[2*i+2] {
			t.Errorf("claims %d: granted %v and %v, want both: there is room for them", i, s.granted[2*i+1], s.granted[2*i+2])
		}
	}
	if n := s.Used("b", start); n != 40 {
		t.Errorf("%d people have a place, want 40", n)
	}
}

// TestWhoHasAPlaceNeedsNoOther: repeats cost nothing, make the place last, and a full business goes on writing to its people.
func TestWhoHasAPlaceNeedsNoOther(t *testing.T) {
	t.Parallel()
	s, l := newReader(0), begun()
	s.read(l, 1, start)
	ask := func(now time.Time, wanted ...people.Person) (in []bool) {
		for range 2 { // the first one shows how far the log goes
			var c people.Claim
			c, in = s.Draw("b", 2, wanted, now)
			l.write(c, now)
			s.read(l, 1, now)
		}
		return in
	}
	if in := ask(start, 1, 2, 1, 3); !slices.Equal(in, []bool{true, true, true, false}) {
		t.Errorf("in the claim are %v", in)
	}
	later := start.Add(20 * time.Hour)
	if in := ask(later, 3, 2); !slices.Equal(in, []bool{false, true}) {
		t.Errorf("in the claim are %v", in)
	}
	if at := s.Frees("b"); at.Sub(start) < people.Window || at.Sub(start) > people.Window+people.Margin+2*time.Minute {
		t.Errorf("the next place gets free at %v", at)
	}
	over := start.Add(people.Window + people.Margin + 2*time.Minute)
	if n := s.Used("b", over); n != 1 || !s.Knows("b", 2, over) || s.Knows("b", 1, over) {
		t.Errorf("%d people have a place, want who was written to later", n)
	}
	if in := ask(over, 3, 4); !slices.Equal(in, []bool{true, false}) {
		t.Errorf("in the claim are %v", in)
	}
	s.Sweep(over.Add(3 * people.Window))
	if n := s.Size(); n != 0 {
		t.Errorf("%d people have a place in the end", n)
	}
}

// TestAPlaceThatEndsIsNoPlace: by the clock of another process it may be over, and taken by somebody else. An earlier time behind a later one ends none sooner.
func TestAPlaceThatEndsIsNoPlace(t *testing.T) {
	t.Parallel()
	s := people.NewSet(people.MaxPeople)
	for i, at := range []time.Time{start, start.Add(-5 * time.Minute)} {
		s.Apply(&people.Claim{Business: "b", People: []people.Person{1}, Places: 1, Free: 2, Read: int64(i)}, int64(i), at, start)
	}
	for _, of := range []struct {
		after time.Duration
		knows bool
		used  int
	}{{people.Window - time.Minute, true, 1}, {people.Window + time.Minute, false, 1}, {people.Window + people.Margin, false, 1}, {people.Window + people.Margin + 2*time.Minute, false, 0}} {
		now := start.Add(of.after)
		if knows, used := s.Knows("b", 1, now), s.Used("b", now); knows != of.knows || used != of.used {
			t.Errorf("after %v: known %v, %d used; want %v, %d", of.after, knows, used, of.knows, of.used)
		}
	}
}

// TestAnEarlierTimeBehindALaterOneIsNotBehind: the clock of who wrote the last record may be ten minutes behind.
func TestAnEarlierTimeBehindALaterOneIsNotBehind(t *testing.T) {
	t.Parallel()
	s := people.NewSet(people.MaxPeople)
	for i, at := range []time.Time{start, start.Add(-10 * time.Minute)} {
		s.Apply(new(people.Claim), int64(i), at, start)
	}
	if s.Behind(start) {
		t.Error("who has read what was written just now is behind")
	}
}

// TestWhoIsFarBehindIsRefused: what lies between may not be there any more for others.
func TestWhoIsFarBehindIsRefused(t *testing.T) {
	t.Parallel()
	for _, of := range []struct {
		begin, read, offset int64
		granted             bool
	}{{0, 0, 4096, true}, {0, 0, 4097, false}, {9, 9, 12, true}, {9, 8, 12, false}} {
		s := people.NewSet(people.MaxPeople)
		for at := of.begin; at < of.offset; at++ {
			s.Apply(new(people.Claim), at, start, start)
		}
		if got := s.Apply(&people.Claim{People: []people.Person{1}, Places: 1, Free: 1, Read: of.read}, of.offset, start, start); got != of.granted {
			t.Errorf("of a log from %d, a claim at %d by who has read up to %d: granted %v", of.begin, of.offset, of.read, got)
		}
	}
}

// TestWhatIsNoClaimIsRefused: of records that nobody writes none counts.
func TestWhatIsNoClaimIsRefused(t *testing.T) {
	t.Parallel()
	c := people.Claim{Business: "b", People: []people.Person{1, 2}, Places: 1, Free: 7, Read: 3, Process: "p", Number: 4}
	rec := c.Encode()
	rec.Offset = 3
	if got, err := people.Decode(&rec); err != nil || fmt.Sprint(got) != fmt.Sprint(c) {
		t.Errorf("%v, %v; want %v", got, err, c)
	}
	for _, bad := range []people.Claim{
		{People: []people.Person{1}, Places: 2}, {Free: people.MaxLimit + 1}, {Read: 4}, {Read: -1}, {People: make([]people.Person, people.MaxClaim+1)},
	} {
		rec := bad.Encode()
		rec.Offset = 3
		if _, err := people.Decode(&rec); !errors.Is(err, schemas.ErrDecode) {
			t.Errorf("%d people, %d places, %d free, read %d: %v", len(bad.People), bad.Places, bad.Free, bad.Read, err)
		}
	}
	if _, err := people.Decode(&stream.Record{Value: []byte("no")}); !errors.Is(err, schemas.ErrDecode) {
		t.Error(err)
	}
}

// TestMemoryIsBounded: no claim is made beyond what is remembered, whatever the limits are; nor of more people than a record has.
func TestMemoryIsBounded(t *testing.T) {
	t.Parallel()
	s := people.NewSet(10)
	wanted := make([]people.Person, 2*people.MaxClaim)
	for i := range wanted {
		wanted[i] = people.Person(i)
	}
	for i, of := range []string{"a", "a", "b"} {
		c, _ := s.Draw(of, 7, wanted, start)
		s.Apply(&c, int64(i), start, start)
	}
	if a, b := s.Used("a", start), s.Used("b", start); a != 7 || b != 3 {
		t.Errorf("%d and %d people have a place, want 7 and 3", a, b)
	}
	all := people.NewSet(people.MaxPeople)
	all.Apply(new(people.Claim), 0, start, start)
	if c, _ := all.Draw("a", people.MaxLimit, wanted, start); len(c.People) != people.MaxClaim || c.Places != people.MaxClaim {
		t.Errorf("a claim of %d people and %d places", len(c.People), c.Places)
	}
}

// TestTwinsAreOnePerson: however a phone is written.
func TestTwinsAreOnePerson(t *testing.T) {
	t.Parallel()
	a, b, c := people.Of("5491123456789"), people.Of("541123456789"), people.Of("573001234567")
	if a != b || a == c {
		t.Errorf("%v, %v and %v", a, b, c)
	}
}
