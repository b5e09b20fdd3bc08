//go:build linux

package chaos

import (
	"context"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

const (
	// A process is stopped for longer than its session of 9 s, so that the group goes on without it.
	aimedLeast, aimedMost = 10 * time.Second, 14 * time.Second
	// aimedRun is how long a run has to be at least that must have met each kind of aimed stop: there are 12, and one takes 20 s and more
	// with the wait for its request. So each comes some five times, and calls are not under way at all of them.
	aimedRun = 30 * time.Minute
	// notMet says that nobody made the request in time.
	notMet = -1
)

// groupRoles are the roles that are members of a group.
var groupRoles = []string{"fanout", "sender", "aggregator"}

// aimedStops are stops before and after each kind of request by which a process belongs to its group. The roles take turns.
func (s *faultRun) aimedStops() (out []fault) {
	for _, key := range []kmsg.Key{kmsg.JoinGroup, kmsg.SyncGroup, kmsg.Heartbeat, kmsg.LeaveGroup, kmsg.OffsetFetch, kmsg.OffsetCommit} {
		for _, before := range []bool{true, false} {
			kind := "SIGSTOP after " + key.Name()
			if before {
				kind = "SIGSTOP before " + key.Name()
			}
			next := &atomic.Int32{}
			out = append(out, fault{kind, func(ctx context.Context, r *rand.Rand) func() int {
				turn := next.Add(1) - 1
				if turn == 0 {
					turn = r.Int32N(int32(len(groupRoles)))
					next.Store(turn + 1)
				}
				role := groupRoles[int(turn)%len(groupRoles)]
				return func() int { return s.stopAt(ctx, r, kind, role, key, before) }
			}})
		}
	}
	return out
}

// stopAt stops the first process of a role that makes the request. Others come and go meanwhile, so that groups change often.
func (s *faultRun) stopAt(ctx context.Context, r *rand.Rand, kind, role string, key kmsg.Key, before bool) (underWay int) {
	hit := make(chan *process, 1)
	a := &aim{key: int16(key), before: before, goOn: make(chan struct{})}
	a.at = func(name string) bool {
		all := s.h.ofRole(role)
		i := slices.IndexFunc(all, func(p *process) bool { return p.name == name })
		if i < 0 || key != kmsg.LeaveGroup && !s.claimThis(all[i]) {
			return false
		}
		all[i].signal(syscall.SIGSTOP)
		hit <- all[i]
		return true
	}
	s.h.proxies.set(a)
	goOn := sync.OnceFunc(func() {
		s.h.proxies.set(nil)
		close(a.goOn)
	})
	defer goOn()
	back := func() {}
	if key == kmsg.LeaveGroup {
		if back = s.leaves(ctx, role, r); back == nil {
			return notMet
		}
	}
	var p *process
	select {
	case p = <-hit:
	case <-time.After(patience):
	case <-ctx.Done():
	}
	if p == nil && a.end() { // it was hit at the last moment
		p = <-hit
	}
	underWay = notMet
	if p != nil {
		underWay = s.h.gate.underWay("")
		over := s.hurting(kind, p)
		pause(ctx, between(r, aimedLeast, aimedMost))
		p.signal(syscall.SIGCONT)
		over(faultReach)
		if key != kmsg.LeaveGroup {
			s.release(p)
		}
	}
	goOn()
	back()
	return underWay
}

// leaves has a process of the role leave its group, and returns how to wait for its end and start it again.
func (s *faultRun) leaves(ctx context.Context, role string, r *rand.Rand) (back func()) {
	var p *process
	if !await(ctx, patience, func() bool { p = s.claim(role, r); return p != nil }) {
		return nil
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		s.terminated(p)
	}()
	return func() {
		<-ended
		s.restart(p)
		s.release(p)
	}
}

// claimThis takes a process, if no other fault has it.
func (s *faultRun) claimThis(p *process) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.busy[p] || !p.running() {
		return false
	}
	s.busy[p] = true
	return true
}
