package access

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"altavoz/schemas"
	"altavoz/schemas/request"
	"altavoz/schemas/rules"
)

// Limits of a keys file.
const (
	MinSecret  = 16  // bytes; 16 random ones of base64 are 96 bits
	maxSecret  = 256 // bytes, well below what a header may have
	maxOwner   = 64  // characters
	maxSecrets = 2   // of a key: the one in use, and the one that replaces it
	maxShare   = 1 << 20
)

// entry is a key as it stands in the file.
type entry struct {
	Owner       string   `json:"owner"`
	Secrets     []string `json:"secrets"`
	SecretFiles []string `json:"secret_files"`
	Scopes      []Scope  `json:"scopes"`
	Senders     []string `json:"senders"`
	PerRequest  *uint32  `json:"recipients_per_request"`
	PerDay      *uint64  `json:"recipients_per_day"`
	Requests    *int     `json:"requests_at_once"`
	Feeds       *int     `json:"feeds_at_once"`
	Uploads     *int     `json:"uploads_at_once"`
	Callback    string   `json:"callback_url"`
}

// ParseFile reads a keys file: a JSON list of keys. What it does not know it refuses, since whoever misspells a bound means one.
// read returns the secret of a file that the list names. Errors say the line or the entry, and no secret.
func ParseFile(text []byte, read func(path string) (schemas.Secret, error)) ([]*Caller, error) {
	var entries []entry
	if err := json.Unmarshal(text, &entries, json.RejectUnknownMembers(true)); err != nil {
		return nil, syntaxError(text, err)
	}
	callers := make([]*Caller, 0, len(entries))
	for i, e := range entries {
		c, err := e.caller(read)
		if err != nil {
			return nil, fmt.Errorf("entry %d (owner %q): %w", i+1, short(e.Owner), err)
		}
		callers = append(callers, c)
	}
	if _, err := NewTable(callers...); err != nil {
		return nil, err
	}
	return callers, nil
}

// syntaxError says where a text is wrong, and not what stands there: it may be a secret.
func syntaxError(text []byte, err error) error {
	var syntax *jsontext.SyntacticError
	var meaning *json.SemanticError
	at, what := int64(0), "it is not what a keys file has"
	switch {
	case errors.As(err, &syntax) && errors.Is(err, jsontext.ErrDuplicateName):
		at, what = syntax.ByteOffset, "the member "+name(syntax.JSONPointer)+" is there twice"
	case errors.As(err, &syntax):
		at, what = syntax.ByteOffset, "it is no JSON"
	case errors.As(err, &meaning) && errors.Is(err, json.ErrUnknownName):
		at, what = meaning.ByteOffset, "there is no member "+name(meaning.JSONPointer)
	case errors.As(err, &meaning):
		at, what = meaning.ByteOffset, "the value of "+name(meaning.JSONPointer)+" is of another type"
	}
	line := 1 + bytes.Count(text[:min(at, int64(len(text)))], []byte("\n"))
	return fmt.Errorf("line %d: %s", line, what)
}

func name(p jsontext.Pointer) string {
	if p == "" {
		return "at the top"
	}
	return short(string(p))
}

// short cuts what may be anything for a message.
func short(s string) string {
	if len(s) > maxOwner {
		return strings.ToValidUTF8(s[:maxOwner], "") + "..."
	}
	return s
}

func (e entry) caller(read func(string) (schemas.Secret, error)) (*Caller, error) {
	c := &Caller{Owner: e.Owner, Named: e.Owner, Scopes: e.Scopes, Senders: e.Senders}
	if !IsOwner(e.Owner) {
		return nil, errors.New(OwnerRule)
	}
	if err := e.checkLists(); err != nil {
		return nil, err
	}
	if c.Callback = rules.CleanLink(e.Callback); c.Callback != "" && request.CallbackFault(c.Callback) != nil { // as a broadcast that names it is judged
		return nil, fmt.Errorf("its callback_url is no URL with http:// or https://, of up to %d characters, and no user in it", request.MaxURL)
	}
	secrets := make([]schemas.Secret, 0, maxSecrets)
	for _, s := range e.Secrets {
		secrets = append(secrets, schemas.Secret(s))
	}
	for _, path := range e.SecretFiles {
		s, err := read(path)
		if err != nil {
			return nil, err
		}
		secrets = append(secrets, s)
	}
	if n := len(secrets); n < 1 || n > maxSecrets {
		return nil, fmt.Errorf("it has %d secrets, and needs one, or two while one is being replaced", n)
	}
	for i, s := range secrets {
		if err := checkSecret(s); err != nil {
			return nil, fmt.Errorf("secret %d: %w", i+1, err)
		}
		d := digestOf(s)
		if slices.Contains(c.digests, d) {
			return nil, errors.New("its two secrets are the same")
		}
		c.digests = append(c.digests, d)
	}
	return c, e.bounds(c)
}

func (e entry) checkLists() error {
	if len(e.Scopes) == 0 {
		return errors.New("it has no scopes: some of " + Names(Scopes()))
	}
	for i, s := range e.Scopes {
		if !slices.Contains(Scopes(), s) {
			return fmt.Errorf("there is no scope %q: they are %s", short(string(s)), Names(Scopes()))
		}
		if slices.Contains(e.Scopes[:i], s) {
			return fmt.Errorf("the scope %s is there twice", s)
		}
	}
	if e.Senders != nil && len(e.Senders) == 0 {
		return errors.New("its senders are an empty list: leave the member out where it may send from every number")
	}
	for i, id := range e.Senders {
		if id == "" || slices.Contains(e.Senders[:i], id) {
			return fmt.Errorf("sender %d is empty or there twice", i+1)
		}
	}
	return nil
}

// bounds takes over those that are there. One of zero would read like none.
func (e entry) bounds(c *Caller) error {
	if e.PerRequest != nil {
		if c.PerRequest = *e.PerRequest; c.PerRequest == 0 {
			return errors.New("recipients_per_request is not above zero")
		}
	}
	if e.PerDay != nil {
		if c.PerDay = *e.PerDay; c.PerDay == 0 {
			return errors.New("recipients_per_day is not above zero")
		}
	}
	for _, b := range []struct {
		name  string
		given *int
		into  *int
	}{{"requests_at_once", e.Requests, &c.Requests}, {"feeds_at_once", e.Feeds, &c.Feeds}, {"uploads_at_once", e.Uploads, &c.Uploads}} {
		if b.given == nil {
			continue
		}
		if *b.given < 1 || *b.given > maxShare {
			return fmt.Errorf("%s is not between 1 and %d", b.name, maxShare)
		}
		*b.into = *b.given
	}
	return nil
}

// OwnerRule says what IsOwner wants.
const OwnerRule = "an owner is 1 to 64 of A-Z a-z 0-9 . _ -"

// IsOwner reports whether a text can be the name of an owner.
func IsOwner(s string) bool {
	return s != "" && len(s) <= maxOwner && !strings.ContainsFunc(s, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune("._-", r)
	})
}

// checkSecret refuses what nobody could show in a header, or somebody could guess.
func checkSecret(s schemas.Secret) error {
	text := s.Reveal()
	switch {
	case len(text) > maxSecret:
		return fmt.Errorf("it has more than %d bytes", maxSecret)
	case strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' }):
		return errors.New("it has characters that are not printable ASCII")
	}
	return Weak(s)
}
