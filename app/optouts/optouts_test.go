package optouts_test

import (
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"altavoz/app/numbers"
	"altavoz/app/optouts"
	"altavoz/kafka/kafkatest"
	"altavoz/kafka/table"
	"altavoz/schemas"
	"altavoz/schemas/lastinbound"
	"altavoz/schemas/optout"
)

// Numbers of one business, and of another one.
const (
	one   = "100000000000001"
	two   = "100000000000002"
	other = "100000000000003"
)

func heard(said ...optout.Said) *optout.Heard { return &optout.Heard{Said: said} }

// open returns a book of two businesses: a and b are one's, c is that of numbers which name none.
func open(t *testing.T) (b *optouts.Book, write func(*optout.Heard) int) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "senders.json")
	text := `[{"id":"` + one + `","token":"x","business":"tienda"},{"id":"` + two + `","token":"x","business":"tienda"},{"id":"` + other + `","token":"x"}]`
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	n, err := numbers.Open(numbers.Config{File: file}, slog.New(slog.DiscardHandler), prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	_, c := kafkatest.Embedded(t)
	l := kafkatest.Layout(t, c)
	p := kafkatest.Publisher(t, c, l)
	if b, err = optouts.Open(c, l, n); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Heard(heard(optout.Said{Number: one, Phone: "573001234567", Out: true, At: time.Now()}), time.Now()); err == nil {
		t.Error("something is recorded before all is read")
	}
	if recs, err := b.Heard(&optout.Heard{Pairs: []optout.Pair{{Number: one, Phone: "573001234567", User: "CO.1"}}}, time.Now()); err != nil || len(recs) != 1 {
		t.Errorf("%d records, %v; want a pair not to wait", len(recs), err)
	}
	if err := b.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Stop)
	kafkatest.Take(t, b.CaughtUp(), "all that there was")
	return b, func(h *optout.Heard) int {
		t.Helper()
		recs, err := b.Heard(h, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		if len(recs) > 0 {
			kafkatest.Publish(t, p, recs...)
		}
		if err := b.Sync(t.Context()); err != nil {
			t.Fatal(err)
		}
		return len(recs)
	}
}

// TestOptOutHoldsForAllNumbersOfABusiness: and for no other's, nor is one heard by a number that is not ours.
func TestOptOutHoldsForAllNumbersOfABusiness(t *testing.T) {
	t.Parallel()
	b, write := open(t)
	at := time.Unix(1_790_000_000, 0)
	if n := write(heard(
		optout.Said{Number: one, Phone: "5215512345678", User: "MX.1", Out: true, At: at},
		optout.Said{Number: "999999999999999", Phone: "573001234567", Out: true, At: at},
	)); n != 2 {
		t.Errorf("%d records; want one for each name of the person", n)
	}
	for _, c := range []struct {
		number, to string
		want       bool
	}{
		{one, "525512345678", true},
		{two, "5215512345678", true},
		{two, "MX.1", true},
		{other, "525512345678", false},
		{one, "573001234567", false},
	} {
		if got := b.Out(c.number, schemas.Phone(c.to), ""); got != c.want {
			t.Errorf("%s to %s: %v; want %v", c.number, c.to, got, c.want)
		}
	}
	if n := write(heard(optout.Said{Number: two, Phone: "525512345678", User: "MX.1", Out: true, At: at})); n != 0 {
		t.Errorf("%d records of what is known", n)
	}
	if _, news := b.RefusedBy(one, "525512345678", time.Now()); !news {
		t.Error("a refusal that is later says nothing new")
	}
}

// TestWhatOneWebhookSaysOfAPersonIsOneRecord: with all of it, whatever the order.
func TestWhatOneWebhookSaysOfAPersonIsOneRecord(t *testing.T) {
	t.Parallel()
	b, write := open(t)
	at := time.Unix(1_790_000_000, 0)
	if n := write(heard(
		optout.Said{Number: one, Phone: "573001234567", At: at.Add(time.Minute)},
		optout.Said{Number: one, Phone: "573001234567", Out: true, At: at},
	)); n != 1 {
		t.Errorf("%d records; want 1", n)
	}
	if e := b.Get("tienda", "573001234567"); e.Out() || e.OutS != at.Unix() || e.InS != at.Unix()+60 {
		t.Errorf("%+v; want both times, and that the person came back", e)
	}
}

