// Package seal binds a media id to the file and the sender number that it was uploaded for, so that whoever can write to the cache cannot
// make a broadcast carry another picture. The key is derived from the number's access token, which every process that uploads for the number
// has and a cache never sees.
//
// A rotated token makes all ids of its number unreadable: a file is then uploaded once more. An id that is put back later, under the same file
// and number, is taken: it is of the same file, and Meta says when it is too old.
package seal

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"strings"

	"altavoz/schemas"
)

const (
	version = "1" // of the format: version.mac.id
	purpose = "altavoz media id " + version
	// macText is the length of a MAC as it is written: 32 bytes in base64 without padding.
	macText = 43
)

// Close returns what is stored for an id under the cache's key.
func Close(token schemas.Secret, key, id string) string {
	return version + "." + mac(token, key, id) + "." + id
}

// Open returns the id of what Close returned for the same token and key; false for anything else.
func Open(token schemas.Secret, key, stored string) (id string, ok bool) {
	rest, ok := strings.CutPrefix(stored, version+".")
	if !ok || len(rest) <= macText+1 || rest[macText] != '.' {
		return "", false
	}
	id = rest[macText+1:]
	return id, hmac.Equal([]byte(rest[:macText]), []byte(mac(token, key, id)))
}

// mac authenticates the id under a key of its own, so that the token is used for nothing but itself. A cache's key has no zero byte.
func mac(token schemas.Secret, key, id string) string {
	derive := hmac.New(sha256.New, []byte(token.Reveal()))
	derive.Write([]byte(purpose))
	h := hmac.New(sha256.New, derive.Sum(nil))
	h.Write([]byte(key + "\x00" + id))
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil))
}
