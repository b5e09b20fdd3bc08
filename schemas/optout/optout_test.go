package optout_test

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"altavoz/schemas"
	"altavoz/schemas/optout"
	"altavoz/stream"
)

func TestOnlyAMessageThatIsAWordIsAnOptOut(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]optout.Wish{
		"STOP": optout.WishOut, "stop": optout.WishOut, " Stop.\n": optout.WishOut, "¡BAJA!": optout.WishOut, "\"Salir\"": optout.WishOut,
		"cancelar 🙏": optout.WishOut, "Unsubscribe": optout.WishOut, "*STOP*": optout.WishOut, "bajá": optout.WishOut, "ＳＴＯＰ": optout.WishOut,
		"ba\u200bja": optout.WishOut, "start": optout.WishIn, "ALTA": optout.WishIn, "Alta,": optout.WishIn,
		"": optout.WishNone, "...": optout.WishNone, "STOP 12345": optout.WishNone, "por favor STOP": optout.WishNone, "no quiero baja": optout.WishNone,
		"STOP STOP": optout.WishNone, "bajas": optout.WishNone, "stopp": optout.WishNone, "st op": optout.WishNone, "alta baja": optout.WishNone,
		"1stop": optout.WishNone, "cancelar pedido": optout.WishNone, "STOP" + strings.Repeat(" ", 200): optout.WishNone,
	} {
		if got := optout.Read(text); got != want {
			t.Errorf("%q: %v; want %v", text, got, want)
		}
	}
}

func TestWordIsReadWhateverStandsAroundItAndNothingElseIs(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		around := rapid.StringOfN(rapid.SampledFrom([]rune(" \t\n.,;:!¡¿?\"'()*_-…🛑👍\u0301\u200b")), 0, 8, -1)
		word := rapid.SampledFrom([]string{"STOP", "baja", "Salir", "cAncelar", "UNSUBSCRIBE", "start", "Alta"}).Draw(t, "word")
		text := around.Draw(t, "before") + word + around.Draw(t, "behind")
		if optout.Read(text) == optout.WishNone {
			t.Fatalf("%q is no word", text)
		}
		if more := text + rapid.StringMatching(`[a-z0-9]{1,5}`).Draw(t, "more"); optout.Read(more) != optout.WishNone && more != "start" {
			t.Fatalf("%q is a word", more)
		}
	})
}

func TestTwinsAreOnePersonAndUserIDsStay(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"5215512345678": "525512345678", "525512345678": "525512345678", "5491123456789": "541123456789", "5511987654321": "551187654321",
		"+573001234567": "573001234567", "CO.1765ab": "CO.1765ab",
	} {
		if got, ok := optout.Person(name); !ok || got != want {
			t.Errorf("%q: %q, %v; want %q", name, got, ok, want)
		}
	}
	for _, name := range []string{"", "+", "57 300", "a/b", strings.Repeat("1", 136), "ñ"} {
		if got, ok := optout.Person(name); ok {
			t.Errorf("%q is the person %q", name, got)
		}
	}
	said := optout.Said{Phone: "5215512345678", User: "MX.1"}
	if got := said.Persons(); !slices.Equal(got, []string{"525512345678", "MX.1"}) {
		t.Errorf("%v; want both names", got)
	}
}

// TestLaterSaidCountsWhateverTheOrder: in any order, with repeats, and with each record holding what its writer knew, so that the last
// one of a key is enough.
func TestLaterSaidCountsWhateverTheOrder(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		type said struct {
			out bool
			at  int64
		}
		all := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) said {
			return said{rapid.Bool().Draw(t, "out"), rapid.Int64Range(1, 6).Draw(t, "at")}
		}), 1, 8).Draw(t, "said")
		lastOut, lastIn := int64(0), int64(0)
		for _, s := range all {
			if s.out {
				lastOut = max(lastOut, s.at)
			} else {
				lastIn = max(lastIn, s.at)
			}
		}
		want := lastOut > 0 && lastOut >= lastIn
		set, again := optout.NewSet(10), optout.NewSet(10)
		var last stream.Record
		order := rapid.Permutation(slices.Concat(all, all)).Draw(t, "order")
		for _, s := range order {
			e, changed := set.Get("b", "573001234567").With(s.out, s.at, schemas.OptOutSource_OPT_OUT_SOURCE_WORD)
			if !changed {
				continue
			}
			last = e.Encode("b")
			business, read, err := optout.Decode(&last)
			if err != nil || business != "b" {
				t.Fatal(business, err)
			}
			set.Apply(business, read)
		}
		_, only, err := optout.Decode(&last)
		if err != nil {
			t.Fatal(err)
		}
		again.Apply("b", only)
		if set.Out("b", "573001234567") != want || again.Out("b", "573001234567") != want {
			t.Fatalf("%v: %v, and by the last record alone %v; want %v", order, set.Out("b", "573001234567"), again.Out("b", "573001234567"), want)
		}
		if set.Out("other", "573001234567") || set.Out("b", "573001234568") {
			t.Fatal("another business, or another person, has opted out")
		}
		out, known := set.Size()
		if known != 1 || (out == 1) != want {
			t.Fatalf("%d out of %d; want 1 known", out, known)
		}
	})
}

