package membership

import (
	"errors"
	"iter"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
)

// ErrCommitsRefused says that a member's commits were refused for longer than any rebalance lasts, while it stayed in the same generation.
var ErrCommitsRefused = errors.New("the group refuses this member's commits for longer than a rebalance may take")

// Refusals tells how long a group has refused the commits of a member because of who it is. A refusal ends where the member learns of the
// next generation, or of its end; the client library waits for that with a request to join, and that request may never be answered (a
// connection that broke without a word; kfake, which drops the requests of members whose session ends while they wait). The zero
// value is that of a member that was not refused. It is not safe for concurrent use.
type Refusals struct {
	member     string
	generation int32
	since      time.Time // zero: not refused
	last       time.Time // refusal
}

// Record takes in how the group answered a commit of this member in this generation: whether it took anything, and what it said of the
// rest. It returns ErrCommitsRefused where it has said nothing but that this is nobody, or not in this generation, or that a rebalance is under
// way, for longer than most. Another generation begins anew: to be given one, a member needs an answer. So does a refusal that comes longer than
// most after the one before: refused commits are tried again within seconds, so in between there was nothing to commit, or all was well.
func (r *Refusals) Record(member string, generation int32, taken bool, refused iter.Seq[error], now time.Time, most time.Duration) error {
	if taken || r.member != member || r.generation != generation {
		*r = Refusals{member: member, generation: generation}
	}
	if taken || !refusesMember(refused) {
		return nil
	}
	if r.since.IsZero() || now.Sub(r.last) > most { //mutant:refusal-long-ago-does-not-count
		r.since = now
	}
	r.last = now
	if now.Sub(r.since) > most { //mutant:refused-member-joins-anew
		return ErrCommitsRefused
	}
	return nil
}

// refusesMember reports whether one of the answers is about who commits, and not about what.
func refusesMember(refused iter.Seq[error]) bool {
	for err := range refused {
		for _, who := range []error{kerr.IllegalGeneration, kerr.UnknownMemberID, kerr.FencedInstanceID, kerr.StaleMemberEpoch, kerr.RebalanceInProgress} {
			if errors.Is(err, who) {
				return true
			}
		}
	}
	return false
}
