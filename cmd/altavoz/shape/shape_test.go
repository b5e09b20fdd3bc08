package shape

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"

	"altavoz/client"
)

func TestFlagsSayWhatADraftHas(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "list.json")
	if err := os.WriteFile(file, []byte(Example), 0o600); err != nil {
		t.Fatal(err)
	}
	list := &client.List{Button: "Ver", Sections: []client.ListSection{{Title: "Hoy", Rows: []client.ListRow{{ID: "9am", Title: "9:00"}}}}}
	for name, tt := range map[string]struct {
		args []string
		want *client.Draft // nil: an error
	}{
		"none":               {nil, &client.Draft{}},
		"replies":            {[]string{"--reply", "si=Sí, claro", "--reply", "No"}, &client.Draft{Buttons: []client.Button{{ID: "si", Title: "Sí, claro"}, {ID: "No", Title: "No"}}}},
		"a list":             {[]string{"--list", Example}, &client.Draft{List: list}},
		"a list in a file":   {[]string{"--list", file}, &client.Draft{List: list}},
		"a link":             {[]string{"--button", "Ver=https://example.com/?a=b"}, &client.Draft{ButtonText: "Ver", ButtonURL: "https://example.com/?a=b"}},
		"no link":            {[]string{"--button", "Ver"}, nil},
		"a location":         {[]string{"--location-request"}, &client.Draft{LocationRequest: true}},
		"no file":            {[]string{"--list", file + "x"}, nil},
		"a folder":           {[]string{"--list", filepath.Dir(file)}, nil},
		"no JSON":            {[]string{"--list", "{"}, nil},
		"a misspelled field": {[]string{"--list", `{"buton":"Ver"}`}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var s Flags
			cmd := &cobra.Command{}
			s.Add(cmd)
			if err := cmd.ParseFlags(tt.args); err != nil {
				t.Fatal(err)
			}
			d := &client.Draft{}
			err := s.Fill(d)
			if (err == nil) != (tt.want != nil) {
				t.Fatalf("error is %v", err)
			}
			if tt.want != nil {
				if diff := cmp.Diff(tt.want, d); diff != "" {
					t.Error(diff)
				}
			}
		})
	}
}