// TestWhatIsSaidOfOnePersonHoldsForAllNamesWhateverTheOrder: records of a phone and of its two user ids, in any order and with repeats, of which some
// know the phone. Whatever the set says lacks something of what is known is written anew, and then the last record of each name is enough.
func TestWhatIsSaidOfOnePersonHoldsForAllNamesWhateverTheOrder(t *testing.T) {
	t.Parallel()
	const phone = "573001234567"
	names := []string{phone, "CO.1", "CO.ENT.2"}
	rapid.Check(t, func(t *rapid.T) {
		all := []optout.Entry{{Person: names[1], Phone: phone}, {Person: names[2], Phone: phone}}
		for range rapid.IntRange(0, 6).Draw(t, "said") {
			e := optout.Entry{Person: rapid.SampledFrom(names).Draw(t, "name"), OutS: rapid.Int64Range(0, 5).Draw(t, "out"), InS: rapid.Int64Range(0, 5).Draw(t, "in")}
			if e.Person != phone && rapid.Bool().Draw(t, "known") {
				e.Phone = phone
			}
			all = append(all, e)
		}
		want := optout.Entry{}
		for _, e := range all {
			want.OutS, want.InS = max(want.OutS, e.OutS), max(want.InS, e.InS)
		}
		set, last := optout.NewSet(10), map[string]optout.Entry{}
		take := func(e optout.Entry) {
			rec := e.Encode("b")
			business, read, err := optout.Decode(&rec)
			if err != nil || read != e {
				t.Fatalf("%+v was read as %+v, %v", e, read, err)
			}
			last[e.Person] = e
			if !set.Apply(business, read) {
				e = set.Get("b", e.Person)
				if last[e.Person] = e; !set.Apply("b", e) {
					t.Fatalf("%+v is never all that is known", e)
				}
			}
		}
		for _, e := range rapid.Permutation(all).Draw(t, "order") {
			take(e)
		}
		again := optout.NewSet(10)
		for _, name := range rapid.Permutation(names).Draw(t, "compacted") {
			if e, ok := last[name]; ok {
				again.Apply("b", e)
			}
		}
		for _, name := range names {
			for _, s := range []*optout.Set{set, again} {
				if e := s.Get("b", name); e.Out() != want.Out() || s.Out("b", name) != want.Out() || s.Out("c", name) {
					t.Fatalf("%s: %+v; want %+v", name, e, want)
				}
			}
		}
		out, known := set.Size()
		listed := set.After("b", "")
		if known > 1 || (out == 1) != want.Out() || listed.Len() != out || set.Pairs() != 2 {
			t.Fatalf("%d out of %d, %d listed, %d pairs; want one person", out, known, listed.Len(), set.Pairs())
		}
	})
}

