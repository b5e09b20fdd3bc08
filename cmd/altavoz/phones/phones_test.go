package phones

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

func TestLists(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, text, column string
		want               []string
		err                string
	}{
		{name: "bare", text: "573001234567\n573007654321\n", want: []string{"573001234567", "573007654321"}},
		{name: "bare, written by people", text: "+57 300 123 4567\r\n(57) 300-765-4321\r\n", want: []string{"+57 300 123 4567", "(57) 300-765-4321"}},
		{name: "one column with a name", text: "to whom\n573001234567\n", want: []string{"573001234567"}},
		{name: "a usual name", text: "name,phone\nAna,1\n", want: []string{"1"}},
		{name: "a usual name in capitals", text: "Nombre;TELÉFONO\nAna;1\n", want: []string{"1"}},
		{name: "tabs", text: "id\tcelular\n7\t573001234567\n", want: []string{"573001234567"}},
		{name: "no header", text: "Ana,573001234567\nLuis,573007654321\n", want: []string{"573001234567", "573007654321"}},
		{name: "named", text: "phone,mobile\n1,2\n", column: "Mobile", want: []string{"2"}},
		{name: "a mark at the beginning", text: "\ufeffphone\n1\n", want: []string{"1"}},
		{name: "quotes", text: "name,phone\n\"Díaz, \"\"Ana\"\"\",573001234567\n", want: []string{"573001234567"}},
		{name: "short rows and gaps", text: "name,phone\nAna\n\nLuis,\nEva,3\n", want: []string{"3"}},
		{name: "empty", text: ""},
		{name: "no such column", text: "name,phone\nAna,1\n", column: "fax", err: `no column "fax"`},
		{name: "no phones", text: "name,city\nAna,Cali\n", err: "no column of"},
		{name: "an open quote", text: "phone\n1\n\"2\n3\n", want: []string{"1"}, err: "reading"},
		{name: "not UTF-8", text: "phone\n1\n\xff\xfe\n", want: []string{"1"}, err: "line 3: the phone is not UTF-8"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "list.csv")
			if err := os.WriteFile(path, []byte(c.text), 0o600); err != nil {
				t.Fatal(err)
			}
			for _, l := range []*List{{Path: path, Column: c.column}, {Path: "-", In: strings.NewReader(c.text), Column: c.column}} {
				got := slices.Collect(l.All)
				if diff := cmp.Diff(c.want, got); diff != "" {
					t.Errorf("-want +got:\n%s", diff)
				}
				if c.err == "" != (l.Err == nil) || (l.Err != nil && !strings.Contains(l.Err.Error(), c.err)) {
					t.Errorf("got %v, want %q", l.Err, c.err)
				}
			}
		})
	}
}

// A list comes from anywhere. Every phone that is read is text that a request can carry, and reading it twice gives the same.
func FuzzList(f *testing.F) {
	f.Add("573001234567\n573007654321\n", "")
	f.Add("\ufeffNombre;TELÉFONO\n\"Díaz; \"\"Ana\"\"\";1\n", "")
	f.Add("a\tb\n\xff\t1\n", "b")
	f.Add("\"", "x")
	f.Fuzz(func(t *testing.T, text, column string) {
		read := func() ([]string, error) {
			l := &List{Path: "-", In: strings.NewReader(text), Column: column}
			phones := slices.Collect(l.All)
			if l.Count != len(phones) {
				t.Fatalf("counted %d of %d", l.Count, len(phones))
			}
			return phones, l.Err
		}
		first, err := read()
		again, otherErr := read()
		if !slices.Equal(first, again) || (err == nil) != (otherErr == nil) {
			t.Fatalf("%q, %v and then %q, %v", first, err, again, otherErr)
		}
		for _, p := range first {
			if p == "" || !utf8.ValidString(p) {
				t.Fatalf("a phone %q", p)
			}
		}
	})
}
