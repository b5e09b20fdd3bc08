package membership

import (
	"errors"
	"iter"
	"time"

	"altavoz/stream"
)

// ErrCommitsRefused says that a member's commits were refused for longer than any rebalance lasts, while it stayed in the same generation.
var ErrCommitsRefused = errors.New("the group refuses this member's commits for longer than a rebalance may take")

// Refusals measures how long a group has refused the commits of a member because of who it is. Refusals end when the member learns of the next
// generation, or of its end. The client library waits for that with a JoinGroup, which may never be answered (a connection that broke silently;
// kfake drops the requests of members whose session ends while they wait). The zero value is that of a member that was not refused. It is not safe
// for concurrent use.
type Refusals struct {
	member     string
	generation int32
	since      time.Time // zero: not refused
	last       time.Time // refusal
}

// Record records how the group answered a commit of this member in this generation: whether it accepted anything, and the errors of the rest. It
// returns ErrCommitsRefused if for longer than limit all answers were that the member is unknown, or of another generation, or that a rebalance is in
// progress. Another generation starts the count again: a member gets one only with an answer. So does a refusal longer than limit after the one
// before: refused commits are retried within seconds, so in between there was nothing to commit, or all was well.
func (r *Refusals) Record(member string, generation int32, accepted bool, refused iter.Seq[error], now time.Time, limit time.Duration) error {
	if accepted || r.member != member || r.generation != generation {
		*r = Refusals{member: member, generation: generation}
	}
	if accepted || !refusesMember(refused) {
		return nil
	}
	if r.since.IsZero() || now.Sub(r.last) > limit { //mutant:refusal-long-ago-does-not-count
		r.since = now
	}
	r.last = now
	if now.Sub(r.since) > limit { //mutant:refused-member-joins-anew
		return ErrCommitsRefused
	}
	return nil
}

// refusesMember reports whether one of the answers is about who commits, and not about what.
func refusesMember(refused iter.Seq[error]) bool {
	for err := range refused {
		if errors.Is(err, stream.ErrFenced) {
			return true
		}
	}
	return false
}
