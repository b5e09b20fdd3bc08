// Package balance says who gets what: which partition a key, and which partitions a member of a consumer group. It knows
// nothing of what lies in them, and holds no client.
package balance

import (
	"cmp"
	"maps"
	"slices"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// balancer deals partitions out evenly topic by topic, moving as few as that takes, and takes them away only from who has
// given them up (cooperatively). The library's own one evens out the sum only: of two processes one could have all of
// sends.express and a third of sends.bulk. A number's rate is shared by partitions, so the other, with two thirds of a
// broadcast's sends and half of the rate, would hold the broadcast back to 80 % of it.
type balancer struct{ kgo.GroupBalancer }

// New returns the balancer; all members of a group use the same one.
func New() kgo.GroupBalancer { return balancer{kgo.CooperativeStickyBalancer()} }

// ProtocolName keeps those who balance otherwise apart: a group uses what all its members know.
func (balancer) ProtocolName() string { return "altavoz-even" }

// MemberBalancer is what the leader of the group asks.
func (b balancer) MemberBalancer(members []kmsg.JoinGroupResponseMember) (kgo.GroupMemberBalancer, map[string]struct{}, error) {
	c, err := kgo.NewConsumerBalancer(b, members)
	return c, c.MemberTopics(), err //nolint:wrapcheck // the library's own
}

// Balance makes the plan.
func (balancer) Balance(b *kgo.ConsumerBalancer, topics map[string]int32) kgo.IntoSyncAssignment {
	plan := b.NewPlan()
	total := make(map[string]int, len(b.Members()))
	for _, topic := range slices.Sorted(maps.Keys(topics)) {
		d := deal{topic: topic, total: total}
		b.EachMember(func(m *kmsg.JoinGroupResponseMember, meta *kmsg.ConsumerMemberMetadata) {
			if slices.Contains(meta.Topics, topic) {
				d.join(m, meta)
			}
		})
		d.out(topics[topic], plan)
	}
	plan.AdjustCooperative(b)
	return plan
}

// deal is one topic's partitions and who is to have them.
type deal struct {
	topic string
	total map[string]int // partitions of all topics so far, by member
	hands []*hand
}

type hand struct {
	member     *kmsg.JoinGroupResponseMember
	generation int32
	claims     []int32 // has, as it says
	size       int     // is to have
	partitions []int32
}

func (d *deal) join(m *kmsg.JoinGroupResponseMember, meta *kmsg.ConsumerMemberMetadata) {
	h := &hand{member: m, generation: meta.Generation}
	for _, o := range meta.OwnedPartitions {
		if o.Topic == d.topic {
			h.claims = slices.Sorted(slices.Values(o.Partitions))
		}
	}
	d.hands = append(d.hands, h)
}

// out deals n partitions. One more than the others have those who have fewest of other topics, then those who have most of
// this one now. A partition that two claim is the one's who joined later: the other was left behind.
func (d *deal) out(n int32, plan *kgo.BalancePlan) {
	if len(d.hands) == 0 {
		return
	}
	slices.SortStableFunc(d.hands, func(a, b *hand) int {
		return cmp.Or(cmp.Compare(d.total[a.member.MemberID], d.total[b.member.MemberID]), cmp.Compare(len(b.claims), len(a.claims)))
	})
	for i, h := range d.hands {
		if h.size = int(n) / len(d.hands); i < int(n)%len(d.hands) {
			h.size++
		}
		d.total[h.member.MemberID] += h.size
	}
	dealt := make([]bool, n)
	for _, h := range slices.SortedStableFunc(slices.Values(d.hands), func(a, b *hand) int { return cmp.Compare(b.generation, a.generation) }) {
		for _, p := range h.claims {
			if p >= 0 && p < n && !dealt[p] && len(h.partitions) < h.size {
				dealt[p] = true
				h.partitions = append(h.partitions, p)
			}
		}
	}
	p := int32(0)
	for _, h := range d.hands {
		for ; len(h.partitions) < h.size; p++ {
			if !dealt[p] {
				h.partitions = append(h.partitions, p)
			}
		}
		plan.AddPartitions(h.member, d.topic, h.partitions)
	}
}
