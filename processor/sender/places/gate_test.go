package places

import (
	"cmp"
	"slices"
	"testing"
	"time"

	"altavoz/processor/sender/report"
	"altavoz/processor/sender/schedule/queue"
	"altavoz/schemas/people"
)

var start = time.Date(2026, time.March, 1, 8, 0, 0, 0, time.UTC)

// message is a send of one number.
type message struct {
	link   queue.Link[*message]
	number string // "": "1"
	to     people.Person
	urgent bool
}

func (m *message) Link() *queue.Link[*message] { return &m.link }
func (m *message) Person() people.Person       { return m.to }
func (m *message) NumberID() string            { return cmp.Or(m.number, "1") }
func (m *message) Urgent() bool                { return m.urgent }

// view is the log and one reader of it.
type view struct {
	*people.Set
	follows int
	offset  int64
}

func (v *view) Follow() { v.follows++ }
func (v *view) Used(of string, now time.Time) (int, time.Time) {
	return v.Set.Used(of, now), v.Frees(of)
}

// read writes a claim, or none, and reads it.
func (v *view) read(c *people.Claim, now time.Time) bool {
	granted := v.Apply(c, v.offset, now, now)
	v.offset++
	return granted
}

// bench is a gate with a number whose business has a limit.
type bench struct {
	*Gate[*message]
	view *view
	room int
}

func newBench(limit int) *bench {
	v := &view{Set: people.NewSet(people.MaxPeople)}
	b := &bench{New[*message](v, "p"), v, people.MaxClaim}
	b.Limit("1", "b", limit)
	v.read(new(people.Claim), start)
	return b
}

func (b *bench) wait(urgent bool, persons ...people.Person) {
	for _, p := range persons {
		b.Wait("1", &message{to: p, urgent: urgent})
	}
}

func (b *bench) ask(now time.Time) (c *people.Claim) {
	b.Ask(now, func(string) int { return b.room }, func(made *people.Claim) { c = made })
	return c
}

// passes asks once, and returns who goes on.
func (b *bench) passes(now time.Time) (on []people.Person) {
	c := b.ask(now)
	if c == nil {
		return nil
	}
	all, _ := b.Verdict(c.Number, b.view.read(c, now), now)
	for _, m := range all {
		on = append(on, m.to)
	}
	return on
}

// TestWhoIsRefusedAsksAgain: the claim of another process came in between, a verdict came late, or none came. All of them keep their order.
func TestWhoIsRefusedAsksAgain(t *testing.T) {
	t.Parallel()
	b := newBench(3)
	b.wait(false, 1, 2, 3)
	c := b.ask(start)
	other, _ := b.view.Draw("b", 3, []people.Person{9}, start)
	b.view.read(&other, start)
	if on, _ := b.Verdict(c.Number, b.view.read(c, start), start); len(on) > 0 {
		t.Fatalf("%v go on whose claim was refused", on)
	}
	c = b.ask(start)
	granted := b.view.read(c, start)
	if on, _ := b.Verdict(c.Number, granted, start.Add(people.Fresh+time.Second)); !granted || len(on) > 0 {
		t.Errorf("%v go on whose claim was granted (%v) too late", on, granted)
	}
	later := start.Add(people.Fresh + time.Second)
	if c = b.ask(later); len(c.People) != 0 || b.ask(later.Add(askTimeout-1)) != nil {
		t.Errorf("asked for %v while it is behind", c.People)
	}
	b.view.read(c, later)
	later = later.Add(askTimeout)
	if on := b.passes(later); !slices.Equal(on, []people.Person{1, 2}) {
		t.Errorf("%v go on, want the two that there are places for", on)
	}
	if on, _ := b.Verdict(c.Number, true, later); len(on) > 0 {
		t.Errorf("%v go on with an earlier claim", on)
	}
}

