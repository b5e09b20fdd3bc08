// Package membership decides whether what a member of a consumer group owns is still its own. It makes no request.
//
// A group knows a member by an id that it hands out, and counts its rebalances: the generation. Partitions are assigned to a member id
// in a generation, and stay its own only while it takes part in every rebalance under that id and claims them there: then no plan can
// give them to somebody else. The client library (franz-go 1.22) does not hold to that. Where a request to join is answered with
// UNKNOWN_MEMBER_ID, the group has given the member up, others may have owned its partitions since, and the library joins again
// under a new id, claims what the old one had, and mostly gets it back, without reporting it as lost and without reading the
// committed offsets again. A static member may in the same way miss a rebalance and keep its id.
package membership

import (
	"errors"

	"github.com/twmb/franz-go/pkg/kgo"
)

// ErrReplaced says that what a member owns was assigned to it as another member, or that a rebalance took place without it.
var ErrReplaced = errors.New("the group gave this member up: what it owned may have had another owner since")

// Ownership is what all partitions of a member are bound to. The zero value is that of a member without any. It is not
// safe for concurrent use.
type Ownership struct {
	bound   bool
	member  string
	claimed int32 // the generation in which the member last claimed what it owns, or was assigned the first of it
}

// Assigned binds partitions to the member and generation to which they were assigned just now.
func (o *Ownership) Assigned(member string, generation int32) error {
	if o.bound {
		return o.Check(member, generation)
	}
	*o = Ownership{bound: true, member: member, claimed: generation}
	return nil
}

// Claimed notes that the member is about to join again and to say what it owns, so that the rebalance which follows the
// given generation can't give it away.
func (o *Ownership) Claimed(member string, generation int32) error {
	if err := o.Check(member, generation); err != nil {
		return err
	}
	o.claimed = generation
	return nil
}

// Check returns ErrReplaced unless what is owned is that of this member in this generation.
func (o *Ownership) Check(member string, generation int32) error {
	if o.bound && (member != o.member || generation < o.claimed || generation-o.claimed > 1) { //mutant:owned-under-this-member
		return ErrReplaced
	}
	return nil
}

// Released says that nothing is owned any more.
func (o *Ownership) Released() { *o = Ownership{} }

// Balancer is a group's balancer that asks who the member is whenever the library claims partitions for it, and whenever
// the group has assigned some.
type Balancer struct {
	kgo.GroupBalancer
	OnClaim      func() error // an error: nothing is claimed
	OnAssignment func() error // an error: the assignment is not taken
}

// JoinGroupMetadata says what the member owns, once for each request to join that the library makes.
func (b Balancer) JoinGroupMetadata(topics []string, owned map[string][]int32, generation int32) []byte {
	if b.OnClaim() != nil {
		owned = nil
	}
	return b.GroupBalancer.JoinGroupMetadata(topics, owned, generation)
}

// ParseSyncAssignment reads what the group has assigned.
func (b Balancer) ParseSyncAssignment(assignment []byte) (map[string][]int32, error) {
	if err := b.OnAssignment(); err != nil {
		return nil, err
	}
	return b.GroupBalancer.ParseSyncAssignment(assignment) //nolint:wrapcheck // the library's own
}
