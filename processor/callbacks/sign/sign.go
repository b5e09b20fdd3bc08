// Package sign signs callbacks by the Standard Webhooks scheme (standardwebhooks.com), and reads the secrets for it.
package sign

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"altavoz/schemas"
)

// The headers of a callback.
const (
	HeaderID        = "webhook-id"
	HeaderTimestamp = "webhook-timestamp"
	HeaderSignature = "webhook-signature"
)

const (
	prefix = "whsec_"
	// A secret's key has that many bytes.
	minKey, maxKey = 24, 64
	// maxSecrets of an owner: the one in use, and the one that replaces it.
	maxSecrets = 2
)

// Form is how secrets are written, for people.
const Form = "[owner:]whsec_<24 to 64 bytes of base64>, separated by commas; two of an owner while one is replaced"

// Secrets are the keys that callbacks are signed with, by owner; those of "" are everybody's who has none.
type Secrets map[string][][]byte

// Parse reads secrets of the form that Form says. Its errors tell no secret.
func Parse(text schemas.Secret) (Secrets, error) {
	out := make(Secrets)
	if text == "" {
		return out, nil
	}
	for i, one := range strings.Split(text.Reveal(), ",") {
		owner, secret, named := strings.Cut(strings.TrimSpace(one), ":")
		if !named {
			owner, secret = "", owner
		}
		coded, ok := strings.CutPrefix(secret, prefix)
		key, err := base64.StdEncoding.DecodeString(coded)
		if !ok || err != nil || len(key) < minKey || len(key) > maxKey {
			return nil, fmt.Errorf("secret %d is not whsec_ and %d to %d bytes in base64", i+1, minKey, maxKey)
		}
		if len(out[owner]) == maxSecrets {
			return nil, fmt.Errorf("secret %d is the third of its owner: there may be two, while one is replaced", i+1)
		}
		out[owner] = append(out[owner], key)
	}
	return out, nil
}

// Has reports whether the callbacks of an owner can be signed.
func (s Secrets) Has(owner string) bool { return len(s.of(owner)) > 0 }

func (s Secrets) of(owner string) [][]byte {
	if own := s[owner]; owner != "" && len(own) > 0 {
		return own
	}
	return s[""]
}

// ErrNoSecret is the error of an owner for whom no secret is configured.
var ErrNoSecret = errors.New("no secret is configured to sign callbacks of the owner with")

// Sign sets the headers of a callback: a signature with each secret of the owner.
func (s Secrets) Sign(h http.Header, owner, id string, now time.Time, body []byte) error {
	keys := s.of(owner) //mutant:both-secrets-sign
	if len(keys) == 0 {
		return ErrNoSecret
	}
	at := strconv.FormatInt(now.Unix(), 10)
	signatures := make([]string, len(keys))
	for i, key := range keys {
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte(id + "." + at + "."))
		mac.Write(body)
		signatures[i] = "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
	}
	h.Set(HeaderID, id)
	h.Set(HeaderTimestamp, at)
	h.Set(HeaderSignature, strings.Join(signatures, " "))
	return nil
}
