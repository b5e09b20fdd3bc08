// Package signature tells Meta's webhooks from what others post. It holds nothing.
package signature

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"slices"
	"strings"

	"altavoz/schemas"
)

// maxSecrets is how many app secrets are valid at a time: the one that replaces, and the one that is replaced.
const maxSecrets = 2

// Secrets returns the app secrets that stand in one, separated by commas or line ends, the one to sign with first; at least one, which may be empty.
func Secrets(text schemas.Secret) (all []schemas.Secret) {
	for _, s := range strings.FieldsFunc(text.Reveal(), func(r rune) bool { return r == ',' || r == '\n' || r == '\r' }) {
		if s = strings.TrimSpace(s); s != "" {
			all = append(all, schemas.Secret(s))
		}
	}
	if len(all) == 0 {
		return []schemas.Secret{""}
	}
	return all[:min(len(all), maxSecrets)]
}

// Valid reports whether a body is signed with one of the secrets that stand in one: by its HMAC over the bytes as they came. Meta writes what is
// not ASCII as \uXXXX and signs that, so a body that was decoded and encoded again would fail.
func Valid(secrets schemas.Secret, body []byte, header http.Header) bool {
	text, ok := strings.CutPrefix(header.Get("X-Hub-Signature-256"), "sha256=")
	claimed, err := hex.DecodeString(text)
	if !ok || err != nil {
		return false
	}
	return slices.ContainsFunc(Secrets(secrets), func(secret schemas.Secret) bool {
		mac := hmac.New(sha256.New, []byte(secret.Reveal()))
		mac.Write(body)
		return secret != "" && hmac.Equal(claimed, mac.Sum(nil)) // of nothing anybody can make one
	})
}