// TestOptOutHoldsUnderEveryNameOfThePerson: whichever was said first, the opt-out or that both names are one person's, and whoever is asked for. A
// known pair is written once.
func TestOptOutHoldsUnderEveryNameOfThePerson(t *testing.T) {
	t.Parallel()
	at := time.Unix(1_790_000_000, 0)
	pair := &optout.Heard{Pairs: []optout.Pair{{Number: one, Phone: "5215512345678", User: "MX.1"}}}
	for name, out := range map[string]*optout.Heard{
		"by phone": heard(optout.Said{Number: two, Phone: "525512345678", Out: true, At: at}),
		"by id":    heard(optout.Said{Number: two, User: "MX.1", Out: true, At: at}),
	} {
		for _, steps := range [][]*optout.Heard{{pair, out}, {out, pair}, {{Said: out.Said, Pairs: pair.Pairs}}} {
			b, write := open(t)
			for _, h := range steps {
				write(h)
			}
			for _, to := range []schemas.Phone{"525512345678", "5215512345678", "MX.1"} {
				if !b.Out(one, to, "") || b.Out(other, to, "") {
					t.Errorf("%s, %d webhooks: %s has not opted out, or of another business", name, len(steps), to.Digits())
				}
			}
			if n := write(pair); n != 0 {
				t.Errorf("%s: %d records of a pair that is known", name, n)
			}
			if names := b.After("tienda", ""); names.Len() != 1 || names.At(0) != "525512345678" {
				t.Errorf("%s: %d people are listed; want the one, by phone", name, names.Len())
			}
			write(heard(optout.Said{Number: one, User: "MX.1", At: at.Add(time.Minute)}))
			if b.Out(one, "525512345678", "") || b.Out(one, "MX.1", "") {
				t.Errorf("%s: who came back by id has not by phone", name)
			}
		}
	}
}

// TestOptOutFollowsWhoChangesThePhone: to the new phone and id. Who had that phone before and opted out stays so, though the new holder came back.
func TestOptOutFollowsWhoChangesThePhone(t *testing.T) {
	t.Parallel()
	b, write := open(t)
	at := time.Unix(1_790_000_000, 0)
	write(&optout.Heard{Pairs: []optout.Pair{{Number: one, Phone: "573001234561", User: "CO.1"}}, Said: []optout.Said{{Number: one, User: "CO.1", Out: true, At: at}}})
	change := &optout.Heard{
		Renamed: []optout.Renamed{{Number: two, Old: []string{"", "CO.1"}, New: []string{"573001234562", "CO.2"}}},
		Pairs:   []optout.Pair{{Number: two, Phone: "573001234562", User: "CO.2"}},
	}
	if n := write(change); n != 2 {
		t.Errorf("%d records; want one for each new name", n)
	}
	for _, to := range []schemas.Phone{"573001234561", "573001234562", "CO.1", "CO.2"} {
		if !b.Out(one, to, "") {
			t.Errorf("%s has not opted out", to.Digits())
		}
	}
	write(heard(optout.Said{Number: one, Phone: "573001234563", Out: true, At: at}, optout.Said{Number: one, Phone: "573001234564", At: at.Add(time.Hour)}))
	write(&optout.Heard{Renamed: []optout.Renamed{{Number: one, Old: []string{"573001234564"}, New: []string{"573001234563"}}}})
	if !b.Out(one, "573001234563", "") {
		t.Error("who has not come back has, because somebody else did")
	}
}

