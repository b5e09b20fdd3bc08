package templates

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"

	"altavoz/client"
	"altavoz/schemas/content"
)

func TestFlagsSayWhatATemplateHas(t *testing.T) {
	t.Parallel()
	aviso := func(args ...string) []string {
		return append([]string{"--template", "aviso", "--language", "es_CO"}, args...)
	}
	used := func(u client.TemplateUse) *client.TemplateUse {
		u.Name, u.Language = "aviso", "es_CO"
		return &u
	}
	for name, tt := range map[string]struct {
		args  []string
		want  *client.TemplateUse
		wrong string // of the error; "": none
	}{
		"none":   {nil, nil, "--body or --template is missing"},
		"a body": {[]string{"--body", "Hola", "--footer", "Chao"}, nil, ""},
		"names": {
			aviso("--template-value", "nombre={{nombre}}", "--template-value", "fecha=a=b, c", "--template-header-name", "titulo"),
			used(client.TemplateUse{HeaderName: "titulo", Body: []client.TemplateValue{{Name: "nombre", Text: "{{nombre}}"}, {Name: "fecha", Text: "a=b, c"}}}), "",
		},
		"numbers": {
			aviso("--template-value", "{{nombre}}", "--template-value", "=a=b"),
			used(client.TemplateUse{Body: []client.TemplateValue{{Text: "{{nombre}}"}, {Text: "a=b"}}}), "",
		},
		"buttons": {
			aviso("--template-code", "2=X7", "--template-payload", "1=SI", "--template-url-suffix", "0=?a={{b}}"),
			used(client.TemplateUse{Buttons: []client.TemplateButton{{Index: 0, URLSuffix: "?a={{b}}"}, {Index: 1, Payload: "SI"}, {Index: 2, CopyCode: "X7"}}}), "",
		},
		"mixed":                {aviso("--template-value", "a=b", "--template-value", "c"), nil, `--template-value "c": all values have a name`},
		"a number for a name":  {aviso("--template-value", "1=Ana"), nil, `--template-value "1=Ana": the variable {{1}} has no name`},
		"no button":            {aviso("--template-code", "X7"), nil, `--template-code "X7" is not like 0=TEXT`},
		"nothing for a button": {aviso("--template-url-suffix", "0="), nil, `--template-url-suffix "0=" is not like 0=TEXT`},
		"no language":          {[]string{"--template", "aviso"}, nil, "--language is missing"},
		"and a body":           {aviso("--body", "Hola"), nil, "--template and --body exclude each other"},
		"and an empty body":    {aviso("--body", ""), nil, "--template and --body exclude each other"},
		"and a list":           {aviso("--list", "{}"), nil, "--template and --list exclude each other"},
		"no template":          {[]string{"--body", "Hola", "--template-value", "a=b"}, nil, "--template-value is about --template"},
		"only a language":      {[]string{"--body", "Hola", "--language", "es"}, nil, "--language is about --template"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var f Flags
			cmd := &cobra.Command{}
			f.Add(cmd)
			for _, name := range interactive {
				cmd.Flags().String(name, "", "")
			}
			if err := cmd.ParseFlags(tt.args); err != nil {
				t.Fatal(err)
			}
			d := &client.Draft{}
			if err := f.Fill(cmd, d); (err == nil) != (tt.wrong == "") || err != nil && !strings.HasPrefix(err.Error(), tt.wrong) {
				t.Fatalf("error is %v, want %s", err, tt.wrong)
			}
			if diff := cmp.Diff(tt.want, d.Template); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestEachValueIsLookedAtForPlaceholders(t *testing.T) {
	t.Parallel()
	d := &client.Draft{HeaderType: "text", HeaderContent: "{a}", Template: &client.TemplateUse{
		Body:    []client.TemplateValue{{Text: "{b}"}, {Text: "b"}},
		Buttons: []client.TemplateButton{{URLSuffix: "{c}"}, {Payload: "{d}"}, {CopyCode: "{e}"}},
	}}
	plain := &client.Draft{HeaderType: "text", HeaderContent: "{a}", BodyText: "{b}", FooterText: "{c}", ButtonText: "{d}"}
	if n := len(content.Doubts(Content(plain))); n != 4 {
		t.Errorf("%d texts of an interactive message are told, want 4", n)
	}
	if n := len(content.Doubts(Content(d))); n != 5 {
		t.Errorf("%d values are told, want 5", n)
	}
}
