package access

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"fmt"
	"strings"

	"altavoz/schemas"
)

type digest [sha256.Size]byte

func digestOf(secret schemas.Secret) digest { return sha256.Sum256([]byte(secret.Reveal())) }

// Table is the keys at one time. It does not change.
type Table struct {
	callers []*Caller
	secrets []secret
}

// secret is one that lets in, with its caller, who knows it as the one that was shown.
type secret struct {
	digest digest
	caller *Caller
}

// NewTable makes a table of callers. One owner has one key, and one secret one owner.
func NewTable(callers ...*Caller) (*Table, error) {
	owners, secrets := make(map[string]bool), make(map[digest]string)
	for _, c := range callers {
		if owners[c.Owner] {
			return nil, fmt.Errorf("the owner %s is there twice", c.Owner)
		}
		owners[c.Owner] = true
		for _, d := range c.digests {
			if other, ok := secrets[d]; ok {
				return nil, fmt.Errorf("%s has a secret that is there twice, also as one of %s", c.Owner, other)
			}
			secrets[d] = c.Owner
		}
		c.among = len(callers)
	}
	t := &Table{callers: callers}
	for _, c := range callers {
		for _, d := range c.digests {
			by := *c
			by.shown = d
			t.secrets = append(t.secrets, secret{d, &by})
		}
	}
	return t, nil
}

// Len is how many callers there are.
func (t *Table) Len() int { return len(t.callers) }

// Find returns whose secret it is. Every digest is compared, so that the time taken says nothing about which one is near.
func (t *Table) Find(shown schemas.Secret) (*Caller, bool) {
	found := t.find(digestOf(shown))
	return found, found != nil && shown != ""
}

func (t *Table) find(shown digest) (found *Caller) {
	for _, s := range t.secrets {
		if subtle.ConstantTimeCompare(shown[:], s.digest[:]) == 1 {
			found = s.caller
		}
	}
	return found
}

// Holds reports whether a caller that was let in before would be let in now by the secret that it showed then, and may still do what
// it may.
func (t *Table) Holds(c *Caller, scope Scope) bool {
	now := t.find(c.shown)
	return now != nil && now.Owner == c.Owner && now.May(scope) && now.May(Admin) == c.May(Admin)
}

// nameBytes of the digest name a key that was given no name: enough to tell keys apart, and nothing to guess from.
const nameBytes = 4

// ParseShort reads keys separated by commas or white space, each "secret" or "name:secret", as ALTAVOZ_API_KEYS has them.
// The name is the owner; two secrets of one name are one caller, which is how a secret is replaced without a gap. Such a
// caller may do all but what is an administrator's.
func ParseShort(text schemas.Secret) ([]*Caller, error) {
	fields := shortFields(text)
	var callers []*Caller
	byOwner := make(map[string]*Caller)
	for i, f := range fields {
		name, secret, named := strings.Cut(f, ":")
		if !named {
			name, secret = "", f
		}
		if secret == "" || (named && name == "") {
			return nil, fmt.Errorf("API key %d of %d: it should read secret or name:secret", i+1, len(fields))
		}
		d := digestOf(schemas.Secret(secret))
		if !named {
			name = hex.EncodeToString(d[:nameBytes])
		}
		c := byOwner[name]
		if c == nil {
			c = &Caller{Owner: name, Named: name, Scopes: []Scope{Send, Read, Control}}
			byOwner[name] = c
			callers = append(callers, c)
		}
		c.digests = append(c.digests, d)
	}
	return callers, nil
}
