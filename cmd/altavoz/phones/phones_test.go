package phones

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestAListIsTheCommandLineAndTheFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "list.csv")
	if err := os.WriteFile(path, []byte("name,phone\nAna,573001234567\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	l := &List{Inline: []string{"573007654321"}, Path: path, Region: "CO"}
	for range 2 {
		if diff := cmp.Diff([]string{"573007654321", "573001234567"}, slices.Collect(l.All)); diff != "" || l.Err != nil || l.Count != 2 {
			t.Errorf("%v, %d, -want +got:\n%s", l.Err, l.Count, diff)
		}
	}
}

func TestAMissingFileIsSaid(t *testing.T) {
	t.Parallel()
	l := &List{Path: filepath.Join(t.TempDir(), "nowhere.csv")}
	if got := slices.Collect(l.All); len(got) > 0 || !os.IsNotExist(l.Err) {
		t.Errorf("%v, %v; want none", got, l.Err)
	}
}

// Standard input, and a pipe, can be read once: what is kept of it can be told before it is sent, and sent again.
func TestWhatCanBeReadOnceIsKept(t *testing.T) {
	t.Parallel()
	const text = "573001234567\n573001234567\nhola\n"
	all := []*List{{Path: "-", In: strings.NewReader(text), Region: "CO"}}
	if runtime.GOOS != "windows" { // which has no files for descriptors
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = r.Close() }()
		if _, err := w.WriteString(text); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		all = append(all, &List{Path: fmt.Sprintf("/dev/fd/%d", r.Fd()), Region: "CO"})
	}
	for _, l := range all {
		if l.Rewindable() {
			t.Errorf("%s can be read twice", l.Name())
		}
		if err := l.Keep(); err != nil {
			t.Fatal(err)
		}
		kept := l.kept.Name()
		s, err := l.Summary()
		if err != nil || s.Phones != 1 || s.Twice != 1 || s.Invalid != 1 {
			t.Errorf("%s: %v, %v; want Phones 1, Twice 1, Invalid 1", l.Name(), s, err)
		}
		for range 2 {
			if got := slices.Collect(l.All); !l.Rewindable() || len(got) != 3 || l.Err != nil {
				t.Errorf("%s: %v, %v; want 3 of them", l.Name(), got, l.Err)
			}
		}
		if err := l.Close(); err != nil {
			t.Error(err)
		}
		if _, err := os.Stat(kept); !os.IsNotExist(err) {
			t.Errorf("%s is still there: %v", kept, err)
		}
	}
}
