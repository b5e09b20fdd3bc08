package es_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"altavoz/schemas/es"
)

// TestEverySentenceHasBothLanguages: each code has its words, other ones in each language, with the same arguments in both.
func TestEverySentenceHasBothLanguages(t *testing.T) {
	t.Parallel()
	codes := es.Codes()
	if len(codes) < 100 {
		t.Fatalf("%d sentences, want at least 100", len(codes))
	}
	verb := regexp.MustCompile(`%.`)
	seen := make(map[es.Code]bool)
	for _, code := range codes {
		if seen[code] {
			t.Errorf("%s is in two tables", code)
		}
		seen[code] = true
		spanish, english := code.Texts()
		in, out := verb.FindAllString(spanish, -1), verb.FindAllString(english, -1)
		if spanish == "" || english == "" || !slices.Equal(in, out) || slices.ContainsFunc(in, func(v string) bool { return v != "%s" }) {
			t.Errorf("%s: %q has the arguments %v, %q has %v; want one, %v, one", code, spanish, in, english, out, out)
		}
		if strings.Contains(strings.ReplaceAll(spanish, "%s", ""), " ") && spanish == english && code != es.Refused(-1).Code {
			t.Errorf("%s is the same in both languages: %q", code, spanish)
		}
		args := make([]any, len(in))
		for i := range args {
			args[i] = "<" + strings.Repeat("x", i+1) + ">"
		}
		s := es.Say(code, args...)
		for l, words := range map[string]string{"Spanish": s.Spanish(), "English": s.In(es.English)} {
			if !s.Known() || words == "" || strings.Contains(words, "%!") {
				t.Errorf("%s in %s: %q; want one, no %q in it", code, l, words, "%!")
			}
			for _, a := range s.Args {
				if !strings.Contains(words, a) {
					t.Errorf("%s in %s does not show %s: %q; want %q in it", code, l, a, words, a)
				}
			}
		}
	}
}

// TestASentenceOfAnotherVersionSaysNothing: an unknown code, or other arguments than this version knows, are no words.
func TestASentenceOfAnotherVersionSaysNothing(t *testing.T) {
	t.Parallel()
	for _, s := range []es.Sentence{{}, {Code: "of_a_newer_version"}, {Code: es.SenderUnknown}, {Code: es.NoMessage, Args: []string{"x"}}, {Code: "refused_7"}, {Code: "refused_x"}} {
		if s.Known() || s.Spanish() != "" || s.In(es.English) != "" {
			t.Errorf("%v: %q; want %q", s, s.Spanish(), "")
		}
	}
}

// TestArgumentsAreText: what somebody else wrote is no format, and what is no UTF-8 fits into a record.
func TestArgumentsAreText(t *testing.T) {
	t.Parallel()
	if got := es.Say(es.SenderUnknown, "%d\xff").Spanish(); got != "El número emisor %d? no está configurado" {
		t.Errorf("got %q, want %q", got, "El número emisor %d? no está configurado")
	}
	if got := es.Literal("100% %s").In(es.English); got != "100% %s" || !es.Literal("").None() {
		t.Errorf("got %q, want %q", got, "100% %s")
	}
}

func TestAcceptLanguageIsReadByWeight(t *testing.T) {
	t.Parallel()
	for header, want := range map[string]es.Language{
		"": es.Spanish, "es": es.Spanish, "en": es.English, "EN-us": es.English, "es-CO,es;q=0.9,en;q=0.8": es.Spanish, "en-US,en;q=0.9,es;q=0.8": es.English,
		"fr": es.Spanish, "fr, en;q=0.5": es.English, "*": es.Spanish, "en;q=0": es.Spanish, "en;q=0.1, es;q=0.2": es.Spanish, "en;q=NaN": es.Spanish, "en; q = 0.5": es.English,
		"eng": es.Spanish, ";;,,": es.Spanish, "es;q=0, en": es.English,
		strings.Repeat("fr,", 40) + "en": es.Spanish, // what is asked for so late is not looked at
	} {
		if got := es.Accepted(header); got != want {
			t.Errorf("%q: %v, want %v", header, got, want)
		}
	}
}
