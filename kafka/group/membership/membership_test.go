package membership_test

import (
	"errors"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"altavoz/kafka/group/membership"
)

// What a member owns is its own as long as it claims it in every rebalance, under the id that it was assigned to.
func TestOwnershipEndsWithTheMemberOrWithARebalanceThatItMissed(t *testing.T) {
	t.Parallel()
	type step struct {
		do         func(*membership.Ownership, string, int32) error
		member     string
		generation int32
		replaced   bool
	}
	assigned, claimed, check := (*membership.Ownership).Assigned, (*membership.Ownership).Claimed, (*membership.Ownership).Check
	released := func(o *membership.Ownership, _ string, _ int32) error { o.Released(); return nil }
	for name, steps := range map[string][]step{
		"who owns nothing may be anybody": {
			{check, "", -1, false}, {claimed, "", -1, false}, {check, "a", 7, false}, {claimed, "b", 2, false},
		},
		"the same member and generation": {{assigned, "a", 4, false}, {check, "a", 4, false}, {assigned, "a", 4, false}},
		"it joins each rebalance": {
			{assigned, "a", 4, false},
			{claimed, "a", 4, false},
			{check, "a", 5, false},
			{assigned, "a", 5, false},
			{claimed, "a", 5, false},
			{check, "a", 6, false},
			{claimed, "a", 6, false},
			{claimed, "a", 6, false},
			{check, "a", 7, false},
		},
		"the join was answered and the sync refused": {
			{assigned, "a", 4, false}, {claimed, "a", 4, false}, {claimed, "a", 5, false}, {check, "a", 6, false},
		},
		"the group does not know it: it joins without an id": {{assigned, "a", 4, false}, {claimed, "a", 4, false}, {claimed, "", 4, true}},
		"it is given another id":                             {{assigned, "a", 4, false}, {check, "b", 4, true}},
		"another id in the next generation":                  {{assigned, "a", 4, false}, {claimed, "a", 4, false}, {check, "b", 5, true}},
		"more is assigned under another id":                  {{assigned, "a", 4, false}, {assigned, "b", 5, true}},
		"a rebalance without its claim": {
			{assigned, "a", 4, false}, {claimed, "a", 4, false}, {check, "a", 5, false}, {check, "a", 6, true}, {claimed, "a", 6, true},
		},
		"the group has forgotten a generation": {{assigned, "a", 4, false}, {claimed, "a", 4, false}, {claimed, "a", 5, false}, {check, "a", 4, true}},
		"nothing is left of what was another's": {
			{assigned, "a", 4, false}, {check, "b", 5, true}, {released, "", 0, false}, {check, "b", 5, false}, {assigned, "b", 9, false}, {check, "b", 9, false},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var o membership.Ownership
			for i, s := range steps {
				if err := s.do(&o, s.member, s.generation); errors.Is(err, membership.ErrReplaced) != s.replaced {
					t.Fatalf("step %d, member %q in generation %d: %v", i, s.member, s.generation, err)
				}
			}
		})
	}
}

// A member that is not who it was claims nothing, and takes no assignment that follows from claims.
func TestReplacedMemberClaimsNothing(t *testing.T) {
	t.Parallel()
	var claims, synced error
	b := membership.Balancer{
		GroupBalancer: kgo.CooperativeStickyBalancer(),
		OnClaim:       func() error { return claims }, OnAssignment: func() error { return synced },
	}
	owned := func() int {
		var m kmsg.ConsumerMemberMetadata
		if err := m.ReadFrom(b.JoinGroupMetadata([]string{"t"}, map[string][]int32{"t": {0, 1}}, 3)); err != nil {
			t.Fatal(err)
		}
		return len(m.OwnedPartitions)
	}
	if owned() != 1 {
		t.Error("a member does not claim what it owns")
	}
	assignment := kmsg.ConsumerMemberAssignment{Topics: []kmsg.ConsumerMemberAssignmentTopic{{Topic: "t", Partitions: []int32{1}}}}
	got, err := b.ParseSyncAssignment(assignment.AppendTo(nil))
	if err != nil || len(got["t"]) != 1 {
		t.Errorf("assigned %v, %v", got, err)
	}
	claims, synced = membership.ErrReplaced, membership.ErrReplaced
	if owned() != 0 {
		t.Error("it claims what it owned as another member")
	}
	if got, err := b.ParseSyncAssignment(assignment.AppendTo(nil)); !errors.Is(err, membership.ErrReplaced) {
		t.Errorf("it took %v, %v; want %v", got, err, membership.ErrReplaced)
	}
}
