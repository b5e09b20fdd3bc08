package membership_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"altavoz/kafka/group/membership"
)

// Only what the group says of the member counts, and only as long as it says nothing else.
func TestRefusalsLastUntilACommitIsTakenOrAnotherGenerationBegins(t *testing.T) {
	t.Parallel()
	const most = 39 * time.Second
	type answer struct {
		at         time.Duration
		generation int32
		taken      bool
		refused    []error
		unheard    bool
	}
	refused := func(at time.Duration, generation int32, why error) answer {
		return answer{at: at, generation: generation, refused: []error{why}}
	}
	unheard := func(at time.Duration, generation int32, why error) answer {
		a := refused(at, generation, why)
		a.unheard = true
		return a
	}
	s := time.Second
	for name, answers := range map[string][]answer{
		"another generation":   {refused(0, 4, kerr.IllegalGeneration), refused(39*s, 4, kerr.IllegalGeneration), unheard(40*s, 4, kerr.IllegalGeneration)},
		"not a member":         {refused(0, 4, kerr.UnknownMemberID), refused(39*s, 4, kerr.UnknownMemberID), unheard(40*s, 4, kerr.UnknownMemberID)},
		"fenced":               {refused(0, 4, kerr.FencedInstanceID), refused(39*s, 4, kerr.FencedInstanceID), unheard(40*s, 4, kerr.FencedInstanceID)},
		"a rebalance":          {refused(0, 4, kerr.RebalanceInProgress), refused(39*s, 4, kerr.RebalanceInProgress), unheard(40*s, 4, kerr.RebalanceInProgress)},
		"one after the other":  {refused(0, 4, kerr.RebalanceInProgress), refused(20*s, 4, kerr.IllegalGeneration), unheard(40*s, 4, kerr.UnknownMemberID)},
		"one is taken":         {refused(0, 4, kerr.RebalanceInProgress), {at: 38 * s, generation: 4, taken: true}, refused(40*s, 4, kerr.IllegalGeneration), refused(79*s, 4, kerr.IllegalGeneration), unheard(80*s, 4, kerr.IllegalGeneration)},
		"some is taken":        {refused(0, 4, kerr.UnknownMemberID), {at: 38 * s, generation: 4, taken: true, refused: []error{kerr.UnknownMemberID}}, refused(70*s, 4, kerr.UnknownMemberID)},
		"the next generation":  {refused(0, 4, kerr.RebalanceInProgress), refused(38*s, 5, kerr.RebalanceInProgress), refused(76*s, 5, kerr.RebalanceInProgress)},
		"what, not who":        {refused(0, 4, kerr.OffsetMetadataTooLarge), refused(40*s, 4, kerr.CoordinatorLoadInProgress), refused(50*s, 4, kerr.IllegalGeneration), refused(80*s, 4, kerr.IllegalGeneration)},
		"who, then what":       {refused(0, 4, kerr.IllegalGeneration), refused(38*s, 4, kerr.IllegalGeneration), refused(40*s, 4, kerr.CoordinatorLoadInProgress), unheard(41*s, 4, kerr.IllegalGeneration)},
		"who and what at once": {{generation: 4, refused: []error{kerr.OffsetMetadataTooLarge, kerr.IllegalGeneration}}, refused(20*s, 4, kerr.IllegalGeneration), unheard(40*s, 4, kerr.IllegalGeneration)},
		"nothing to commit for minutes, then once more": {refused(0, 4, kerr.RebalanceInProgress), refused(300*s, 4, kerr.IllegalGeneration), refused(339*s, 4, kerr.IllegalGeneration), unheard(340*s, 4, kerr.IllegalGeneration)},
		"nothing was asked for":                         {{generation: 4}, {at: 40 * s, generation: 4}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var r membership.Refusals
			began := time.Now()
			for i, a := range answers {
				err := r.Record("a", a.generation, a.taken, slices.Values(a.refused), began.Add(a.at), most)
				if errors.Is(err, membership.ErrCommitsRefused) != a.unheard {
					t.Fatalf("answer %d, after %v: %v", i, a.at, err)
				}
			}
			if err := r.Record("b", answers[0].generation, false, slices.Values([]error{kerr.IllegalGeneration}), began.Add(time.Hour), most); err != nil {
				t.Errorf("another member was refused for the first time: %v", err)
			}
		})
	}
}

func TestLeaveNamesTheMember(t *testing.T) {
	t.Parallel()
	for _, instance := range []string{"", "mine"} {
		req := membership.LeaveRequest("g", "a", instance)
		if req.Group != "g" || req.MemberID != "a" || len(req.Members) != 1 || req.Members[0].MemberID != "a" {
			t.Errorf("got %+v, want Group %q, MemberID %q", req, "g", "a")
		}
		if id := req.Members[0].InstanceID; (id != nil) != (instance != "") || id != nil && *id != instance {
			t.Errorf("instance %v, not %q", id, instance)
		}
	}
}
