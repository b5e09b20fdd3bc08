// Package chosen finds out whether a broadcast under an id that others may have too has come before, and whose it was then.
package chosen

import (
	"bytes"
	"cmp"
	"context"
	"slices"

	"altavoz/schemas"
)

// Verdict is what is known of a request whose id its caller chose.
type Verdict uint8

// The verdicts.
const (
	New         Verdict = iota // nothing is known against it
	Repeat                     // it is a task already
	Conflict                   // the id is another request's, or another caller's: whose is not told
	Unconfirmed                // nobody knows now
)

// Claim is a request and the ids that it may have.
type Claim struct {
	Owner  string
	SHA256 []byte // of the request
	Task   schemas.TaskID
	// Earlier are the ids that it would have had before: made with earlier secrets, and with none.
	Earlier []schemas.TaskID
}

// Tasks is where claims are looked up.
type Tasks struct {
	// Lookup returns the status of any task, nil where there is none. An error says that nobody knows now.
	Lookup   func(ctx context.Context, id schemas.TaskID) (*schemas.Status, error)
	CaughtUp func() bool // the view knows every task
	Upstream string      // whose the broadcasts are that others write to Kafka
	Made     func(id schemas.TaskID) bool
}

// Find returns the task that a claim is about, and what is known of it. The ids that it would have had before come first: a key is the same
// task for as long as it may be repeated, whatever the ids are made with meanwhile. Of those, one that is somebody else's is none of the
// claim's: anybody could take an id that needs no secret. An id that an ingress made is its task's, also where nothing is known of that one yet.
func (t *Tasks) Find(ctx context.Context, c *Claim) (schemas.TaskID, Verdict) {
	if len(c.Earlier) > 0 && !t.CaughtUp() { //mutant:earlier-ids-are-looked-up-in-the-whole-view
		return c.Task, Unconfirmed // of its own id the first TaskOpened would tell, of another one nothing
	}
	var failed *schemas.Status // and wrote to nobody: where the request has another task too, that is the one
	var failedID schemas.TaskID
	for _, id := range append(slices.Clip(c.Earlier), c.Task) {
		s, err := t.Lookup(ctx, id)
		if err != nil {
			return c.Task, Unconfirmed
		}
		if p := s.GetPlan(); p != nil && (id == c.Task || t.owns(c, id, p)) { //mutant:earlier-ids-of-a-key-are-its-own
			if unsent(s) {
				failed, failedID = cmp.Or(failed, s), cmp.Or(failedID, id)
				continue
			}
			return id, t.Judge(c, id, s)
		}
	}
	switch {
	case failed != nil:
		return failedID, t.Judge(c, failedID, failed)
	case t.Made(c.Task): //mutant:id-that-an-ingress-made-is-not-chosen
		return c.Task, Conflict
	}
	return c.Task, New
}

// Judge says of a claim whose id is taken whether it is the same request of the same caller.
func (t *Tasks) Judge(c *Claim, id schemas.TaskID, s *schemas.Status) Verdict {
	if !t.owns(c, id, s.GetPlan()) || !bytes.Equal(s.GetPlan().GetRequestSha256(), c.SHA256) { //mutant:a-repeat-is-the-same-callers
		return Conflict
	}
	return Repeat
}

// owns reports whether the task of an id may be that of an earlier request of the same caller. An ingress of before owners signed
// nothing, so the same request may be it where the task has no owner, and under an earlier id where it was taken for an upstream's.
func (t *Tasks) owns(c *Claim, id schemas.TaskID, p *schemas.TaskOpened) bool {
	unsigned := p.GetOwner() == "" || p.GetOwner() == t.Upstream && slices.Contains(c.Earlier, id)
	return p.GetOwner() == c.Owner || unsigned && bytes.Equal(p.GetRequestSha256(), c.SHA256)
}

func unsent(s *schemas.Status) bool {
	return s.GetPhase() == schemas.Phase_PHASE_FAILED && s.GetCursor() == 0
}

// SameOrigin reports whether two broadcasts lie at one place.
func SameOrigin(a, b *schemas.Origin) bool {
	return a.GetPartition() == b.GetPartition() && a.GetOffset() == b.GetOffset()
}
