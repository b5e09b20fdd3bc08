package main

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"altavoz/client"
)

func statusOf(t *testing.T, text string) *client.Task {
	t.Helper()
	s := new(client.Task)
	if err := json.Unmarshal([]byte(text), s); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestControlCharactersAreTakenOutOfOutput(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"Error para 12: ñandú ✓":              "Error para 12: ñandú ✓",
		"\x1b[2J\x1b]0;owned\x07":             "[2J]0;owned",
		"a\rb\u009bc\u202ed\u2066e\u200ff\tg": "abcdef\tg",
	} {
		if got := clean(text); got != want {
			t.Errorf("%q became %q, want %q", text, got, want)
		}
	}
}

// Whom a receipt says the message did not reach is counted in failed, and named among them.
func TestResultNamesWhatIsCountedAsFailed(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	cmd := new(cobra.Command)
	cmd.SetOut(&out)
	s := statusOf(t, `{"task_id":"T","status":"SUCCESS","result":{"total":20,"successful":9,"by_template":4,"failed":11,"unknown":1,"skipped":2,"expired":3,"cancelled":4,"undelivered":1}}`)
	if err := result(cmd, s, false); !errors.Is(err, errSomeFailed) {
		t.Errorf("the result is %v, want %v", err, errSomeFailed)
	}
	const want = "task T: SUCCESS\n" +
		"20 in all, 9 sent (4 by template), 11 not, of them 1 unknown, of them 2 skipped, of them 3 expired, of them 4 cancelled, of them 1 undelivered\n"
	if out.String() != want {
		t.Errorf("got %q, want %q", out.String(), want)
	}
}
