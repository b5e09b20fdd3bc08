package sim

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"altavoz/app"
)

const (
	// simForgotten counts members that the simulation had to give up in kfake's place.
	simForgotten = "members_forgotten"
	// simAimed is how long an aimed fault waits for its request: a heartbeat comes every 1.5 s, a rebalance follows, and may wait for others.
	simAimed = 15 * time.Second
)

// groupKeys are the kinds of request of the group protocol.
var groupKeys = []kmsg.Key{kmsg.JoinGroup, kmsg.SyncGroup, kmsg.Heartbeat, kmsg.OffsetFetch, kmsg.OffsetCommit, kmsg.LeaveGroup}

// stroke is what happens to one request of the group protocol, and when.
type stroke string

const (
	freezeBefore stroke = "freeze_before" // the process stands still just before it writes the request
	freezeAfter  stroke = "freeze_after"  // just after
	lateRequest  stroke = "late"          // the request, and what follows it on its connection, is long on its way
	lostRequest  stroke = "lost"          // the connection breaks before the request has left
	lostAnswer   stroke = "answer_lost"   // the connection breaks in place of the answer
)

var strokes = []stroke{freezeBefore, freezeAfter, lateRequest, lostRequest, lostAnswer}

// aim is a fault that waits for one request of a process.
type aim struct {
	key   kmsg.Key
	group string
	what  stroke
	late  time.Duration
	hit   chan struct{} // closed when it has come
}

// meets reports whether a request as it is written is the one. Before the name of the group stand the header and nothing that holds it.
func (a *aim) meets(b []byte) bool {
	const keyAt, idAt = 4, 12 // behind the length; then version, correlation, and the id of the client
	if len(b) < idAt+2 || kmsg.Key(binary.BigEndian.Uint16(b[keyAt:])) != a.key {
		return false
	}
	return strings.Contains(string(b[:min(len(b), 200)]), a.group)
}

// take returns the aim if what is written is its request, and forgets it.
func (n *faultNet) take(b []byte) *aim {
	n.mu.Lock()
	defer n.mu.Unlock()
	a := n.aim
	if a == nil || !a.meets(b) {
		return nil
	}
	n.aim = nil
	return a
}

// Aim has a fault wait for its request.
func (n *faultNet) Aim(a *aim) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.aim = a
}

// Withdraw takes an aim back. It returns false if its request was there before.
func (n *faultNet) Withdraw(a *aim) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.aim != a {
		return false
	}
	n.aim = nil
	return true
}

// strike does to a request what is aimed at it. It reports whether the request is dealt with.
func (c *faultConn) strike(a *aim, b []byte) (dealt bool, n int, err error) {
	defer close(a.hit)
	switch a.what {
	case freezeBefore:
		c.net.Freeze()
		return false, 0, nil
	case freezeAfter:
		n, err = c.Conn.Write(b)
		c.net.Freeze()
		return true, n, err
	case lateRequest:
		c.hold(b, a.late)
		return true, len(b), nil
	case lostRequest:
		_ = c.Conn.Close()
		return true, 0, fmt.Errorf("request lost: %w", net.ErrClosed)
	case lostAnswer:
		c.mu.Lock()
		c.deaf = true
		c.mu.Unlock()
	}
	return false, 0, nil
}

// hold keeps what is written for a while, and what is written behind it. Nothing is written under the lock: who waits for a mutex keeps a
// bubble's clock from moving.
func (c *faultConn) hold(b []byte, d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.held = append(c.held, slices.Clone(b))
	time.AfterFunc(d, func() {
		for c.net.pass() == nil {
			c.mu.Lock()
			if len(c.held) == 0 {
				c.held = nil
				c.mu.Unlock()
				return
			}
			b := c.held[0]
			c.held = c.held[1:]
			c.mu.Unlock()
			_, _ = c.Conn.Write(b)
		}
	})
}

// behind keeps what is written behind a late request.
func (c *faultConn) behind(b []byte) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.held == nil {
		return false
	}
	c.held = append(c.held, slices.Clone(b))
	return true
}

