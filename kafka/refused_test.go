package kafka_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"altavoz/kafka"
	"altavoz/stream"
)

const (
	// commitAgain is how soon the stages try a refused commit again.
	commitAgain = 250 * time.Millisecond
	// rebalanceMost is how long a rebalance may keep a member's commits out, with Kafka's and our own time-outs as they are.
	rebalanceMost = 30 * time.Second
	// anew is when a member that is refused, or gets no answer, must be a new one and own all again.
	anew = 45 * time.Second
)

// alone is one member of a group in fake time, on a broker that can be told what to do.
func alone(t *testing.T, change func(*kafka.Config), do func(h *house, member func() string)) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "kafka")
	synctest.Test(t, func(t *testing.T) {
		h := &house{t: t, dir: dir}
		h.boot()
		h.c = kafka.Config{Brokers: []string{fmt.Sprintf("127.0.0.1:%d", outagePort)}, Prefix: "t.", Dial: h.vn.DialContext}
		h.l = layout(t, h.c)
		change(&h.c)
		h.probe = newProbe()
		h.g, h.leave = join(t, h.c, h.l, h.probe)
		until(t, "assigned", func() bool { return len(h.probe.owned()) == 4 })
		defer func() {
			h.leave()
			h.cluster.Close()
			time.Sleep(time.Minute) // what the library does in its own time
		}()
		do(h, func() string { return h.g.Generation().Member })
	})
}

// commitsUntil commits as a stage does, again and again, until a time is over or the member has lost all; it returns how long that took.
func (h *house) commitsUntil(over time.Duration) (took time.Duration, lost bool) {
	h.t.Helper()
	began := time.Now()
	for ; time.Since(began) < over; time.Sleep(commitAgain) {
		if len(h.probe.owned()) == 0 {
			return time.Since(began), true
		}
		if _, err := h.g.Commit(h.t.Context(), h.g.Generation(), []stream.Position{{Partition: expressOne, Metadata: "l"}}); err != nil {
			h.t.Errorf("nobody knows what was committed: %v", err)
		}
	}
	return over, false
}

// ownsAll waits until the member owns all, having lost it before, and commits.
func (h *house) ownsAll(was, now string) {
	h.t.Helper()
	if now == "" || now == was {
		h.t.Errorf("it is the member %q, and was %q", now, was)
	}
	events := strings.Join(h.probe.told(), "; ")
	if n := strings.Count(events, "lost "); n != 4 {
		h.t.Errorf("%d partitions were lost before it joined anew, not 4: %s", n, events)
	}
	commits(h.t, h.g, "anew", expressOne)
}

// A member whose commits are refused because of who it is learns from its group who it is now, or that it is nobody. Where that answer
// never comes it must not go on for ever with partitions of which it can commit nothing.
func TestMemberWhoseCommitsAreRefusedLongerThanARebalanceJoinsAnew(t *testing.T) {
	t.Parallel()
	for _, why := range []*kerr.Error{kerr.IllegalGeneration, kerr.UnknownMemberID, kerr.FencedInstanceID, kerr.RebalanceInProgress} {
		t.Run(why.Message, func(t *testing.T) {
			t.Parallel()
			alone(t, func(*kafka.Config) {}, func(h *house, member func() string) {
				was := member()
				fault := h.cluster.Fault(kfake.Fault{
					Keys: []kmsg.Key{kmsg.OffsetCommit}, Err: why, Count: -1,
					When: func(r kmsg.Request) bool { return r.(*kmsg.OffsetCommitRequest).MemberID == was },
				})
				defer fault.Remove()
				took, lost := h.commitsUntil(2 * anew)
				if !lost || took <= rebalanceMost || took > anew {
					h.t.Fatalf("its session ended: %v, after %v", lost, took)
				}
				until(h.t, "anew", func() bool { return len(h.probe.owned()) == 4 })
				h.ownsAll(was, member())
			})
		})
	}
}

// Rebalances that follow one another, each with a commit between, are no reason to join anew: that would be one more.
func TestMemberWhoseCommitsAreTakenBetweenStays(t *testing.T) {
	t.Parallel()
	alone(t, func(*kafka.Config) {}, func(h *house, member func() string) {
		was := member()
		for range 4 {
			fault := h.cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.OffsetCommit}, Err: kerr.RebalanceInProgress, Count: -1})
			if _, lost := h.commitsUntil(rebalanceMost); lost {
				h.t.Error("its session ended within a rebalance")
			}
			fault.Remove()
			commits(h.t, h.g, "between", expressOne)
		}
		if is := member(); is != was {
			h.t.Errorf("it is the member %q, and was %q", is, was)
		}
	})
}

// unanswered never answers the next request to join of a member, and has it ask.
func unanswered(h *house, member string) {
	h.cluster.ControlKey(int16(kmsg.JoinGroup), func(req kmsg.Request) (kmsg.Response, error, bool) {
		if req.(*kmsg.JoinGroupRequest).MemberID != member {
			h.cluster.KeepControl()
			return nil, nil, false
		}
		return nil, nil, true
	})
	rebalances(h.cluster, member)
}

// A broker that loses the answer to a request to join, without a word, is waited for as long as a join may take and not longer, whether the
// member has something to commit or not. Who commits notices whatever time a broker is given to answer.
func TestJoinThatIsNeverAnsweredIsGivenUp(t *testing.T) {
	t.Parallel()
	for _, commits := range []bool{false, true} {
		t.Run(fmt.Sprint("commits=", commits), func(t *testing.T) {
			t.Parallel()
			alone(t, func(c *kafka.Config) {
				if commits {
					c.RequestTimeout = 5 * time.Minute
				}
			}, func(h *house, member func() string) {
				was, began := member(), time.Now()
				unanswered(h, was)
				time.Sleep(2 * time.Second) // the next heartbeat
				if commits {                // or it would stay a member by that alone
					expel(h.t, h.c, was)
					h.commitsUntil(anew)
				}
				for len(h.probe.owned()) != 4 || h.g.Generation().Member == was {
					if time.Sleep(commitAgain); time.Since(began) > 2*anew {
						h.t.Fatalf("after %v it is still %q, with %v", 2*anew, was, h.probe.owned())
					}
				}
				if took := time.Since(began); took > anew+5*time.Second {
					h.t.Errorf("it took %v", took)
				}
				h.ownsAll(was, member())
			})
		})
	}
}
