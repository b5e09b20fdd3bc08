package group_test

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
	"altavoz/kafka/kafkatest"
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
func alone(t *testing.T, change func(*kafka.Config), do func(h *kafkatest.Process, member func() string)) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "kafka")
	synctest.Test(t, func(t *testing.T) {
		h := &kafkatest.Process{T: t, Dir: dir}
		h.Boot()
		h.Config = kafka.Config{Brokers: []string{fmt.Sprintf("127.0.0.1:%d", kafkatest.BrokerPort)}, Prefix: "t.", Dial: h.Network.DialContext}
		h.Layout = kafkatest.Layout(t, h.Config)
		change(&h.Config)
		h.Probe = kafkatest.NewProbe()
		h.Group, h.Leave = kafkatest.Join(t, h.Config, h.Probe)
		kafkatest.Until(t, "assigned", func() bool { return len(h.Probe.Owned()) == 4 })
		defer func() {
			h.Leave()
			h.Cluster.Close()
			time.Sleep(time.Minute) // what the library does in its own time
		}()
		do(h, func() string { return h.Group.Generation().Member })
	})
}

// commitsUntil commits as a stage does, again and again, until a time is over or the member has lost all; it returns how long that took.
func commitsUntil(h *kafkatest.Process, over time.Duration) (took time.Duration, lost bool) {
	h.T.Helper()
	began := time.Now()
	for ; time.Since(began) < over; time.Sleep(commitAgain) {
		if len(h.Probe.Owned()) == 0 {
			return time.Since(began), true
		}
		if _, err := h.Group.Commit(h.T.Context(), h.Group.Generation(), []stream.Position{{Partition: expressOne, Metadata: "l"}}); err != nil {
			h.T.Errorf("nobody knows what was committed: %v", err)
		}
	}
	return over, false
}

// ownsAll waits until the member owns all, having lost it before, and commits.
func ownsAll(h *kafkatest.Process, was, now string) {
	h.T.Helper()
	if now == "" || now == was {
		h.T.Errorf("it is the member %q, and was %q", now, was)
	}
	events := strings.Join(h.Probe.Received(), "; ")
	if n := strings.Count(events, "lost "); n != 4 {
		h.T.Errorf("%d partitions were lost before it joined anew, not 4: %s", n, events)
	}
	commits(h.T, h.Group, "anew", expressOne)
}

// A member whose commits are refused because of who it is learns from its group who it is now, or that it is nobody. Where that answer
// never comes it must not go on for ever with partitions of which it can commit nothing.
func TestMemberWhoseCommitsAreRefusedLongerThanARebalanceJoinsAnew(t *testing.T) {
	t.Parallel()
	for _, why := range []*kerr.Error{kerr.IllegalGeneration, kerr.UnknownMemberID, kerr.FencedInstanceID, kerr.RebalanceInProgress} {
		t.Run(why.Message, func(t *testing.T) {
			t.Parallel()
			alone(t, func(*kafka.Config) {}, func(h *kafkatest.Process, member func() string) {
				was := member()
				fault := h.Cluster.Fault(kfake.Fault{
					Keys: []kmsg.Key{kmsg.OffsetCommit}, Err: why, Count: -1,
					When: func(r kmsg.Request) bool { return r.(*kmsg.OffsetCommitRequest).MemberID == was },
				})
				defer fault.Remove()
				took, lost := commitsUntil(h, 2*anew)
				if !lost || took <= rebalanceMost || took > anew {
					h.T.Fatalf("its session ended: %v, after %v", lost, took)
				}
				kafkatest.Until(h.T, "anew", func() bool { return len(h.Probe.Owned()) == 4 })
				ownsAll(h, was, member())
			})
		})
	}
}

// Rebalances that follow one another, each with a commit between, are no reason to join anew: that would be one more.
func TestMemberWhoseCommitsAreTakenBetweenStays(t *testing.T) {
	t.Parallel()
	alone(t, func(*kafka.Config) {}, func(h *kafkatest.Process, member func() string) {
		was := member()
		for range 4 {
			fault := h.Cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.OffsetCommit}, Err: kerr.RebalanceInProgress, Count: -1})
			if _, lost := commitsUntil(h, rebalanceMost); lost {
				h.T.Error("its session ended within a rebalance")
			}
			fault.Remove()
			commits(h.T, h.Group, "between", expressOne)
		}
		if is := member(); is != was {
			h.T.Errorf("it is the member %q, and was %q", is, was)
		}
	})
}

// unanswered never answers the next request to join of a member, and has it ask.
func unanswered(h *kafkatest.Process, member string) {
	h.Cluster.ControlKey(int16(kmsg.JoinGroup), func(req kmsg.Request) (kmsg.Response, error, bool) {
		if req.(*kmsg.JoinGroupRequest).MemberID != member {
			h.Cluster.KeepControl()
			return nil, nil, false
		}
		return nil, nil, true
	})
	rebalances(h.Cluster, member)
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
			}, func(h *kafkatest.Process, member func() string) {
				was, began := member(), time.Now()
				unanswered(h, was)
				time.Sleep(2 * time.Second) // the next heartbeat
				if commits {                // or it would stay a member by that alone
					expel(h.T, h.Config, was)
					commitsUntil(h, anew)
				}
				for len(h.Probe.Owned()) != 4 || h.Group.Generation().Member == was {
					if time.Sleep(commitAgain); time.Since(began) > 2*anew {
						h.T.Fatalf("after %v it is still %q, with %v", 2*anew, was, h.Probe.Owned())
					}
				}
				if took := time.Since(began); took > anew+5*time.Second {
					h.T.Errorf("it took %v", took)
				}
				ownsAll(h, was, member())
			})
		})
	}
}
