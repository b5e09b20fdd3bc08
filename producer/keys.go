package producer

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"fmt"
	"net/http"
	"strings"

	"altavoz/schemas"
)

// Key lets a caller in. Only its digest is kept; ID is the caller, in whose name idempotency keys are.
type Key struct {
	ID     string
	Digest [sha256.Size]byte
}

// keyIDBytes of the digest name a key that was given no name: enough to tell a house's keys apart, and nothing to guess from.
const keyIDBytes = 4

// ParseKeys reads keys separated by commas or white space, each "secret" or "name:secret". Two secrets of one name are one
// caller: that is how a key is changed without a gap.
func ParseKeys(text schemas.Secret) ([]Key, error) {
	fields := strings.FieldsFunc(text.Reveal(), func(r rune) bool { return r == ',' || r == ' ' || r == '\t' || r == '\r' || r == '\n' })
	keys := make([]Key, 0, len(fields))
	for i, f := range fields {
		name, secret, named := strings.Cut(f, ":")
		if !named {
			name, secret = "", f
		}
		if secret == "" || (named && name == "") {
			return nil, fmt.Errorf("API key %d of %d: it should read secret or name:secret", i+1, len(fields))
		}
		k := Key{ID: name, Digest: sha256.Sum256([]byte(secret))}
		if !named {
			k.ID = hex.EncodeToString(k.Digest[:keyIDBytes])
		}
		keys = append(keys, k)
	}
	return keys, nil
}

// caller returns who makes the request, and false for nobody we know. Every key is compared, so that the time taken says
// nothing about which one is near.
func (in *Ingress) caller(r *http.Request) (string, bool) {
	if len(in.cfg.Keys) == 0 {
		return "", true
	}
	secret := r.Header.Get("X-API-Key")
	if scheme, token, ok := strings.Cut(r.Header.Get("Authorization"), " "); ok && strings.EqualFold(scheme, "Bearer") {
		secret = strings.TrimSpace(token)
	}
	digest := sha256.Sum256([]byte(secret))
	caller, known := "", 0
	for _, k := range in.cfg.Keys {
		if same := subtle.ConstantTimeCompare(digest[:], k.Digest[:]); same == 1 {
			caller, known = k.ID, 1
		}
	}
	return caller, known == 1 && secret != ""
}