// TestWhoHasAPlacePassesThoseWithout: however many wait in front; and who waits is told when the next place gets free.
func TestWhoHasAPlacePassesThoseWithout(t *testing.T) {
	t.Parallel()
	b := newBench(2)
	b.wait(false, 1, 2, 3, 4, 2, 1)
	for _, want := range [][]people.Person{{1, 2}, {2, 1}, nil} {
		if on := b.passes(start); !slices.Equal(on, want) {
			t.Errorf("%v go on, want %v", on, want)
		}
	}
	b.wait(false, 1)
	if on := b.passes(start.Add(recheck)); !slices.Equal(on, []people.Person{1}) {
		t.Errorf("%v go on, want who has a place", on)
	}
	if c := b.Cause("1", "n", start.Add(report.AnnounceAfter-1)); c != nil {
		t.Errorf("said at once: %v", c)
	}
	if c := b.Cause("1", "n", start.Add(report.AnnounceAfter)); c.GetNumber() != "n" || c.GetDetail() != "2" || c.GetUntilMs() < start.Add(people.Window).UnixMilli() {
		t.Errorf("said %v", c)
	}
	if got := b.Tallies(start); len(got) != 1 || got[0] != (Tally{"b", 2, 2}) {
		t.Errorf("tallies %v", got)
	}
	if n := len(slices.Collect(b.All())); n != 2 {
		t.Errorf("%d wait, want 2", n)
	}
	next := start.Add(people.Window + people.Margin + 2*time.Minute)
	b.passes(next)
	if on := b.passes(next); !slices.Equal(on, []people.Person{3, 4}) || b.Cause("1", "n", next.Add(time.Hour)) != nil {
		t.Errorf("%v go on the next day, and it says %v", on, b.Cause("1", "n", next.Add(time.Hour)))
	}
}

// TestOnlyUrgentOnesAreAskedForBeyondWhatANumberTakes: of the others as many as have room.
func TestOnlyUrgentOnesAreAskedForBeyondWhatANumberTakes(t *testing.T) {
	t.Parallel()
	b := newBench(100)
	b.wait(false, 1, 2, 3)
	b.wait(true, 4)
	for _, of := range []struct {
		room int
		want []people.Person
	}{{0, []people.Person{4}}, {2, []people.Person{1, 2}}, {0, nil}, {9, []people.Person{3}}} {
		b.room = of.room
		if on := b.passes(start); !slices.Equal(on, of.want) {
			t.Errorf("with room for %d %v go on, want %v", of.room, on, of.want)
		}
	}
	for _, of := range []struct {
		rate        float64
		ready, want int
	}{{0, 0, people.MaxClaim}, {64, 0, 128}, {64, 65, 0}, {64, 64, 64}, {1, 0, leastAhead}, {1e6, 0, people.MaxClaim}} {
		if got := Ahead(of.rate, of.ready); got != of.want {
			t.Errorf("at %v a second with %d ready: %d, want %d", of.rate, of.ready, got, of.want)
		}
	}
}

// TestNumbersOfABusinessShareWhatIsLeft: one for which many wait leaves something to another.
func TestNumbersOfABusinessShareWhatIsLeft(t *testing.T) {
	t.Parallel()
	b := newBench(10)
	b.Limit("2", "b", 10)
	for i := range people.Person(100) {
		b.wait(false, i)
		if i < 4 {
			b.Wait("2", &message{number: "2", to: 1000 + i})
		}
	}
	var on []people.Person
	for range 10 {
		on = append(on, b.passes(start)...)
	}
	others := slices.DeleteFunc(slices.Clone(on), func(p people.Person) bool { return p < 1000 })
	if len(on) != 10 || len(others) != 4 {
		t.Errorf("%d go on, and %d of the number of which few wait; want 10 and 4", len(on), len(others))
	}
}

// TestWithoutALimitAllGoOn: also who waits, once there is none any more; and nothing is read before there is one.
func TestWithoutALimitAllGoOn(t *testing.T) {
	t.Parallel()
	b := newBench(1)
	b.wait(false, 1, 2, 3)
	b.passes(start)
	b.wait(true, 4)
	if !b.Limited("1") || b.Limited("2") || b.view.follows != 1 {
		t.Errorf("limited %v and %v, read %d times", b.Limited("1"), b.Limited("2"), b.view.follows)
	}
	b.Limit("1", "b", 0)
	if on := b.Ask(start, func(string) int { return 0 }, nil); len(on) != 3 || b.Limited("1") {
		t.Errorf("%d go on, want 3", len(on))
	}
	b.Limit("2", "b", 0)
	if b.view.follows != 1 {
		t.Errorf("read %d times", b.view.follows)
	}
}

// TestANumberThatChangesItsBusinessTakesThoseAlongWhoWait: also those of a claim under way.
func TestANumberThatChangesItsBusinessTakesThoseAlongWhoWait(t *testing.T) {
	t.Parallel()
	b := newBench(1)
	b.wait(false, 1, 2)
	c := b.ask(start)
	b.Limit("1", "other", 5)
	b.Verdict(c.Number, false, start)
	if on := b.passes(start); !slices.Equal(on, []people.Person{1, 2}) {
		t.Errorf("%v go on", on)
	}
}