// TestReturnOfAPhonesEarlierHolderUndoesNoOptOut: who opted out got the phone of somebody who came back, and comes back with it later, however often Meta
// says that the phone changed.
func TestReturnOfAPhonesEarlierHolderUndoesNoOptOut(t *testing.T) {
	t.Parallel()
	b, write := open(t)
	at := time.Unix(1_790_000_000, 0)
	write(heard(optout.Said{Number: one, Phone: "573001234561", Out: true, At: at}, optout.Said{Number: one, Phone: "573001234562", At: at.Add(time.Hour)}))
	change := &optout.Heard{Renamed: []optout.Renamed{{Number: one, Old: []string{"573001234561"}, New: []string{"573001234562"}, At: at.Add(2 * time.Hour)}}}
	write(change)
	if !b.Out(one, "573001234562", "") {
		t.Error("somebody else's return undid the opt-out of who has the phone now")
	}
	write(heard(optout.Said{Number: one, Phone: "573001234562", At: at.Add(3 * time.Hour)}))
	if n := write(change); n != 0 || b.Out(one, "573001234562", "") {
		t.Errorf("%d records; who came back with the new phone has opted out again", n)
	}
}

// TestOptOutStaysWithThePhoneOfBefore: what was said of a user id stands in its record, which compaction leaves with the phone that the id has now.
func TestOptOutStaysWithThePhoneOfBefore(t *testing.T) {
	t.Parallel()
	b, write := open(t)
	pair := func(phone string) *optout.Heard {
		return &optout.Heard{Pairs: []optout.Pair{{Number: one, Phone: phone, User: "CO.1"}}}
	}
	write(heard(optout.Said{Number: one, User: "CO.1", Out: true, At: time.Unix(1_790_000_000, 0)}))
	write(pair("573001234561"))
	recs, err := b.Heard(pair("573001234562"), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	compacted := optout.NewSet(10)
	for i := range recs {
		business, e, err := optout.Decode(&recs[i])
		if err != nil {
			t.Fatal(err)
		}
		compacted.Apply(business, e)
	}
	for _, name := range []string{"573001234561", "573001234562", "CO.1"} {
		if !compacted.Out("tienda", name) {
			t.Errorf("%s has not opted out by what compaction leaves", name)
		}
	}
}

// TestOptOutOfAUserIDBesideThePhoneHolds: a list may name a person by both, which no webhook has told.
func TestOptOutOfAUserIDBesideThePhoneHolds(t *testing.T) {
	t.Parallel()
	b, write := open(t)
	write(heard(optout.Said{Number: one, User: "CO.1", Out: true, At: time.Unix(1_790_000_000, 0)}))
	if !b.Out(two, "573001234567", "CO.1") || b.Out(two, "573001234567", "CO.2") || b.Out(two, "573001234567", "") || b.Out(other, "573001234567", "CO.1") {
		t.Error("an opt-out of the user id does not hold where it is named, or elsewhere")
	}
}

// TestWindowIsOpenUnderEveryNameThatIsKnown: whoever wrote by one name may be written to by the other.
func TestWindowIsOpenUnderEveryNameThatIsKnown(t *testing.T) {
	t.Parallel()
	b, write := open(t)
	_, c := kafkatest.Embedded(t)
	l := kafkatest.Layout(t, c)
	view, err := table.NewInbound(c, l)
	if err != nil {
		t.Fatal(err)
	}
	if err := view.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(view.Stop)
	write(&optout.Heard{Pairs: []optout.Pair{{Number: one, Phone: "573001234561", User: "CO.1"}, {Number: one, Phone: "573001234562", User: "CO.2"}}})
	now := time.Now().Truncate(time.Second)
	kafkatest.Publish(t, kafkatest.Publisher(t, c, l), b.Wrote([]lastinbound.Message{{Number: one, User: "CO.1", At: now}, {Number: one, Phone: "573001234562", At: now}}, now)...)
	if err := view.Sync(t.Context()); err != nil {
		t.Fatal(err)
	}
	w := b.Windows(view)
	for _, to := range []schemas.Phone{"573001234561", "CO.1", "573001234562", "CO.2"} {
		if at, ok := w.At(one, to); !ok || !at.Equal(now) {
			t.Errorf("%s wrote at %v, %v; want %v", to.Digits(), at, ok, now)
		}
	}
	if _, ok := w.At(one, "CO.3"); ok {
		t.Error("somebody wrote of whom nothing is known")
	}
}
