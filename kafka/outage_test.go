package kafka_test

import (
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"altavoz/kafka/kafkatest"
	"altavoz/schemas"
	"altavoz/stream"
)

// A broker that is stopped for a minute and goes on: whoever asks meanwhile is told so within six seconds, and then
// everything goes on by itself.
func TestBrokerStoppedForAMinute(t *testing.T) {
	t.Parallel()
	kafkatest.InOutage(t, func(h *kafkatest.Process) {
		h.Broker.Stop()
		for end := time.Now().Add(kafkatest.Outage); time.Now().Before(end); {
			if h.Answers() == nil {
				h.T.Error("a broker that is stopped acknowledged a record")
			}
			h.GivesUp()
		}
		h.Broker.Continue()
	})
}

// A process that is told to stop while the broker is stopped, with records on their way, ends before anybody loses patience.
func TestStoppingWhileTheBrokerIsStopped(t *testing.T) {
	t.Parallel()
	kafkatest.InOutage(t, func(h *kafkatest.Process) {
		h.Broker.Stop()
		for range 3 {
			_ = h.Answers()
		}
		if took := h.Close(); took > kafkatest.Outage/3 {
			h.T.Errorf("it took %v", took)
		} else {
			h.T.Logf("it took %v", took)
		}
		h.Broker.Continue()
		h.Open()
	})
}

// A broker that is killed, and started again with its data after a while.
func TestBrokerKilledAndStartedAgain(t *testing.T) {
	t.Parallel()
	kafkatest.InOutage(t, func(h *kafkatest.Process) {
		h.Cluster.Close()
		for end := time.Now().Add(kafkatest.Outage); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
			if h.Answers() == nil {
				h.T.Error("a broker that is down acknowledged a record")
			}
		}
		h.Boot()
	})
}

// A broker that takes no writes for a while: a disk that is full, replicas that are behind, a write that takes too long.
func TestBrokerThatRefusesWrites(t *testing.T) {
	t.Parallel()
	for name, why := range map[string]*kerr.Error{
		"replicas": kerr.NotEnoughReplicas, "after append": kerr.NotEnoughReplicasAfterAppend, "disk": kerr.KafkaStorageError,
		"time-out": kerr.RequestTimedOut, "leader": kerr.NotLeaderForPartition, "unknown": kerr.UnknownServerError,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			kafkatest.InOutage(t, func(h *kafkatest.Process) {
				fault := h.Cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Err: why, Count: -1})
				for end := time.Now().Add(kafkatest.Outage); time.Now().Before(end); time.Sleep(5 * time.Second) { // some are refused at once
					if err := h.Answers(); err == nil {
						h.T.Error("what was refused counts as written")
					}
				}
				if fault.Hits() == 0 {
					h.T.Error("the fault was not met")
				}
				fault.Remove()
			})
		})
	}
}

// A coordinator that does not know where it is for a while, or can't write what is committed.
func TestCommitsGoOnWhenTheCoordinatorIsBack(t *testing.T) {
	t.Parallel()
	for name, why := range map[string]*kerr.Error{
		"moved": kerr.NotCoordinator, "loading": kerr.CoordinatorLoadInProgress, "not available": kerr.CoordinatorNotAvailable,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			kafkatest.InOutage(t, func(h *kafkatest.Process) {
				fault := h.Cluster.Fault(kfake.Fault{
					Keys: []kmsg.Key{kmsg.OffsetCommit, kmsg.Heartbeat, kmsg.JoinGroup, kmsg.SyncGroup, kmsg.OffsetFetch}, Err: why, Count: -1, TopLevel: true,
				}, kfake.Fault{Keys: []kmsg.Key{kmsg.OffsetCommit, kmsg.OffsetFetch}, Err: why, Count: -1})
				tp := stream.TopicPartition{Topic: schemas.TopicSendsExpress}
				for end := time.Now().Add(kafkatest.Outage); time.Now().Before(end); time.Sleep(time.Second) {
					began := time.Now()
					refused, err := h.Group.Commit(h.T.Context(), h.Group.Generation(), []stream.Position{{Partition: tp}})
					if err == nil && len(refused) == 0 {
						h.T.Error("a commit was taken for done")
					}
					if took := time.Since(began); took > kafkatest.AnswerWithin {
						h.T.Errorf("a commit took %v", took)
					}
					if err := h.Answers(); err != nil {
						h.T.Errorf("writing stands still too: %v", err)
					}
				}
				if fault.Hits() == 0 {
					h.T.Error("the fault was not met")
				}
				fault.Remove()
			})
		})
	}
}

// A publisher that is opened while the broker is stopped is ready when the broker is back.
func TestPublisherIsReadyWhenTheBrokerIs(t *testing.T) {
	t.Parallel()
	kafkatest.InOutage(t, func(h *kafkatest.Process) {
		h.Broker.Stop()
		p := kafkatest.Publisher(h.T, h.Config, h.Layout)
		back := time.AfterFunc(kafkatest.Outage, h.Broker.Continue)
		defer back.Stop()
		began := time.Now()
		if err := p.Ready(h.T.Context()); err != nil {
			t.Error(err)
		}
		if waited := time.Since(began); waited < kafkatest.Outage {
			t.Errorf("ready after %v without a broker, want at least %v", waited, kafkatest.Outage)
		}
		_ = p.Close(h.T.Context())
	})
}
