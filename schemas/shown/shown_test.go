package shown

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"unicode"
)

// tricks are what a text may do to whoever reads it.
var tricks = []string{
	"\x1b]0;title\a", "\x1b[31mred", "\u009b31mred", "\u0085next", "\x7f", "abc\bd", "\u202ekcab", "\u2066isolate\u2069", "\u200fmark", "\u061cmark", "\u200emark",
	"line\nforged", "line\r\nforged", "line\u2028forged", "column\tforged", "\x00",
}

func TestThreatS17TextsOfOthersHideAndTurnNothing(t *testing.T) {
	t.Parallel()
	for _, text := range tricks {
		for name, got := range map[string]string{"Line": Line("a" + text + "b"), "Text": Text("a" + text + "b")} {
			for _, r := range got {
				if unicode.IsControl(r) && (name == "Line" || r != '\n' && r != '\t') || unicode.Is(unicode.Bidi_Control, r) || r == '\u2028' {
					t.Errorf("%s(%q) leaves %U", name, text, r)
				}
			}
		}
	}
	for _, text := range []string{"¿Qué tal, señor Núñez?", "日本語", "👩‍👧 familia", "مرحبا", "שלום"} {
		if Line(text) != text || Text(text) != text {
			t.Errorf("%q is changed", text)
		}
	}
	if got := Line("raw \x9b31m"); got != "raw \ufffd31m" {
		t.Errorf("an 8-bit escape: %q, want %q", got, "raw \ufffd31m")
	}
}

// What is escaped in JSON is the same to whoever reads the JSON.
func TestThreatS17JSONSaysTheSame(t *testing.T) {
	t.Parallel()
	for _, text := range append(tricks, "plain", "señor", strings.Join(tricks, "é")) {
		var b bytes.Buffer
		enc := json.NewEncoder(&b)
		enc.SetEscapeHTML(false)
		if err := enc.Encode(map[string]string{text: text}); err != nil {
			t.Fatal(err)
		}
		got := JSON(b.Bytes())
		var back map[string]string
		if err := json.Unmarshal(got, &back); err != nil || back[text] != text {
			t.Errorf("%q: %v, %q; want %q", text, err, back, back[text])
		}
		for _, r := range strings.TrimSuffix(string(got), "\n") {
			if hides(r) {
				t.Errorf("%q: %U is left in %s", text, r, got)
			}
		}
	}
}

func BenchmarkJSON(b *testing.B) {
	line := []byte(`{"time":"2026-11-28T23:42:29Z","level":"INFO","msg":"broadcast accepted","task":"01a22486-0c26-72b4-8b87-d347b078abed","total":1,"why":"señor"}` + "\n")
	b.ReportAllocs()
	for b.Loop() {
		JSON(line)
	}
}
