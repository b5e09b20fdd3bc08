package request_test

import (
	"bytes"
	"encoding/hex"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/testing/protocmp"
)

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
