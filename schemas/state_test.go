package schemas_test

import (
	"os"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"altavoz/schemas"
	"altavoz/schemas/es"
)

// The order of the marks is what the fold rests on.
func TestMarksAreOrdered(t *testing.T) {
	t.Parallel()
	order := []schemas.RecipientState{
		schemas.StatePending, schemas.StateDuplicate, schemas.StateExpired, schemas.StateCancelled, schemas.StateUnknown,
		schemas.Failed(131026), schemas.StateSent, schemas.Undelivered(131047), schemas.StateDelivered, schemas.StateRead,
	}
	if !slices.IsSorted(order) {
		t.Errorf("not in order: %v", order)
	}
	for i, m := range order {
		if m.Outcome() != schemas.Outcomes[i] {
			t.Errorf("mark %d is %s, want %s", m, m.Outcome(), schemas.Outcomes[i])
		}
	}
}

// Which message a recipient got is told by states between those of before: an earlier version takes each for the one below it.
func TestStatesOfTemplatesAreAboveThoseOfTheInteractiveMessage(t *testing.T) {
	t.Parallel()
	got := 0
	for b := range 256 {
		m := schemas.RecipientState(b)
		of := m.ByTemplate()
		if m.GotTemplate() {
			got++
		}
		if of != m && (of != m+1 || of.Outcome() != m.Outcome() || !of.Succeeded() || !of.GotTemplate() || m.GotTemplate()) {
			t.Errorf("mark %d is %d by template; want the next one, with the same outcome", m, of)
		}
	}
	if got != 4 {
		t.Errorf("%d states of templates; want those of sent, confirmed, delivered and read", got)
	}
}

// Every byte means something, so that a newer writer can't crash an older reader.
func TestEveryByteHasAnOutcome(t *testing.T) {
	t.Parallel()
	for b := range 256 {
		m := schemas.RecipientState(b)
		o := m.Outcome()
		if !slices.Contains(schemas.Outcomes, o) {
			t.Errorf("mark %d: outcome %q", b, o)
		}
		if _, ok := m.Code(); ok != (o == schemas.OutcomeFailed || o == schemas.OutcomeUndelivered) {
			t.Errorf("mark %d (%s): reason %v", b, o, ok)
		}
		good := o == schemas.OutcomeSent || o == schemas.OutcomeDelivered || o == schemas.OutcomeRead
		if m.Succeeded() != good {
			t.Errorf("mark %d (%s): succeeded %v; want %v", b, o, m.Succeeded(), good)
		}
		for _, l := range []es.Language{es.Spanish, es.English} {
			if words := m.In(l); (words == "") != (good || o == schemas.OutcomePending) {
				t.Errorf("mark %d (%s): words %q", b, o, words)
			}
		}
	}
}

// Rows are wire format: a row that moves would rewrite history. New rows go to the end of this list.
func TestReasonRowsDoNotMove(t *testing.T) {
	t.Parallel()
	want := []int{
		0, -1, -2, -3, 1, 2, 33, 100, 192, 368, 130403, 130472, 130497, 131000, 131005, 131008, 131009, 131014, 131016,
		131021, 131026, 131030, 131031, 131037, 131042, 131045, 131047, 131048, 131049, 131050, 131051, 131053, 131055,
		131062, 131063, 131064, 132000, 132001, 132005, 132007, 132008, 132012, 132015, 132016, 132018, 132021, 132068,
		132069, 133010, 134011, 134100, 134101, 134102, 135000, 137000, 139200, 131052, -4, -5, -6,
	}
	got := schemas.Refusals
	for i, code := range want {
		if i >= len(got) || got[i] != code {
			t.Fatalf("row %d is not code %d any more; want less than %v, %v", i, code, len(got), got[i])
		}
	}
	for i, code := range got {
		if !es.Refused(code).Known() {
			t.Errorf("row %d (%d) has no words", i, code)
		}
		if m := schemas.Failed(code); m != schemas.StateFailed+schemas.RecipientState(i) {
			t.Errorf("code %d fails as mark %d, want row %d", code, m, i)
		}
	}
	if m := schemas.Failed(999999); m != schemas.Failed(schemas.CodeOther) {
		t.Errorf("an unknown code fails as mark %d, want %v", m, schemas.Failed(schemas.CodeOther))
	}
}

// Whoever reads results finds the code of a mark by these rows.
func TestDocumentOfTheTopicsHasTheRows(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("asyncapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Components struct {
			Messages map[string]struct {
				Refusals []int `yaml:"x-refusals"`
			}
		}
	}
	if err := yaml.Unmarshal(text, &doc); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(schemas.Refusals, doc.Components.Messages["Result"].Refusals); diff != "" {
		t.Errorf("rows of codes (-code +document):\n%s", diff)
	}
}
