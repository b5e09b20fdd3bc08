package numbers

import (
	"os"
	"path/filepath"
	"testing"
)

// The file is an operator's, or what a script left of it: it is read whole or refused.
func FuzzSendersFile(f *testing.F) {
	f.Add([]byte(`[{"id":"1","token":"t"},{"id":"2","token":"u","rate":0}]`))
	f.Add([]byte(`[{"id":"1","token_file":"nowhere"}]`))
	f.Add([]byte(`[{"id":"1","token":"t","rate":1e308}] x`))
	f.Add([]byte(`null`))
	path := filepath.Join(f.TempDir(), "senders.json")
	f.Fuzz(func(t *testing.T, text []byte) {
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		list, err := Read(Config{File: path, Rate: 80})
		if err != nil {
			return
		}
		for _, n := range list {
			if n.ID == "" || n.Token == "" || !(n.Rate >= 0) {
				t.Fatalf("%s with a token of %d and rate %v; want one", n.ID, len(n.Token), n.Rate)
			}
		}
	})
}
