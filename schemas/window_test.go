package schemas_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"altavoz/schemas"
	"altavoz/schemas/hours"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC) // a Sunday

func TestPresetLey2300KeepsItsHours(t *testing.T) {
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
		t.Run(at, func(t *testing.T) {
			m, err := time.Parse(time.RFC3339, at)
			if err != nil || w.Open(m) != want {
				t.Errorf("got %v, %v; want open: %t", !want, err, want)
			}
		})
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
		t.Errorf("from %v to %v; want %v", from, to, noon)
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

func TestWindowJSON(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		`"ley-2300"`, `{"timezone":"America/Santiago","hours":[{"days":["sun","sat"],"from":"00:00","to":"24:00"},{"days":["mon"],"from":"09:05","to":"10:00"}]}`,
		`{"timezone":"UTC","hours":[{"days":["mon"],"from":"09:05","to":"10:00"}],"holidays":"CO"}`,
	} {
		var w schemas.Window
		if err := json.Unmarshal([]byte(text), &w); err != nil {
			t.Fatalf("reading %s: %v", text, err)
		}
		again, err := json.Marshal(&w)
		if err != nil || string(again) != text {
			t.Errorf("%s became %s, %v; want %v", text, again, err, string(again))
		}
	}
}
