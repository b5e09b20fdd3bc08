package ledger

import (
	"encoding/base64"
	"errors"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func decodeRuns(text string) ([]Run, error) {
	_, runs, err := Decode(text, 1000)
	return runs, err
}

// runsGen draws runs as a ledger has them: first not Done, no two neighbours alike.
func runsGen(most int) *rapid.Generator[[]Run] {
	return rapid.Custom(func(t *rapid.T) []Run {
		var out []Run
		before, repeats := Done, int64(0)
		for range rapid.IntRange(0, most).Draw(t, "runs") {
			s := rapid.SampledFrom([]State{Free, Started, Done, Repeated}).Filter(func(s State) bool { return s != before }).Draw(t, "state")
			n := rapid.OneOf(rapid.Int64Range(1, 3), rapid.Int64Range(1, 100), rapid.Int64Range(1, 1<<MaxRunDigits-1)).Draw(t, "n")
			if s == Started {
				n = min(n, 8192)
			}
			if s == Repeated {
				if n = min(n, 3); repeats+n > MaxAgain {
					continue
				}
				repeats += n
			}
			out = append(out, Run{s, n})
			before = s
		}
		return out
	})
}

func TestCodecRoundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		runs := runsGen(200).Draw(t, "runs")
		got, err := decodeRuns(Encode(&Identity{}, 1000, runs))
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(runs, got); d != "" {
			t.Fatal(d)
		}
	})
}

func TestMalformedLedgersAreRefused(t *testing.T) {
	t.Parallel()
	text := func(b ...byte) string { return base64.RawStdEncoding.EncodeToString(b) }
	for name, in := range map[string]string{
		"not base64":    "%%%",
		"other version": text(3, 0x80),
		"other flags":   text(ledgerFlagged, 0x80, 0x80),
		"no flags":      text(ledgerFlagged),
		"too many":      text(ledgerFlagged, flagAgain, 0, 0x40, 0xff), // 00000000 01000000 1...: 514 again and more
		"which":         text(ledgerFlagged, flagAgain, 0x40),          // 010: one again, and not which
		"not so many":   text(ledgerFlagged, flagAgain, 0x56),          // 010 1 011 0: the first of none
		"no version":    "A",
		"cut run":       text(ledgerVersion, 0x01),
		"no state":      text(ledgerVersion, 0x40>>1, 0x80), // 00100000 1: a length of 4 to 7 whose digits run on
		"empty bytes":   text(ledgerVersion, 0x80, 0),
		"run too long":  text(ledgerVersion, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff),
	} {
		t.Run(name, func(t *testing.T) {
			runs, err := decodeRuns(in)
			if name == "no state" {
				if err != nil {
					t.Errorf("%v, want it to be read", err) // it is a run of 4: here as a contrast to the cut one
				}
				return
			}
			if !errors.Is(err, ErrLedger) {
				t.Errorf("%v, %v; want %v", runs, err, ErrLedger)
			}
		})
	}
}

// A ledger as a5df55f wrote it: version 1, without identity.
func TestLedgerOfTheVersionBefore(t *testing.T) {
	t.Parallel()
	want := []Run{{Free, 3}, {Done, 40_000}, {Started, 256}, {Done, 1}}
	w := bitWriter{buf: []byte{ledgerVersion}}
	w.putRuns(want)
	text := base64.RawStdEncoding.EncodeToString(w.bytes())
	if text != "AWAAE4gQCAc" {
		t.Errorf("%q, not %q", text, "AWAAE4gQCAc")
	}
	id, got, err := Decode("AWAAE4gQCAc", 1000)
	if err != nil || !slices.Equal(got, want) || len(id.Marks) > 0 {
		t.Error(id, got, err)
	}
}
