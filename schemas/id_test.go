package schemas_test

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"altavoz/blob"
	"altavoz/schemas"
)

func TestTaskIDs(t *testing.T) {
	t.Parallel()
	id := schemas.NewTaskID()
	at, ok := id.Time()
	if !ok || time.Since(at).Abs() > time.Minute {
		t.Errorf("a new id says %v, %v; want true", at, ok)
	}
	back, err := schemas.ParseTaskID(strings.ToUpper(id.String()))
	if err != nil || back != id {
		t.Errorf("%s reads back as %s, %v; want %v", id, back, err, id)
	}
	for _, bad := range []string{"", "x", id.String()[1:], "{" + id.String() + "}", "urn:uuid:" + id.String()} {
		if _, err := schemas.ParseTaskID(bad); err == nil {
			t.Errorf("%q was taken for a task id", bad)
		}
	}
}

// Derived ids are stable, say no time, and do not run into each other.
func TestDerivedTaskIDs(t *testing.T) {
	t.Parallel()
	a := schemas.TaskIDFromKey("ab", "c")
	if a != schemas.TaskIDFromKey("ab", "c") {
		t.Error("the same key gives two ids")
	}
	if a == schemas.TaskIDFromKey("a", "bc") {
		t.Error("two callers share an id")
	}
	if _, ok := a.Time(); ok {
		t.Error("a derived id claims a time")
	}
	origin := func() *schemas.Origin { return &schemas.Origin{Partition: 3, Offset: 7} }
	if first, again := schemas.TaskIDFromOrigin("broadcasts", origin()), schemas.TaskIDFromOrigin("broadcasts", origin()); first != again {
		t.Error("the same record gives two ids")
	}
	if got, want := a.String(), "ea074e1e-a7d5-5926-85f1-a5b9a1cb59f7"; got != want {
		t.Errorf("the key's id is %s, it was %s in every release before; want %v", got, want, want)
	}
}

func TestCallbackRoundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		id := schemas.TaskID(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "id"))
		n := rapid.Uint32().Draw(t, "index")
		gotID, gotN, ok := schemas.ParseCallback(schemas.Callback(id, n))
		if !ok || gotID != id || gotN != n {
			t.Fatalf("got %s %d %v; want %v, %v, true", gotID, gotN, ok, id, n)
		}
		gotID, gotN, ok = schemas.ParseCallback(schemas.TemplateCallback(id, n))
		if !ok || gotID != id || gotN != n {
			t.Fatalf("of a template: got %s %d %v; want %v, %v, true", gotID, gotN, ok, id, n)
		}
		if schemas.CallbackOfTemplate(schemas.Callback(id, n)) || !schemas.CallbackOfTemplate(schemas.TemplateCallback(id, n)) {
			t.Fatalf("which of two callbacks of %d is a template's is not known", n)
		}
	})
	for _, foreign := range []string{"", "av1:", "c:42/r:7f3a", "av1:nope:1", schemas.Callback(schemas.TaskID{}, 1) + "x"} {
		if _, _, ok := schemas.ParseCallback(foreign); ok {
			t.Errorf("%q was taken for ours", foreign)
		}
	}
}

func TestBlobRefRoundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		steps := rapid.SliceOf(rapid.Int64Range(0, 1<<30)).Draw(t, "steps")
		offsets := make([]int64, len(steps))
		var at int64
		for i, s := range steps {
			at += s
			offsets[i] = at
		}
		got := blob.NewRef(2, offsets).Offsets()
		if len(got) != len(offsets) {
			t.Fatalf("%d offsets, want %d", len(got), len(offsets))
		}
		for i := range got {
			if got[i] != offsets[i] {
				t.Fatalf("offset %d: %d, want %d", i, got[i], offsets[i])
			}
		}
	})
}

// Meta hands back whatever callback data a message was sent with, also by others on the same number.
func FuzzParseCallback(f *testing.F) {
	f.Add(schemas.Callback(schemas.NewTaskID(), 7))
	f.Add("av1:urn:uuid:6f1d2c1e-5f0a-5d3b-9a7e-0c4a17a0a11a:1")
	f.Add("av1:6f1d2c1e-5f0a-5d3b-9a7e-0c4a17a0a11a:+1")
	f.Add("av1::")
	f.Fuzz(func(t *testing.T, text string) {
		id, index, ok := schemas.ParseCallback(text)
		if !ok {
			return
		}
		again, n, ok := schemas.ParseCallback(schemas.Callback(id, index))
		if !ok || again != id || n != index {
			t.Fatalf("%q is %s/%d and then %s/%d; want %v, %v", text, id, index, again, n, id, index)
		}
	})
}