// TestPairsAreBounded: but not those of people who opted out, and an id that is known may get another phone.
func TestPairsAreBounded(t *testing.T) {
	t.Parallel()
	set := optout.NewSet(2)
	for i := range 4 {
		set.Apply("b", optout.Entry{Person: fmt.Sprint("CO.", i), Phone: fmt.Sprint(573001234560 + i)})
	}
	set.Apply("b", optout.Entry{Person: "573001234569", OutS: 1})
	set.Apply("b", optout.Entry{Person: "CO.9", Phone: "573001234569"})
	set.Apply("b", optout.Entry{Person: "CO.8", Phone: "573001234568", OutS: 1})
	set.Apply("b", optout.Entry{Person: "CO.1", Phone: "573001234567"})
	if !set.Paired("b", "CO.1", "573001234567") || set.Learns(optout.Entry{Person: "CO.7"}, false) || !set.Learns(optout.Entry{Person: "CO.1", Phone: "573001234561"}, false) || !set.Learns(optout.Entry{Person: "CO.7"}, true) {
		t.Error("beyond the bound the phone of another id is learnt, or none of an id that moved")
	}
	if set.Pairs() != 4 || set.Paired("b", "CO.3", "573001234563") || !set.Out("b", "CO.9") || !set.Out("b", "573001234568") {
		t.Errorf("%d pairs; want two, and two of who opted out", set.Pairs())
	}
}

// TestUserIDOfAnotherPhoneTakesOnlySilenceWithIt: what its holder said stays with the phone of before.
func TestUserIDOfAnotherPhoneTakesOnlySilenceWithIt(t *testing.T) {
	t.Parallel()
	set := optout.NewSet(10)
	for _, e := range []optout.Entry{
		{Person: "CO.1", Phone: "573001234561", InS: 9},
		{Person: "573001234562", OutS: 5},
		{Person: "CO.1", Phone: "573001234562"},
		{Person: "CO.2", Phone: "573001234563", OutS: 5},
		{Person: "CO.2", Phone: "573001234564"},
	} {
		set.Apply("b", e)
	}
	for name, want := range map[string]bool{"573001234561": false, "573001234562": true, "CO.1": true, "573001234563": true, "573001234564": true, "CO.2": true} {
		if set.Out("b", name) != want {
			t.Errorf("%s has opted out: %v; want %v", name, !want, want)
		}
	}
}

// TestReturnOfAPhonesEarlierHolderUndoesNoOptOut: whoever opted out and has that phone now, or its id, did not come back.
func TestReturnOfAPhonesEarlierHolderUndoesNoOptOut(t *testing.T) {
	t.Parallel()
	set := optout.NewSet(10)
	for _, e := range []optout.Entry{
		{Person: "CO.1", Phone: "573001234561", OutS: 5},
		{Person: "573001234562", OutS: 3, InS: 9},
		{Person: "CO.1", Phone: "573001234562"},
	} {
		set.Apply("b", e)
	}
	for _, name := range []string{"573001234562", "CO.1"} {
		if !set.Out("b", name) {
			t.Errorf("%s: %+v; want the opt-out", name, set.Get("b", name))
		}
	}
	old, holder := optout.Entry{Person: "573001234561", OutS: 5}, optout.Entry{Person: "573001234562", OutS: 3, InS: 9}
	if e, news := holder.RenamedFrom(old, 10); !news || !e.Out() {
		t.Errorf("%+v; want the opt-out of who has the phone since", e)
	}
	if e, news := holder.RenamedFrom(old, 8); news && e.Out() {
		t.Errorf("%+v; want that of who came back with the new phone", e)
	}
}

func TestDecisionOfWhoKnowsTheListIsLaterThanWhatWasSaid(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		at := rapid.Int64Range(0, 5)
		e := optout.Entry{Person: "573001234567", OutS: at.Draw(t, "out"), InS: at.Draw(t, "in")}
		out := rapid.Bool().Draw(t, "wanted")
		is, changed := e.Decided(out, rapid.Int64Range(1, 5).Draw(t, "now"), schemas.OptOutSource_OPT_OUT_SOURCE_API)
		if is.Out() != out || changed != (e.Out() != out) || is.OutS < e.OutS || is.InS < e.InS {
			t.Fatalf("%+v became %+v, changed: %v; want out: %v", e, is, changed, out)
		}
	})
}

