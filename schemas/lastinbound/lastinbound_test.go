package lastinbound_test

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	"pgregory.net/rapid"

	"altavoz/schemas/lastinbound"
)

var noon = time.Unix(1_790_000_000, 0)

// TestLaterMessageCountsWhateverTheOrder: against a list of all messages; no entry opens a window for longer than 24 hours from when it was
// read, and nothing is known of who wrote before that.
func TestLaterMessageCountsWhateverTheOrder(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		set, want, now := lastinbound.NewSet(1000), map[string]time.Time{}, noon
		people := rapid.SampledFrom([]string{"573001234567", "525512345678", "541123456789", "CO.ab"})
		numbers := rapid.SampledFrom([]string{"100", "200"})
		for range rapid.IntRange(1, 25).Draw(t, "steps") {
			now = now.Add(time.Duration(rapid.IntRange(0, 5*3600).Draw(t, "later")) * time.Second)
			e := lastinbound.Entry{Number: numbers.Draw(t, "number"), Person: people.Draw(t, "person")}
			e.AtS = now.Unix() + int64(rapid.IntRange(-30*3600, 30*3600).Draw(t, "at"))
			set.Apply(e, now)
			at := time.Unix(min(e.AtS, now.Unix()), 0)
			if k := e.Number + "/" + e.Person; at.After(want[k]) {
				want[k] = at
			}
			for range rapid.IntRange(0, lastinbound.Sweeps+1).Draw(t, "sweeps") {
				set.Sweep(now)
			}
			for _, number := range []string{"100", "200", "300"} {
				for person, twin := range map[string]string{"573001234567": "+573001234567", "525512345678": "5215512345678", "541123456789": "5491123456789", "CO.ab": "CO.ab"} {
					got, known := set.At(number, twin)
					last := want[number+"/"+person]
					switch open := last.After(now.Add(-lastinbound.Window)); {
					case open && (!known || !got.Equal(last)):
						t.Fatalf("%s wrote to %s at %v, known: %v; want %v", person, number, got, known, last)
					case !open && known && got.After(now.Add(-lastinbound.Window)):
						t.Fatalf("%s wrote to %s at %v; want nothing later than %v", person, number, got, last)
					}
				}
			}
		}
	})
}

func TestWhoHasNoRoomIsNotKnownUntilOthersAreForgotten(t *testing.T) {
	t.Parallel()
	set := lastinbound.NewSet(3)
	for i, person := range []string{"573001234567", "CO.ab", "573001234568", "573001234567"} {
		if !set.Apply(lastinbound.Entry{Number: "100", Person: person, AtS: noon.Unix()}, noon) {
			t.Errorf("%d: %s has no room", i, person)
		}
	}
	late := lastinbound.Entry{Number: "100", Person: "573001234569", AtS: noon.Add(time.Hour).Unix()}
	if set.Apply(late, noon.Add(time.Hour)) || set.Size() != 3 {
		t.Errorf("a fourth of three is known: %d", set.Size())
	}
	if _, known := set.At("100", late.Person); known {
		t.Error("it has a time")
	}
	for range lastinbound.Sweeps {
		set.Sweep(noon.Add(lastinbound.Window))
	}
	if !set.Apply(late, noon.Add(time.Hour)) || set.Size() != 1 {
		t.Errorf("%d are known; want the one that fits now", set.Size())
	}
}

func TestRecordsAreThoseOfOpenWindowsToOurNumbers(t *testing.T) {
	t.Parallel()
	ours := func(number string) bool { return number == "100" }
	all := []lastinbound.Message{
		{Number: "100", Phone: "5215512345678", User: "MX.1", At: noon.Add(-time.Hour)},
		{Number: "100", Phone: "525512345678", At: noon.Add(-2 * time.Hour)},             // earlier, by the same person
		{Number: "200", Phone: "573001234567", At: noon},                                 // not ours
		{Number: "100", Phone: "573001234567", At: noon.Add(-lastinbound.Window)},        // over
		{Number: "100", Phone: "573001234567", At: noon.Add(lastinbound.MaxAhead + 1e9)}, // nobody knows when
		{Number: "100", Phone: "no phone", At: noon},
		{Number: "100", Phone: "573001234568", At: noon.Add(lastinbound.MaxAhead)}, // Meta's clock is ahead
	}
	var got []lastinbound.Entry
	for _, rec := range lastinbound.Records(all, ours, noon) {
		e, err := lastinbound.Decode(&rec)
		if err != nil || string(rec.Key) != e.Number+"/"+e.Person {
			t.Fatal(string(rec.Key), err)
		}
		got = append(got, e)
	}
	want := []lastinbound.Entry{{Number: "100", Person: "525512345678", AtS: noon.Unix() - 3600}, {Number: "100", Person: "MX.1", AtS: noon.Unix() - 3600}, {Number: "100", Person: "573001234568", AtS: noon.Unix()}}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%v; want %v", got, want)
	}
}

func TestDecodeRefusesANameThatNobodyHas(t *testing.T) {
	t.Parallel()
	for _, person := range []string{"", "5215512345678", "a b"} {
		rec := (&lastinbound.Entry{Number: "100", Person: person, AtS: 1}).Encode()
		if _, err := lastinbound.Decode(&rec); err == nil {
			t.Errorf("%q was read", person)
		}
	}
}

// TestSimulatedMillionPeopleFitInMemory: as many as write to a large business within a day.
func TestSimulatedMillionPeopleFitInMemory(t *testing.T) {
	const people, most = 1_000_000, 48 << 20
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	set := lastinbound.NewSet(people)
	for i := range people {
		set.Apply(lastinbound.Entry{Number: "100", Person: fmt.Sprint(573_000_000_000 + i*7), AtS: noon.Unix()}, noon)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	took := after.HeapAlloc - before.HeapAlloc
	t.Logf("%d people take %.1f MiB", people, float64(took)/(1<<20))
	if took > most {
		t.Errorf("%d people take %d bytes; want at most %d", people, took, most)
	}
	if set.Size() != people {
		t.Errorf("%d; want %d", set.Size(), people)
	}
}
