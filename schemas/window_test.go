package schemas_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/testing/protocmp"

	"altavoz/schemas"
	"altavoz/schemas/hours"
)

func TestLey2300(t *testing.T) {
	t.Parallel()
	w := schemas.Preset("ley-2300")
	if fault := w.Check(); fault != nil {
		t.Fatal(fault)
	}
	for at, want := range map[string]bool{
		"2026-03-02T06:59:59-05:00": false, "2026-03-02T07:00:00-05:00": true, "2026-03-02T18:59:59-05:00": true, "2026-03-02T19:00:00-05:00": false,
		"2026-03-06T18:59:59-05:00": true, "2026-03-07T07:59:59-05:00": false, "2026-03-07T08:00:00-05:00": true, "2026-03-07T14:59:59-05:00": true,
		"2026-03-07T15:00:00-05:00": false, "2026-03-08T12:00:00-05:00": false, "2026-03-23T12:00:00-05:00": false, "2026-04-02T12:00:00-05:00": false,
		"2026-07-13T12:00:00-05:00": false, "2025-07-14T12:00:00-05:00": true,
	} {
		m, err := time.Parse(time.RFC3339, at)
		if err != nil || w.Open(m) != want {
			t.Errorf("%s: %v, %v", at, !want, err)
		}
	}
	if schemas.Preset("") != nil || schemas.Preset("LEY-2300") != nil {
		t.Error("a preset without a name")
	}
}

func TestNoWindowIsAlwaysOpen(t *testing.T) {
	t.Parallel()
	var w *schemas.Window
	from, to, ok := w.Opening(noon)
	if !ok || !w.Open(noon) || !from.Equal(noon) || to.Sub(noon) < schemas.TaskLife || w.Check() != nil {
		t.Errorf("from %v to %v", from, to)
	}
	if hours.Horizon <= schemas.TaskLife {
		t.Error("a task outlives the horizon")
	}
}

// A window that is none is never open: whoever wrote it meant to keep sends from starting.
func TestBadWindowIsNeverOpen(t *testing.T) {
	t.Parallel()
	for name, w := range map[string]*schemas.Window{
		"empty":    {},
		"no hours": {Timezone: "UTC"},
		"no zone":  {Hours: []*schemas.Hours{{Days: 127, To: 1440}}},
		"holidays": {Timezone: "UTC", Holidays: "XX", Hours: []*schemas.Hours{{Days: 127, To: 1440}}},
		"no day":   {Timezone: "UTC", Hours: []*schemas.Hours{{Days: 128, To: 1440}}},
		"no times": {Timezone: "UTC", Hours: []*schemas.Hours{{Days: 127}}},
	} {
		if at, ok := w.Next(noon); ok || w.Open(noon) || w.Check() == nil {
			t.Errorf("%s: opens at %v", name, at)
		}
	}
	long := schemas.Preset("ley-2300")
	if long.Preset = strings.Repeat("x", 65); long.Check() == nil {
		t.Error("a name of 65 bytes")
	}
}

func TestWindowWaiting(t *testing.T) {
	t.Parallel()
	w := schemas.Preset("ley-2300")
	opens, ok := w.Next(noon) // a Sunday
	if words := w.Waiting(opens); !ok || words != "Fuera del horario de envío; abre 2026-03-02 07:00 (America/Bogota)" {
		t.Error(words)
	}
}

func TestWindowJSON(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		`"ley-2300"`, `{"timezone":"America/Santiago","hours":[{"days":["sun","sat"],"from":"00:00","to":"24:00"},{"days":["mon"],"from":"09:05","to":"10:00"}]}`,
		`{"timezone":"UTC","hours":[{"days":["mon"],"from":"09:05","to":"10:00"}],"holidays":"CO"}`,
	} {
		var w schemas.Window
		if err := json.Unmarshal([]byte(text), &w); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		again, err := json.Marshal(&w)
		if err != nil || string(again) != text {
			t.Errorf("%s became %s, %v", text, again, err)
		}
	}
}

// How a preset is called means nothing: written out, it is the same request.
func TestPresetMeansItsHours(t *testing.T) {
	t.Parallel()
	name := mustRead(t, with(`"window":"ley-2300"`))
	whole := mustRead(t, with(`"window":{"timezone":"America/Bogota","holidays":"CO","hours":[`+
		`{"days":["mon-fri"],"from":"07:00","to":"19:00"},{"days":["sat"],"from":"08:00","to":"15:00"}]}`))
	if !bytes.Equal(name.SHA256, whole.SHA256) {
		t.Error("two requests")
	}
	name.Window.Preset = ""
	if diff := cmp.Diff(name.Window, whole.Window, protocmp.Transform()); diff != "" {
		t.Error(diff)
	}
}

// What a request without a window means did not change with the version that brought windows: an Idempotency-Key used
// before the update is still the same request after it.
func TestMeaningOfOldRequests(t *testing.T) {
	t.Parallel()
	const before = "a504aa6f254d3558c588d911581e7fe5328edb3bbb405d81013e618f09b13c71"
	if got := mustRead(t, with(`"speed":5`)).SHA256; hex.EncodeToString(got) != before {
		t.Errorf("%x, not %s", got, before)
	}
}