func TestEverybodyIsListedOnceInOrder(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		set, want := optout.NewSet(10), map[string]bool{}
		for i := range rapid.IntRange(0, 30).Draw(t, "people") {
			person := rapid.SampledFrom([]string{"57300123456", "5730012345", "CO.ab"}).Draw(t, "kind") + fmt.Sprint(rapid.IntRange(0, 9).Draw(t, "n"))
			out := rapid.Bool().Draw(t, "out")
			e, _ := set.Get("", person).With(out, int64(i+1), schemas.OptOutSource_OPT_OUT_SOURCE_WORD)
			set.Apply("", e)
			want[person] = out
		}
		size, got := rapid.IntRange(1, 5).Draw(t, "page"), map[string]bool{}
		for cursor := ""; ; {
			names := set.After("", cursor)
			names.Sort()
			if names.Len() == 0 {
				break
			}
			for i := range min(size, names.Len()) {
				cursor = names.At(i)
				if got[cursor] || !want[cursor] {
					t.Fatalf("%s comes twice, or has not opted out", cursor)
				}
				got[cursor] = true
			}
		}
		for person, out := range want {
			if out != got[person] {
				t.Fatalf("%s, out: %v, listed: %v", person, out, got[person])
			}
		}
	})
}

func TestDecodeRefusesANameThatNobodyHas(t *testing.T) {
	t.Parallel()
	for _, person := range []string{"", "5215512345678", "a b"} {
		e := optout.Entry{Person: person, OutS: 1}
		rec := e.Encode("")
		if _, _, err := optout.Decode(&rec); err == nil {
			t.Errorf("%q was read", person)
		}
	}
}

// TestSimulatedMillionOptOutsFitInMemory: as many people as a large business has, and as many whose two names are known.
func TestSimulatedMillionOptOutsFitInMemory(t *testing.T) {
	const people = 1_000_000
	for _, c := range []struct {
		what string
		most uint64
		of   func(i int) optout.Entry
	}{
		{"opt-outs", 64 << 20, func(i int) optout.Entry {
			return optout.Entry{Person: fmt.Sprint(573_000_000_000 + i*7), OutS: 1_790_000_000}
		}},
		{"pairs", 48 << 20, func(i int) optout.Entry {
			return optout.Entry{Person: fmt.Sprint("CO.", 1_000_000_000_000_000+i*7), Phone: fmt.Sprint(573_000_000_000 + i*7)}
		}},
	} {
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		set := optout.NewSet(optout.MaxPairs)
		for i := range people {
			set.Apply("", c.of(i))
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
		took := after.HeapAlloc - before.HeapAlloc
		t.Logf("%d %s take %.1f MiB", people, c.what, float64(took)/(1<<20))
		if took > c.most {
			t.Errorf("%d %s take %d bytes; want at most %d", people, c.what, took, c.most)
		}
		if n, _ := set.Size(); n+set.Pairs() != people {
			t.Errorf("%d %s; want %d", n+set.Pairs(), c.what, people)
		}
	}
}

// TestAClockThatIsBehindMovesNoOptOut: whoever hears of a STOP by a clock that is some minutes behind puts it where Meta does, behind the START before it. What
// claims to be of far in the future, as what has no time that can be read, is of now.
func TestAClockThatIsBehindMovesNoOptOut(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_700_000_000, 0)
	e, _ := optout.Entry{}.With(false, (&optout.Said{At: now.Add(2 * time.Minute)}).AtS(now.Add(2*time.Minute)), 0)
	e, _ = e.With(true, (&optout.Said{At: now.Add(3 * time.Minute)}).AtS(now), 0)
	if !e.Out() {
		t.Errorf("%+v: the STOP does not count", e)
	}
	for at, want := range map[time.Time]int64{now.Add(-time.Hour): now.Unix() - 3600, now.Add(time.Hour): now.Unix(), time.Unix(100_000_000_000, 0): now.Unix()} {
		if got := (&optout.Said{At: at}).AtS(now); got != want {
			t.Errorf("%v is %d, want %d", at, got, want)
		}
	}
}

// BenchmarkKnownPair is what it costs that a receipt names a person by phone and user id, of whom that is known.
func BenchmarkKnownPair(b *testing.B) {
	const people = 100_000
	set, pairs := optout.NewSet(people), make([]optout.Pair, people)
	for i := range pairs {
		pairs[i] = optout.Pair{Phone: fmt.Sprint(573_001_000_000 + i), User: fmt.Sprint("CO.", 1_000_000_000_000_000+i)}
		set.Apply("", optout.Entry{Person: pairs[i].User, Phone: pairs[i].Phone})
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if phone, user, ok := pairs[i%people].Names(); !ok || !set.Paired("", user, phone) {
			b.Fatal(pairs[i%people])
		}
	}
}
