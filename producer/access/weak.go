package access

import (
	"fmt"
	"strings"

	"altavoz/schemas"
)

// examples are what stands where a secret is to be filled in, as in demo-key-change-me. They are in public, so they are everybody's.
var examples = []string{"change-me", "changeme", "change_me", "cambiame", "random bytes"}

// Weak returns what makes a secret one that can be guessed, nil where nothing does.
func Weak(s schemas.Secret) error {
	text := strings.ToLower(s.Reveal())
	if len(text) < MinSecret {
		return fmt.Errorf("it has %d bytes, and needs %d", len(text), MinSecret)
	}
	for _, e := range examples {
		if strings.Contains(text, e) {
			return fmt.Errorf("it is an example (%s), which everybody knows", e)
		}
	}
	return nil
}

// WeakShort returns the first key of the short form that can be guessed, by its place and its name.
func WeakShort(text schemas.Secret) error {
	fields := shortFields(text)
	for i, f := range fields {
		name, secret, named := strings.Cut(f, ":")
		if !named {
			name, secret = "without a name", f
		}
		if err := Weak(schemas.Secret(secret)); err != nil {
			return fmt.Errorf("API key %d of %d (%s): %w", i+1, len(fields), name, err)
		}
	}
	return nil
}

// Unnamed is how many keys of the short form have no name.
func Unnamed(text schemas.Secret) (n int) {
	for _, f := range shortFields(text) {
		if !strings.Contains(f, ":") {
			n++
		}
	}
	return n
}

// shortFields splits the short form.
func shortFields(text schemas.Secret) []string {
	return strings.FieldsFunc(text.Reveal(), func(r rune) bool { return r == ',' || r == ' ' || r == '\t' || r == '\r' || r == '\n' })
}
