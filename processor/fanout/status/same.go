package status

import (
	"bytes"

	"altavoz/schemas"
)

// Claim is a broadcast that may be the same request as a task under another id: one key gives several ids while secrets are
// replaced, and where an older ingress knows none.
type Claim struct {
	Owner string
	SHA   []byte
	Home  *schemas.Origin // where it is read again
}

// Same reports whether a task of the owner, for the request, is that of the claim. Of its own owner's it is, whatever was asked for:
// a key is one request. Of nobody's, which is older than owners, it is if the same was asked for.
func (c Claim) Same(owner string, sha []byte) bool {
	return owner == c.Owner || (owner == "" || c.Owner == "") && len(sha) > 0 && bytes.Equal(sha, c.SHA)
}

// First reports whether the task of the status came before the claim, and is the same request: one that failed and wrote to nobody
// did not, and of two that have written to nobody the first one on the partition did.
func (c Claim) First(st *schemas.Status) bool {
	p := st.GetPlan()
	if p == nil || !c.Same(p.GetOwner(), p.GetRequestSha256()) {
		return false
	}
	if st.GetCursor() > 0 || Decided(st) > 0 {
		return true
	}
	at := Position(p)
	return st.GetPhase() != schemas.Phase_PHASE_FAILED && (at.GetPartition() != c.Home.GetPartition() || at.GetOffset() < c.Home.GetOffset())
}

// Repeats reports whether a record asks, by the digest of its request, for what the task of its id was asked for. Where a digest is missing
// that is so of a record that is sure where it was first, and of no other.
func Repeats(asked, of []byte, sure bool) bool {
	if len(asked) == 0 || len(of) == 0 {
		return sure
	}
	return bytes.Equal(asked, of)
}