// aimSome breaks one request of the group protocol: of any kind, of any role, before it, on its way, or after it.
func (w *world) aimSome(r *rand.Rand) {
	p := w.pick(r)
	var roles []app.Role
	for _, role := range []app.Role{app.RoleFanout, app.RoleSender, app.RoleAggregator} {
		if p.roles.Has(role) {
			roles = append(roles, role)
		}
	}
	if len(roles) == 0 {
		return
	}
	role := roles[r.IntN(len(roles))]
	// A session lasts 9 s and a rebalance 30 s: below, above the one, above both with what it takes to notice.
	stands := upTo(r, []time.Duration{3 * time.Second, 14 * time.Second, 40 * time.Second}[r.IntN(3)])
	a := &aim{key: groupKeys[r.IntN(len(groupKeys))], group: simPrefix + string(role), what: strokes[r.IntN(len(strokes))], late: stands, hit: make(chan struct{})}
	others := r.IntN(2) == 0
	over := w.lasting(string(a.what), nil)
	n := p.net
	n.Aim(a)
	var stopping sync.WaitGroup
	switch {
	case a.key == kmsg.LeaveGroup:
		stopping.Go(func() { _ = p.stop() })
	case others: // somebody comes, and takes over what a frozen one had
		more := w.join(app.Roles{role}, "")
		defer func() {
			w.died(more)
			_ = more.stop()
			more.gone = true
		}()
	default:
		w.broker.rebalance(a.group)
	}
	select {
	case <-a.hit:
		w.tally.count(fmt.Sprintf("%s %s %s", a.what, a.key.Name(), role))
		if a.what == freezeBefore || a.what == freezeAfter {
			time.Sleep(stands)
			n.Thaw()
		}
	case <-time.After(simAimed):
		if !n.Withdraw(a) { // it is being struck just now
			<-a.hit
			n.Thaw()
		}
	}
	if a.key == kmsg.LeaveGroup {
		stopping.Wait()
		p.start()
	}
	over(simReach)
}

// rebalance tells a group that it rebalances, as if somebody had come and gone.
func (b *broker) rebalance(group string) {
	b.cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Heartbeat}, Group: group, Err: kerr.RebalanceInProgress, Count: 2, When: theirs})
}

// groupRefusals are what a coordinator answers to those whom it does not know, or not yet.
func groupRefusals() []refusal {
	return []refusal{
		{kmsg.JoinGroup, []*kerr.Error{kerr.UnknownMemberID, kerr.NotCoordinator, kerr.CoordinatorNotAvailable, kerr.CoordinatorLoadInProgress}},
		{kmsg.SyncGroup, []*kerr.Error{kerr.UnknownMemberID, kerr.IllegalGeneration, kerr.RebalanceInProgress, kerr.NotCoordinator}},
		{kmsg.Heartbeat, []*kerr.Error{kerr.UnknownMemberID, kerr.IllegalGeneration, kerr.RebalanceInProgress}},
		{kmsg.LeaveGroup, []*kerr.Error{kerr.UnknownMemberID, kerr.CoordinatorNotAvailable}},
		{kmsg.OffsetFetch, []*kerr.Error{kerr.TopicAuthorizationFailed, kerr.UnstableOffsetCommit, kerr.NotCoordinator}},
	}
}

// refuseGroup has the coordinator refuse some requests of the group protocol in a rebalance.
func (b *broker) refuseGroup(r *rand.Rand) {
	all := groupRefusals()
	one := all[r.IntN(len(all))]
	group := simPrefix + string([]app.Role{app.RoleFanout, app.RoleSender, app.RoleAggregator}[r.IntN(3)])
	h := b.cluster.Fault(kfake.Fault{Keys: []kmsg.Key{one.key}, Group: group, Err: one.errs[r.IntN(len(one.errs))], Count: 1 + r.IntN(3), When: theirs})
	b.rebalance(group)
	time.Sleep(upTo(r, 8*time.Second))
	for range h.Hits() {
		b.w.tally.count("refused " + one.key.Name())
	}
	h.Remove()
}
