package topics_test

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"altavoz/kafka"
	"altavoz/kafka/kafkatest"
	"altavoz/kafka/topics"
	"altavoz/schemas"
	"altavoz/stream"
)

// Partitions that are added move keys. How many there were at the first start is remembered, whatever else happens.
func TestPartitionsThatWereAddedAreNoticed(t *testing.T) {
	t.Parallel()
	kafkatest.OnBrokers(t, func(t *testing.T, c kafka.Config) {
		before := kafkatest.Layout(t, c)
		if again := kafkatest.Layout(t, c); again[schemas.TopicResults] != before[schemas.TopicResults] {
			t.Errorf("%v, and then %v", before, again)
		}
		cl, err := kgo.NewClient(kgo.SeedBrokers(c.Brokers...))
		if err != nil {
			t.Fatal(err)
		}
		defer cl.Close()
		all := []stream.Topic{schemas.TopicBroadcasts, schemas.TopicSendsBulk, schemas.TopicSendsExpress, schemas.TopicResults, schemas.TopicMarks, schemas.TopicStatuses}
		for _, topic := range all {
			if _, err := kadm.NewClient(cl).CreatePartitions(t.Context(), 3, c.Prefix+string(topic)); err != nil {
				t.Fatal(err)
			}
		}
		kafkatest.Until(t, "it is noticed", func() bool { // brokers take a moment to agree
			_, err := topics.Ensure(t.Context(), c, true)
			for _, topic := range all {
				want := fmt.Sprintf("%s has %d partitions and had %d when altavoz first started", c.Prefix+string(topic), before[topic]+3, before[topic])
				if !errors.Is(err, topics.ErrMismatch) || !strings.Contains(err.Error(), want) {
					return false
				}
			}
			return true
		})
		if _, err := topics.Check(t.Context(), c); !errors.Is(err, topics.ErrMismatch) {
			t.Errorf("`topics check` says %v, want %v", err, topics.ErrMismatch)
		}
	})
}

// createResults makes results as an operator does, with other partitions than the table has.
func createResults(t *testing.T, c kafka.Config, partitions int32) {
	t.Helper()
	cl, err := kgo.NewClient(kgo.SeedBrokers(c.Brokers...))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	month := strconv.FormatInt((31 * 24 * time.Hour).Milliseconds(), 10)
	if _, err := kadm.NewClient(cl).CreateTopic(t.Context(), partitions, -1, map[string]*string{"retention.ms": &month}, c.Prefix+string(schemas.TopicResults)); err != nil {
		t.Fatal(err)
	}
}

// A version that brings a topic finds a cluster whose topics an operator made, with other partitions than the table has.
func TestNewTopicHasThePartitionsOfResults(t *testing.T) {
	t.Parallel()
	kafkatest.OnBrokers(t, func(t *testing.T, c kafka.Config) {
		const made = 7
		createResults(t, c, made)
		layout := kafkatest.Layout(t, c)
		for _, topic := range []stream.Topic{schemas.TopicMarks, schemas.TopicStatuses, schemas.TopicEvents, schemas.TopicCallbacks} {
			if layout[topic] != made {
				t.Errorf("%s has %d partitions, want %d", topic, layout[topic], made)
			}
		}
	})
}

// What a broker lists may be older than a topic that an operator has just made.
func TestListThatIsOlderThanResultsCreatesNothing(t *testing.T) {
	t.Parallel()
	cluster, c := kafkatest.Embedded(t)
	const made = 7
	createResults(t, c, made)
	old := false
	cluster.ControlKey(int16(kmsg.Metadata), func(r kmsg.Request) (kmsg.Response, error, bool) {
		req := r.(*kmsg.MetadataRequest)
		if old || len(req.Topics) < 2 { // not the list of the table
			cluster.KeepControl()
			return nil, nil, false
		}
		old = true
		resp := req.ResponseKind().(*kmsg.MetadataResponse)
		host, port, _ := net.SplitHostPort(cluster.ListenAddrs()[0])
		number, err := strconv.Atoi(port)
		resp.Brokers = []kmsg.MetadataResponseBroker{{Host: host, Port: int32(number)}}
		for _, topic := range req.Topics {
			resp.Topics = append(resp.Topics, kmsg.MetadataResponseTopic{Topic: topic.Topic, ErrorCode: kerr.UnknownTopicOrPartition.Code})
		}
		return resp, err, true
	})
	layout := kafkatest.Layout(t, c)
	if !old || layout[schemas.TopicMarks] != made || layout[schemas.TopicCallbacks] != made {
		t.Errorf("old list given: %v; partitions %v, want %d as results", old, layout, made)
	}
}

