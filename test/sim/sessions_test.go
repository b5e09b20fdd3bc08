package sim

import (
	"context"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"altavoz/app"
)

const (
	sweepSessions = time.Second
	// simSession is how long a member of a stable group may be silent. kfake gives those up itself whose sessions it counts, after 9 s.
	simSession = 11 * time.Second
	// simRebalance is how long a group waits for its members to join: what they ask for.
	simRebalance = 30 * time.Second
	// simGenerations is how many generations are tried for a member that waits: each that nobody named ended with a broken connection.
	simGenerations = 5
	simBeatTag     = 1 // of the heartbeats for others
)

// sessions keeps the members of groups as a real coordinator does, where kfake (2026-09) does not:
//
//   - One that waits for its group to join, or for the leader's plan, is waited for: its session goes on. In kfake it ends, the member is
//     removed, and its request is never answered. So somebody beats its heart for it meanwhile.
//   - One whose connection broke while it joined, or whose answer nobody read, is given up a session after the answer. In kfake its timer does
//     not start again, and it would own its share of the partitions for ever. The heartbeats while it waits start the timer; who
//     had none is taken out of the group.
//   - Who has not joined a rebalance-time-out after the rebalance began is out. In kfake that clock starts anew with everybody who joins or leaves.
type sessions struct {
	mu sync.Mutex
	// members are by group and member id.
	members map[[2]string]*memberSession
	// generations are the latest that members of each group have named.
	generations map[string]int32
	// preparing is since when a group waits for its members to join; of those that do.
	preparing map[string]time.Time
}

// memberSession is when a member was heard of, and what it waits for: the answer to its request to join or to sync, or (Heartbeat) nothing.
type memberSession struct {
	at    time.Time
	waits kmsg.Key
}

// watch notes who asks for what; the cluster is new after each restart.
func (s *sessions) watch(b *broker) {
	s.fresh()
	for _, key := range []kmsg.Key{kmsg.JoinGroup, kmsg.SyncGroup, kmsg.Heartbeat} {
		b.cluster.ControlKey(int16(key), func(r kmsg.Request) (kmsg.Response, error, bool) {
			b.cluster.KeepControl()
			switch req := r.(type) {
			case *kmsg.JoinGroupRequest:
				s.note(req.Group, req.MemberID, key, 0)
			case *kmsg.SyncGroupRequest:
				s.note(req.Group, req.MemberID, key, req.Generation)
			case *kmsg.HeartbeatRequest:
				s.note(req.Group, req.MemberID, key, req.Generation)
			}
			return nil, nil, false
		})
	}
}

// note keeps what a member asked for. Who names the next generation says that all who waited for it were answered.
func (s *sessions) note(group, member string, key kmsg.Key, generation int32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if generation > s.generations[group] {
		s.generations[group] = generation
		s.joined(group)
	}
	m := s.of(group, member)
	if m.at = time.Now(); key != kmsg.Heartbeat { // or it may be ours
		m.waits = key
	}
}

// joined says that a rebalance is over: whoever waited for it was answered. Under mu.
func (s *sessions) joined(group string) {
	delete(s.preparing, group)
	for at, m := range s.members {
		if at[0] == group && m.waits == kmsg.JoinGroup {
			m.waits = kmsg.Heartbeat
		}
	}
}

// of returns a member's session, which begins now if it is not known. Under mu.
func (s *sessions) of(group, member string) *memberSession {
	m := s.members[[2]string{group, member}]
	if m == nil {
		m = &memberSession{at: time.Now(), waits: kmsg.Heartbeat}
		s.members[[2]string{group, member}] = m
	}
	return m
}

// state reports whether a member waits for its group, or else whether the group waits no longer for it.
func (s *sessions) state(g kadm.DescribedGroup, member string) (waits, out bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m := s.of(g.Group, member)
	switch g.State {
	case "PreparingRebalance":
		if s.preparing[g.Group].IsZero() {
			s.preparing[g.Group] = time.Now()
		}
		waits = m.waits == kmsg.JoinGroup
		out = time.Since(s.preparing[g.Group]) > simRebalance
	case "CompletingRebalance":
		s.joined(g.Group)
		waits = m.waits == kmsg.SyncGroup
	default:
		s.joined(g.Group)
	}
	return waits, !waits && (out || time.Since(m.at) > simSession)
}

// fresh lets all sessions begin now.
func (s *sessions) fresh() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.members, s.preparing = make(map[[2]string]*memberSession), make(map[string]time.Time)
	if s.generations == nil {
		s.generations = make(map[string]int32)
	}
}

// keep looks after the members until done is closed.
func (s *sessions) keep(w *world, done <-chan struct{}) {
	cl, err := kgo.NewClient(kgo.SeedBrokers(w.broker.addrs()...), kgo.Dialer(w.vn.DialContext))
	if err != nil {
		w.errorf("%v", err)
		return
	}
	defer cl.Close()
	groups := []string{simPrefix + string(app.RoleFanout), simPrefix + string(app.RoleSender), simPrefix + string(app.RoleAggregator)}
	last := time.Now()
	for {
		select {
		case <-done:
			return
		case <-time.After(sweepSessions):
		}
		if time.Since(last) > simSession/2 { // the broker stood still: nobody could be heard
			s.fresh()
		}
		if s.sweep(cl, groups, w.tally) {
			last = time.Now()
		}
	}
}

func (s *sessions) sweep(cl *kgo.Client, groups []string, tally *simTally) bool {
	ctx, cancel := context.WithTimeout(context.Background(), 2*sweepSessions)
	defer cancel()
	described, err := kadm.NewClient(cl).DescribeGroups(ctx, groups...)
	if err != nil || described.Error() != nil {
		return false
	}
	for _, g := range described {
		for _, m := range g.Members {
			waits, out := s.state(g, m.MemberID)
			switch {
			case waits:
				s.beat(ctx, cl, g.Group, m)
			case out:
				tally.count(simForgotten)
				req := kmsg.NewPtrLeaveGroupRequest()
				req.Group, req.MemberID = g.Group, m.MemberID
				member := kmsg.NewLeaveGroupRequestMember()
				member.MemberID, member.InstanceID = m.MemberID, m.InstanceID
				req.Members = append(req.Members, member)
				_, _ = req.RequestWith(ctx, cl) // the next sweep finds it still there otherwise
			}
		}
	}
	return true
}

// beat is the heartbeat of a member that waits. The group may be in a later generation than anybody has named, after rebalances that nobody
// saw to their end.
func (s *sessions) beat(ctx context.Context, cl *kgo.Client, group string, m kadm.DescribedGroupMember) {
	s.mu.Lock()
	from := s.generations[group]
	s.mu.Unlock()
	for generation := from; generation < from+simGenerations; generation++ {
		req := kmsg.NewPtrHeartbeatRequest()
		req.Group, req.MemberID, req.InstanceID, req.Generation = group, m.MemberID, m.InstanceID, generation
		req.UnknownTags.Set(simBeatTag, nil)
		resp, err := req.RequestWith(ctx, cl)
		if err != nil || resp.ErrorCode != kerr.IllegalGeneration.Code {
			return
		}
	}
}

// theirs reports whether a request is one of ours, and not of somebody who keeps a session in kfake's place.
func theirs(r kmsg.Request) bool {
	beat, ok := r.(*kmsg.HeartbeatRequest)
	return !ok || beat.UnknownTags.Len() == 0
}
