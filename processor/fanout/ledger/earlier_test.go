package ledger

import (
	"encoding/json"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Ledgers that earlier versions committed are read: whoever upgrades goes on where they were.
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
		f := strings.Fields(line) // watermark, what it says, the text
		mark, err := strconv.ParseInt(f[0], 10, 64)
		var want Ledger
		if err != nil || json.Unmarshal([]byte(f[1]), &want) != nil {
			t.Fatal(line)
		}
		got, err := Decode(mark, f[2])
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("at %d: %v\n%s", mark, err, diff)
		}
		n++
	}
	if n != 5 {
		t.Errorf("%d ledgers, want 5", n)
	}
}