func TestTopicsWithOtherSettingsAreRefused(t *testing.T) {
	t.Parallel()
	kafkatest.OnBrokers(t, func(t *testing.T, c kafka.Config) {
		if _, err := topics.Check(t.Context(), c); !errors.Is(err, topics.ErrMismatch) {
			t.Errorf("before there are any: %v, want %v", err, topics.ErrMismatch)
		}
		l := kafkatest.Layout(t, c)
		if l[schemas.TopicMarks] != l[schemas.TopicResults] || l[schemas.TopicSendsBulk] != 8 {
			t.Errorf("layout %v", l)
		}
		if again := kafkatest.Layout(t, c); fmt.Sprint(again) != fmt.Sprint(l) {
			t.Errorf("the second look says %v", again)
		}
		cl, err := kgo.NewClient(kgo.SeedBrokers(c.Brokers...))
		if err != nil {
			t.Fatal(err)
		}
		defer cl.Close()
		adm := kadm.NewClient(cl)
		for _, broken := range []struct {
			topic            stream.Topic
			key, value, good string
			says             string
		}{
			{schemas.TopicStatuses, "cleanup.policy", "delete", "compact", "must be compact"},
			{schemas.TopicStatuses, "cleanup.policy", "compact,delete", "compact", "must be compact"},
			{schemas.TopicControls, "cleanup.policy", "delete", "compact,delete", "must be compact,delete"},
			{schemas.TopicControls, "retention.ms", "1000", "1209600000", "at least 1209600000"},
			{schemas.TopicControls, "retention.bytes", "1000", "-1", "must be -1"},
			{schemas.TopicSendsBulk, "cleanup.policy", "compact", "delete", "must be delete"},
			{schemas.TopicResults, "max.message.bytes", "1000", "1114112", "must be at least"},
		} {
			t.Run(broken.key, func(t *testing.T) {
				set := func(value string) {
					if _, err := adm.AlterTopicConfigs(t.Context(), []kadm.AlterConfig{{Op: kadm.SetConfig, Name: broken.key, Value: &value}},
						c.Prefix+string(broken.topic)); err != nil {
						t.Fatal(err)
					}
				}
				set(broken.value)
				kafkatest.Until(t, "refused: "+broken.key+"="+broken.value, func() bool { // brokers learn of it in their own time
					_, err := topics.Ensure(t.Context(), c, true)
					return errors.Is(err, topics.ErrMismatch) && strings.Contains(err.Error(), c.Prefix+string(broken.topic)+" has "+broken.key) &&
						strings.Contains(err.Error(), broken.says) && strings.Contains(err.Error(), "kafka-configs.sh")
				})
				set(broken.good)
				kafkatest.Until(t, "accepted again", func() bool { _, err := topics.Check(t.Context(), c); return err == nil })
			})
		}
		// Compacted and never removed by age: more than is asked for.
		kept := "compact"
		if _, err := adm.AlterTopicConfigs(t.Context(), []kadm.AlterConfig{{Op: kadm.SetConfig, Name: "cleanup.policy", Value: &kept}},
			c.Prefix+string(schemas.TopicControls)); err != nil {
			t.Fatal(err)
		}
		if _, err := topics.Check(t.Context(), c); err != nil {
			t.Error(err)
		}
	})
}

// The offsets of controls are one order only in one partition.
func TestControlsInTwoPartitionsAreRefused(t *testing.T) {
	t.Parallel()
	kafkatest.OnBrokers(t, func(t *testing.T, c kafka.Config) {
		kafkatest.Layout(t, c)
		cl, err := kgo.NewClient(kgo.SeedBrokers(c.Brokers...))
		if err != nil {
			t.Fatal(err)
		}
		defer cl.Close()
		if _, err := kadm.NewClient(cl).UpdatePartitions(t.Context(), 2, c.Prefix+string(schemas.TopicControls)); err != nil {
			t.Fatal(err)
		}
		kafkatest.Until(t, "refused", func() bool {
			_, err := topics.Check(t.Context(), c)
			return errors.Is(err, topics.ErrMismatch) && strings.Contains(err.Error(), "must be 1")
		})
	})
}
