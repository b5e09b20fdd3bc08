package balance

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"altavoz/kafka"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"pgregory.net/rapid"
)

// TestEachTopicIsSpreadEvenlyAndPartitionsStay lets members come and go: every partition has one owner in the end, topic by topic nobody has two more than
// another, none is given away before its owner has given it up, and none moves without need.
func TestEachTopicIsSpreadEvenlyAndPartitionsStay(t *testing.T) {
	t.Parallel()
	topics := map[string]int32{"bulk": 48, "express": 12, "one": 1}
	names := slices.Sorted(maps.Keys(topics))
	rapid.Check(t, func(t *rapid.T) {
		var members []*member
		joined, generation := 0, int32(0)
		for range rapid.IntRange(1, 8).Draw(t, "changes") {
			for range rapid.IntRange(1, 3).Draw(t, "come") {
				members = append(members, &member{id: fmt.Sprint("m", joined), has: map[string][]int32{}})
				joined++
			}
			for range rapid.IntRange(0, len(members)-1).Draw(t, "go") {
				members = slices.Delete(members, 0, 1)
			}
			before := owners(members)
			rounds := 0
			for moved := true; moved; rounds++ {
				if rounds == 5 {
					t.Fatal("does not come to rest")
				}
				generation++
				moved = round(t, members, topics, names, generation)
			}
			after := owners(members)
			for topic, n := range topics {
				least, most, lost := int(n), 0, 0
				for _, m := range members {
					least, most = min(least, len(m.has[topic])), max(most, len(m.has[topic]))
				}
				for p := range n {
					at := fmt.Sprint(topic, p)
					if after[at] == "" {
						t.Fatalf("%s is nobody's", at)
					}
					if before[at] != "" && before[at] != after[at] {
						lost++
					}
				}
				if most-least > 1 {
					t.Fatalf("%s: one has %d, another %d", topic, most, least)
				}
				if need := int(n) - int(n)/len(members); lost > need {
					t.Fatalf("%s: %d moved; want at most %v", topic, lost, need)
				}
			}
		}
	})
}

type member struct {
	id  string
	has map[string][]int32
	gen int32
}

// owners maps partitions to members.
func owners(members []*member) map[string]string {
	out := make(map[string]string)
	for _, m := range members {
		for topic, ps := range m.has {
			for _, p := range ps {
				out[fmt.Sprint(topic, p)] = m.id
			}
		}
	}
	return out
}

// round is one rebalance: those that lose partitions give them up and join again, which is another round.
func round(t *rapid.T, members []*member, topics map[string]int32, names []string, generation int32) (again bool) {
	b := New()
	joins := make([]kmsg.JoinGroupResponseMember, len(members))
	for i, m := range members {
		has := maps.Clone(m.has)
		joins[i] = kmsg.NewJoinGroupResponseMember()
		joins[i].MemberID, joins[i].ProtocolMetadata = m.id, b.JoinGroupMetadata(slices.Clone(names), has, m.gen)
	}
	mb, _, err := b.MemberBalancer(joins)
	if err != nil {
		t.Fatal(err)
	}
	balanced, err := mb.(kgo.GroupMemberBalancerOrError).BalanceOrError(topics) //nolint:forcetypeassert // as the library does
	if err != nil {
		t.Fatal(err)
	}
	plan := balanced.(*kgo.BalancePlan).AsMemberIDMap() //nolint:forcetypeassert // ours
	had := owners(members)
	given := make(map[string]string)
	for id, of := range plan {
		for topic, ps := range of {
			for _, p := range ps {
				at := fmt.Sprint(topic, p)
				if other := given[at]; other != "" {
					t.Fatalf("%s is given to %s and %s; want %q", at, other, id, "")
				}
				if owner := had[at]; owner != "" && owner != id {
					t.Fatalf("%s is given to %s while %s has it", at, id, owner)
				}
				given[at] = id
			}
		}
	}
	for _, m := range members {
		for topic, ps := range m.has {
			for _, p := range ps {
				again = again || given[fmt.Sprint(topic, p)] != m.id
			}
		}
		m.has, m.gen = plan[m.id], generation
		if m.has == nil {
			m.has = map[string][]int32{}
		}
	}
	return again
}

// Keys go where Java clients, and the library's own partitioner, put them.
func TestKeysGoToThePartitionsOfJavaClients(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		key, n := rapid.SliceOfN(rapid.Byte(), 0, 40).Draw(t, "key"), rapid.Int32Range(1, 100).Draw(t, "partitions")
		theirs := kgo.StickyKeyPartitioner(nil).ForTopic("").Partition(&kgo.Record{Key: key}, int(n))
		if ours := kafka.Home(key, n); int(ours) != theirs {
			t.Fatalf("%x of %d: %d, not %d", key, n, ours, theirs)
		}
	})
	if kafka.Home([]byte("key"), 0) != 0 {
		t.Error("a topic without partitions")
	}
}
