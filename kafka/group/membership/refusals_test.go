package membership_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"altavoz/kafka/group/membership"
	"altavoz/stream"
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
		"the member":           {refused(0, 4, stream.ErrFenced), refused(39*s, 4, stream.ErrFenced), unheard(40*s, 4, stream.ErrFenced)},
		"one is taken":         {refused(0, 4, stream.ErrFenced), {at: 38 * s, generation: 4, taken: true}, refused(40*s, 4, stream.ErrFenced), refused(79*s, 4, stream.ErrFenced), unheard(80*s, 4, stream.ErrFenced)},
		"some is taken":        {refused(0, 4, stream.ErrFenced), {at: 38 * s, generation: 4, taken: true, refused: []error{stream.ErrFenced}}, refused(70*s, 4, stream.ErrFenced)},
		"the next generation":  {refused(0, 4, stream.ErrFenced), refused(38*s, 5, stream.ErrFenced), refused(76*s, 5, stream.ErrFenced)},
		"what, not who":        {refused(0, 4, kerr.OffsetMetadataTooLarge), refused(40*s, 4, kerr.CoordinatorLoadInProgress), refused(50*s, 4, stream.ErrFenced), refused(80*s, 4, stream.ErrFenced)},
		"who, then what":       {refused(0, 4, stream.ErrFenced), refused(38*s, 4, stream.ErrFenced), refused(40*s, 4, kerr.CoordinatorLoadInProgress), unheard(41*s, 4, stream.ErrFenced)},
		"who and what at once": {{generation: 4, refused: []error{kerr.OffsetMetadataTooLarge, stream.ErrFenced}}, refused(20*s, 4, stream.ErrFenced), unheard(40*s, 4, stream.ErrFenced)},
		"nothing to commit for minutes, then once more": {refused(0, 4, stream.ErrFenced), refused(300*s, 4, stream.ErrFenced), refused(339*s, 4, stream.ErrFenced), unheard(340*s, 4, stream.ErrFenced)},
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
			if err := r.Record("b", answers[0].generation, false, slices.Values([]error{stream.ErrFenced}), began.Add(time.Hour), most); err != nil {
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
