package app

import (
	"context"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

const (
	sweepSessions = time.Second
	// simSession is how long a member of a stable group may be silent. kfake gives those up itself whose sessions it counts, after 9 s.
	simSession = 11 * time.Second
)

// sessions ends the sessions that kfake (2026-09) forgets: those of members whose connection broke while they joined, or whose answer
// nobody read. Their timer does not start again, and they would own their share of the partitions for ever. A real coordinator gives them
// up a session after the group has become stable.
type sessions struct {
	mu sync.Mutex
	// heard is when each member asked for something last; by group and member id.
	heard map[[2]string]time.Time
}

// watch notes who asks for something; the cluster is new after each restart.
func (s *sessions) watch(b *broker) {
	s.fresh()
	for _, key := range []kmsg.Key{kmsg.JoinGroup, kmsg.SyncGroup, kmsg.Heartbeat} {
		b.cluster.ControlKey(int16(key), func(r kmsg.Request) (kmsg.Response, error, bool) {
			b.cluster.KeepControl()
			switch req := r.(type) {
			case *kmsg.JoinGroupRequest:
				s.note(req.Group, req.MemberID)
			case *kmsg.SyncGroupRequest:
				s.note(req.Group, req.MemberID)
			case *kmsg.HeartbeatRequest:
				s.note(req.Group, req.MemberID)
			}
			return nil, nil, false
		})
	}
}

func (s *sessions) note(group, member string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.heard[[2]string{group, member}] = time.Now()
}

// silent reports whether a member of a stable group was not heard of for longer than a session.
func (s *sessions) silent(group, member string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	at, ok := s.heard[[2]string{group, member}]
	if !ok {
		s.heard[[2]string{group, member}] = time.Now()
	}
	return ok && time.Since(at) > simSession
}

// fresh lets all sessions begin now.
func (s *sessions) fresh() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.heard = make(map[[2]string]time.Time)
}

// keep looks for forgotten members until done is closed.
func (s *sessions) keep(w *world, done <-chan struct{}) {
	cl, err := kgo.NewClient(kgo.SeedBrokers(w.broker.addrs()...), kgo.Dialer(w.vn.DialContext))
	if err != nil {
		w.errorf("%v", err)
		return
	}
	defer cl.Close()
	groups := []string{simPrefix + string(RoleFanout), simPrefix + string(RoleSender), simPrefix + string(RoleAggregator)}
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
			if g.State != "Stable" {
				s.note(g.Group, m.MemberID)
				continue
			}
			if !s.silent(g.Group, m.MemberID) {
				continue
			}
			tally.count(simForgotten)
			req := kmsg.NewPtrLeaveGroupRequest()
			req.Group, req.MemberID = g.Group, m.MemberID
			member := kmsg.NewLeaveGroupRequestMember()
			member.MemberID, member.InstanceID = m.MemberID, m.InstanceID
			req.Members = append(req.Members, member)
			_, _ = req.RequestWith(ctx, cl) // the next sweep finds it still there otherwise
		}
	}
	return true
}
