package access

import (
	"net/http"
	"slices"
	"strings"

	"altavoz/schemas"
)

// Scope is a kind of thing that a caller may do.
type Scope string

// The scopes. Admin adds nothing to what may be done, but to whose tasks: those of every owner, and those that have none.
const (
	Send    Scope = "send"    // broadcasts
	Read    Scope = "read"    // tasks, lists and feeds
	Control Scope = "control" // pause, resume, cancel, speed
	OptOuts Scope = "optouts" // who opted out, of all owners' broadcasts from a business's numbers: shown and changed
	Admin   Scope = "admin"
)

// Scopes returns all of them.
func Scopes() []Scope { return []Scope{Send, Read, Control, OptOuts, Admin} }

// LocalOwner owns what is sent where no keys are configured, which is possible on loopback only.
const LocalOwner = "local"

// Caller is who shows a key. It is shared, and only to be read.
type Caller struct {
	Owner  string  // whose the tasks are that it makes
	Scopes []Scope // what it may do
	// Senders are the numbers that it may send from, the first one where a request names none. None: all.
	Senders []string
	// PerRequest and PerDay are the most recipients of a request, and of all requests of a day (UTC); 0: no bound of their own.
	PerRequest uint32
	PerDay     uint64
	// Requests, Feeds and Uploads are how many it may have at once in one process: requests of any kind, event feeds, large bodies. 0: an equal share.
	Requests, Feeds, Uploads int

	// Callback is where what happens to its broadcasts is posted that name no callback; empty: nowhere.
	Callback string

	// Named is in whose name ids were derived from an Idempotency-Key before there were owners.
	Named string

	digests []digest
	shown   digest // the one by which it was found
	among   int    // callers of its table
}

// Local is the caller of a process without keys: who reaches loopback may do everything.
func Local() *Caller { return &Caller{Owner: LocalOwner, Scopes: Scopes(), among: 1} }

// May reports whether the caller has the scope.
func (c *Caller) May(s Scope) bool { return slices.Contains(c.Scopes, s) }

// Sees reports whether the tasks of an owner exist for the caller. What has no owner was made before there were any, and
// is the administrators'.
func (c *Caller) Sees(owner string) bool {
	return c.May(Admin) || owner != "" && owner == c.Owner
}

// Sender returns the number that a request asks for, the caller's first one if it asks for none, and whether the caller may
// send from it. Where it may send from any, "" is left to whoever knows the numbers.
func (c *Caller) Sender(asked string) (string, bool) {
	if len(c.Senders) == 0 {
		return asked, true
	}
	if asked == "" {
		return c.Senders[0], true
	}
	return asked, slices.Contains(c.Senders, asked)
}

// Most returns how many recipients a request of the caller may have, where anybody may have so many.
func (c *Caller) Most(anybody uint32) uint32 {
	if c.PerRequest > 0 {
		anybody = min(anybody, c.PerRequest)
	}
	if c.PerDay > 0 { // no day has room for more
		anybody = uint32(min(uint64(anybody), c.PerDay))
	}
	return anybody
}

// Names lists scopes for people.
func Names(scopes []Scope) string {
	names := make([]string, len(scopes))
	for i, s := range scopes {
		names[i] = string(s)
	}
	return strings.Join(names, ", ")
}

// Secret returns the API key that a request shows, "" if it shows none.
func Secret(r *http.Request) schemas.Secret {
	secret := r.Header.Get("X-API-Key")
	if scheme, token, ok := strings.Cut(r.Header.Get("Authorization"), " "); ok && strings.EqualFold(scheme, "Bearer") {
		secret = strings.TrimSpace(token)
	}
	return schemas.Secret(secret)
}
