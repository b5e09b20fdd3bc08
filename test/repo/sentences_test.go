package repo

import (
	"go/ast"
	"go/token"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// spanish finds what a sentence in Spanish has and other strings have not: its letters, or two of its commonest words beside each other.
var spanish = regexp.MustCompile(`(?i)[áéíóúñ¿¡]|\b(?:el|la|los|las|un|una|de|del|no|es|se|que|para|por|con|en)\b +\b(?:el|la|los|las|un|una|de|del|no|es|se|que|para|por|con|en|campo|archivo|env[ií]o|número|mensaje|servicio|tarea)\b`)

// spanishElsewhere is where strings in Spanish stand that are no sentences for people, or no part of altavoz.
var spanishElsewhere = []string{
	"schemas/es",         // all sentences
	"schemas/phone",      // words that people write before a phone
	"schemas/rules",      // names of fields and placeholders as people write them
	"whatsapp/simulator", // a stranger, with pages of its own
	"cmd/altavoz",        // examples of messages, and what a person answers
	"client",             // examples of messages
}

// TestSentencesForPeopleStandInOnePlace: a sentence in Spanish is a code with a twin in schemas/es, and nowhere else a string, so that nobody
// compares it and everybody can read it in the other language.
func TestSentencesForPeopleStandInOnePlace(t *testing.T) {
	t.Parallel()
	for _, s := range Sources(t) {
		if ast.IsGenerated(s.Tree) || strings.HasPrefix(s.Path, "test/") || slices.ContainsFunc(spanishElsewhere, func(p string) bool { return strings.HasPrefix(s.Path, p+"/") }) {
			continue
		}
		ast.Inspect(s.Tree, func(n ast.Node) bool {
			if text, ok := n.(*ast.BasicLit); ok && text.Kind == token.STRING && spanish.MatchString(text.Value) {
				t.Errorf("%s: %s is for people: give it a code in schemas/es", s.Files.Position(text.Pos()), text.Value)
			}
			return true
		})
	}
	for _, text := range []string{"El número emisor no existe", "Falta una clave de la API", "No se pudo leer", "está vacío"} {
		if !spanish.MatchString(text) {
			t.Errorf("%q is not found to be Spanish", text)
		}
	}
}
