package ledger

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// Ledgers that earlier versions committed are read: what was started under them is known to be.
func TestLedgersOfEarlierVersionsAreRead(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("testdata/a5df55f.golden")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		f := strings.Fields(line) // watermark, runs, the text
		mark, err := strconv.ParseInt(f[0], 10, 64)
		if err != nil {
			t.Fatal(line)
		}
		var want []Run
		for run := range strings.SplitSeq(f[1], ",") {
			var state int
			var count int64
			if f[1] == "-" {
				break
			}
			if _, err := fmt.Sscanf(run, "%d:%d", &state, &count); err != nil {
				t.Fatal(err)
			}
			want = append(want, Run{State: []State{Free, Started, Done}[state], N: count})
		}
		written, err := strconv.Unquote(f[2])
		if err != nil {
			t.Fatal(err)
		}
		id, got, err := Decode(written, mark)
		if err != nil || !slices.Equal(got, want) || len(id.Marks) > 0 {
			t.Errorf("at %d: %v %v %v, not %v", mark, id, got, err, want)
		}
		n++
	}
	if n != 6 {
		t.Errorf("%d ledgers, want 6", n)
	}
}
