package offsets_test

import (
	"errors"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"altavoz/kafka/group/offsets"
)

func TestBoundsAreThoseThatABrokerSaid(t *testing.T) {
	t.Parallel()
	at := func(offset int64, err error) map[int32]kadm.ListedOffset {
		return map[int32]kadm.ListedOffset{1: {Topic: "t", Partition: 1, Offset: offset, Err: err}}
	}
	for name, c := range map[string]struct {
		begins, ends map[int32]kadm.ListedOffset
		known        bool
	}{
		"both":                    {at(3, nil), at(7, nil), true},
		"no begin":                {nil, at(7, nil), false},
		"no end":                  {at(3, nil), nil, false},
		"the begin has no leader": {at(-1, kerr.LeaderNotAvailable), at(7, nil), false},
		"the end has no leader":   {at(3, nil), at(-1, kerr.NotLeaderForPartition), false},
	} {
		t.Run(name, func(t *testing.T) {
			b := offsets.Bounds{Begins: kadm.ListedOffsets{"t": c.begins}, Ends: kadm.ListedOffsets{"t": c.ends}}
			begin, end, err := b.Lookup("t", 1)
			if (err == nil) != c.known || c.known && (begin != 3 || end != 7) {
				t.Errorf("%d to %d, %v", begin, end, err)
			}
		})
	}
}

// One broker that is gone, or partitions without a leader, leave what the others say. Where no broker can be reached nobody says anything.
func TestErrorsOfSomePartitionsLeaveTheOthers(t *testing.T) {
	t.Parallel()
	gone := errors.New("connection refused")
	for name, c := range map[string]struct {
		err  error
		some bool
	}{
		"no broker":                 {&kadm.ShardErrors{AllFailed: true, Errs: []kadm.ShardError{{Err: gone}}}, false},
		"one broker":                {&kadm.ShardErrors{Errs: []kadm.ShardError{{Err: gone}}}, true},
		"no leader":                 {&kadm.ShardErrors{Errs: []kadm.ShardError{{Err: kerr.LeaderNotAvailable}}}, true},
		"none of all has a leader":  {&kadm.ShardErrors{AllFailed: true, Errs: []kadm.ShardError{{Err: kerr.LeaderNotAvailable}}}, true},
		"the topics are not listed": {gone, false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := offsets.Partial(c.err); got != c.some {
				t.Errorf("got %v, want %v", got, c.some)
			}
		})
	}
}

func TestCoordinatorIsReadOfEveryVersion(t *testing.T) {
	t.Parallel()
	old := kmsg.NewPtrFindCoordinatorResponse()
	old.NodeID = 4
	if id, err := offsets.ParseCoordinator(old, nil); id != 4 || err != nil {
		t.Error(id, err)
	}
	one := kmsg.NewFindCoordinatorResponseCoordinator()
	one.NodeID = 5
	recent := kmsg.NewPtrFindCoordinatorResponse()
	recent.Coordinators = append(recent.Coordinators, one)
	if id, err := offsets.ParseCoordinator(recent, nil); id != 5 || err != nil {
		t.Error(id, err)
	}
	recent.Coordinators[0].ErrorCode = kerr.CoordinatorNotAvailable.Code
	if _, err := offsets.ParseCoordinator(recent, nil); !errors.Is(err, kerr.CoordinatorNotAvailable) {
		t.Errorf("got %v, want %v", err, kerr.CoordinatorNotAvailable)
	}
	if _, err := offsets.ParseCoordinator(nil, kerr.GroupAuthorizationFailed); !errors.Is(err, kerr.GroupAuthorizationFailed) {
		t.Errorf("got %v, want %v", err, kerr.GroupAuthorizationFailed)
	}
	if req := offsets.FindCoordinator("g"); req.CoordinatorKey != "g" || len(req.CoordinatorKeys) != 1 {
		t.Errorf("got %+v, want CoordinatorKey %q", req, "g")
	}
}
